"""What is alike by look, sound and words together: the weighted mean of the cosines over what both have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.embeddings import encoding
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import EmbeddingType, SearchRequest, VectorError

WEIGHTS: Mapping[EmbeddingType, float] = {
    EmbeddingType.CLIP_VISUAL: 0.5,
    EmbeddingType.AUDIO_FEATURE: 0.2,
    EmbeddingType.TEXT_CAPTION: 0.3,
}
CANDIDATES = 1000  # nearest of each kind; what is far in all of them cannot be near in their mean


@dataclass(frozen=True, slots=True)
class Joined:
    """One of the nearest.

    Attributes:
        score: sum of weight * cosine over the kinds both have, divided by the sum of their weights.
        parts: the cosine of each kind both have.
        missing: kinds that this one or the one asked about lacks; they count neither for nor against it.
    """

    key: str
    score: float
    parts: dict[EmbeddingType, float]
    missing: tuple[EmbeddingType, ...]

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "key": self.key,
            "score": self.score,
            "parts": {kind.value: score for kind, score in self.parts.items()},
            "missing": [kind.value for kind in self.missing],
        }


def joined(
    store: EmbeddingsStore,
    task: str,
    like: str,
    k: int = 10,
    *,
    weights: Mapping[EmbeddingType, float] = WEIGHTS,
    keys: frozenset[str] | None = None,
) -> list[Joined]:
    """The k samples most like one by all its vectors that our encoders made, best first.

    Raises:
        VectorError: it has no vector at all, or no weight is above 0.
    """
    kinds = {kind: encoder for kind, encoder in encoding.modalities(task).items() if weights.get(kind, 0) > 0}
    if not kinds:
        raise VectorError("no kind of vector has a weight above 0")
    mine = {kind: found.vector for kind, one in kinds.items() if (found := store.backend.get(kind, one, like))}
    if not mine:
        raise VectorError("no vector is kept of it", where=like[:60], do="Make them: rushes embeddings store")

    def cosines(kind: EmbeddingType, among: frozenset[str] | None, count: int) -> dict[str, float]:
        asked = SearchRequest(kind, mine[kind], k=count, encoder_id=kinds[kind], keys=among)
        return {found.key: found.score for found in store.search_now(asked)}

    near = frozenset(key for kind in mine for key in cosines(kind, keys, CANDIDATES)) - {like}
    if not near:
        return []
    scores = {kind: cosines(kind, near, len(near)) for kind in mine}
    found = [_joined(key, scores, kinds, weights) for key in near]
    return sorted(found, key=lambda one: (-round(one.score, 6), one.key))[:k]


def _joined(
    key: str,
    scores: Mapping[EmbeddingType, Mapping[str, float]],
    kinds: Mapping[EmbeddingType, str],
    weights: Mapping[EmbeddingType, float],
) -> Joined:
    parts = {kind: known[key] for kind, known in scores.items() if key in known}
    total = sum(weights[kind] for kind in parts)
    score = sum(weights[kind] * part for kind, part in parts.items()) / total
    return Joined(key, score, parts, tuple(kind for kind in kinds if kind not in parts))
