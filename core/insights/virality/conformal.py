"""Intervals that hold for later posts: past errors on posts that were still to come, and their correction for drift.

Split conformal prediction on the newest errors (Vovk et al. 2005; Lei et al., JASA 113, 2018), scaled by how much is
known of the account; the level is corrected block by block so that coverage comes back after a change (Gibbs and
Candes, "Adaptive conformal inference under distribution shift", NeurIPS 2021).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.insights.posts import Numbers

LEVEL = 0.90
NEWEST = 500  # errors used
FEWEST = 20  # errors below which there is no 90 % interval: the rank beyond the largest would be needed
STEP = 0.3  # how far the level follows a block's miss; less for small blocks, whose share is mostly chance
CALM = 50.0  # posts at which a block counts half
EDGES = (1.0, 5.0)  # earlier posts of the account: none, a few, many
OWN = 10.0  # a group's scale counts half when it has this many errors
LOW_GOOD, HIGH_GOOD = 0.87, 0.93


@dataclass(frozen=True, slots=True)
class Interval:
    """Errors turned into an interval: level + scale(earlier) * low .. high.

    Attributes:
        scales: median size of the error for accounts with no, few and many earlier posts, log units.
        low, high: of error / scale. n: errors it rests on.
    """

    scales: tuple[float, float, float]
    low: float
    high: float
    n: int

    def ends(self, level: Numbers, earlier: Numbers) -> tuple[Numbers, Numbers]:
        """(n,) low and high level of each post."""
        scale = np.array(self.scales)[np.digitize(earlier, EDGES)]
        return level + self.low * scale, level + self.high * scale

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: dict[str, Any]) -> Interval:
        first, second, third = found["scales"]
        return Interval((first, second, third), found["low"], found["high"], found["n"])


def interval(errors: Numbers, earlier: Numbers, miss: float = 1 - LEVEL) -> Interval | None:
    """The interval that the newest errors (outcome less prediction, oldest first) justify; None with too few.

    Args:
        miss: share of posts that may lie outside, halved between both sides.
    """
    errors, earlier = errors[-NEWEST:], earlier[-NEWEST:]
    if len(errors) < FEWEST:
        return None
    group = np.digitize(earlier, EDGES)
    overall = max(float(np.median(np.abs(errors))), 1e-3)
    scales: list[float] = []
    for index in range(3):
        mine = np.abs(errors[group == index])
        own = float(np.median(mine)) if mine.size else overall
        scales.append(max((own * mine.size + overall * OWN) / (mine.size + OWN), 1e-3))
    scaled = np.sort(errors / np.array(scales)[group])
    n = len(scaled)
    # The ceil((n + 1)(1 - miss/2))-th smallest on top: the rank a further, exchangeable error stays below.
    rank = min(n, int(np.ceil((n + 1) * (1 - miss / 2))))
    return Interval((scales[0], scales[1], scales[2]), float(scaled[n - rank]), float(scaled[rank - 1]), n)


def corrected(miss: float, outside: int, n: int) -> float:
    """The share that may lie outside next, after `outside` of n did; held to 1 %..30 %."""
    return float(np.clip(miss + STEP * n / (n + CALM) * (1 - LEVEL - outside / n), 0.01, 0.3))
