"""What the environment decides over the registry while a process runs: another version, another threshold.

`RUSHES_MODEL_VERSION_<TASK>`, for ratings also seed 004's `AI_MODEL_VERSION`, and `RUSHES_THRESHOLD`. Nothing is kept.
"""

from __future__ import annotations

import os

from core import versions
from core.errors import ModelError, WrongUseError
from core.tasks.base import ModelSpec
from core.workspace import Workspace

THRESHOLD = "RUSHES_THRESHOLD"
SEED_VERSION = "AI_MODEL_VERSION"


def version(space: Workspace, task: str) -> tuple[str, str] | None:
    """The version the environment asks for and the variable that does; None when it asks for none.

    It may be given as `v2`, `factory`, `ratings/v2`, or by the name an imported version came with.

    Raises:
        ModelError: there is no such version.
    """
    for name in _names(task):
        if wanted := os.environ.get(name, "").strip():
            return _resolved(space, task, wanted, name), name
    return None


def _names(task: str) -> tuple[str, ...]:
    ours = f"RUSHES_MODEL_VERSION_{task.upper()}"
    return (ours, SEED_VERSION) if task == "ratings" else (ours,)


def _resolved(space: Workspace, task: str, wanted: str, variable: str) -> str:
    short = wanted.removeprefix(f"{task}/")
    try:
        if versions.model_path(space, task, short).exists():
            return short
    except WrongUseError:
        named = [card.version for card in versions.cards(space, task) if card.name == wanted]
        if named:
            return named[-1]
    raise ModelError(
        f"there is no version {wanted!r} of {task}",
        where=variable,
        do=f"Unset it, or see: rushes models list -t {task}",
    )


def threshold(space: Workspace) -> float | None:
    """`RUSHES_THRESHOLD` on 0..1, or on the workspace's scale where that goes beyond 1 (4.0 on [0, 5] = 0.8).

    Raises:
        WrongUseError: it is no number on the scale.
    """
    given = os.environ.get(THRESHOLD, "").strip()
    if not given:
        return None
    low, high = space.settings.ratings.scale
    if high <= 1.0:
        low, high = 0.0, 1.0
    try:
        number = float(given)
    except ValueError:
        raise _refused(given, "is not a number", low, high) from None
    if not low <= number <= high:  # also refuses NaN
        raise _refused(given, "is off the scale", low, high)
    return (number - low) / (high - low)


def _refused(given: str, why: str, low: float, high: float) -> WrongUseError:
    return WrongUseError(
        f"{given!r} {why}", where=THRESHOLD, do=f"Give a number from {low:g} to {high:g}, or unset it."
    )


def applied(space: Workspace, spec: ModelSpec, *, scored: bool) -> tuple[ModelSpec, str | None]:
    """The spec with the environment's threshold, and the variable; as it is where none is set or nothing is scored."""
    bar = threshold(space) if scored else None
    if bar is None:
        return spec, None
    return spec.model_copy(update={"threshold": bar}), THRESHOLD
