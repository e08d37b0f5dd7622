"""Vectors of one workspace: kept in its catalog, searched with FAISS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from core.embeddings import rows
from core.embeddings.index import Ids, Index, stamp_of
from core.embeddings.ledger import Ledger
from core.embeddings.rows import Collection, Head, Label, Rows
from core.embeddings.types import Embedding, EmbeddingType, Filters, SearchResult, Vector
from core.store.kept import Kept
from core.store.records import Json
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

T = TypeVar("T")
QUICK = 6_000_000  # numbers: about 1 ms
TRIES = 3  # when others remove what was just found


class Local:
    """The protocol `core.embeddings.store.Backend` in a workspace. Safe for several threads and processes."""

    name = "faiss"

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self.catalog = space.store.catalog
        self.ledger = Ledger(space.store)
        self.ledger.mirror.refresh()
        self._seen: object = None
        self._sizes: dict[tuple[EmbeddingType, str], int] = {}
        self._indexes: dict[tuple[EmbeddingType, str], Index] = {}

    def put(self, found: Rows, *, again: bool = False) -> tuple[int, int]:
        """Keep vectors; returns how many are new and how many replaced others.

        Args:
            again: our own encoders can make them again; they need no line in the journal.
        """
        found = found.once()
        self._fits(found)
        if again:
            with self.catalog.derive() as db:  # in which forgetting erases too
                return rows.write(db, found.without(found.forgotten(self.space.store.forgotten())))
        return self.ledger.keep(found)

    def put_one(self, found: Rows) -> None:
        """Keep one vector; the journal has it when this returns, and every search from now on."""
        self._fits(found)
        self.ledger.keep_one(found)

    def bring(self, file: Kept, form: str, found: Rows) -> tuple[int, int]:
        """As `put`, for what a kept import file holds."""
        self._fits(found)
        return self.ledger.bring(file, found.once(), form)

    def _ask(self, question: Callable[[Database], T]) -> T:
        """An answer of the catalog, equal to the journal as it is by now."""
        self.ledger.mirror.refresh()
        return self.ledger.mirror.ask(question)

    def _fits(self, found: Rows) -> None:
        """Refuse vectors of another dimension than the encoder's others."""
        size = found.vectors.shape[1]
        if self._sizes.get((found.type, found.encoder_id)) == size or not len(found.keys):
            return

        def ask(db: Database) -> None:
            head = rows.head(db, found.type, found.encoder_id)
            if head is not None and head.dimension != size and rows.holds(db, head.id):
                raise rows.other_dimension(found.type, found.encoder_id, size, head.dimension)

        self._ask(ask)
        self._sizes[found.type, found.encoder_id] = size

    def update(self, kind: EmbeddingType, encoder_id: str, key: str, metadata: Json) -> bool:
        """Replace a row's metadata; returns whether the row is there."""
        if self.get(kind, encoder_id, key) is None:
            return False
        self.ledger.change(kind, encoder_id, key, metadata)
        return True

    def delete(self, kind: EmbeddingType, encoder_id: str, keys: Sequence[str]) -> int:
        """Remove rows; returns how many there were."""

        def ask(db: Database) -> list[str]:
            head = rows.head(db, kind, encoder_id)
            return [] if head is None else rows.keys_of(db, head.id, keys)

        if known := self._ask(ask):
            self.ledger.delete(kind, encoder_id, known)
        return len(known)

    def get(self, kind: EmbeddingType, encoder_id: str, key: str) -> Embedding | None:
        """One row as it was kept."""

        def ask(db: Database) -> Embedding | None:
            head = rows.head(db, kind, encoder_id)
            row = head and rows.one(db, head.id, key)
            if not row:
                return None
            _, sample, content, metadata, at, vector = row
            numbers = np.frombuffer(vector, dtype="<f4").astype(np.float32)
            return Embedding(kind, key, numbers, encoder_id, json.loads(metadata), sample, content, at)

        return self._ask(ask)

    def keys(self, kind: EmbeddingType, encoder_id: str) -> set[str]:
        """All keys of a collection."""

        def ask(db: Database) -> set[str]:
            head = rows.head(db, kind, encoder_id)
            return set() if head is None else rows.all_keys(db, head.id)

        return self._ask(ask)

    def collections(self, kind: EmbeddingType | None = None) -> list[Collection]:
        """All collections that hold something."""
        return self._ask(lambda db: rows.collections(db, kind))

    def nearest(
        self,
        kind: EmbeddingType,
        encoder_id: str,
        unit: Vector,
        k: int,
        filters: Filters,
        keys: frozenset[str] | None,
    ) -> list[SearchResult]:
        """The k rows of the highest cosine with a unit vector, best first."""
        index = self._index(kind, encoder_id)
        self._catch_up(index)
        results: list[SearchResult] = []
        for _ in range(TRIES):
            head = index.current(self.catalog) or self._synced(index, kind, encoder_id)
            if head is None:
                return []
            if len(unit) != head.dimension:
                raise rows.other_dimension(kind, encoder_id, len(unit), head.dimension)
            found = index.nearest(unit, k, self._among(index, head, filters, keys))
            labels = index.labels(self.catalog, [row for row, _ in found])
            results = [_result(labels[row], score, kind, encoder_id) for row, score in found if row in labels]
            if len(results) == len(found):
                break
            index.doubt()
        return results

    def _among(self, index: Index, head: Head, filters: Filters, keys: frozenset[str] | None) -> Ids | None:
        """Ids (ascending) that meet the filters and are of these keys; None = all do."""
        among = index.having(self.catalog, filters) if filters else None
        if keys is None:
            return among
        with self.catalog.read() as db:
            mine = rows.ids_of(db, head.id, keys)
        return mine if among is None else np.intersect1d(among, mine, assume_unique=True)

    def is_quick(self, kind: EmbeddingType, encoder_id: str | None) -> bool:
        """Whether a search among all takes no longer than handing it to a thread: loaded, small, nothing new."""
        index = self._indexes.get((kind, encoder_id or ""))
        return index is not None and index.numbers <= QUICK and index.current(self.catalog) is not None

    def _catch_up(self, index: Index) -> None:
        """Take in what others wrote into the journal; two looks at files where nobody did."""
        stamp = self.ledger.stamp()
        if stamp != self._seen or index.current(self.catalog) is None:
            self.ledger.mirror.refresh()
            self._seen = stamp

    def _synced(self, index: Index, kind: EmbeddingType, encoder_id: str) -> Head | None:
        stamp = stamp_of(self.catalog)
        with self.catalog.read() as db:
            head = rows.head(db, kind, encoder_id)
        if head is not None:
            index.sync(self.catalog, head, stamp)
        return head

    def rebuild(self, kind: EmbeddingType | None = None) -> int:
        """Make the caches anew from the catalog; returns how many vectors they hold."""
        count = 0
        for one in self.collections(kind):
            with self.catalog.derive() as db:
                head = rows.head(db, one.type, one.encoder_id)
                if head is not None:
                    rows.renew(db, head.id)
            index = self._index(one.type, one.encoder_id)
            index.drop()
            with self.catalog.read() as db:
                head = rows.head(db, one.type, one.encoder_id)
            if head is not None:
                index.sync(self.catalog, head)
                index.save()
                count += len(index)
        return count

    def close(self) -> None:
        """Leave what was learnt in the cache, where that is worth it."""
        for index in self._indexes.values():
            index.save()

    def _index(self, kind: EmbeddingType, encoder_id: str) -> Index:
        key = (kind, encoder_id)
        if key not in self._indexes:
            name = hashlib.sha256(encoder_id.encode()).hexdigest()[:16]
            self._indexes.setdefault(key, Index(self.space.cache / "vectors" / kind.value / f"{name}.vectors"))
        return self._indexes[key]


def _result(label: Label, score: float, kind: EmbeddingType, encoder_id: str) -> SearchResult:
    metadata = {} if label.metadata == "{}" else json.loads(label.metadata)
    return SearchResult(label.key, score, kind, encoder_id, metadata, label.sample, label.content)
