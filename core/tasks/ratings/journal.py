"""Ratings as seed 002 writes them, one JSON object a line in annotations.jsonl."""

from __future__ import annotations

import math
from typing import cast

from core.store.identity import derived_id
from core.store.records import Correction, Json, Sample

TASK = "ratings"


class RatingsCodec:
    """Seed 002's fields: framePath, rating (0..1), metadata."""

    task = TASK
    journal = "annotations.jsonl"

    def encode(self, sample: Sample, correction: Correction) -> Json:
        """The seed's fields; the sample's id stands for a frame without a file."""
        about = {"speaker": sample.speaker, "context": sample.context, "source": sample.source}
        return {
            "framePath": sample.media or sample.id,
            "rating": float(correction.value),
            "metadata": sample.extra.get("metadata", {}) | {name: value for name, value in about.items() if value},
        }

    def decode(self, line: Json) -> tuple[Sample, Correction]:
        """A line of ours or of the seed's own system, checked as the seed does.

        Raises:
            ValueError: in the seed's words.
        """
        path, rating = line.get("framePath"), line.get("rating")
        if not isinstance(path, str) or not path.strip():
            raise ValueError("Frame path must not be empty")
        if not isinstance(rating, (int, float)) or isinstance(rating, bool):
            raise ValueError("rating is missing")
        if math.isnan(rating) or not 0.0 <= rating <= 1.0:
            raise ValueError(f"Rating must be between 0.0 and 1.0, got {rating}")
        about = line.get("metadata") or {}
        if not isinstance(about, dict):
            raise ValueError("metadata is not an object")
        about = cast("Json", about)
        source = about.get("source")
        sample = Sample(
            id=derived_id(TASK, path),
            task=TASK,
            group=path,
            media=path,
            source=source if isinstance(source, str) else None,
            extra={"metadata": about} if about else {},
        )
        return sample, Correction(id="", sample=sample.id, task=TASK, value=float(rating), at=0.0, batch="")


CODEC = RatingsCodec()
