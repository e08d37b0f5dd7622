"""How much larger something typically is where a choice was made, with an interval that survives many looks.

Ratios of typical (geometric mean) values at equal facts (`held`), standard errors that let posts of one account or week
resemble each other, Benjamini-Hochberg for what is claimed, and intervals widened for that. Knows no posts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.insights.findings.held import LEAST_ROWS, Floats, Frame, Held, Ints, Mask

LEVEL = 0.95  # of every interval
FALSE_SHARE = 0.05  # of the claims, expected (Benjamini-Hochberg's q)
LEAST_GROUPS = 10  # on each side; with fewer, the standard error by groups is itself a guess
ROWS_PER_FACT = 5  # a comparison of fewer rows than 20 and these for each fact would fit the facts to chance
NOTHING = Held()


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference on the scale it was computed on: the logarithm for ratios, else the unit itself.

    Attributes:
        n, n_other: compared rows with and without the choice.
        effect: mean with minus mean without, at equal facts.
        error: its standard error, by groups.
        freedom: degrees of freedom: groups on the smaller side, or as many equal ones as tell as much, minus one.
        groups: on the smaller side.
        p: two-sided, of no difference. q: p as Benjamini-Hochberg adjusts it for all looks; NaN before.
        level: of the interval (low, high).
    """

    n: int
    n_other: int
    effect: float
    error: float
    freedom: int
    p: float
    low: float
    high: float
    level: float = LEVEL
    q: float = float("nan")
    groups: int = 0

    def at(self, level: float) -> Effect:
        """The same with an interval of another level."""
        half = quantile(0.5 + level / 2, self.freedom) * self.error
        return replace(self, low=self.effect - half, high=self.effect + half, level=level)

    @property
    def sure(self) -> float:
        """The end of the interval that lies nearer to no difference; 0 where the interval holds it."""
        if self.low > 0:
            return self.low
        return self.high if self.high < 0 else 0.0


def quantile(share: float, freedom: int) -> float:
    """Student's t."""
    from scipy.special import stdtrit  # 240 ms, and comes with scikit-learn

    return float(stdtrit(freedom, share))


def logs(values: Floats) -> Floats:
    """Logarithms of what is not negative; zeros count as half of the smallest positive value, unmeasured stays NaN."""
    positive = values[values > 0]
    floor = positive.min() / 2 if len(positive) else 1.0
    return np.log(np.maximum(values, floor))  # maximum keeps NaN


def compare(y: Floats, levels: Ints, n_levels: int, groups: Ints, held: Held = NOTHING) -> list[Effect | None]:
    """Each level against all other levels; of two levels only the second, since the first says the same.

    Args:
        y: (N,), NaN = not measured.
        levels: (N,) 0..n_levels-1, below 0 = unknown (left out).
        groups: (N,) whose rows resemble each other, 0..G-1.
        held: what is held equal, over the same N rows.

    Returns:
        One effect per level, None where a side has too few rows or groups. The variance is the sandwich by groups
        (Liang and Zeger 1986) with the factor G / (G - 1).
    """
    keep = np.isfinite(y) & (levels >= 0)
    found: list[Effect | None] = [None] * n_levels
    if keep.sum() < max(2 * LEAST_ROWS, LEAST_ROWS + ROWS_PER_FACT * len(held.facts)):
        return found
    frame = held.frame(keep)
    left, levels, groups = frame.residual(y[keep]), levels[keep], groups[keep]
    for level in range(1 if n_levels == 2 else 0, n_levels):
        chosen = levels == level
        if LEAST_ROWS <= np.count_nonzero(chosen) <= len(chosen) - LEAST_ROWS:
            found[level] = _one(frame, left, chosen, groups)
    return found


def _one(frame: Frame, left: Floats, chosen: Mask, groups: Ints) -> Effect | None:
    compared = frame.compared(chosen)
    both = np.bincount(groups if compared.all() else groups[compared])
    inside = np.bincount(groups[np.flatnonzero(chosen & compared)], minlength=len(both))
    n, n_other = int(inside.sum()), int(both.sum() - inside.sum())
    if min(n, n_other) < LEAST_ROWS:
        return None
    fewer = min(np.count_nonzero(inside), np.count_nonzero(both > inside))
    choice = frame.residual(chosen.astype(np.float64))
    weight = float(choice @ choice)
    if fewer < LEAST_GROUPS or not weight > 1e-6 * n:  # else the facts tell the choice
        return None
    effect = float(choice @ left) / weight
    pull = np.bincount(groups, weights=choice * (left - effect * choice))
    told = np.bincount(groups, weights=choice * choice)  # what each group tells; a few large ones may tell most
    freedom = max(round(min(fewer, weight * weight / float(told @ told))) - 1, 1)
    count = np.count_nonzero(both)
    error = max(float(np.sqrt(pull @ pull * count / (count - 1))) / weight, 1e-9 * abs(effect))
    if not error > 1e-12:  # nothing varies
        return None
    return replace(estimated(effect, error, freedom, n, n_other), groups=int(fewer))


def estimated(effect: float, error: float, freedom: int, n: int, other: int) -> Effect:
    """An effect from an estimate and its standard error."""
    from scipy.special import stdtr

    p = float(2 * stdtr(freedom, -abs(effect / error)))
    half = quantile(0.5 + LEVEL / 2, freedom) * error
    return Effect(n, other, effect, error, freedom, p, effect - half, effect + half)


def mean_of(y: Floats, groups: Ints) -> Effect | None:
    """The mean of `y` itself, with an error by groups; None with too few."""
    keep = np.isfinite(y)
    y = y[keep]
    unique, group = np.unique(groups[keep], return_inverse=True)
    if len(y) < LEAST_ROWS or len(unique) < LEAST_GROUPS:
        return None
    mean = float(y.mean())
    pull = np.bincount(group, weights=y - mean) / len(y)
    error = float(np.sqrt(np.dot(pull, pull) * len(pull) / (len(pull) - 1)))
    return estimated(mean, max(error, 1e-12), len(unique) - 1, len(y), 0)


def claims(effects: list[Effect]) -> list[Effect]:
    """All of them with q, and those to be claimed with intervals for having been selected.

    q: Benjamini and Hochberg 1995. Interval of a claim: level 1 - 0.05 * claims / looks, so that at most 5 % of the
    shown intervals are expected to miss (Benjamini and Yekutieli 2005).
    """
    if not effects:
        return []
    p = np.array([one.p for one in effects])
    order = np.argsort(p, kind="stable")
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    chosen = int(np.count_nonzero(q <= FALSE_SHARE))
    level = 1 - (1 - LEVEL) * chosen / len(p) if chosen else LEVEL
    return [
        replace(one.at(level) if value <= FALSE_SHARE else one, q=float(value))
        for one, value in zip(effects, q, strict=True)
    ]


def rounded(value: Any, digits: int = 6) -> float | None:
    """A number for JSON: None where not measured, and without digits that say nothing."""
    number = float(value)
    return float(f"{number:.{digits}g}") if np.isfinite(number) else None
