"""What to ask next: unanswered samples in the order to be asked, each with its reason and how it was picked.

Every sample draws a lot from its id. Those with the lowest lots are the random picks, and lots below the random share
are kept out of the order by doubt, so that asking the doubtful ones first never changes what "random" stands for.
"""

from __future__ import annotations

import heapq
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from core import registry, tasks, untrusted
from core.errors import WrongUseError
from core.files import locked, write_atomic
from core.log import logger
from core.review import looks, pool
from core.review.order import arrange, credit, slots
from core.review.pool import Waiting, draw
from core.review.reasons import RANDOM, Judge
from core.store.records import PickedBy, Sample, Value
from core.tasks.base import Task
from core.workspace import Workspace

HEAD = 4  # times the limit: so many candidates are looked at to keep near-duplicates apart
BURST_S = 60.0  # clips of one source within this time are likely of one moment
MOST_OFFERS = 5000  # remembered


@dataclass(frozen=True, slots=True)
class Queued:
    """One sample to be asked about; `picked_by` is settled before the user has seen it."""

    sample_id: str
    reason: str
    picked_by: PickedBy
    confidence: float | None
    value: Value | None
    media: str
    version: str | None
    group: str
    source: str | None
    captured_at: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def queue(
    space: Workspace, task: str, limit: int = 20, *, seed: int | None = None, remember: bool = True
) -> list[Queued]:
    """The next samples to ask about, at least `review.random_share` of them drawn from all that is unanswered.

    The same until something is answered or judged anew.

    Args:
        seed: of the lots; the workspace's `train.split_seed` by default.
        remember: these rows are shown to the user, so `picked_by` must know of them.

    Raises:
        WrongUseError: the limit is below 1.
    """
    if limit < 1:
        raise WrongUseError(f"a list of {limit} rows makes no sense", do="Ask for at least 1.")
    owner = tasks.get(task)
    settings = space.settings
    share = settings.review.random_share
    judge = Judge(owner, registry.current_spec(space, owner), settings.review.boundary)
    waiting = pool.waiting(space, owner.name)
    count = min(limit, len(waiting))
    answered = pool.asked(space, owner.name)
    places = slots(count, share, credit(answered.get("random", 0), answered.get("queue", 0), share))
    drawn, queued = _candidates(waiting, judge, places, share, settings.train.split_seed if seed is None else seed)
    near = _Near(space, owner)
    rows = [_row(one, judge, is_random) for one, is_random in arrange(places, drawn, queued, near)]
    if remember:
        _offer(space, owner.name, rows)
    return rows


def remember(space: Workspace, task: str, rows: list[Queued]) -> None:
    """Say which rows of a longer list the user has really seen, so that `picked_by` knows of them."""
    _offer(space, tasks.get(task).name, rows)


def picked_by(space: Workspace, sample: Sample) -> PickedBy:
    """How a sample that is about to be answered came up: as the list it was last offered in said, else "own".

    One that is answered again keeps its pick: a second look changes the answer, not how the sample was drawn.
    """
    offered = _offers(_offers_path(space, sample.task)).get(sample.id)
    found = pool.pick_of(space, sample.task, sample.id) or offered
    return "random" if found == "random" else "queue" if found == "queue" else "own"


def _candidates(
    waiting: list[Waiting], judge: Judge, places: list[bool], share: float, seed: int
) -> tuple[list[Waiting], list[Waiting]]:
    """The random picks by their lot, and the head of the others by their worth."""
    lots = [draw(seed, one.id) for one in waiting]
    wanted = sum(places)
    by_lot = heapq.nsmallest(wanted, range(len(waiting)), key=lots.__getitem__)
    taken = set(by_lot)
    worths = [
        (judge.worth(one), lots[index], index)
        for index, one in enumerate(waiting)
        if (lots[index] >= share or one.value is None) and index not in taken
    ]
    if (short := len(places) - wanted - len(worths)) > 0:  # only samples kept for the draw are left
        taken |= {index for *_, index in worths}
        left = (index for index in range(len(waiting)) if index not in taken)
        by_lot += heapq.nsmallest(short, left, key=lots.__getitem__)
    head = heapq.nlargest(HEAD * len(places), worths)
    return [waiting[index] for index in by_lot], [waiting[index] for *_, index in head]


def _row(one: Waiting, judge: Judge, is_random: bool) -> Queued:
    return Queued(
        sample_id=one.id,
        reason=RANDOM if is_random else judge.reason(one),
        picked_by="random" if is_random else "queue",
        confidence=one.confidence,
        value=one.value,
        media=one.media,
        version=one.version,
        group=one.group,
        source=one.source,
        captured_at=one.captured_at,
    )


class _Near:
    """How near two samples are: 4 nearly the same picture, 2 one group, 1 one source within a minute, 0 else."""

    def __init__(self, space: Workspace, task: Task) -> None:
        self.space = space
        self.task = task
        self.known: dict[str, int | None] = {}

    def __call__(self, left: Waiting, right: Waiting) -> float:
        if looks.alike(self._look(left.id), self._look(right.id)):
            return 4.0
        if left.group == right.group:
            return 2.0
        if left.captured_at is None or right.captured_at is None or left.source != right.source:
            return 0.0
        return 1.0 if abs(left.captured_at - right.captured_at) < BURST_S else 0.0

    def _look(self, sample: str) -> int | None:
        if sample not in self.known:
            self.known[sample] = looks.look(self.space, self.task, sample)
        return self.known[sample]


def _offers_path(space: Workspace, task: str) -> Path:
    return space.cache / "queue" / f"{task}.json"


def _offers(path: Path) -> dict[str, str]:
    try:
        found = path.stat()
        return _read_offers(path, found.st_mtime_ns, found.st_ino)
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=8)  # a bulk answer asks for every sample
def _read_offers(path: Path, *stamp: int) -> dict[str, str]:
    del stamp
    # A pick of another name would make the line of the answer unreadable.
    return {sample: pick for sample, pick in untrusted.table(path).items() if pick in get_args(PickedBy)}


def _offer(space: Workspace, task: str, rows: list[Queued]) -> None:
    """Remember what was shown; where that fails the answers count as "own", which claims nothing."""
    path = _offers_path(space, task)
    shown: dict[str, str] = {row.sample_id: row.picked_by for row in rows[:MOST_OFFERS]}
    try:
        with locked(path.with_suffix(".lock")):
            before = _offers(path)
            shown = {sample: pick for sample, pick in shown.items() if not space.store.forgot(sample)}
            if all(before.get(sample) == pick for sample, pick in shown.items()):
                return
            kept = {sample: pick for sample, pick in before.items() if sample not in shown} | shown
            write_atomic(path, json.dumps(dict(list(kept.items())[-MOST_OFFERS:])))
    except OSError as error:
        logger.warning("the list of %s that was shown is not remembered: %s", task, error)
