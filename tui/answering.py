"""What the keys of Review do to clips, each as one function for the saver's thread; gives back what to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import RushesError
from tui import wording
from tui.saver import Outcome

if TYPE_CHECKING:
    from core.review.queue import Queued
    from core.snapshot import Value
    from core.snapshot.review import Item, Reading
    from core.workspace import Workspace

BACK = "u takes it back"


def counted(number: int) -> str:
    """How many clips."""
    return wording.count(number, "clip")


def confirm(space: Workspace, reading: Reading, samples: Sequence[str]) -> Outcome:
    """The answers were right. Those without one, and those the user has answered, are left as they are.

    Raises:
        RushesError: none is left.
    """
    from core import loop

    found = _items(space, reading, samples)
    open_ones = [item.row for item in found if item.row.correction is None]
    right = [row.sample for row in open_ones if row.suggestion is not None]
    if not right:
        if open_ones:
            raise RushesError("there is no answer of a model to confirm", do="Press e to give the right one.")
        raise RushesError("the clip has your answer already", do="Press e to change it.")
    loop.correct(space, [(sample, None) for sample in right])
    if len(samples) == 1:
        return Outcome()
    left = len(samples) - len(right)
    rest = f" {counted(left)} had no answer to confirm, or one of yours already." if left else ""
    return Outcome(f"✓ {counted(len(right))} marked as right; {BACK}.{rest}")


def give(space: Workspace, reading: Reading, samples: Sequence[str], value: Value) -> Outcome:
    """One answer for all of them, in one action."""
    from core import loop

    found = _items(space, reading, samples)
    if not found:
        raise RushesError("none of the selected clips is there any more")
    loop.correct(space, [(item.row.sample, value) for item in found])
    words = wording.value(reading.kind, value, reading.spec)
    return Outcome(f"✓ {counted(len(found))} answered with {words}; {BACK}.")


def hide(space: Workspace, reading: Reading, samples: Sequence[str]) -> Outcome:
    """Delete them from lists and training."""
    from core.review import answers

    answers.hide(space, reading.task, samples)
    return Outcome(f"✓ {counted(len(samples))} deleted; {BACK}.")


def skip(space: Workspace, reading: Reading, samples: Sequence[str]) -> Outcome:
    """Set clips aside; those that were are put back."""
    from core.review import answers

    for item in _items(space, reading, samples):
        answers.skip(space, item.row.sample, skipped=item.row.state != "skipped")
    return Outcome()


def undo(space: Workspace, reading: Reading) -> Outcome:
    """Take the newest action back, and go to its first clip."""
    from core.review.undo import undo as take_back

    found = take_back(space, reading.task)
    if found.op == "delete":
        what = f"the deletion of {counted(len(found.samples))}"
    else:
        values = {wording.value(reading.kind, value, reading.spec) for value in found.values if value is not None}
        said = f" {values.pop()}" if len(values) == 1 else "s" * (len(found.samples) != 1)
        what = f"the answer{said} on {counted(len(found.samples))}"
    return Outcome(f"✓ Taken back: {what}.", choose=found.samples[0] if found.samples else None)


def remember(space: Workspace, task: str, shown: list[Queued]) -> Outcome:
    """Note which rows of the queue were really shown."""
    from core.review import queue

    queue.remember(space, task, shown)
    return Outcome()


def _items(space: Workspace, reading: Reading, samples: Sequence[str]) -> list[Item]:
    from core.snapshot import review

    return list(review.items(space, reading, samples).values())
