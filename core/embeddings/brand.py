"""A brand's style: the mean of what chosen samples look like. The choice is the user's: it outlives the catalog."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.embeddings import checks, encoding
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import Embedding, EmbeddingType, VectorError
from core.store.records import Sample
from core.workspace import Workspace


def brand(space: Workspace, store: EmbeddingsStore, name: str, samples: Sequence[Sample]) -> Embedding:
    """Keep the mean direction of the samples' visual vectors as BRAND_STYLE under a name, in place of an earlier one.

    The vector keeps the visual encoder's id, so that samples and brands can be compared.

    Raises:
        VectorError: no samples, of several tasks, or one that cannot be looked at.
    """
    checks.named(name, "name")
    if not samples:
        raise VectorError(
            "a style is the mean of samples, and none is named", do="Name them with --like, several times."
        )
    if len({sample.task for sample in samples}) > 1:
        raise VectorError("the samples are of several tasks, whose looks cannot be compared")
    encoder_id = encoding.modalities(samples[0].task)[EmbeddingType.CLIP_VISUAL]
    vectors: list[checks.Vector] = []
    for sample in samples:
        encoding.one(space, store, EmbeddingType.CLIP_VISUAL, sample)
        found = store.backend.get(EmbeddingType.CLIP_VISUAL, encoder_id, sample.id)
        if found is None:
            raise VectorError("cannot be looked at", where=sample.id, do="Leave it out.")
        vectors.append(found.vector)
    mean = checks.units(np.stack(vectors)).mean(axis=0)
    ids = [sample.id for sample in samples]
    style = Embedding(EmbeddingType.BRAND_STYLE, name, mean, encoder_id, {"samples": ids, "task": samples[0].task})
    store.store_now(style)
    return style
