"""The capture gate: which scheduled pictures are worth keeping. It judges a score; labels and texts always pass."""

from __future__ import annotations

from core import overrides
from core.store.records import Value
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace


def passes(task: Task, spec: ModelSpec, value: Value | None) -> bool | None:
    """Whether a score is at or above the threshold (seed 004: good from 4.0 of 5); None where there is no answer.

    Scenes and speech have no better and worse, so whatever was answered passes.
    """
    if value is None:
        return None
    return task.kind != "score" or float(value) >= spec.threshold


def policy(space: Workspace, spec: ModelSpec) -> ModelSpec:
    """The spec with the threshold that holds now: `RUSHES_THRESHOLD`, else the user's setting, else the version's own.

    Args:
        spec: of the version that answers, as `registry.serving` gives it.
    """
    if overrides.threshold(space) is not None or "ratings.threshold" not in space.loaded.origin:
        return spec
    return spec.model_copy(update={"threshold": space.settings.ratings.threshold})
