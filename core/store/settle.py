"""What the lines mean: which batches count, and for every sample its facts, its state and its valid answer.

Only what was touched is worked out, but always from all of its lines, so the result is the same as from scratch.
Rules: a batch counts when all its lines are there; an undo holds unless a later undo took it back; of what remains
the last line decides. Lines of a task's journal weigh more than events, later lines more than earlier ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from core.store import wire
from core.store.records import Json

if TYPE_CHECKING:
    from sqlite_utils import Database

Row = tuple[Any, ...]
BLOCK = 5000  # rows written at once

# Without statistics SQLite prefers the primary key's first column, the task: 100 times slower, hence INDEXED BY.
_OF_BATCHES = """FROM touched_batches t
           CROSS JOIN corrections c INDEXED BY corrections_batch ON c.task = t.task AND c.batch = t.name"""


def _of_media(table: str) -> str:
    return f"FROM touched_media t CROSS JOIN {table} c INDEXED BY {table}_media ON c.media_hash = t.name"


_SAMPLE_COLUMNS = ("group", "source", "region", "speaker", "context", "captured_at", "phase", "video_id", "scene_id",
                   "start_s", "end_s", "duration_s", "rating_count")  # fmt: skip
_DEFAULTS: Json = {"group": "", "start_s": 0.0, "duration_s": 0.0, "rating_count": 1}


def start_touching(db: Database) -> None:
    """Forget what was touched before."""
    for table, columns in (("samples", "task, name"), ("batches", "task, name"), ("media", "name")):
        db.conn.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS touched_{table} ({', '.join(f'{c} TEXT' for c in columns.split(', '))}, "
            f"PRIMARY KEY ({columns})) WITHOUT ROWID"
        )
        db.conn.execute(f"DELETE FROM touched_{table}")


def touch(db: Database, table: str, where: str, values: Sequence[Any], *, batches: bool = False) -> None:
    """Mark the samples, media and batches that some rows of a table are about."""
    rows = f"FROM {table} WHERE {where}"
    db.conn.execute(f"INSERT OR IGNORE INTO touched_samples SELECT task, sample {rows} AND sample IS NOT NULL", values)
    db.conn.execute(f"INSERT OR IGNORE INTO touched_media SELECT media_hash {rows} AND media_hash IS NOT NULL", values)
    if batches:
        db.conn.execute(f"INSERT OR IGNORE INTO touched_batches SELECT task, batch {rows}", values)


def settle(db: Database) -> None:
    """Work out batches and samples anew wherever lines were added or removed."""
    _count_batches(db)
    for (task,) in db.conn.execute("SELECT DISTINCT task FROM touched_batches").fetchall():
        _settle_undos(db, task)
    _spread(db)
    _add_content(db)
    media = _media(db)
    db.conn.execute("DELETE FROM samples WHERE (task, id) IN (SELECT task, name FROM touched_samples)")
    rows = _sample_rows(db, media)
    while block := list(islice(rows, BLOCK)):
        db.conn.executemany(f"INSERT INTO samples VALUES ({', '.join('?' * len(block[0]))})", block)


def _count_batches(db: Database) -> None:
    db.conn.execute("DELETE FROM batches WHERE (task, batch) IN (SELECT task, name FROM touched_batches)")
    db.conn.execute(
        f"""INSERT INTO batches
           SELECT c.task, c.batch, count(*), max(c.batch_n), count(*) >= max(c.batch_n), NULL
           {_OF_BATCHES}
           GROUP BY c.task, c.batch"""
    )


def _settle_undos(db: Database, task: str) -> None:
    undos = db.conn.execute(
        """SELECT c.line, c.batch, c.undoes FROM corrections c INDEXED BY corrections_undo
           CROSS JOIN batches b ON b.task = c.task AND b.batch = c.batch
           WHERE c.task = ? AND c.op = 'undo' AND b.complete ORDER BY c.line DESC""",
        [task],
    ).fetchall()
    now = effective_undos(undos)
    before = dict(
        db.conn.execute(
            "SELECT batch, undone_at FROM batches INDEXED BY batches_undone WHERE task = ? AND undone_at NOT NULL",
            [task],
        ).fetchall()
    )
    changed = [batch for batch in now.keys() | before.keys() if now.get(batch) != before.get(batch)]
    db.conn.executemany(
        "UPDATE batches SET undone_at = ? WHERE task = ? AND batch = ?",
        [(now.get(batch), task, batch) for batch in changed],
    )
    db.conn.executemany("INSERT OR IGNORE INTO touched_batches VALUES (?, ?)", [(task, batch) for batch in changed])


def effective_undos(undos: Iterable[tuple[int, str, str]]) -> dict[str, int]:
    """Which batches are taken back, up to which line.

    Args:
        undos: line, own batch and target of every undo, last line first.
    """
    undone: dict[str, int] = {}
    for line, batch, target in undos:
        if line >= undone.get(batch, 0):
            undone.setdefault(target, line)
    return undone


def _spread(db: Database) -> None:
    """A batch that changed touches its samples; a path that changed touches all samples with that content."""
    db.conn.execute(
        f"""INSERT OR IGNORE INTO touched_samples SELECT c.task, c.sample
           {_OF_BATCHES}
           WHERE c.sample IS NOT NULL"""
    )
    db.conn.execute(  # a batch that now counts may name a path
        f"""INSERT OR IGNORE INTO touched_media SELECT c.media_hash
           {_OF_BATCHES}
           WHERE c.media_hash IS NOT NULL"""
    )
    for table in ("corrections", "sample_events"):
        db.conn.execute(
            f"""INSERT OR IGNORE INTO touched_samples SELECT c.task, c.sample
                {_of_media(table)} WHERE c.sample IS NOT NULL"""
        )


def _add_content(db: Database) -> None:
    """Have the paths of all touched samples at hand, also of those that no new line named."""
    for table in ("corrections", "sample_events"):
        db.conn.execute(
            f"""INSERT OR IGNORE INTO touched_media SELECT c.media_hash
                FROM touched_samples t CROSS JOIN {table} c INDEXED BY {table}_sample
                    ON c.task = t.task AND c.sample = t.name
                WHERE c.media_hash IS NOT NULL"""
        )


def _media(db: Database) -> dict[str, str]:
    """Content hash -> the path that the weightiest line gives it."""
    found: dict[str, str] = {}
    for query in (
        f"""SELECT c.media_hash, c.media {_of_media("sample_events")}
           WHERE c.media IS NOT NULL ORDER BY c.line""",
        f"""SELECT c.media_hash, c.media {_of_media("corrections")}
           CROSS JOIN batches b ON b.task = c.task AND b.batch = c.batch
           WHERE c.media IS NOT NULL AND b.complete ORDER BY c.task, c.line""",
    ):
        found.update(db.conn.execute(query).fetchall())
    return found


_EVENT_LINES = """
    SELECT t.task, t.name, 0 AS weight, e.line, NULL AS op, 1 AS valid, e.skipped, e.media, e.media_hash, e.fields
    FROM touched_samples t CROSS JOIN sample_events e ON e.task = t.task AND e.sample = t.name"""
_CORRECTION_LINES = """
    SELECT t.task, t.name, 1, c.line, c.op, b.undone_at IS NULL OR c.line > b.undone_at, NULL, c.media, c.media_hash,
        c.fields
    FROM touched_samples t
    CROSS JOIN corrections c INDEXED BY corrections_sample ON c.task = t.task AND c.sample = t.name
    CROSS JOIN batches b ON b.task = c.task AND b.batch = c.batch
    WHERE b.complete"""


def _sample_rows(db: Database, media: dict[str, str]) -> Iterator[Row]:
    lines = db.conn.execute(f"{_EVENT_LINES} UNION ALL {_CORRECTION_LINES} ORDER BY 1, 2, 3, 4")
    for (task, sample), found in groupby(lines, key=lambda row: (row[0], row[1])):
        yield _sample_row(task, sample, list(found), media)


def _sample_row(task: str, sample: str, lines: Sequence[Row], media: dict[str, str]) -> Row:
    known: Json = dict(_DEFAULTS)
    extra: Json = {}
    path = content = op = answer = None
    seen = first = 0
    skipped = False
    for _, _, weight, line, line_op, valid, line_skipped, line_media, line_content, facts in lines:
        said: Json = json.loads(facts) if facts else {}
        extra |= said.pop("extra", {})
        known |= said
        path, content = line_media or path, line_content or content
        if weight == 0:
            skipped = bool(line_skipped) if line_skipped is not None else skipped
            seen = seen or line
        else:
            first = first or line
        if line_op and valid:
            op, answer = line_op, line
    state = {"set": "answered", "delete": "deleted"}.get(op or "", "skipped" if skipped else "pending")
    path = media.get(content, path) if content else path
    columns = (known.get(name) for name in _SAMPLE_COLUMNS)
    return (
        task,
        sample,
        path,
        content,
        *columns,
        wire.compact(extra),
        state,
        answer if op == "set" else None,
        seen,
        first,
    )
