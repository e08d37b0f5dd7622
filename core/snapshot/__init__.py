"""What the screens show: frozen readings of a workspace, taken in a thread, one module per screen."""

from core.snapshot.capture import (
    Correction,
    Kind,
    LlmState,
    Prediction,
    Row,
    Sample,
    Snapshot,
    Stamp,
    Value,
    newest_task,
    stamp,
    take,
)

__all__ = [
    "Correction",
    "Kind",
    "LlmState",
    "Prediction",
    "Row",
    "Sample",
    "Snapshot",
    "Stamp",
    "Value",
    "newest_task",
    "stamp",
    "take",
]
