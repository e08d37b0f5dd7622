"""What became of samples in a review set: new, relabelled, dismissed. Kept as events; nothing is changed by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, cast

from core.errors import WrongUseError
from core.store.records import Sample
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

Triage = Literal["new", "relabelled", "dismissed"]
STATES: tuple[Triage, ...] = ("new", "relabelled", "dismissed")

# A sample answered again: more than one action of the user's that counts named it.
_AGAIN = """SELECT c.sample, max(c.at) FROM corrections c JOIN batches b ON b.task = c.task AND b.batch = c.batch
    WHERE c.task = ? AND c.op = 'set' AND b.complete AND (b.undone_at IS NULL OR c.line > b.undone_at)
    GROUP BY c.sample HAVING count(DISTINCT c.batch) > 1"""
_LAST = """SELECT c.sample, c.at FROM samples s JOIN corrections c ON c.task = s.task AND c.line = s.answer_line
    WHERE s.task = ? AND s.state = 'answered'"""


def triage(space: Workspace, sample: Sample, state: str, *, review_set: str = "disagreements") -> Triage:
    """Note what was decided about a sample.

    Raises:
        WrongUseError: there is no such state.
    """
    if state not in STATES:
        raise WrongUseError(f"{state!r} is not a state of triage", do=f"States are {', '.join(STATES)}.")
    about = {"task": sample.task, "sample": sample.id, "state": state, "set": review_set, "at": time.time()}
    space.store.note("triage", about)
    return state


def states(space: Workspace, task: str) -> dict[str, Triage]:
    """The state of every sample that is not new: the last word of triage, or "relabelled" by itself once a sample
    was answered again later than that.
    """
    said: dict[str, tuple[Triage, float]] = {}
    for event in space.store.events("triage"):
        if event.get("task") == task and event.get("state") in STATES:
            said[str(event.get("sample"))] = (event["state"], float(event["at"]))
    again, last = space.store.mirror.ask(lambda db: (_rows(db, _AGAIN, task), _rows(db, _LAST, task)))
    found: dict[str, Triage] = {sample: state for sample, (state, _) in said.items()}
    for sample in cast("dict[str, float]", dict(again)):
        if sample not in said:
            found[sample] = "relabelled"
    for sample, at in last:
        if sample in said and at > said[sample][1]:
            found[sample] = "relabelled"
    return {sample: state for sample, state in found.items() if state != "new"}


def _rows(db: Database, query: str, task: str) -> list[Any]:
    return db.conn.execute(query, [task]).fetchall()
