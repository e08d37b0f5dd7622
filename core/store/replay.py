"""From journals to catalog: what was appended since last time, by this process or another, or dropped in as a file."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from core.store import lines, migrations
from core.store.catalog import Catalog
from core.store.codec import Codec
from core.store.journal import Journal, Line
from core.store.records import Correction, Json, Prediction, Sample

EVENTS = "events.jsonl"
HEAD = 256  # bytes at a journal's start that tell whether it is still the same file
BLOCK = 5000  # lines applied at once
LARGEST_BATCH = 10**9
# What a line of the wrong shape raises on its way into a table: it is set aside, the rest is read.
UNUSABLE = (ValueError, TypeError, IndexError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
Stat = tuple[int, int, int]


@dataclass(slots=True)
class _Rows:
    """Rows of one block, and the samples and batches whose answer has to be settled anew."""

    corrections: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    batches: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    touched: set[str] = field(default_factory=set[str])

    def of_batch(self, batch: str) -> set[str]:
        """Samples of a batch that stands in this block already."""
        return {row[3] for row in self.corrections if row[15] == batch}


class Replay:
    """Reads each journal from where the catalog stopped."""

    def __init__(self, catalog: Catalog, journals: Mapping[str, Journal], codecs: Mapping[str, Codec]) -> None:
        self.catalog = catalog
        self.journals = journals
        self.codecs = codecs
        self.seen: dict[str, Stat] = {}

    def refresh(self) -> None:
        """Apply what is new; a few `stat` calls when nothing is."""
        now = {name: _stat(journal.path) for name, journal in self.journals.items()}
        if now == self.seen:
            return
        with self.catalog.write() as db:
            # Another process may have applied the lines meanwhile; the position in the catalog decides.
            if not all(self._continues(db, name) for name in self.journals):
                empty(db)
            for name, journal in self.journals.items():
                self._read(db, name, journal)
        self.seen = now

    def rebuild(self) -> None:
        """Forget everything derived and read all journals again."""
        with self.catalog.write() as db:
            empty(db)
            for name, journal in self.journals.items():
                self._read(db, name, journal)

    def _continues(self, db: Any, name: str) -> bool:
        row = db.execute("select offset, head from journal_positions where journal = ?", [name]).fetchone()
        if row is None:
            return True
        return _stat(self.journals[name].path)[0] >= row[0] and _head(self.journals[name].path, row[0]) == row[1]

    def _read(self, db: Any, name: str, journal: Journal) -> None:
        row = db.execute("select offset from journal_positions where journal = ?", [name]).fetchone()
        offset = start = row[0] if row else 0
        found = journal.read(offset)
        while block := list(islice(found, BLOCK)):
            offset = block[-1].end
            if name == EVENTS:
                _events(db, block)
            else:
                _corrections(db, name, self.codecs[name], block)
        if offset != start:
            place = [name, offset, _head(journal.path, offset)]
            db.execute("insert or replace into journal_positions values (?, ?, ?)", place)


def empty(db: Any) -> None:
    """Empty the derived tables."""
    for table in migrations.DERIVED:
        db.execute(f"delete from {table}")


def _stat(path: Path) -> Stat:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def _head(path: Path, offset: int) -> str:
    with suppress(OSError), path.open("rb") as file:
        return hashlib.sha256(file.read(min(HEAD, offset))).hexdigest()
    return ""


def _bad(db: Any, journal: str, line: Line, reason: str) -> None:
    db.execute("insert or replace into bad_lines values (?, ?, ?)", [journal, line.start, reason])


def _events(db: Any, block: Iterable[Line]) -> None:
    for line in block:
        data = line.data
        if data is None:
            _bad(db, EVENTS, line, line.problem or "")
            continue
        try:
            if data.get("kind") == "sample":
                put_sample(db, lines.read_sample(data))
            elif data.get("kind") == "prediction":
                _put_prediction(db, lines.read_prediction(data), line.start)
            else:
                kept = [line.start, str(data.get("kind")), json.dumps(data, ensure_ascii=False)]
                db.execute("insert or replace into events values (?, ?, ?)", kept)
        except UNUSABLE as error:
            _bad(db, EVENTS, line, str(error))


def put_sample(db: Any, sample: Sample) -> None:
    """The newest word on a sample counts; its media is where the last answer put it."""
    kept = None
    if sample.media_hash:
        kept = db.execute(
            "select media from corrections where task = ? and media_hash = ? and media is not null "
            "order by start desc limit 1",
            [sample.task, sample.media_hash],
        ).fetchone()
    row = _sample_row(sample)
    row["media"] = kept[0] if kept else sample.media
    db.execute(_UPSERT_SAMPLE, row)


_SAMPLE_COLUMNS = ("id", "task", "group_id", "media", "media_hash", "source", "region", "speaker", "context",
                   "captured_at", "phase", "video_id", "scene_id", "start_s", "end_s", "duration_s", "rating_count",
                   "extra")  # fmt: skip
_INSERT_SAMPLE = (
    f"insert or ignore into samples ({', '.join(_SAMPLE_COLUMNS)}) "
    f"values ({', '.join(':' + name for name in _SAMPLE_COLUMNS)})"
)
_UPSERT_SAMPLE = _INSERT_SAMPLE.replace("insert or ignore", "insert or replace")


def _sample_row(sample: Sample) -> dict[str, Any]:
    row = {name: getattr(sample, name) for name in _SAMPLE_COLUMNS if name not in ("group_id", "extra")}
    return row | {"group_id": sample.group, "extra": json.dumps(sample.extra, ensure_ascii=False)}


def _put_prediction(db: Any, found: Prediction, start: int) -> None:
    value, raw, others = (json.dumps(part, ensure_ascii=False) for part in (found.value, found.raw, found.runner_ups))
    row = [found.id, found.sample, found.task, found.version, found.kind, value, found.confidence, found.calibrated,
           raw, others, found.latency_ms, found.at, found.error, start]  # fmt: skip
    db.execute(f"insert or ignore into predictions values ({', '.join('?' * len(row))})", row)


def _corrections(db: Any, journal: str, codec: Codec, block: Iterable[Line]) -> None:
    rows = _Rows()
    for line in block:
        if line.data is None:
            _bad(db, journal, line, line.problem or "")
            continue
        try:
            for sample, row in _read_line(db, journal, codec, line, line.data, rows):
                rows.corrections.append(row)
                if sample:
                    _place(db, sample)
        except UNUSABLE as error:
            _bad(db, journal, line, str(error))
    marks = ", ".join("?" * 19)
    db.conn.executemany(f"insert or replace into corrections values ({marks})", rows.corrections)
    db.conn.executemany(
        "insert into batches values (?, ?, 1) on conflict (batch) do update set seen = seen + 1", rows.batches
    )
    _settle(db, rows)


def _read_line(
    db: Any, journal: str, codec: Codec, line: Line, data: Json, rows: _Rows
) -> Iterator[tuple[Sample | None, tuple[Any, ...]]]:
    op = data.get("op", "set")
    batch = str(data.get("batch") or f"{journal}@{line.start}")
    if op == "set":
        sample, correction = lines.undress(codec, data)
        yield sample, _row(journal, line.start, codec.task, op, correction, batch, sample)
        rows.touched.add(sample.id)
    elif op == "delete":
        identity = _text(data, "sample")
        blank = Correction(
            id="", sample=identity, task=codec.task, value="", at=float(data.get("at") or 0), batch=batch
        )
        yield None, _row(journal, line.start, codec.task, op, blank, batch, None)
        rows.touched.add(identity)
    elif op == "undo":
        target = _text(data, "undoes")
        db.execute("insert or ignore into undone values (?)", [target])
        found = db.execute("select distinct sample from corrections where batch = ?", [target]).fetchall()
        rows.touched |= {row[0] for row in found} | rows.of_batch(target)
        return
    else:
        raise ValueError(f"op {str(op)[:40]!r} is unknown")
    size = int(data.get("batch_n") or 1)
    if not 1 <= size <= LARGEST_BATCH:
        raise ValueError(f"batch_n {str(size)[:20]} is not a number of lines")
    rows.batches.append((batch, size))


def _text(data: Json, name: str) -> str:
    if not isinstance(data.get(name), str):
        raise ValueError(f"{name} is missing")
    return data[name]


def _row(
    journal: str, start: int, task: str, op: str, truth: Correction, batch: str, sample: Sample | None
) -> tuple[Any, ...]:
    return (
        journal, start, truth.id or f"{journal}@{start}", truth.sample, task, op,
        json.dumps(truth.value, ensure_ascii=False), json.dumps(truth.predicted, ensure_ascii=False), truth.llm,
        truth.confidence, truth.version, truth.was_correct, truth.raw_correct, lines.picked_by(truth.picked_by),
        truth.label_source, batch, truth.at, sample.media if sample else None, sample.media_hash if sample else None,
    )  # fmt: skip


def _place(db: Any, sample: Sample) -> None:
    """Make the sample known if it is not, and move its media (and all of the same content) to where the line says."""
    db.execute(_INSERT_SAMPLE, _sample_row(sample))
    if sample.media and sample.media_hash:
        where = [sample.media, sample.task, sample.media_hash]
        db.execute("update samples set media = ? where task = ? and media_hash = ?", where)
    elif sample.media:
        db.execute("update samples set media = ? where id = ?", [sample.media, sample.id])


def _settle(db: Any, rows: _Rows) -> None:
    """Decide anew, for every touched sample, which line holds: the last of a complete batch that was not undone."""
    db.execute("create temp table if not exists touched (sample text primary key)")
    db.execute("delete from touched")
    db.conn.executemany("insert or ignore into touched values (?)", [(sample,) for sample in rows.touched])
    names = {(batch,) for batch, count in rows.batches if count > 1}
    db.conn.executemany(
        "insert or ignore into touched select sample from corrections where batch = ? and sample is not null", names
    )
    for table in ("answers", "hidden"):
        db.execute(f"delete from {table} where sample in (select sample from touched)")
    db.execute(f"insert into answers select sample, task, journal, start from ({_VALID}) where op = 'set'")
    db.execute(f"insert into hidden select sample from ({_VALID}) where op = 'delete'")


_VALID = """
    select c.sample, c.task, c.journal, c.start, c.op from corrections c
    join (select c.sample, max(c.start) as start from corrections c join batches b on b.batch = c.batch
          where c.sample in (select sample from touched) and b.seen >= b.lines
                and c.batch not in (select batch from undone)
          group by c.sample) last on last.sample = c.sample and last.start = c.start
"""
