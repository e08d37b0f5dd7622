"""Unanswered clips that are like a given one, nearest first: by what the frozen encoder sees, else by their looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core import tasks
from core.embeddings import encoding
from core.embeddings.store import EmbeddingsStore, open_store
from core.embeddings.types import EmbeddingType, SearchRequest
from core.errors import RushesError
from core.log import logger
from core.review import looks
from core.review.listing import Listing, at_once
from core.store.records import Sample
from core.workspace import Workspace

FAR = 20  # of 64 bits: looks of unrelated pictures differ in 32 give or take 4
MOST = 200  # rows
MOST_COMPARED = 20_000  # newest first; each look costs a file's opening
LIMIT_S = 3.0  # for vectors that are still missing, newest clips first: about 150 a second
VISUAL = EmbeddingType.CLIP_VISUAL


@dataclass(frozen=True)
class Alike:
    """The listing, the clip itself first; with how many others it was compared, of how many unanswered ones.

    Attributes:
        by: "vectors" or, where there are none, "looks" (a hash of the middle picture).
        remaining: clips that wait for their vector; asking again makes more of them. What was compared neither by
            vector nor by look was never measured.
    """

    listing: Listing
    compared: int
    of: int
    by: Literal["vectors", "looks"] = "looks"
    remaining: int = 0


def _never() -> bool:
    return False


def alike(space: Workspace, sample: Sample, stop: Callable[[], bool] = _never) -> Alike | None:
    """Clips most like this one; None where nothing of it can be compared (its features are not in the cache).

    Args:
        stop: asked before each clip; what was compared until then counts.
    """
    try:
        with open_store(space) as store:
            found = _by_vectors(space, store, sample, stop)
    except RushesError as error:  # a database that is away, a factory file that is damaged: looks need neither
        logger.warning("look-alikes by vectors: %s", error)
        found = None
    return found or _by_looks(space, sample, stop)


def _by_vectors(space: Workspace, store: EmbeddingsStore, sample: Sample, stop: Callable[[], bool]) -> Alike | None:
    owner = tasks.get(sample.task)
    encoder_id = encoding.modalities(owner.name).get(VISUAL)
    if encoder_id is None:
        return None
    encoding.encode(space, store, owner.name, VISUAL, [sample.id], cached_only=True, stop=stop)
    mine = store.backend.get(VISUAL, encoder_id, sample.id)
    if mine is None:
        return None
    others = [one for one in encoding.samples_of(space, owner.name, unanswered=True) if one != sample.id]
    made = encoding.encode(space, store, owner.name, VISUAL, others, limit_s=LIMIT_S, cached_only=True, stop=stop)
    lacking = made.remaining + made.unmeasured + len(made.errors)
    asked = SearchRequest(VISUAL, mine.vector, k=MOST, encoder_id=encoder_id, keys=frozenset(others))
    near = store.search_now(asked) if others else []
    reasons = {one.key: f"alike by vectors: {one.score:.2f} of 1" for one in near}
    ids = (sample.id, *(one.key for one in near))
    listing = Listing("alike", ids, {sample.id: "the clip the others are like"} | reasons)
    return Alike(listing, len(others) - lacking, len(others), "vectors", made.remaining)


def _by_looks(space: Workspace, sample: Sample, stop: Callable[[], bool]) -> Alike | None:
    owner = tasks.get(sample.task)
    mine = looks.look(space, owner, sample.id)
    if mine is None:
        return None
    others = [one for one in at_once(space, owner.name).ids if one != sample.id]
    near: list[tuple[int, str]] = []
    compared = 0
    for one in others[:MOST_COMPARED]:
        if stop():
            break
        if (found := looks.look(space, owner, one)) is not None:
            compared += 1
            if (bits := (mine ^ found).bit_count()) <= FAR:
                near.append((bits, one))
    near = sorted(near)[:MOST]
    reasons = {one: f"alike by looks: {bits} of 64 differ" for bits, one in near}
    ids = (sample.id, *(one for _, one in near))
    return Alike(Listing("alike", ids, {sample.id: "the clip the others look like"} | reasons), compared, len(others))
