"""The challenger answers in shadow beside the champion, until the evidence shows which of them is better.

After a caution the old champion is the challenger: it comes back by itself when the new one is shown to be worse.
What the user is shown is the champion's answer; where that sways what they confirm, it is in the champion's favour.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import comparison, registry
from core.comparison import Comparison
from core.errors import ModelError, RushesError, WrongUseError
from core.inference import Predictor
from core.log import logger
from core.store.records import Prediction, Sample
from core.workspace import Workspace

_lock = threading.Lock()
_loaded: dict[str, tuple[Path, tuple[int, int, int], Predictor]] = {}  # the challenger used last, per task


def answer(space: Workspace, samples: Sequence[Sample]) -> list[Prediction]:
    """Let the challengers answer captured samples, journalled as shadow predictions; a failed one has value None.

    A challenger that cannot be used is dropped, with a line in the log: it must never stand in the champion's way.
    """
    found: list[Prediction] = []
    for task in dict.fromkeys(sample.task for sample in samples):
        challenger = registry.pointer(space, task).challenger
        if challenger is None:
            continue
        try:
            predictor = _predictor(space, task, challenger)
        except RushesError as error:
            _drop(space, task, challenger, f"cannot be used: {error.sentence()}")
            continue
        for said in comparison.answers(space, predictor, [sample for sample in samples if sample.task == task]):
            found += said
    space.store.add_predictions(found)
    return found


def running(space: Workspace, task: str) -> Comparison | None:
    """The challenger against the champion by their stored answers; None while there is no challenger."""
    active = registry.pointer(space, task)
    if active.challenger is None:
        return None
    return comparison.compare(space, task, active.champion, active.challenger, fill=False)


def status(space: Workspace, task: str) -> dict[str, Any] | None:
    """The running comparison for scripts and screens: `Comparison.to_json` with the versions by role and a sentence."""
    found = running(space, task)
    if found is None:
        return None
    roles = {"champion": found.a, "challenger": found.b, "sentence": found.sentence()}
    return found.to_json() | roles


def settle(space: Workspace, task: str) -> str | None:
    """Act on the evidence, once there is enough: the better of the two answers from now on, the other one rests.

    Returns:
        A sentence for the person, or None while nothing is settled.
    """
    before = registry.pointer(space, task)
    if before.challenger is None:
        return None
    try:
        found = running(space, task)
        if found is None or found.verdict == "caution":
            return None
        if found.verdict == "revert":
            registry.challenge(space, task, None, reason=f"shadow: {found.sentence()}")
            return f"{found.a} stays, {found.b} no longer answers in shadow. {found.sentence()}"
        registry.deploy(space, task, found.b, reason=f"shadow: {found.sentence()}")
    except (ModelError, WrongUseError) as error:
        _drop(space, task, before.challenger, f"cannot be used: {error.sentence()}")
        return None
    back = "answers again" if found.b in before.previous else "answers now"
    return f"{found.b} {back} instead of {found.a}. {found.sentence()}"


def start(space: Workspace, task: str, version: str) -> None:
    """Let a version answer in shadow from now on.

    Raises:
        ModelError: the version cannot be used.
        WrongUseError: it is the champion, or there is no such version.
    """
    registry.challenge(space, task, version, reason="asked for")


def stop(space: Workspace, task: str) -> None:
    """No version answers in shadow any more."""
    registry.challenge(space, task, None, reason="asked for")


def _drop(space: Workspace, task: str, challenger: str, why: str) -> None:
    logger.error("%s %s no longer answers in shadow: it %s", task, challenger, why)
    registry.challenge(space, task, None, reason=f"challenger {challenger} {why}")


def _predictor(space: Workspace, task: str, version: str) -> Predictor:
    """The version's predictor, loaded once for as long as its file stays the same."""
    path = registry.model_path(space, task, version)
    try:
        found = path.stat()
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror})", where=path) from None
    stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
    with _lock:
        kept = _loaded.get(task)
        if kept is None or kept[:2] != (path, stamp):
            kept = (path, stamp, registry.load_version(space, task, version))
            _loaded[task] = kept
        return kept[2]
