"""The embeddings store in seed 001's names: one door to both backends, for any program's event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np

from core.embeddings import checks, filters
from core.embeddings.rows import Collection, Rows
from core.embeddings.types import (
    MOST_FOUND,
    BatchRequest,
    BatchResponse,
    Embedding,
    EmbeddingType,
    Filters,
    SearchRequest,
    SearchResult,
    Vector,
    VectorError,
    kind_of,
)
from core.errors import WrongUseError
from core.root import find_root
from core.store.records import Json
from core.workspace import Workspace

BackendName = Literal["faiss", "pgvector"]


class Backend(Protocol):
    """Where vectors lie and how they are searched; everything that reaches it was checked."""

    name: str

    def put(self, found: Rows, *, again: bool = False) -> tuple[int, int]: ...
    def put_one(self, found: Rows) -> None: ...
    def update(self, kind: EmbeddingType, encoder_id: str, key: str, metadata: Json) -> bool: ...
    def delete(self, kind: EmbeddingType, encoder_id: str, keys: Sequence[str]) -> int: ...
    def get(self, kind: EmbeddingType, encoder_id: str, key: str) -> Embedding | None: ...
    def keys(self, kind: EmbeddingType, encoder_id: str) -> set[str]: ...
    def collections(self, kind: EmbeddingType | None = None) -> list[Collection]: ...
    def nearest(
        self,
        kind: EmbeddingType,
        encoder_id: str,
        unit: Vector,
        k: int,
        filters: Filters,
        keys: frozenset[str] | None,
    ) -> list[SearchResult]: ...
    def rebuild(self, kind: EmbeddingType | None = None) -> int: ...
    def close(self) -> None: ...


class EmbeddingsStore:
    """Keeps vectors and finds what is like them, by cosine; vectors of two encoders are never compared.

    The async methods work in a thread; their plain twins (without `async`) end in `_now`.

    Args:
        backend: faiss (in the workspace) or pgvector (in a PostgreSQL database).
        dimension: how many numbers every vector must have; None: each encoder's first vector decides.
        workspace: an open one, or its folder; None: the one that commands would use here.
        url: of the database; None: the setting database.url.

    Raises:
        WrongUseError: no such backend, or pgvector without a database.
        StoreError: the workspace or the database cannot be used.
    """

    def __init__(
        self,
        backend: BackendName = "faiss",
        dimension: int | None = 512,
        *,
        workspace: Workspace | Path | None = None,
        url: str | None = None,
    ) -> None:
        if dimension is not None and not 1 <= dimension <= checks.MOST_NUMBERS:
            raise WrongUseError(f"a dimension of {dimension} is not possible", do=f"1 to {checks.MOST_NUMBERS} are.")
        self.dimension = dimension
        self._own: Workspace | None = None
        if not isinstance(workspace, Workspace):
            from core import tasks

            workspace = self._own = Workspace.open(workspace or find_root()[0], tasks.codecs())
        self._space = workspace
        self.backend = _backend(workspace, backend, url)

    async def store_embedding(self, embedding: Embedding) -> None:
        """Keep one vector in place of an earlier one of the same key; it is durable when this returns.

        Raises:
            VectorError: it cannot be kept; the sentence says why.
            StoreError: the disk or the database fails.
        """
        await asyncio.to_thread(self.store_now, embedding)

    async def search_similar(self, request: SearchRequest) -> list[SearchResult]:
        """The nearest by cosine, best first. What is asked to be like a key is not found itself.

        Raises:
            VectorError: the vector or a filter cannot be used, the key is not there, or several encoders made vectors
                of this type and none is named.
        """
        if request.vector is not None and not request.filters and request.keys is None:
            from core.embeddings.local import Local

            if isinstance(self.backend, Local) and self.backend.is_quick(request.type, request.encoder_id):
                return self.search_now(request)
        return await asyncio.to_thread(self.search_now, request)

    async def batch_store(self, request: BatchRequest) -> BatchResponse:
        """Keep many vectors; bad ones are named, good ones kept."""
        return await asyncio.to_thread(self.batch_now, request)

    async def delete_embedding(
        self,
        type: EmbeddingType,  # noqa: A002  # `type` is the seed's word, as in SearchRequest
        key: str,
        encoder_id: str | None = None,
    ) -> int:
        """Remove what is kept of a key, of one encoder or of all. Returns how many vectors went."""
        return await asyncio.to_thread(self.delete_now, type, [key], encoder_id)

    async def update_embedding(
        self,
        type: EmbeddingType,  # noqa: A002  # the seed's word
        key: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        vector: Vector | None = None,
        encoder_id: str | None = None,
    ) -> bool:
        """Replace a kept key's metadata, its vector, or both. Returns whether the key is there."""
        return await asyncio.to_thread(self.update_now, type, key, metadata, vector, encoder_id)

    async def rebuild_index(self, type: EmbeddingType | None = None) -> int:  # noqa: A002  # the seed's word
        """Make the search caches anew from what is kept; returns how many vectors they hold."""
        return await asyncio.to_thread(self.backend.rebuild, type)

    async def get_embedding(
        self,
        type: EmbeddingType,  # noqa: A002  # the seed's word
        key: str,
        encoder_id: str | None = None,
    ) -> Embedding | None:
        """What is kept of a key."""
        return await asyncio.to_thread(self.get_now, type, key, encoder_id)

    def store_now(self, embedding: Embedding) -> None:
        self.backend.put_one(self._rows([embedding]))

    def search_now(self, request: SearchRequest) -> list[SearchResult]:
        if not 1 <= request.k <= MOST_FOUND:
            raise VectorError(f"k is {request.k}; 1 to {MOST_FOUND} can be found")
        filters.options(request.filters)
        if (kind := kind_of(request.type)) is not request.type:
            request = replace(request, type=kind)
        if (request.vector is None) == (request.like is None):
            raise VectorError("what to look for is not clear: give either a vector or a key to be like")
        encoder_id = self._encoder(request.type, request.encoder_id, request.like)
        if encoder_id is None and request.like is not None:
            raise _unknown(request.type, request.like)
        if encoder_id is None:
            return []
        vector = request.vector
        if request.like is not None:
            known = self.backend.get(request.type, encoder_id, request.like)
            if known is None:
                raise _unknown(request.type, request.like)
            vector = known.vector
        unit = checks.unit(vector, self.dimension)
        more = int(request.like is not None)
        found = self.backend.nearest(request.type, encoder_id, unit, request.k + more, request.filters, request.keys)
        if request.like is not None:
            found = [one for one in found if one.key != request.like][: request.k]
        return sorted(found, key=lambda one: (-round(one.score, 6), one.key))

    def batch_now(self, request: BatchRequest) -> BatchResponse:
        groups: dict[tuple[EmbeddingType, str, int], list[int]] = {}
        errors: list[tuple[int, str]] = []
        for place, one in enumerate(request.embeddings):
            if getattr(one.vector, "ndim", 0) == 1:
                groups.setdefault((one.type, one.encoder_id, len(one.vector)), []).append(place)
            else:
                errors.append((place, "the vector is no one-dimensional array"))
        stored = updated = 0
        for group in groups.values():
            kept, bad = self._group([request.embeddings[place] for place in group])
            errors += [(group[at], why) for at, why in bad.items()]
            if kept:
                try:
                    new, old = self.backend.put(kept)
                except VectorError as error:
                    errors += [(place, error.sentence()) for at, place in enumerate(group) if at not in bad]
                    continue
                stored, updated = stored + new, updated + old
        return BatchResponse(stored, updated, tuple(sorted(errors)))

    def delete_now(self, kind: EmbeddingType, keys: Sequence[str], encoder_id: str | None = None) -> int:
        encoders = [encoder_id] if encoder_id else [one.encoder_id for one in self.backend.collections(kind)]
        return sum(self.backend.delete(kind, one, keys) for one in encoders)

    def update_now(
        self,
        kind: EmbeddingType,
        key: str,
        metadata: Mapping[str, Any] | None = None,
        vector: Vector | None = None,
        encoder_id: str | None = None,
    ) -> bool:
        known = self.get_now(kind, key, encoder_id)
        if known is None:
            return False
        if metadata is not None:
            checks.metadata(metadata)
            known = replace(known, metadata=dict(metadata))
        if vector is not None:
            self.store_now(replace(known, vector=vector, created_at=time.time()))
            return True
        return self.backend.update(kind, known.encoder_id, key, dict(known.metadata))

    def get_now(self, kind: EmbeddingType, key: str, encoder_id: str | None = None) -> Embedding | None:
        chosen = self._encoder(kind, encoder_id, key)
        return None if chosen is None else self.backend.get(kind, chosen, key)

    def close(self) -> None:
        """Close what was opened; the search caches are written where that is worth it."""
        self.backend.close()
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()

    def _rows(self, found: Sequence[Embedding]) -> Rows:
        """Embeddings of one type, encoder and dimension as rows."""
        kept, bad = self._group(found)
        if kept is None or bad:
            raise VectorError(next(iter(bad.values())), where=str(found[0].key)[:60])
        return kept

    def _group(self, found: Sequence[Embedding]) -> tuple[Rows | None, dict[int, str]]:
        """The good ones as rows, and the places of the others with what is wrong with them."""
        first = found[0]
        try:
            kind = kind_of(first.type)
            checks.named(first.encoder_id, "encoder_id")
            size = len(checks.vector(first.vector)) if len(found) == 1 else len(first.vector)
        except VectorError as error:
            return None, dict.fromkeys(range(len(found)), error.sentence())
        vectors = np.empty((len(found), size), np.float32)
        texts = ["{}"] * len(found)
        with np.errstate(over="ignore", invalid="ignore"):
            for place, one in enumerate(found):
                vectors[place] = one.vector
        bad = {place: why for place, why in enumerate(checks.problems(vectors, self.dimension)) if why}
        for place, one in enumerate(found):
            try:
                checks.named(one.key, "key")
                if one.metadata:
                    texts[place] = checks.metadata(one.metadata)
            except VectorError as error:
                bad[place] = error.sentence()
        keys, samples, contents = ([getattr(one, name) for one in found] for name in ("key", "sample", "content"))
        rows = Rows(kind, first.encoder_id, keys, vectors, texts, samples, contents,
                    created=first.created_at or time.time())  # fmt: skip
        bad |= dict.fromkeys(rows.forgotten(self._space.store.forgotten()), checks.FORGOTTEN)
        if not bad:
            return rows, bad
        left = rows.without(list(bad))
        return (left if left.keys else None), bad

    def _encoder(self, kind: EmbeddingType, named: str | None, key: str | None) -> str | None:
        """The encoder that is meant: the one named, or the only one that made vectors of this type (or key)."""
        if named is not None:
            return named
        known = [one.encoder_id for one in self.backend.collections(kind)]
        if len(known) > 1 and key is not None:
            known = [one for one in known if self.backend.get(kind, one, key) is not None]
        if len(known) > 1:
            raise VectorError(
                f"several encoders made {kind.value} vectors, which are never mixed",
                do=f"Name one (encoder_id, --encoder): {', '.join(known)}.",
            )
        return known[0] if known else None


def open_store(space: Workspace, backend: BackendName | None = None) -> EmbeddingsStore:
    """The workspace's store; the backend is that of the setting embeddings.backend where none is named."""
    return EmbeddingsStore(backend or space.settings.embeddings.backend, None, workspace=space)


def _unknown(kind: EmbeddingType, key: str) -> VectorError:
    return VectorError(f"no {kind.value} vector is kept of it", where=key[:60], do="Make it: rushes embeddings store")


def _backend(space: Workspace, name: str, url: str | None) -> Backend:
    if name == "faiss":
        from core.embeddings.local import Local

        return Local(space)
    if name == "pgvector":
        from core.embeddings.postgres import Postgres

        return Postgres(url or space.settings.database.url)
    raise WrongUseError(f"there is no backend {name!r}", do="Use faiss or pgvector.")
