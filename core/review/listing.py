"""All clips of a task in an order, as ids: light enough for 100,000 of them. Rows are fetched by whoever shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from core import tasks
from core.review import queue
from core.review.queue import Queued
from core.review.search import Filter
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

Order = Literal["queue", "newest", "unsure", "wrong", "suspects"]
ORDERS: tuple[Order, ...] = get_args(Order)
HEAD = 500  # clips arranged as the queue asks; behind them the others by doubt, until the head is used up
MOST = 10_000  # disagreements and suspects

# Both indexes hold all that is asked for; the table itself would take three times as long.
_NEWEST = """SELECT id FROM samples INDEXED BY samples_state WHERE task = ? AND state IN ({})
    ORDER BY captured_at DESC, seen DESC, first_line DESC, id DESC LIMIT ?"""
_JOINED = """SELECT s.id FROM samples s
    LEFT JOIN corrections c ON c.task = s.task AND c.line = s.answer_line
    LEFT JOIN predictions p ON p.line = (SELECT max(line) FROM predictions WHERE sample = s.id AND kind = 'model')
    WHERE s.task = ? AND s.state <> 'deleted'{} ORDER BY {}"""
_TIME = "s.captured_at DESC, s.seen DESC, s.first_line DESC, s.id DESC"
_DOUBT = "p.confidence IS NOT NULL, p.confidence, s.id"  # what no version could answer comes first
_TOTALS = "SELECT state, count(*) FROM samples WHERE task = ? AND state <> 'deleted' GROUP BY state"


@dataclass(frozen=True)
class Listing:
    """Ids in order.

    Attributes:
        reasons: why a clip is there, where the order knows it.
        picks: the head of the queue, by id; only what was shown of it may be remembered.
        complete: False while this is only what could be had at once.
    """

    order: str
    ids: tuple[str, ...]
    reasons: dict[str, str] = field(default_factory=dict[str, str])
    picks: dict[str, Queued] = field(default_factory=dict[str, Queued])
    complete: bool = True


def totals(space: Workspace, task: str) -> dict[str, int]:
    """How many clips there are by state; deleted ones are none."""
    return dict(space.store.mirror.ask(lambda db: db.conn.execute(_TOTALS, [task]).fetchall()))


def at_once(space: Workspace, task: str, most: int = -1) -> Listing:
    """The unanswered clips, newest first, at most so many: what can be shown while the queue is worked out."""
    found = space.store.mirror.ask(lambda db: _newest(db, task, ["pending"], most))
    return Listing("queue", tuple(found), complete=False)


def listing(space: Workspace, task: str, order: Order, wanted: Filter | None = None) -> Listing:
    """All clips in an order that meet the filter.

    "queue": unanswered ones as `core.review.queue` asks. "newest" and "unsure": all, by time and by the confidence of
    the newest prediction. "wrong" and "suspects": answered ones, as `core.review.disagreement` and `.suspects` rank.
    """
    wanted = wanted or Filter()
    owner = tasks.get(task)
    if order in ("newest", "unsure"):
        return Listing(order, tuple(_plain(space, owner.name, order, wanted)))
    found = _queue(space, owner.name) if order == "queue" else _reasoned(space, owner.name, order)
    if not wanted.conditions:
        return found
    passing = set(_plain(space, owner.name, "newest", wanted))
    # What the user looks for is not how it came up: nothing of a filtered queue counts as its pick.
    return Listing(order, tuple(one for one in found.ids if one in passing), found.reasons)


def _plain(space: Workspace, task: str, order: str, wanted: Filter) -> list[str]:
    if order == "newest" and not wanted.conditions:
        return space.store.mirror.ask(lambda db: _newest(db, task, ["pending", "answered", "skipped"]))
    parts = "".join(f" AND {condition}" for condition, _ in wanted.conditions)
    values = [value for _, values in wanted.conditions for value in values]
    query = _JOINED.format(parts, _DOUBT if order == "unsure" else _TIME)
    return _ids(space.store.mirror.ask(lambda db: db.conn.execute(query, [task, *values]).fetchall()))


def _newest(db: Database, task: str, states: list[str], most: int = -1) -> list[str]:
    query = _NEWEST.format(", ".join("?" * len(states)))
    return _ids(db.conn.execute(query, [task, *states, most]).fetchall())


def _ids(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return [one for (one,) in rows]


def _queue(space: Workspace, task: str) -> Listing:
    head = queue.queue(space, task, HEAD, remember=False)
    picks = {row.sample_id: row for row in head}
    ids = list(picks)
    if len(head) == HEAD:
        pending = Filter(conditions=(("s.state = 'pending'", ()),))
        ids += [one for one in _plain(space, task, "unsure", pending) if one not in picks]
    return Listing("queue", tuple(ids), {row.sample_id: row.reason for row in head}, picks)


def _reasoned(space: Workspace, task: str, order: str) -> Listing:
    if order == "suspects":
        from core.review.suspects import suspects

        reasons = {row.sample_id: row.reason for row in suspects(space, task, MOST)}
    else:
        from core.review.disagreement import review

        reasons = {str(row["sample_id"]): str(row["reason"]) for row in review(space, task, MOST)["largest"]}
    return Listing(order, tuple(reasons), reasons)
