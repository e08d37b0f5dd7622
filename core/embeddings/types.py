"""The words of the embeddings store, in seed 001's names: what is kept, asked for, and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import RushesError, WrongUseError

Vector = NDArray[np.float32]
Scalar = str | int | float | bool | None
Filters = Mapping[str, Scalar | Sequence[Scalar]]
LONGEST = 200  # characters of a key, an encoder's id or a name in metadata
MOST_NUMBERS = 16_000  # in one vector: what pgvector can keep
MOST_FOUND = 10_000


class EmbeddingType(StrEnum):
    """What a vector is about."""

    CLIP_VISUAL = "clip_visual"
    TEXT_CAPTION = "text_caption"
    TEXT_TREND = "text_trend"
    BRAND_STYLE = "brand_style"
    AUDIO_FEATURE = "audio_feature"


class VectorError(RushesError):
    """A vector that cannot be kept or searched for."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """One vector of one thing.

    Attributes:
        key: what it is of: a sample's id, a content_id, or any text of 1 to 200 characters.
        vector: (D,) numbers; kept as float32.
        encoder_id: what made it. Vectors of two encoders are never compared.
        sample, content: the sample or post it belongs to, where that is not the key itself.
    """

    type: EmbeddingType
    key: str
    vector: Vector
    encoder_id: str
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sample: str | None = None
    content: str | None = None
    created_at: float = 0.0  # UTC seconds; 0 = now


@dataclass(frozen=True, slots=True, eq=False)
class SearchRequest:
    """What to look for: a vector, or what is like a kept key.

    Attributes:
        encoder_id: may be left out where only one encoder made vectors of this type (or of the key).
        filters: metadata that must be equal, of several values any; 1 equals 1.0, but neither true nor "1".
        keys: look among these alone; the result is as exact as among all.
    """

    type: EmbeddingType
    vector: Vector | None = None
    like: str | None = None
    k: int = 10
    filters: Filters = field(default_factory=dict[str, Scalar])
    encoder_id: str | None = None
    keys: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One of the nearest; `score` is the cosine, -1..1."""

    key: str
    score: float
    type: EmbeddingType
    encoder_id: str
    metadata: dict[str, Any]
    sample: str | None = None
    content: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "key": self.key,
            "score": self.score,
            "type": self.type.value,
            "encoder_id": self.encoder_id,
            "sample": self.sample,
            "content": self.content,
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Vectors that are kept together: all good ones or, where the disk fails, none."""

    embeddings: Sequence[Embedding]


@dataclass(frozen=True, slots=True)
class BatchResponse:
    """How a batch went; `errors` are (place in the batch, why), the others are kept."""

    stored: int
    updated: int = 0
    errors: tuple[tuple[int, str], ...] = ()


def type_of(text: str) -> EmbeddingType:
    """The type somebody typed, whatever its case.

    Raises:
        WrongUseError: there is no such type.
    """
    try:
        return EmbeddingType(text.strip().lower().replace("-", "_"))
    except ValueError:
        names = ", ".join(one.value for one in EmbeddingType)
        raise WrongUseError(f"there is no embedding type {text[:60]!r}", do=f"Types are {names}.") from None


def kind_of(given: object) -> EmbeddingType:
    """The type, also where a program gives its name only.

    Raises:
        VectorError: there is none of that name.
    """
    if isinstance(given, EmbeddingType):
        return given
    try:
        return type_of(str(given))
    except WrongUseError as error:
        raise VectorError(error.sentence()) from None
