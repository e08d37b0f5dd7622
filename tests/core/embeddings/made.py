"""Vectors for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core import loop
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import Embedding, EmbeddingType, SearchRequest, SearchResult, Vector
from core.workspace import Workspace

SEEN = EmbeddingType.CLIP_VISUAL
MAKER = "engine/1"


def numbers(count: int, size: int = 16, seed: int = 0) -> Vector:
    """(count, size) seeded vectors of any length."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, size), dtype=np.float32) * rng.uniform(0.1, 9, (count, 1)).astype(np.float32)


def seen(key: str, vector: Any, encoder_id: str = MAKER, **metadata: Any) -> Embedding:
    """A visual embedding."""
    return Embedding(SEEN, key, np.asarray(vector, dtype=np.float32), encoder_id, metadata)


def several(vectors: Vector, start: str = "k") -> list[Embedding]:
    """One embedding per row: k0, k1 ..."""
    return [seen(f"{start}{place}", row) for place, row in enumerate(vectors)]


def workspace(root: Path) -> Workspace:
    """An open workspace."""
    return loop.open_workspace(root / "ws")


def opened(space: Workspace) -> EmbeddingsStore:
    """Its store, for vectors of any dimension."""
    return EmbeddingsStore(dimension=None, workspace=space)


def find(store: EmbeddingsStore, vector: Vector, k: int = 10, **more: Any) -> list[SearchResult]:
    """The nearest of the tests' own encoder."""
    return store.search_now(SearchRequest(SEEN, vector, k=k, encoder_id=more.pop("encoder_id", MAKER), **more))


def keys(found: Sequence[SearchResult]) -> list[str]:
    """Their keys."""
    return [one.key for one in found]


def by_hand(vectors: Vector, asked: Vector) -> Vector:
    """Cosines in float64."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1) * np.linalg.norm(asked.astype(np.float64))
    return np.asarray(vectors.astype(np.float64) @ asked.astype(np.float64) / lengths)
