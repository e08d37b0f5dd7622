"""In which order samples are asked about: random ones among the others, near-duplicates apart. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
CLOSE = 1e-9  # shares are sums of decimals
LOOKAHEAD = 200  # candidates looked at for one place
# One step down the order costs so much; a near-duplicate (4) may be passed over for one of the next 200.
STEP = 4 / LOOKAHEAD


def credit(random: int, queued: int, share: float) -> float:
    """How far the random picks answered so far are ahead of their share; the next is due below `share`.

    Bounded, so that a user who passed over many random picks does not get a list of nothing else.
    """
    return min(max(random - share * (random + queued), -1.0), 1.0 - share)


def slots(count: int, share: float, ahead: float = 0.0) -> list[bool]:
    """Which of the next places hold a random pick: evenly spread, at least `share` of them.

    Lists shorter than 1 / share may hold none, when one was answered just before.
    """
    found: list[bool] = []
    for _ in range(count):
        is_random = ahead < share - CLOSE
        ahead += float(is_random) - share
        found.append(is_random)
    if count * share >= 1.0 - CLOSE:
        short = math.ceil(count * share - CLOSE) - sum(found)
        for place in [place for place in reversed(range(count)) if not found[place]][: max(0, short)]:
            found[place] = True
    return found


def arrange(
    places: Sequence[bool], drawn: Sequence[T], queued: Sequence[T], near: Callable[[T, T], float]
) -> list[tuple[T, bool]]:
    """Fill the places from two lists, each best first, so that neighbours are not near each other where possible.

    Args:
        near: 0 = nothing in common, up to 4 = nearly identical.

    Returns:
        Each item with whether it came from `drawn`; a list that runs out is replaced by the other.
    """
    sources = {True: list(drawn), False: list(queued)}
    found: list[tuple[T, bool]] = []
    for wanted in places:
        is_random = wanted if sources[wanted] else not wanted
        if not sources[is_random]:
            break
        index = _farthest(sources[is_random], found[-1][0], near) if found else 0
        found.append((sources[is_random].pop(index), is_random))
    return found


def _farthest(candidates: Sequence[T], last: T, near: Callable[[T, T], float]) -> int:
    best, least = 0, math.inf
    for index, one in enumerate(candidates[:LOOKAHEAD]):
        if index * STEP >= least:
            break
        if (cost := index * STEP + near(last, one)) < least:
            best, least = index, cost
    return best
