"""Which of two versions is better, from paired losses: an interval that stays valid however often one looks.

Pure statistics on numbers; which samples may be paired, and in which order, is `core.comparison`'s to say.

Every observation is a difference d in [-1, 1], positive where the candidate was better. We bet on it (Waudby-Smith and
Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86, 2024, arXiv 2010.09686, their diversified
Kelly bets): starting with 1, a gambler who doubts that the mean is at most m risks the share f of the money on each
next observation and holds (1 - f) + f * (1 + d) / (1 + m) of it afterwards. If the mean, given everything before, is at
most m, this money is a non-negative supermartingale, and so is the average over several gamblers with fixed f. By
Ville's inequality the chance that it EVER reaches 1 / alpha is at most alpha: one may look after every answer, stop
when one likes, and go on later. A t-test looked at like that accepts a version no better than the champion eight times
as often as it says (tests/benchmarks/verdict.py shows both).

Each end of the interval has its own alpha of 0.05: a worse version is accepted with a chance of at most 5 %, a better
one reverted with at most 5 %. Only one of the two errors is possible for a given pair, so halving alpha would buy no
one anything; both ends together hold with at least 90 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Decision = Literal["accept", "caution", "revert"]

ALPHA = 0.05
# Shares of the money at risk. The best share is about mean / (mean square): 0.25 for +5 points where the two versions
# disagree on a fifth, 0.9 for a landslide. Six on a log scale settled +5 points after a median of 483 observations;
# the predictable plug-in took 646 and aGRAPA 664 (400 streams). Differences under about 0.01 stay open for ever.
SHARES: Floats = np.geomspace(0.08, 0.9, 6)
FEWEST = 8  # observations from which a forecast says more than noise
FARTHEST = 10_000  # observations; what takes longer is not going to be settled by one person's answers
_STEPS = 13  # halvings of [-1, 1]: the ends are known to 0.0003


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the observations say so far.

    Attributes:
        n: how many observations there are.
        mean: of the differences; positive = candidate better; 0.0 without observations.
        low, high: the running interval for the true mean; it never widens as observations are added at the end.
        decision: accept when the interval lies above zero, revert below; the first one reached stays.
        more: further observations that would settle a caution if they went on as so far; None when they would not.
    """

    n: int
    mean: float
    low: float
    high: float
    decision: Decision
    more: int | None


def weigh(differences: Sequence[float] | Floats, alpha: float = ALPHA) -> Evidence:
    """The evidence in differences in their fixed order, oldest first; about 2 ms for 1,000.

    Raises:
        ValueError: a difference is not in [-1, 1].
    """
    seen = np.asarray(differences, dtype=np.float64)
    if not np.all(np.abs(seen) <= 1):  # NaN fails too
        raise ValueError("differences lie in [-1, 1]")
    if not seen.size:
        return Evidence(0, 0.0, -1.0, 1.0, "caution", None)
    decision = decide(seen, alpha)
    low, high = lower_end(seen, alpha), -lower_end(-seen, alpha)
    if low > high:  # the world changed after the decision, and the ends have crossed; the decision stays
        low = high = high if decision == "revert" else low
    more = forecast(seen, alpha) if decision == "caution" else None
    return Evidence(int(seen.size), float(seen.mean()), low, high, decision, more)


def wealth(differences: Floats, mean: float = 0.0) -> Floats:
    """The gamblers' average money after each observation, if they doubt that the true mean is at most `mean`.

    Args:
        differences: (..., n).

    Returns:
        (..., n); 20 and more refutes it at alpha = 0.05.
    """
    total = np.zeros_like(differences)
    gain = (1 + differences) / (1 + mean) - 1
    with np.errstate(over="ignore", under="ignore"):  # infinite money is refutation enough, none at all is none
        for share in SHARES:
            total += np.cumprod(1 + share * gain, axis=-1)
    return total / len(SHARES)


def first_crossing(differences: Floats, alpha: float = ALPHA) -> NDArray[np.int64]:
    """After how many observations a mean of at most zero is refuted first; n + 1 if never. (..., n) -> (...)."""
    crossed = wealth(differences) >= 1 / alpha
    return np.where(crossed.any(axis=-1), crossed.argmax(axis=-1), differences.shape[-1]) + 1


def decide(differences: Floats, alpha: float = ALPHA) -> Decision:
    """What was shown first: that the mean is above zero, below it, or neither yet."""
    better, worse = first_crossing(differences, alpha), first_crossing(-differences, alpha)
    if better == worse:  # both never
        return "caution"
    return "accept" if better < worse else "revert"


def lower_end(differences: Floats, alpha: float = ALPHA) -> float:
    """The largest mean that was refuted from below at any time so far; -1 where none was.

    The money falls as the doubted mean rises, so halving finds the end; the first half is at exactly 0.
    """
    low, high = -1.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if wealth(differences, middle).max() >= 1 / alpha:
            low = middle
        else:
            high = middle
    return low


def forecast(differences: Floats, alpha: float = ALPHA) -> int | None:
    """How many more observations like these would take the money past 1 / alpha; None: not within `FARTHEST`.

    Each gambler's log money grows by mean(log(1 + f * d)) per observation, on the side the mean is on.
    """
    n = differences.size
    if n < FEWEST:
        return None
    side = 1.0 if differences.mean() > 0 else -1.0
    growth = np.array([np.log1p(share * side * differences).mean() for share in SHARES])
    if growth.max() <= 0:
        return None

    def settled(count: int) -> bool:
        top = float((count * growth).max())
        money = top + math.log(float(np.exp(count * growth - top).mean()))
        return money >= -math.log(alpha)

    few, many = n, n + FARTHEST
    if not settled(many):
        return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if settled(middle) else (middle, many)
    return many - n
