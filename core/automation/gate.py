"""Whether clips may be published without asking: three criteria (seed 000), and a line for each time that changes."""

from __future__ import annotations

import json
from typing import Any, cast

from core import untrusted
from core.automation import measures
from core.automation.measures import Hooks, Overrides
from core.errors import StoreError, WrongUseError
from core.files import locked, write_atomic
from core.log import logger
from core.workspace import Workspace

Json = dict[str, Any]
EVENT = "automation"
LIMIT = 0.2  # the override rate in `chance_true_rate_above_20`
HIGHEST = 10.0  # of the self-assessed rating
LAST_CHANGES = 20  # shown


def rate(space: Workspace, rating: float) -> None:
    """Keep the user's own rating of the system, 0..10.

    Raises:
        WrongUseError: it is not on that scale.
    """
    if not 0.0 <= rating <= HIGHEST:  # also refuses NaN
        raise WrongUseError(f"{rating:g} is no rating", do=f"Give a number from 0 to {HIGHEST:g}, for instance 8.7.")
    space.store.note(EVENT, {"what": "rating", "rating": rating})
    refresh(space)


def status(space: Workspace) -> Json:
    """The criteria as `rushes automation status --json` prints them; a change of the lock is recorded on the way."""
    try:
        found = refresh(space)
    except (StoreError, OSError) as error:  # a workspace that may only be read can still be looked at
        logger.warning("the automation gate's change is not recorded: %s", error)
        found = measure(space)
    return found | {"changes": changes(space)[-LAST_CHANGES:]}


def measure(space: Workspace) -> Json:
    """The criteria now; changes nothing."""
    space.store.refresh()
    wanted = space.settings.automation
    over, hook = measures.overrides(space), measures.hooks(space)
    said = (event.get("rating") for event in space.store.events(EVENT) if event.get("what") == "rating")
    ratings = [one for one in said if isinstance(one, int | float) and 0 <= one <= HIGHEST]
    rating = float(ratings[-1]) if ratings else None
    share = over.counted
    criteria: dict[str, Json] = {
        "override_rate": _criterion(
            share.value,
            wanted.max_override_rate,
            share.value is not None and share.value <= wanted.max_override_rate and share.n >= wanted.min_videos,
            share.n,
            _lacks_answers(share.n, wanted.min_videos),
        )
        | _both(over),
        "mean_hook_confidence": _criterion(
            hook.mean,
            wanted.min_hook_confidence,
            hook.mean is not None and hook.mean >= wanted.min_hook_confidence,
            hook.n,
            _lacks_hooks(hook),
        )
        | {"uncalibrated": hook.uncalibrated, "unmeasured": hook.unmeasured},
        "system_rating": _criterion(
            rating,
            wanted.min_system_rating,
            rating is not None and rating >= wanted.min_system_rating,
            len(ratings),
            None if ratings else "not rated yet; rate it with: rushes automation rate 8.7",
        ),
    }
    chance = measures.chance_above(LIMIT, share)
    return {
        "unlocked": all(criterion["ok"] for criterion in criteria.values()),
        **criteria,
        "chance_true_rate_above_20": None if chance is None else round(chance, 4),
        "missing": [f"{name}: {one['missing']}" for name, one in criteria.items() if one["missing"]],
    }


def _criterion(value: float | None, threshold: float, ok: bool, n: int, missing: str | None) -> Json:
    shown = None if value is None else round(value, 4)
    return {"value": shown, "threshold": threshold, "ok": ok, "n": n, "missing": missing}


def _both(over: Overrides) -> Json:
    """The two rates beside each other, and which of them is the criterion."""
    both = {"random": over.drawn, "all": over.every}
    return {"basis": "random" if over.counted is over.drawn else "all"} | {
        name: {"value": None if share.value is None else round(share.value, 4), "n": share.n}
        for name, share in both.items()
    }


def _lacks_answers(n: int, least: int) -> str | None:
    if not n:
        return "no judged video yet"
    return f"only {n} of at least {least} videos judged" if n < least else None


def _lacks_hooks(hook: Hooks) -> str | None:
    if hook.n:
        return None
    if hook.uncalibrated:
        return f"not calibrated: {hook.uncalibrated} first scenes were answered by a version without calibration"
    return "no first scene has been predicted yet"


def changes(space: Workspace) -> list[Json]:
    """Every time the gate opened or closed, oldest first: what, why, the numbers, at."""
    return [event for event in space.store.events(EVENT) if event.get("what") in ("unlocked", "locked")]


def refresh(space: Workspace) -> Json:
    """Measure again, and write one audit line if the gate opened or closed since; returns the criteria.

    Raises:
        StoreError: the line cannot be written.
    """
    found = measure(space)
    if found["unlocked"] != _was_unlocked(space):
        with locked(space.jobs / "automation.lock"):  # two processes that see the same change write one line
            space.store.refresh()
            if found["unlocked"] != _was_unlocked(space):
                space.store.note(EVENT, _change(found))
    _write_meta(space, found)
    return found


def _was_unlocked(space: Workspace) -> bool:
    known = changes(space)
    return bool(known) and known[-1]["what"] == "unlocked"


def _change(found: Json) -> Json:
    names = ("override_rate", "mean_hook_confidence", "system_rating")
    failing = [f"{name} is {_said(found[name])}" for name in names if not found[name]["ok"]]
    numbers = {name: {key: found[name][key] for key in ("value", "threshold", "ok", "n")} for name in names}
    return {
        "what": "unlocked" if found["unlocked"] else "locked",
        "why": "; ".join(failing) or "all three criteria are met",
        "numbers": numbers | {"chance_true_rate_above_20": found["chance_true_rate_above_20"]},
    }


def _said(criterion: Json) -> str:
    if criterion["value"] is None:
        return "missing"
    return criterion["missing"] or f"{criterion['value']:g}, the limit is {criterion['threshold']:g}"


def _write_meta(space: Workspace, found: Json) -> None:
    """Seed 000's four keys in training_meta.json, if a training has made that file (rate in per cent, as there)."""
    path = space.models / "training_meta.json"
    if not path.exists():
        return
    over = found["override_rate"]["value"]
    ours = {
        "systemRating": found["system_rating"]["value"],
        "overrideRate": None if over is None else round(100 * over, 1),
        "meanHookConfidence": found["mean_hook_confidence"]["value"],
        "automationUnlocked": found["unlocked"],
    }
    with locked(space.models / ".meta.lock"):
        try:
            meta: Any = untrusted.read(path)
        except ValueError:  # the next training writes it anew
            return
        if isinstance(meta, dict) and any(cast("Json", meta).get(name) != value for name, value in ours.items()):
            write_atomic(path, json.dumps(meta | ours, indent=2))
