"""How a journal's lines become rows: one table per task journal's lines, three for the events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from core.store import events, fields, lines, shapes, wire
from core.store.codec import Codec
from core.store.forgotten import Forgotten, Hidden
from core.store.reading import Line
from core.store.records import Json
from core.store.settle import touch

if TYPE_CHECKING:
    from sqlite_utils import Database

Row = tuple[Any, ...]
HIDDEN = "hidden"  # the operation of a line of a forgotten sample


def _insert(db: Database, table: str, rows: Sequence[Row]) -> None:
    if rows:
        db.conn.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


class Corrections:
    """Lines of one task's journal."""

    def __init__(self, codec: Codec, hidden: Hidden) -> None:
        self.codec = codec
        self.hidden = hidden

    def forget(self, db: Database, after: int) -> None:
        where = [self.codec.task, after]
        touch(db, "corrections", "task = ? AND line > ?", where, batches=True)
        db.conn.execute("DELETE FROM corrections WHERE task = ? AND line > ?", where)

    def insert(self, db: Database, lines: Sequence[Line]) -> list[tuple[int, str]]:
        rows: list[Row] = []
        problems: list[tuple[int, str]] = []
        forgotten = self.hidden.now()
        for line in lines:
            try:
                row = self._row(line)
                # The line still counts for its batch, but says nothing of anybody.
                is_hidden = bool(forgotten) and forgotten.has(row[6], row[-2])
                rows.append((*row[:2], HIDDEN, *row[3:6], *[None] * (len(row) - 6)) if is_hidden else row)
            except ValueError as error:
                problems.append((line.number, str(error)))
        _insert(db, "corrections", rows)
        if lines:
            span = [self.codec.task, lines[0].number, lines[-1].number]
            touch(db, "corrections", "task = ? AND line BETWEEN ? AND ?", span, batches=True)
        return problems

    def _row(self, line: Line) -> Row:
        entry = lines.undress(self.codec, line.data or {})
        head = (self.codec.task, line.number, entry.op, entry.batch, entry.batch_n, entry.undoes, entry.about)
        if entry.said is None:
            return (*head, *[None] * 14)
        sample, truth = entry.said
        facts = wire.compact(lines.sample_facts(sample))
        return (*head, truth.id, truth.value, truth.at, truth.predicted, truth.llm, truth.confidence, truth.version,
                truth.was_correct, truth.raw_correct, truth.picked_by, truth.label_source, sample.media,
                sample.media_hash, facts)  # fmt: skip


class Events:
    """Lines of events.jsonl."""

    def __init__(self, hidden: Hidden) -> None:
        self.hidden = hidden

    def forget(self, db: Database, after: int) -> None:
        touch(db, "sample_events", "line > ?", [after])
        for table in ("sample_events", "predictions", "events"):
            db.conn.execute(f"DELETE FROM {table} WHERE line > ?", [after])

    def insert(self, db: Database, lines: Sequence[Line]) -> list[tuple[int, str]]:
        rows: dict[str, list[Row]] = {"sample_events": [], "predictions": [], "events": []}
        problems: list[tuple[int, str]] = []
        forgotten = self.hidden.now()
        for line in lines:
            try:
                if forgotten and is_about(line.data or {}, forgotten):
                    continue
                table, row = _event_row(line.number, line.data or {})
                rows[table].append(row)
            except ValueError as error:
                problems.append((line.number, str(error)))
        for table, found in rows.items():
            _insert(db, table, found)
        if lines:
            touch(db, "sample_events", "line BETWEEN ? AND ?", [lines[0].number, lines[-1].number])
        return problems


def is_about(line: Json, forgotten: Forgotten) -> bool:
    """Whether an event is of a forgotten sample; what was asked to be published names it in its request."""
    request: Any = line.get("request")
    asked = cast("Json", request).get("sample_id") if isinstance(request, dict) else None
    own = line.get("id") if line.get("kind") == "sample" else None
    marks = (own, line.get("sample"), line.get("media_hash"), asked)
    return forgotten.has(*(mark for mark in marks if isinstance(mark, str)))


def _event_row(number: int, line: Json) -> tuple[str, Row]:
    kind = fields.text(line, "kind")
    if kind == "sample":
        sample = events.read_sample(line)
        facts = wire.compact(lines.sample_facts(sample))
        return "sample_events", (number, sample.task, sample.id, None, sample.media, sample.media_hash, facts)
    if kind == "skip":
        about = (fields.text(line, "task"), fields.identity(line, "sample"))
        return "sample_events", (number, *about, line.get("skipped") is not False, None, None, "{}")
    if kind == "prediction":
        found = events.read_prediction(line)
        raw, others = wire.compact(found.raw), wire.compact(found.runner_ups)
        return "predictions", (number, found.id, found.sample, found.task, found.version, found.kind, found.value,
                               found.confidence, found.calibrated, raw, others, found.latency_ms, found.at,
                               found.error)  # fmt: skip
    shapes.check_event(kind, line)
    return "events", (number, kind, fields.present(line, {"at": "float"}).get("at"), wire.compact(line))
