"""What a user's answer means: checked, compared with what was said before, ready for the journal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from core import tasks
from core.errors import RushesError, WrongUseError
from core.store.identity import new_id
from core.store.records import Correction, PickedBy, Sample, Value
from core.workspace import Workspace


def answer(
    space: Workspace,
    sample: Sample,
    value: Value | None,
    *,
    picked_by: PickedBy = "own",
    label_source: str | None = None,
) -> Correction:
    """A correction (or, with None, a confirmation) of the newest prediction on this sample.

    `was_correct` compares as seed 003 does: the language model's text where there is one, else the model's own.

    Raises:
        RushesError: there is no prediction to confirm.
    """
    task = tasks.get(sample.task)
    said = space.store.latest(sample.id, kind="model")
    mended = space.store.latest(sample.id, kind="llm")
    suggestion = mended.value if mended and mended.value is not None else said.value if said else None
    if value is None:
        if suggestion is None:
            raise RushesError("there is no prediction to confirm", where=sample.id, do="Give the right answer.")
        value = suggestion
    known = said.value if said else None
    return Correction(
        id=new_id(),
        sample=sample.id,
        task=sample.task,
        value=value,
        at=time.time(),
        batch="",
        predicted=known,
        llm=str(mended.value) if mended and mended.value is not None else None,
        confidence=said.confidence if said else None,
        version=said.version if said else None,
        was_correct=None if suggestion is None else _same(task.kind, suggestion, value, task.equal(suggestion, value)),
        raw_correct=None if known is None else task.equal(known, value),
        picked_by=picked_by,
        label_source=label_source or ("confirmed" if suggestion == value else "manual_seed"),
    )


def find(space: Workspace, start: str) -> Sample:
    """The one sample whose id begins like this.

    Raises:
        WrongUseError: none or several do.
    """
    found = space.store.samples_like(start)
    if len(found) == 1:
        return found[0]
    count = "no sample has" if not found else "several samples have"
    raise WrongUseError(f"{count} an id that begins with {start!r}", do="See the ids with: rushes capture")


def skip(space: Workspace, sample: Sample, reason: str = "", *, skipped: bool = True) -> None:
    """Set an unanswered sample aside, or put it back into the queue.

    Raises:
        RushesError: it has an answer.
    """
    if any(item.sample.id == sample.id for item in space.store.answered(sample.task)):
        raise RushesError("is answered already", where=sample.id, do="Take it back with: rushes review undo")
    space.store.skip(sample.task, [sample.id], reason, skipped=skipped)


def hide(space: Workspace, task: str, samples: Sequence[str]) -> str:
    """Delete samples: they leave lists and training until undo brings them back. Returns the action's batch."""
    return space.store.delete(task, samples)


def _same(kind: str, suggestion: Value, truth: Value, equal: bool) -> bool:
    # Seed 003 compares the stripped strings as they are; without an LLM the raw text has no case to compare.
    return equal if kind != "text" else equal or str(suggestion).strip() == str(truth).strip()
