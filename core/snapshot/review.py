"""What Review shows: which clips in which order, the rows looked at, the file of the chosen one, statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import MediaError
from core.review.listing import Listing, Order, at_once, listing, totals
from core.review.search import Filter, parse
from core.snapshot.capture import Kind, Row, llm_state
from core.store.records import Json, Sample, SampleRow
from core.tasks.base import ModelSpec

if TYPE_CHECKING:
    from core.review.reasons import Judge
    from core.training.curve import Block
    from core.workspace import Workspace

PAGE = 512  # clips: more than a screen shows, read within 1 ms
QUICK = 2000  # so many unanswered clips are arranged within 50 ms; with more, something is shown before


@dataclass(frozen=True, slots=True)
class Reading:
    """The list at one moment.

    Attributes:
        listing: the same object as before where nothing made another order necessary.
        counts: clips of the task by state, whatever is listed.
        spec: what answers are checked against.
    """

    task: str
    kind: Kind
    spec: ModelSpec
    order: Order
    line: str
    counts: dict[str, int]
    listing: Listing

    @property
    def total(self) -> int:
        """All clips that were not deleted."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Item:
    """One row: the clip, and why it is there ("" where there is nothing to say)."""

    row: Row
    reason: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """How right the model was.

    Attributes:
        accuracy: see `core.review.accuracy.accuracy`.
        triage: disagreements by what became of them.
        compared, disagree: answers compared with a version that had not learnt from them; the share that differed.
        measure: what the learning curve counts.
        window: its newest part.
    """

    accuracy: Json
    triage: dict[str, int]
    compared: int
    disagree: float | None
    measure: str
    window: Block | None


def early(space: Workspace, task: str, order: Order, line: str) -> Iterator[Reading]:
    """What can be shown before an order that takes its time: a first page, then all; nothing where it takes none."""
    counts = totals(space, task)
    if order == "queue" and not line and counts.get("pending", 0) > QUICK:
        for most in (PAGE, -1):  # reading 100,000 ids takes 120 ms
            yield _reading(space, task, order, line, counts, at_once(space, task, most))


def take(space: Workspace, task: str, order: Order, line: str = "", before: Reading | None = None) -> Reading:
    """The list in an order, filtered by a line as `core.review.search` reads it.

    Args:
        before: the last reading; its order is kept while the same is asked for and no clip came or went.

    Raises:
        WrongUseError: the line is no filter.
    """
    space.store.refresh()
    counts = totals(space, task)
    if before is not None and before.listing.complete and (before.task, before.order, before.line) == (
        task, order, line,
    ) and before.total == sum(counts.values()):  # fmt: skip
        return replace(before, counts=counts)
    blank = _reading(space, task, order, line, counts, Listing(order, ()))
    wanted = parse(line, blank.spec.scale) if line else Filter()
    return replace(blank, listing=listing(space, task, order, wanted))


def _reading(space: Workspace, task: str, order: Order, line: str, counts: dict[str, int], found: Listing) -> Reading:
    from core import registry, tasks

    owner = tasks.get(task)
    return Reading(task, owner.kind, registry.current_spec(space, owner), order, line, counts, found)


def items(space: Workspace, reading: Reading, samples: Sequence[str]) -> dict[str, Item]:
    """The rows of these clips, by id; those that were deleted meanwhile are left out."""
    from core import tasks
    from core.review.reasons import Judge

    found = space.store.rows(reading.task, samples)
    mended = space.store.newest_of(samples, "llm") if reading.kind == "text" else {}
    judge = Judge(tasks.get(reading.task), reading.spec, space.settings.review.boundary)
    rows: dict[str, Item] = {}
    for one in found:
        llm = mended.get(one.sample.id)
        gone = one.state == "pending" and not _is_there(space, one.sample)
        row = Row(
            one.sample, "missing" if gone else one.state, one.prediction, llm,
            llm_state(space, reading.kind, one.prediction, llm), one.correction,
        )  # fmt: skip
        rows[one.sample.id] = Item(row, _reason(judge, reading, one))
    return rows


def _is_there(space: Workspace, sample: Sample) -> bool:
    return sample.media is not None and (space.root / sample.media).is_file()


def _reason(judge: Judge, reading: Reading, one: SampleRow) -> str:
    from core.review.pool import Waiting

    if known := reading.listing.reasons.get(one.sample.id):
        return known
    if one.state != "pending" or not reading.listing.complete:
        return ""
    about, said = one.sample, one.prediction
    facts = (about.id, about.group, about.source, about.captured_at, about.media or "")
    if said is None:
        return judge.reason(Waiting(*facts, None, None, None, None, None, None, None))
    second = said.runner_ups[0] if said.runner_ups else (None, None)
    return judge.reason(Waiting(*facts, 1, said.value, said.confidence, said.version, *second, said.error))


def media_path(space: Workspace, sample: Sample) -> Path:
    """Where the clip's file is.

    Raises:
        MediaError: nothing is there.
        StoreError: its name leads out of the workspace.
    """
    from core.files import inside

    if sample.media is None:
        raise MediaError("no media was kept, only the answer is known")
    path = inside(space.root, sample.media)
    if not path.is_file():
        raise MediaError("media missing", where=sample.media)
    return path


def statistics(space: Workspace, task: str) -> Statistics:
    """Accuracy with its n, what became of disagreements, the newest part of the learning curve."""
    from core.review.accuracy import accuracy
    from core.review.disagreement import review
    from core.training.curve import curve

    compared, drawn = review(space, task, 0), curve(space, task)
    return Statistics(
        accuracy=accuracy(space, task),
        triage=compared["triage"],
        compared=compared["n"],
        disagree=compared["rate"],
        measure=drawn.measure,
        window=drawn.windows[-1] if drawn.windows else None,
    )
