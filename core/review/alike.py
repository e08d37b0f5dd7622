"""Unanswered clips that look like a given one, nearest first: by a hash of their middle pictures, not by meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core import tasks
from core.review import looks
from core.review.listing import Listing, at_once
from core.store.records import Sample
from core.workspace import Workspace

FAR = 20  # of 64 bits: looks of unrelated pictures differ in 32 give or take 4
MOST = 200  # rows
MOST_COMPARED = 20_000  # newest first; each costs a file's opening


@dataclass(frozen=True)
class Alike:
    """The listing, the clip itself first; with how many others it was compared, of how many unanswered ones."""

    listing: Listing
    compared: int
    of: int


def _never() -> bool:
    return False


def alike(space: Workspace, sample: Sample, stop: Callable[[], bool] = _never) -> Alike | None:
    """Clips whose looks differ least from this one's; None where it has no look (its features are not in the cache).

    Args:
        stop: asked before each clip; what was compared until then counts.
    """
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
