"""Questions as people ask them: like this sample, this text, this file, among those that wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core import tasks
from core.embeddings import encoders, encoding, text
from core.embeddings.joined import WEIGHTS, Joined, joined
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import EmbeddingType, Filters, SearchRequest, SearchResult, Vector, VectorError
from core.errors import WrongUseError
from core.store.records import Sample
from core.workspace import Workspace

LIMIT_S = 10.0  # for vectors that samples lack, before the search
TEXTS = (EmbeddingType.TEXT_CAPTION, EmbeddingType.TEXT_TREND)
LOOKS = (EmbeddingType.CLIP_VISUAL, EmbeddingType.BRAND_STYLE)


@dataclass(frozen=True)
class Asked:
    """One of `like`, `text` and `file` is given."""

    type: EmbeddingType
    like: str | None
    text: str | None
    file: Path | None
    k: int
    filters: Filters
    unanswered: bool
    task: str | None
    encoder_id: str | None


def nearest(space: Workspace, store: EmbeddingsStore, asked: Asked) -> list[SearchResult]:
    """The nearest of the type; what the sample asked about and its task's others lack is made first.

    Raises:
        VectorError: what is asked about has no vector of this type.
        WrongUseError: text or file and type do not go together.
    """
    if asked.text is not None:
        if asked.type not in TEXTS:
            raise WrongUseError("--text finds texts", do="Add --type text_caption or --type text_trend.")
        maker = asked.encoder_id or text.HASHED
        request = SearchRequest(asked.type, text.encode(asked.text, maker), encoder_id=maker)
        sample = None
    elif asked.file is not None:
        request, sample = SearchRequest(asked.type, _of_file(asked), encoder_id=_maker(asked)), None
    else:
        request, sample = _like(space, store, asked)
    found = SearchRequest(
        request.type, request.vector, request.like, asked.k, asked.filters, request.encoder_id,
        _waiting(space, asked, sample),
    )  # fmt: skip
    return store.search_now(found)


def together(space: Workspace, store: EmbeddingsStore, asked: Asked) -> tuple[list[Joined], dict[str, float]]:
    """The nearest by all kinds of vectors together, and the weights.

    Raises:
        WrongUseError: it is not asked about a sample.
    """
    sample = _sample(space, asked.like) if asked.like else None
    if sample is None:
        raise WrongUseError("--joined looks for what is like a sample", do="Give a sample's id with --like.")
    for kind in encoding.modalities(sample.task):
        _make(space, store, kind, sample)
    found = joined(store, sample.task, sample.id, asked.k, keys=_waiting(space, asked, sample))
    return found, {kind.value: weight for kind, weight in WEIGHTS.items()}


def _like(space: Workspace, store: EmbeddingsStore, asked: Asked) -> tuple[SearchRequest, Sample | None]:
    key = asked.like or ""
    sample = _sample(space, key)
    if sample is not None and asked.type in encoding.modalities(sample.task):
        ours = encoding.modalities(sample.task)[asked.type]
        if asked.encoder_id in (None, ours):
            _make(space, store, asked.type, sample)
            if asked.encoder_id is not None or store.backend.get(asked.type, ours, sample.id) is not None:
                return SearchRequest(asked.type, like=sample.id, encoder_id=ours), sample
    if sample is not None and asked.type is EmbeddingType.BRAND_STYLE:
        encoding.one(space, store, EmbeddingType.CLIP_VISUAL, sample)
        ours = encoding.modalities(sample.task)[EmbeddingType.CLIP_VISUAL]
        if (mine := store.backend.get(EmbeddingType.CLIP_VISUAL, ours, sample.id)) is not None:
            return SearchRequest(asked.type, mine.vector, encoder_id=ours), sample
    if asked.type is EmbeddingType.CLIP_VISUAL and sample is None:
        style = store.get_now(EmbeddingType.BRAND_STYLE, key)
        if style is not None:
            return SearchRequest(asked.type, style.vector, encoder_id=style.encoder_id), None
    return SearchRequest(asked.type, like=sample.id if sample else key, encoder_id=asked.encoder_id), sample


def _make(space: Workspace, store: EmbeddingsStore, kind: EmbeddingType, sample: Sample) -> None:
    """The sample's vector, and those of its task's others as far as the time reaches."""
    encoding.one(space, store, kind, sample)
    others = encoding.samples_of(space, sample.task)
    encoding.encode(space, store, sample.task, kind, others, limit_s=LIMIT_S, cached_only=True)


def _sample(space: Workspace, key: str) -> Sample | None:
    if (found := space.store.sample(key)) is not None:
        return found
    near = space.store.samples_like(key) if len(key) >= 4 else []
    return near[0] if len(near) == 1 else None


def _maker(asked: Asked) -> str:
    if asked.type not in LOOKS or asked.task is None:
        raise WrongUseError("--file finds what looks like it", do="Add --task, and a type that is seen (clip_visual).")
    return encoding.modalities(asked.task)[EmbeddingType.CLIP_VISUAL]


def _of_file(asked: Asked) -> Vector:
    from core import features

    owner = tasks.get(asked.task or "")
    if asked.file is None or not asked.file.is_file():
        raise VectorError("there is no such file", where=asked.file)
    return encoders.visual(owner.name, [features.of_file(asked.file, owner)])[0]


def _waiting(space: Workspace, asked: Asked, sample: Sample | None) -> frozenset[str] | None:
    if not asked.unanswered:
        return None
    names = [sample.task] if sample else [asked.task] if asked.task else tasks.names()
    return frozenset(one for name in names for one in encoding.samples_of(space, name, unanswered=True))
