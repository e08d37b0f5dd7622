"""What the capture gate says of one clip: its score against the threshold that holds now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.snapshot.capture import Row
    from core.tasks.base import ModelSpec
    from core.workspace import Workspace


def take(space: Workspace, row: Row, serving: ModelSpec) -> tuple[bool, float] | None:
    """Whether the clip's score passes, and the threshold on 0..1; None where there is no score. Reads no file.

    Args:
        serving: of the version that answers now.
    """
    from core import tasks
    from core.capture import gate

    task, said = tasks.get(row.sample.task), row.prediction
    if task.kind != "score" or said is None or said.value is None:
        return None
    spec = gate.policy(space, serving)
    return bool(gate.passes(task, spec, said.value)), spec.threshold
