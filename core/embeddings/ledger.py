"""Vectors that nobody here can make again, in training_data/embeddings.jsonl: the catalog follows from it.

A line keeps one vector, or names a kept import file, or changes or deletes what earlier lines brought.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from core.embeddings import checks, reading, rows
from core.embeddings.rows import Rows
from core.embeddings.types import EmbeddingType, Vector, VectorError
from core.errors import RushesError, StoreError
from core.store import fields, kept
from core.store.forgotten import forgotten_meanwhile
from core.store.journal import Journal
from core.store.mirror import Mirror
from core.store.reading import Line
from core.store.records import Json
from core.store.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

NAME = "embeddings.jsonl"
BY_LINE = 64  # more vectors at once go into a file of their own: text takes a third more and ten times as long
_DROP = frozenset({"file", "vector"})


class Ledger:
    """The journal and the rows that come of it."""

    def __init__(self, store: Store) -> None:
        self.root = store.root
        self._forgotten = store.forgotten
        self.journal = Journal(store.root / "training_data" / NAME)
        self._table = Lines(store.root)
        self._lock = RLock()
        self.mirror = Mirror(store.catalog, {NAME: self.journal}, {NAME: self._table})

    def stamp(self) -> tuple[int, int, int]:
        """Changes whenever somebody writes into the journal."""
        try:
            found = os.stat(self.journal.path)
        except OSError:
            return (0, 0, 0)
        return found.st_ino, found.st_size, found.st_mtime_ns

    def keep_one(self, found: Rows) -> None:
        """Keep a vector for good. The catalog takes it in before it is next asked, with all others since then."""
        self._write([_set(found, 0)], found)

    def keep(self, found: Rows) -> tuple[int, int]:
        """Keep vectors for good; returns how many are new in the catalog and how many replaced others."""
        if len(found.keys) <= BY_LINE:
            return self._append([_set(found, place) for place in range(len(found.keys))], found)
        return self.bring(kept.keep_bytes(self.root, as_npz(found), ".npz"), found, "npz")

    def bring(self, file: kept.Kept, found: Rows, form: str) -> tuple[int, int]:
        """As `keep`, for what a kept file holds; `found` is what was read of it."""
        self._table.read[file.sha256] = found
        line = {"op": "import", "file": file.file, "sha256": file.sha256, "format": form, "rows": len(found.keys)}
        try:
            return self._append([line | _of(found)], found)
        except StoreError:
            # What an earlier line brought is erased with that line.
            is_named = any((one.data or {}).get("file") == file.file for one in self.journal.read())
            if found.forgotten(self._forgotten()) and not is_named:
                (self.root / file.file).unlink(missing_ok=True)
            raise

    def change(self, kind: EmbeddingType, encoder_id: str, key: str, metadata: Json) -> None:
        """Replace a row's metadata."""
        self._append([{"op": "update", "type": kind.value, "encoder_id": encoder_id, "key": key,
                       "metadata": metadata}])  # fmt: skip

    def delete(self, kind: EmbeddingType, encoder_id: str, keys: Sequence[str]) -> None:
        """Remove rows."""
        self._append([{"op": "delete", "type": kind.value, "encoder_id": encoder_id, "keys": list(keys)}])

    def _append(self, lines: Sequence[Json], found: Rows | None = None) -> tuple[int, int]:
        at = time.time()
        with self._lock:
            self.mirror.refresh()
            self._table.new = self._table.replaced = 0
            self._write([{"at": at} | line for line in lines], found)
            self.mirror.refresh()
            return self._table.new, self._table.replaced

    def _write(self, lines: Sequence[Json], found: Rows | None) -> None:
        """Add lines that say these rows, unless one of the rows is of a sample that was forgotten meanwhile."""

        def sift(lines: Sequence[Json]) -> Sequence[bool]:
            """Under the journal's lock, which erasing takes too: what passes here is found and erased there."""
            if found is not None and found.forgotten(self._forgotten()):
                raise forgotten_meanwhile()
            return [True] * len(lines)

        self.journal.append(lines, sift)


class Lines:
    """Where the lines go (`core.store.replay.Table`).

    Attributes:
        read: what was read of a file a moment ago, by sha256, so that it need not be read twice.
        new, replaced: rows written, since somebody set them to 0.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read: dict[str, Rows] = {}
        self.new = self.replaced = 0

    def forget(self, db: Database, after: int) -> None:
        rows.forget_lines(db, after)

    def insert(self, db: Database, lines: Sequence[Line]) -> list[tuple[int, str]]:
        problems: list[tuple[int, str]] = []
        waiting: list[tuple[Line, Rows]] = []
        for line in lines:
            try:
                if (line.data or {}).get("op") == "set":
                    waiting.append((line, _read_set(line)))
                    continue
                self._flush(db, waiting, problems)
                self._do(db, line)
            except (ValueError, RushesError) as error:
                problems.append((line.number, str(error)))
        self._flush(db, waiting, problems)
        return problems

    def _do(self, db: Database, line: Line) -> None:
        data: Json = line.data or {}
        kind, encoder_id = _kind(data), fields.text(data, "encoder_id")
        if data.get("op") == "import":
            self._write(db, _numbered(self._rows(kind, encoder_id, data), line))
        elif found := rows.head(db, kind, encoder_id):
            if data.get("op") == "delete":
                rows.delete(db, found.id, [key for key in data.get("keys") or [] if isinstance(key, str)])
            elif data.get("op") == "update":
                rows.update(db, found.id, fields.text(data, "key"), checks.metadata(data.get("metadata") or {}))
            else:
                raise ValueError(f"op {str(data.get('op'))[:40]!r} is unknown")

    def _flush(self, db: Database, waiting: list[tuple[Line, Rows]], problems: list[tuple[int, str]]) -> None:
        """Write single vectors, as many at once as belong together."""
        for block in _blocks(waiting):
            try:
                self._write(db, _joined([one for _, one in block]))
            except VectorError as error:
                problems += [(line.number, error.sentence()) for line, _ in block]
        waiting.clear()

    def _write(self, db: Database, found: Rows) -> None:
        new, replaced = rows.write(db, found)
        self.new, self.replaced = self.new + new, self.replaced + replaced

    def _rows(self, kind: EmbeddingType, encoder_id: str, data: Json) -> Rows:
        if (known := self.read.pop(fields.text(data, "sha256"), None)) is not None:
            return known
        path = kept.find(self.root, fields.text(data, "file"))
        return reading.read(path, kind, encoder_id, suffix=f".{fields.text(data, 'format')}").rows


def as_npz(found: Rows) -> bytes:
    """Vectors as a file that `core.embeddings.reading` reads."""
    buffer = io.BytesIO()
    columns: dict[str, Any] = {"ids": np.array(found.keys), "vectors": found.vectors}
    if found.metadata and any(text != "{}" for text in found.metadata):
        columns["metadata"] = np.array(found.metadata)
    for name, column in (("of_sample", found.samples), ("of_content", found.contents)):
        if column and any(column):
            columns[name] = np.array([one or "" for one in column])
    np.savez(buffer, **columns)
    return buffer.getvalue()


def _of(found: Rows) -> Json:
    return {"type": found.type.value, "encoder_id": found.encoder_id}


def _set(found: Rows, place: int) -> Json:
    raw = np.ascontiguousarray(found.vectors[place], dtype="<f4").tobytes()
    line: Json = {"at": found.created, "op": "set", **_of(found), "key": found.keys[place]}
    for name, column in (("sample", found.samples), ("content", found.contents)):
        if column and column[place]:
            line[name] = column[place]
    if found.metadata and found.metadata[place] != "{}":
        line["metadata_json"] = found.metadata[place]
    return line | {"vector": base64.b64encode(raw).decode()}


def _read_set(line: Line) -> Rows:
    data: Json = line.data or {}
    try:
        raw = base64.b64decode(fields.text(data, "vector"), validate=True)
        vector = np.frombuffer(raw, dtype="<f4")[None, :]
    except (binascii.Error, ValueError):
        raise ValueError("its vector cannot be read") from None
    if problem := checks.problems(vector)[0]:
        raise ValueError(problem)
    key = checks.named(data.get("key"), "id")
    text, sample, content = data.get("metadata_json", "{}"), data.get("sample"), data.get("content")
    if not (_is_object(text) and isinstance(sample, str | None) and isinstance(content, str | None)):
        raise ValueError("its metadata cannot be read")
    kind, encoder_id = _kind(data), fields.text(data, "encoder_id")
    return Rows(kind, encoder_id, [key], vector, [text], [sample], [content], [line.number], _at(data))


def _is_object(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _blocks(waiting: list[tuple[Line, Rows]]) -> Iterator[list[tuple[Line, Rows]]]:
    block: list[tuple[Line, Rows]] = []
    for line, one in waiting:
        if block and _alike(block[-1][1]) != _alike(one):
            yield block
            block = []
        block.append((line, one))
    if block:
        yield block


def _alike(one: Rows) -> tuple[Any, ...]:
    return (one.type, one.encoder_id, one.vectors.shape[1])


def _joined(found: list[Rows]) -> Rows:
    if len(found) == 1:
        return found[0]

    def column(name: str) -> list[Any]:
        return [getattr(one, name)[0] for one in found]

    columns = (column(name) for name in ("metadata", "samples", "contents", "lines"))
    vectors: Vector = np.concatenate([one.vectors for one in found])
    return Rows(found[0].type, found[0].encoder_id, column("keys"), vectors, *columns, created=found[-1].created)


def _numbered(found: Rows, line: Line) -> Rows:
    return replace(found, lines=[line.number] * len(found.keys), created=_at(line.data or {}))


def _kind(data: Json) -> EmbeddingType:
    try:
        return EmbeddingType(fields.text(data, "type"))
    except ValueError:
        raise ValueError("its embedding type is unknown") from None


def _at(data: Json) -> float:
    at = data.get("at")
    return float(at) if isinstance(at, int | float) else time.time()
