"""Vectors in the catalog: one row each, grouped by collection (one type, one encoder, one dimension)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.embeddings.types import EmbeddingType, Vector, VectorError
from core.store.forgotten import Forgotten

if TYPE_CHECKING:
    from sqlite_utils import Database

_INSERT = """INSERT OR REPLACE INTO embeddings (collection, key, sample, content, metadata, created_at, line, vector)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_KNOWN = """SELECT e.id FROM json_each(?) j CROSS JOIN embeddings e ON e.collection = ? AND e.key = j.value"""
_HEAD = "SELECT id, uid, changes, dimension FROM embedding_collections WHERE type = ? AND encoder_id = ?"


@dataclass(frozen=True, eq=False)
class Rows:
    """Checked vectors of one type and encoder; the lists are as long as `vectors`, or None where nothing is said.

    Attributes:
        vectors: (N, D) float32, C-contiguous.
        metadata: JSON texts.
        lines: of the journal they come from; None: our own encoders can make them again.
        created: UTC seconds.
    """

    type: EmbeddingType
    encoder_id: str
    keys: Sequence[str]
    vectors: Vector
    metadata: Sequence[str] | None = None
    samples: Sequence[str | None] | None = None
    contents: Sequence[str | None] | None = None
    lines: Sequence[int] | None = None
    created: float = field(default_factory=time.time)

    def picked(self, places: Sequence[int]) -> Rows:
        """The rows at these places."""

        def of(column: Sequence[Any] | None) -> list[Any] | None:
            return None if column is None else [column[place] for place in places]

        keys = [self.keys[place] for place in places]
        vectors = np.ascontiguousarray(self.vectors[list(places)])
        columns = [of(column) for column in (self.metadata, self.samples, self.contents, self.lines)]
        return Rows(self.type, self.encoder_id, keys, vectors, *columns, created=self.created)

    def forgotten(self, listed: Forgotten) -> list[int]:
        """Places of rows that are of something on the list of the forgotten."""
        if not listed:
            return []
        blank = [None] * len(self.keys)
        columns = zip(self.keys, self.samples or blank, self.contents or blank, strict=True)
        return [place for place, marks in enumerate(columns) if listed.has(*marks)]

    def without(self, places: Sequence[int]) -> Rows:
        """The rows that are not at these places."""
        left = set(range(len(self.keys))).difference(places)
        return self.picked(sorted(left)) if places else self

    def once(self) -> Rows:
        """Each key once: its last row."""
        last = {key: place for place, key in enumerate(self.keys)}
        return self if len(last) == len(self.keys) else self.picked(sorted(last.values()))


class Head(NamedTuple):
    """A collection as it stands; `changes` grows with every write, `uid` differs between catalogs."""

    id: int
    uid: str
    changes: int
    dimension: int


class Label(NamedTuple):
    """What a row is, beside its numbers; it never changes under the same row id."""

    key: str
    metadata: str
    sample: str | None
    content: str | None


class Collection(NamedTuple):
    """What `rushes embeddings` lists."""

    type: EmbeddingType
    encoder_id: str
    dimension: int
    held: int


def head(db: Database, kind: EmbeddingType, encoder_id: str) -> Head | None:
    """The collection, if there is one."""
    row = db.conn.execute(_HEAD, (kind.value, encoder_id)).fetchone()
    return Head(*row) if row else None


def collections(db: Database, kind: EmbeddingType | None = None) -> list[Collection]:
    """All collections that hold something."""
    rows = db.conn.execute(
        """SELECT c.type, c.encoder_id, c.dimension, count(*) FROM embedding_collections c
        JOIN embeddings e INDEXED BY embeddings_order ON e.collection = c.id
        WHERE ? IS NULL OR c.type = ? GROUP BY c.id ORDER BY 1, 2""",
        [kind, kind],
    ).fetchall()
    return [Collection(EmbeddingType(name), *rest) for name, *rest in rows]


def write(db: Database, rows: Rows) -> tuple[int, int]:
    """Insert or replace rows inside the caller's transaction; returns how many are new and how many were replaced.

    Raises:
        VectorError: the collection holds vectors of another dimension.
    """
    rows = rows.once()
    count, size = rows.vectors.shape
    if not count:
        return 0, 0
    place = _collection(db, rows.type, rows.encoder_id, size)
    old = db.conn.execute(_KNOWN, (json.dumps(list(rows.keys)), place)).fetchall()
    _mark_gone(db, place, old)
    raw, step = np.ascontiguousarray(rows.vectors, dtype="<f4").data.cast("B"), size * 4
    nothing = [None] * count
    db.conn.executemany(
        _INSERT,
        zip(
            [place] * count,
            rows.keys,
            rows.samples or nothing,
            rows.contents or nothing,
            rows.metadata or ["{}"] * count,
            [rows.created] * count,
            rows.lines or nothing,
            (raw[at : at + step] for at in range(0, count * step, step)),
            strict=True,
        ),
    )
    _touch(db, place)
    return count - len(old), len(old)


def update(db: Database, place: int, key: str, metadata: str) -> bool:
    """Replace one row, so that it has another id, by itself with other metadata; returns whether it is there."""
    old = db.conn.execute(_KNOWN, (json.dumps([key]), place)).fetchall()
    for (row,) in old:
        db.conn.execute(
            """INSERT OR REPLACE INTO embeddings (collection, key, sample, content, metadata, created_at, line, vector)
            SELECT collection, key, sample, content, ?, created_at, line, vector FROM embeddings WHERE id = ?""",
            (metadata, row),
        )
        _mark_gone(db, place, old)
        _touch(db, place)
    return bool(old)


def delete(db: Database, place: int, keys: Iterable[str]) -> int:
    """Remove rows by key; returns how many there were."""
    return remove(db, place, db.conn.execute(_KNOWN, (json.dumps(list(keys)), place)).fetchall())


def remove(db: Database, place: int, found: Sequence[tuple[int]]) -> int:
    """Remove rows by id."""
    if found:
        db.conn.executemany("DELETE FROM embeddings WHERE id = ?", found)
        _mark_gone(db, place, found)
        _touch(db, place)
    return len(found)


def forget_lines(db: Database, after: int) -> None:
    """Remove what came from lines of the journal behind this one."""
    rows = db.conn.execute("SELECT collection, id FROM embeddings WHERE line > ?", [after]).fetchall()
    for place in {place for place, _ in rows}:
        remove(db, place, [(row,) for other, row in rows if other == place])


def renew(db: Database, place: int) -> None:
    """Let every cache of a collection be made again, and drop the marks of what is gone."""
    db.conn.execute("DELETE FROM embeddings_gone WHERE collection = ?", [place])
    db.conn.execute(
        "UPDATE embedding_collections SET uid = ?, changes = changes + 1 WHERE id = ?", (secrets.token_hex(8), place)
    )


def holds(db: Database, place: int) -> bool:
    """Whether a collection has any row."""
    return db.conn.execute("SELECT 1 FROM embeddings WHERE collection = ? LIMIT 1", [place]).fetchone() is not None


def keys_of(db: Database, place: int, keys: Iterable[str]) -> list[str]:
    """Those of these keys that are there."""
    query = _KNOWN.replace("e.id", "e.key", 1)
    return [key for (key,) in db.conn.execute(query, (json.dumps(list(keys)), place)).fetchall()]


def all_keys(db: Database, place: int) -> set[str]:
    """Every key of a collection."""
    return {key for (key,) in db.conn.execute("SELECT key FROM embeddings WHERE collection = ?", [place]).fetchall()}


def one(db: Database, place: int, key: str) -> tuple[Any, ...] | None:
    """key, sample, content, metadata, created_at, vector of one row."""
    return db.conn.execute(
        """SELECT key, sample, content, metadata, created_at, vector FROM embeddings
        WHERE collection = ? AND key = ?""",
        (place, key),
    ).fetchone()


def ids_of(db: Database, place: int, keys: Iterable[str]) -> NDArray[np.int64]:
    """Ids (int64, ascending) of the rows of these keys."""
    found = sorted(db.conn.execute(_KNOWN, (json.dumps(list(keys)), place)).fetchall())
    return np.fromiter((row for (row,) in found), dtype=np.int64, count=len(found))


def labels(db: Database, found: Sequence[int]) -> dict[int, Label]:
    """What these row ids are; ids that are gone are left out."""
    marks = ",".join("?" * len(found))
    query = f"SELECT id, key, metadata, sample, content FROM embeddings WHERE id IN ({marks})"
    return {row[0]: Label(*row[1:]) for row in db.conn.execute(query, found).fetchall()}


def _collection(db: Database, kind: EmbeddingType, encoder_id: str, size: int) -> int:
    if (found := head(db, kind, encoder_id)) is None:
        made = db.conn.execute(
            "INSERT INTO embedding_collections (type, encoder_id, dimension, uid) VALUES (?, ?, ?, ?)",
            (kind.value, encoder_id, size, secrets.token_hex(8)),
        )
        return int(made.lastrowid or 0)
    if found.dimension != size:
        if holds(db, found.id):
            raise other_dimension(kind, encoder_id, size, found.dimension)
        db.conn.execute("UPDATE embedding_collections SET dimension = ? WHERE id = ?", (size, found.id))
        renew(db, found.id)
    return found.id


def other_dimension(kind: EmbeddingType, encoder_id: str, size: int, known: int) -> VectorError:
    """The sentence for vectors that do not fit their collection."""
    return VectorError(
        f"has {size} numbers, but {encoder_id} made {known} for {kind.value}", do="Give another encoder_id."
    )


def _mark_gone(db: Database, place: int, found: Sequence[tuple[int]]) -> None:
    if found:
        db.conn.executemany(f"INSERT INTO embeddings_gone (collection, row) VALUES ({place:d}, ?)", found)


def _touch(db: Database, place: int) -> None:
    db.conn.execute("UPDATE embedding_collections SET changes = changes + 1 WHERE id = ?", [place])
