"""The posting time that would tell most next: the knowledge gradient over the 168 hours of a week.

Pure sums; what is known comes from `pooling`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.insights.posting.pooling import CELLS, HOURS, WEEKDAYS, Floats, Sums
from core.insights.posting.shrinking import Posterior, Prior, posterior

LEAST = 0.10  # log units: an hour is taken to be able to differ by 10 %, whatever the few posts so far say
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(33)


def doubtful(data: Sums, prior: Prior) -> Posterior:
    """The posterior under a prior that leaves every hour a chance to differ."""
    least = LEAST**2 / max(data.square / max(1, data.free), 1e-12)
    wide = replace(
        prior,
        hour=max(prior.hour, least),
        weekday=max(prior.weekday, least / 2),
        cell=max(prior.cell, least / 4),
    )
    return posterior(data, wide)


def gains(found: Posterior) -> Floats:
    """What one more post in a cell is expected to add to the best cell's mean, (7, 24) log units.

    KG(x) = E[max_i(mu_i + s_i(x) Z)] - max_i mu_i with s(x) = cov[:, x] / sqrt(cov[x, x] + noise), Z standard normal
    (Frazier, Powell and Dayanik, "The knowledge-gradient policy for correlated normal beliefs", INFORMS Journal on
    Computing 21, 2009). It is large where little is known and the cell may yet be the best. Gauss-Hermite, 33 nodes.
    """
    mean, cover = found.mean, found.cover
    steps = cover / np.sqrt(np.diag(cover) + found.noise)[None, :]  # column x: how all cells move after one post in x
    best = np.zeros(CELLS)
    for node, weight in zip(NODES, WEIGHTS / WEIGHTS.sum(), strict=True):
        best += weight * (mean[:, None] + node * steps).max(axis=0)
    return np.maximum(best - mean.max(), 0.0).reshape(WEEKDAYS, HOURS)


def tells_most(data: Sums, prior: Prior) -> tuple[int, int, float]:
    """Weekday, hour and gain of the cell to post in next; among equals the one with the fewest posts."""
    gained = gains(doubtful(data, prior))
    order = np.lexsort((data.counts.ravel(), -np.round(gained, 9).ravel()))
    weekday, hour = divmod(int(order[0]), HOURS)
    return weekday, hour, float(gained[weekday, hour])
