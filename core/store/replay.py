"""From journals to catalog: the lines that were appended since last time, by whomever, and dropped-in files.

Lines go into tables one row each; `settle` then works out what they mean. The result depends on the journals alone,
never on when or in which order they were looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from core.store.reading import Line, Snapshot
from core.store.settle import settle, start_touching

if TYPE_CHECKING:
    from sqlite_utils import Database

BLOCK = 5000  # lines inserted at once
# What replaying the journals makes; `rebuild` empties these and no others.
DERIVED = ("corrections", "batches", "sample_events", "predictions", "events", "samples", "journal_problems",
           "journal_positions")  # fmt: skip


class Table(Protocol):
    """Where one journal's lines go."""

    def forget(self, db: Database, after: int) -> None:
        """Remove the rows of lines after that number, and touch what they were about."""
        ...

    def insert(self, db: Database, lines: Sequence[Line]) -> list[tuple[int, str]]:
        """Add readable lines and touch what they are about; returns number and problem of those that say nothing."""
        ...


def is_current(db: Database, name: str, shot: Snapshot) -> bool:
    """Whether the catalog has read this very file to its end."""
    row = db.conn.execute("SELECT inode, size, mtime_ns FROM journal_positions WHERE journal = ?", [name]).fetchone()
    return (row or (0, 0, 0)) == shot.stamp


def replay(db: Database, tables: Mapping[str, Table], shots: Mapping[str, Snapshot]) -> None:
    """Read what is new in each journal, then settle it. The caller holds the write transaction."""
    start_touching(db)
    for name, shot in shots.items():
        if not is_current(db, name, shot):
            _catch_up(db, name, tables[name], shot)
    settle(db)


def empty(db: Database) -> None:
    """Remove everything that comes from journals."""
    for table in DERIVED:
        db.conn.execute(f"DELETE FROM {table}")


def _catch_up(db: Database, name: str, table: Table, shot: Snapshot) -> None:
    offset, number, bad = _resume(db, name, shot)
    table.forget(db, number)
    db.conn.execute("DELETE FROM journal_problems WHERE journal = ? AND line > ?", [name, number])
    found = shot.lines(offset, number)
    while block := list(islice(found, BLOCK)):
        problems = [(line.number, line.problem) for line in block if line.problem is not None]
        problems += table.insert(db, [line for line in block if line.data is not None])
        rows = [(name, line, problem) for line, problem in problems]
        db.conn.executemany("INSERT INTO journal_problems VALUES (?, ?, ?)", rows)
    # An unended last line is read again next time: it may have been finished by then.
    lines = number + shot.count(offset)
    bad += db.conn.execute(
        "SELECT count(*) FROM journal_problems WHERE journal = ? AND line > ? AND line <= ?", [name, number, lines]
    ).fetchone()[0]
    db.conn.execute("DELETE FROM journal_positions WHERE journal = ?", [name])
    if shot.file < 0:
        return
    place = [name, *shot.stamp, shot.whole, shot.fingerprint(shot.whole), lines, bad]
    db.conn.execute(f"INSERT INTO journal_positions VALUES ({', '.join('?' * 8)})", place)


def _resume(db: Database, name: str, shot: Snapshot) -> tuple[int, int, int]:
    """Byte offset, lines before it and bad ones among them; the start when the file is not what was read."""
    row = db.conn.execute(
        "SELECT inode, size, offset, head_hash, lines, bad FROM journal_positions WHERE journal = ?", [name]
    ).fetchone()
    if row is None:
        return 0, 0, 0
    inode, size, offset, head_hash, lines, bad = row
    moved = shot.stamp[0] == inode and shot.stamp[1] != size and shot.whole >= offset
    same = moved and shot.fingerprint(offset) == head_hash
    return (offset, lines, bad) if same else (0, 0, 0)
