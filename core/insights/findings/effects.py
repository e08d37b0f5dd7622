"""How much larger something typically is where a choice was made, with an interval that survives many looks.

Ratios of typical (geometric mean) values, standard errors that let posts of one account or week resemble each other,
Benjamini-Hochberg for what is claimed, and intervals widened for the claims having been selected. Knows no posts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEVEL = 0.95  # of every interval
FALSE_SHARE = 0.05  # of the claims, expected (Benjamini-Hochberg's q)
LEAST_GROUPS = 10  # on each side; with fewer, the standard error by groups is itself a guess
LEAST_ROWS = 20  # on each side


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference on the scale it was computed on: the logarithm for ratios, else the unit itself.

    Attributes:
        n, n_other: rows with and without the choice.
        effect: mean with minus mean without.
        error: its standard error, by groups.
        freedom: degrees of freedom: groups on the smaller side minus one.
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


def adjusted(y: Floats, known: list[Floats]) -> Floats:
    """`y` less what a straight line on other facts explains; its mean stays.

    Args:
        y: NaN where not measured.
        known: facts with one value per row; where one is NaN its mean stands in, with a column that says so.
    """
    fine = np.isfinite(y)
    columns: list[Floats] = []
    for fact in known:
        there = np.isfinite(fact)
        if there[fine].sum() < LEAST_ROWS or not np.ptp(fact[fine & there]):
            continue
        centre, spread = fact[fine & there].mean(), fact[fine & there].std()
        columns.append(np.where(there, (fact - centre) / spread, 0.0).astype(np.float64))
        if not there[fine].all():
            columns.append((np.where(there, 0.0, 1.0) - (~there[fine]).mean()).astype(np.float64))
    if not columns or fine.sum() < LEAST_ROWS + 5 * len(columns):
        return y
    table = np.column_stack([np.ones(len(y)), *columns])
    known_rows, outcome = (table, y) if fine.all() else (table[fine], y[fine])
    # Normal equations: one pass over 1,000,000 rows instead of a decomposition of them.
    slopes = np.linalg.lstsq(known_rows.T @ known_rows, known_rows.T @ outcome, rcond=None)[0]
    return y - table[:, 1:] @ slopes[1:]


def compare(y: Floats, levels: Ints, n_levels: int, groups: Ints) -> list[Effect | None]:
    """Each level against all other levels.

    Args:
        y: (N,), NaN = not measured.
        levels: (N,) 0..n_levels-1, below 0 = unknown (left out).
        groups: (N,) whose rows resemble each other, 0..G-1.

    Returns:
        One effect per level, None where a side has too few rows or groups. The variance is the sandwich by groups
        (Liang and Zeger 1986) with the factor G / (G - 1).
    """
    keep = np.isfinite(y) & (levels >= 0)
    found: list[Effect | None] = [None] * n_levels
    if keep.sum() < 2 * LEAST_ROWS:
        return found
    cell, y = groups[keep] * n_levels + levels[keep], y[keep]
    size = (int(groups.max()) + 1) * n_levels
    counts = np.bincount(cell, minlength=size).reshape(-1, n_levels).astype(np.float64)  # (G, L)
    sums = np.bincount(cell, weights=y, minlength=size).reshape(-1, n_levels).astype(np.float64)
    there = counts.any(axis=1)
    counts, sums = counts[there], sums[there]
    all_counts, all_sums = counts.sum(axis=1), sums.sum(axis=1)
    for level in range(n_levels):
        found[level] = _one(counts[:, level], sums[:, level], all_counts, all_sums)
    return found


def _one(n_in: Floats, s_in: Floats, n_all: Floats, s_all: Floats) -> Effect | None:
    n_out, s_out = n_all - n_in, s_all - s_in
    n, other = n_in.sum(), n_out.sum()
    groups = min(np.count_nonzero(n_in), np.count_nonzero(n_out))
    if min(n, other) < LEAST_ROWS or groups < LEAST_GROUPS:
        return None
    mean_in, mean_out = s_in.sum() / n, s_out.sum() / other
    pull = (s_in - n_in * mean_in) / n - (s_out - n_out * mean_out) / other
    error = float(np.sqrt(np.dot(pull, pull) * len(pull) / (len(pull) - 1)))
    if not error > 0:
        return None
    return estimated(float(mean_in - mean_out), error, int(groups) - 1, int(n), int(other))


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
