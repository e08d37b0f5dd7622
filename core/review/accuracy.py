"""How often the model is right: from random picks only, because what was picked for doubt says more of the picking."""

from __future__ import annotations

from collections.abc import Iterable

from core import tasks
from core.shares import wilson
from core.store.records import Correction, Json
from core.workspace import Workspace

FEWEST = 20  # random picks below which no rate is named
RECENT = 100  # the last so many random picks, for "lately"


def accuracy(space: Workspace, task: str) -> Json:
    """Accuracy and override rate with their n.

    Returns:
        `accuracy`, `override_rate` (the final suggestion, for speech the mended text, was not accepted), `lately`,
        and `by_version` from random picks; `biased` for what was picked by the queue or by the user. A share is
        {"value", "low", "high", "n", "enough"}; `value` is None below 20 random picks. `no_answer` counts random
        picks where the model had none; they are in no share.
    """
    owner = tasks.get(task)
    answers = [item.correction for item in space.store.answered(owner.name)]
    random = [one for one in answers if one.picked_by == "random"]
    versions = sorted({one.version for one in random if one.version})
    return {
        "task": owner.name,
        "accuracy": share(one.raw_correct for one in random),
        "override_rate": share(_overridden(random)),
        "lately": share([one.raw_correct for one in random if one.raw_correct is not None][-RECENT:]),
        "by_version": [
            {"version": version, **share(one.raw_correct for one in random if one.version == version)}
            for version in versions
        ],
        "no_answer": sum(one.predicted is None for one in random),
        "biased": {way: _biased([one for one in answers if one.picked_by == way]) for way in ("queue", "own")},
    }


def share(flags: Iterable[bool | None]) -> Json:
    """A share with its 95 % interval over the flags that are known."""
    known = [flag for flag in flags if flag is not None]
    low, high = wilson(sum(known), len(known))
    enough = len(known) >= FEWEST
    value = sum(known) / len(known) if enough else None
    return {"value": value, "low": low, "high": high, "n": len(known), "enough": enough}


def sentence(found: Json) -> str:
    """A share for people: "0.82 (0.71 to 0.89, n = 61)"."""
    if not found["enough"]:
        return f"not enough random picks yet ({found['n']} of {FEWEST})"
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f}, n = {found['n']})"


def _overridden(answers: list[Correction]) -> list[bool]:
    return [not one.was_correct for one in answers if one.was_correct is not None]


def _biased(answers: list[Correction]) -> Json:
    right = [one.raw_correct for one in answers if one.raw_correct is not None]
    over = _overridden(answers)
    return {
        "accuracy": sum(right) / len(right) if right else None,
        "n": len(right),
        "override_rate": sum(over) / len(over) if over else None,
    }
