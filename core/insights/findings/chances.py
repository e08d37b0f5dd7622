"""How many times the chance of being among the best a choice went with, also where one side has none among them."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from core.insights.findings.effects import Effect, Floats, Ints, compare, estimated
from core.insights.findings.held import Held


def ratio_of_chances(top: Floats, levels: Ints, groups: Ints, within: Ints | None) -> Effect | None:
    """Logarithm of the ratio of chances within accounts, by Mantel and Haenszel.

    Its variance is Greenland and Robins' (1985), times how much more the sandwich by groups says than one by posts.
    Half a post among the best and half a post not among them is added on each side, so that none among the best is
    a small chance and not none.

    Args:
        top: (N,) 1 = among the best, 0 = not, NaN = not known. levels: (N,) 1 = chosen, 0 = not, -1 = not known.
        groups: (N,) whose rows resemble each other. within: (N,) who is compared with whom; None = all with all.

    Returns:
        None with too few rows or groups on a side, or none among the best on either.
    """
    alike = Held(within)
    by_groups = compare(top, levels, 2, groups, alike)[1]
    by_posts = compare(top, levels, 2, np.arange(len(top)), alike)[1]
    if by_groups is None or by_posts is None:
        return None
    keep = np.isfinite(top) & (levels >= 0)
    number = np.zeros(int(keep.sum()), np.int64) if within is None else within[keep]
    chosen, best = levels[keep] == 1, top[keep]
    size = int(number.max()) + 1

    def counted(weights: Floats) -> Floats:
        return np.append(np.bincount(number, weights=weights, minlength=size), 0.0)

    n, m = counted(chosen.astype(np.float64)), counted((~chosen).astype(np.float64))
    a, b = counted(chosen * best), counted(~chosen * best)
    n[-1], m[-1], a[-1], b[-1] = 1.0, 1.0, 0.5, 0.5
    both = (n > 0) & (m > 0)
    n, m, a, b = n[both], m[both], a[both], b[both]
    with_it, without = float((a * m / (n + m)).sum()), float((b * n / (n + m)).sum())
    doubt = float((n * m * (a + b) / (n + m) ** 2 - a * b / (n + m)).sum())
    error = sqrt(doubt / (with_it * without)) * max(by_groups.error / by_posts.error, 1.0)
    return estimated(log(with_it / without), error, by_groups.freedom, by_groups.n, by_groups.n_other)
