"""The unanswered samples of a task with what was last said of each: light enough for 100,000 of them."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from core.store.places import Places
from core.store.records import Value
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

PENDING = "training_data/pending/"
_Row = tuple[Any, ...]


class Waiting(NamedTuple):
    """One unanswered sample whose media is there.

    Attributes:
        line: where the newest prediction stands in its journal; None: no version was asked yet.
        value: None although a version was asked: it had no answer (`error`).
        second: the probability of the runner-up, None where there is none.
        other, other_sure, other_version: the newest answer of a version that answers in shadow.
        mended: what the language model made of the text, if that is newer than the text.
    """

    id: str
    group: str
    source: str | None
    captured_at: float | None
    media: str
    line: int | None
    value: Value | None
    confidence: float | None
    version: str | None
    runner_up: Value | None
    second: float | None
    error: str | None
    other: Value | None = None
    other_sure: float | None = None
    other_version: str | None = None
    mended: str | None = None


# In the order of the fields of `Waiting`, so that a row is one.
_NEWEST = """SELECT s.id, s."group", s.source, s.captured_at, s.media, p.line, p.value, p.confidence, p.version,
        json_extract(p.runner_ups, '$[0][0]'), json_extract(p.runner_ups, '$[0][1]'), p.error, NULL, NULL, NULL, NULL
    FROM samples s LEFT JOIN predictions p ON p.line =
        (SELECT max(line) FROM predictions WHERE sample = s.id AND kind = 'model')
    WHERE s.task = ? AND s.state = 'pending' ORDER BY s.id"""
# The index of predictions covers the inner question.
_OTHERS = """SELECT p.sample, p.kind, p.line, p.value, p.confidence, p.version FROM predictions p JOIN
        (SELECT max(line) AS newest FROM predictions WHERE kind <> 'model' GROUP BY sample, kind) n
        ON n.newest = p.line
    WHERE p.task = ? AND p.value IS NOT NULL"""
_PICKS = """SELECT c.picked_by, count(*) FROM samples s
    JOIN corrections c ON c.task = s.task AND c.line = s.answer_line
    WHERE s.task = ? AND s.state = 'answered' GROUP BY c.picked_by"""

_PICK = """SELECT c.picked_by FROM samples s JOIN corrections c ON c.task = s.task AND c.line = s.answer_line
    WHERE s.task = ? AND s.id = ? AND s.state = 'answered'"""


def waiting(space: Workspace, task: str) -> list[Waiting]:
    """All samples of a task that can be asked about now, by id; those whose clip was swept away are left out."""
    space.store.refresh()
    rows, others = space.store.mirror.ask(lambda db: (_rows(db, _NEWEST, task), _rows(db, _OTHERS, task)))
    places, here = Places(space.root), _pending_names(space)
    where: dict[str | None, str | None] = {None: None}
    beside: dict[str, dict[str, _Row]] = {}
    for sample, kind, *rest in others:
        beside.setdefault(sample, {})[kind] = tuple(rest)
    found: list[Waiting] = []
    for row in rows:
        media = row[4]
        if media not in where:
            in_pending = media.startswith(PENDING) and media[len(PENDING) :] in here
            where[media] = media if in_pending else places.locate(media)
        if place := where[media]:
            one = tuple.__new__(Waiting, row)  # half the time of a call with 16 arguments
            if place != media:
                one = one._replace(media=place)
            found.append(_beside(one, beside[one.id]) if one.id in beside else one)
    return found


def _beside(one: Waiting, others: dict[str, _Row]) -> Waiting:
    shadow, mended = others.get("shadow"), others.get("llm")
    if shadow and shadow[3] != one.version:
        one = one._replace(other=shadow[1], other_sure=shadow[2], other_version=shadow[3])
    if mended and mended[0] > (one.line or 0):
        one = one._replace(mended=str(mended[1]))
    return one


def asked(space: Workspace, task: str) -> dict[str, int]:
    """How many valid answers came about in which way: random, queue, own."""
    return dict(space.store.mirror.ask(lambda db: _rows(db, _PICKS, task)))


def pick_of(space: Workspace, task: str, sample: str) -> str | None:
    """How the valid answer of a sample came about; None without one."""
    row = space.store.mirror.ask(lambda db: db.conn.execute(_PICK, [task, sample]).fetchone())
    return row[0] if row else None


def draw(seed: int, sample: str) -> float:
    """The lot a sample drew, 0..1, even and for ever the same: it depends on nothing but its id and the seed."""
    return int.from_bytes(blake2b(f"ask|{seed}|{sample}".encode(), digest_size=8).digest()) / 2**64


def _rows(db: Database, query: str, task: str) -> list[Any]:
    return db.conn.execute(query, [task]).fetchall()


def _pending_names(space: Workspace) -> frozenset[str]:
    try:
        with os.scandir(space.pending) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return frozenset()
