"""Posting times compared: what the posts say of the 168 hours of a week, and whether that is more than noise.

Pure sums on arrays. The model, with everything within one platform:

    y = block + trend + age + hour + weekday + (hour x weekday) + noise

A block is a week of an account, or several where it posts little. Blocks, trend and age are fixed and projected out
(Frisch and Waugh): what differs between accounts, or from month to month, explains no hour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS, WEEKDAYS, CELLS = 24, 7, 168
RHOS = (0.0, 0.5, 0.8)  # correlations of neighbouring hours
E_LAMBDAS: Floats = np.geomspace(2e-3, 0.3, 6)
CLIP = 4.0  # standard deviations (by the median deviation): one post that went viral is not an hour
BLOCK = 5  # posts; a block ends with the week in which it has them
CHUNK = 2048  # blocks at once: 3 MB
DAY_S = 86400.0
_APART = np.abs(np.subtract.outer(np.arange(HOURS), np.arange(HOURS)))
_DISTANCE = np.minimum(_APART, HOURS - _APART)


@dataclass(frozen=True, slots=True)
class Sums:
    """What the data say, whatever the priors.

    Attributes:
        gram: (168, 168) of the cells weekday * 24 + hour, after projection.
        moment: (168,) cells with y. `square`: y with y.
        free: observations less what was projected out.
        mean: of y. counts: (7, 24) posts.
    """

    gram: Floats
    moment: Floats
    square: float
    free: int
    mean: float
    counts: Ints


def circle(rho: float) -> Floats:
    """(24, 24) correlations of the hours; positive definite because the distance is the arc's."""
    return np.where(_DISTANCE == 0, 1.0, rho**_DISTANCE) + 1e-9 * np.eye(HOURS)


def blocks(account: Ints, times: Floats) -> Ints:
    """(n,) numbers from 0: weeks of one account, joined until they hold `BLOCK` posts.

    Where a block ends depends only on when earlier posts were made, so that looking again later is still fair.

    Args:
        account: (n,) numbers from 0. times: (n,) UTC seconds.
    """
    week = np.floor((times / DAY_S + 3) / 7).astype(np.int64)  # 1970-01-01 was a Thursday
    week -= week.min()
    span = int(week.max()) + 1
    weeks, of, posts = np.unique(account * span + week, return_inverse=True, return_counts=True)
    whose = weeks // span
    before = np.cumsum(posts) - posts
    before -= before[np.searchsorted(whose, whose)]  # posts of the account in earlier weeks
    return np.unique(whose * (len(times) + 1) + before // BLOCK, return_inverse=True)[1][of].astype(np.int64)


def clipped(y: Floats, account: Ints) -> Floats:
    """y, with what is far from its account's mean held at `CLIP` deviations."""
    means = (np.bincount(account, y) / np.maximum(np.bincount(account), 1))[account]
    spread = 1.4826 * float(np.median(np.abs(y - means)))
    return means + np.clip(y - means, -CLIP * spread, CLIP * spread) if spread > 0 else y


def sums(y: Floats, hour: Ints, weekday: Ints, block: Ints, drifts: Floats) -> Sums:
    """Project block means and drifts out of y and of the cells.

    Args:
        y: (n,) log outcome. block: (n,) numbers from 0.
        drifts: (n, k) columns such as time and age.
    """
    cell = weekday * HOURS + hour
    counts = np.bincount(cell, minlength=CELLS)
    size = np.bincount(block).astype(np.float64)
    inside = _centred(y, block, size)
    cross = np.diag(counts.astype(np.float64)) - _shared(cell, block, size)
    moment: Floats = np.bincount(cell, inside, minlength=CELLS).astype(np.float64)
    square = float(inside @ inside)
    lost = len(size)
    if drifts.size:
        waves = np.column_stack([_centred(one, block, size) for one in drifts.T])
        scale = np.sqrt((waves**2).mean(axis=0))
        waves = np.where(scale > 1e-9, waves / np.maximum(scale, 1e-12), 0.0)
        by_cell = np.column_stack([np.bincount(cell, wave, minlength=CELLS) for wave in waves.T])
        inverse = np.linalg.pinv(waves.T @ waves, rcond=1e-8, hermitian=True)
        with_y = waves.T @ inside
        cross -= by_cell @ inverse @ by_cell.T
        moment -= by_cell @ inverse @ with_y
        square -= float(with_y @ inverse @ with_y)
        lost += int(np.linalg.matrix_rank(waves.T @ waves, hermitian=True))
    return Sums(
        cross, moment, max(square, 1e-12), len(y) - lost, float(y.mean()), counts.reshape(WEEKDAYS, HOURS)
    )  # fmt: skip


def _centred(y: Floats, block: Ints, size: Floats) -> Floats:
    return y - (np.bincount(block, y) / size)[block]


def _shared(cell: Ints, block: Ints, size: Floats) -> Floats:
    """(168, 168): what the block means take from each pair of cells."""
    order = np.argsort(block, kind="stable")
    cell, block = cell[order], block[order]
    found = np.zeros((CELLS, CELLS))
    for start in range(0, len(size), CHUNK):
        some = slice(*np.searchsorted(block, (start, start + CHUNK)))
        many = min(CHUNK, len(size) - start)
        at = (block[some] - start) * CELLS + cell[some]
        table = np.bincount(at, minlength=many * CELLS).reshape(many, CELLS)
        found += (table / size[start : start + many, None]).T @ table
    return found


def evidence(data: Sums, what: str) -> float:
    """How many times likelier the data are with hour (or "weekday") effects than without: an e-value.

    The other factor is projected out as well. A Bayes factor with the right Haar prior on what was projected out and on
    the noise, averaged over fixed lambdas, is an e-process: without effects it EVER reaches 1 / alpha with a chance of
    at most alpha, however often one looks (Perez-Ortiz et al., "E-statistics, group invariance and anytime-valid
    testing", Annals of Statistics 52, 2024), where the noise within a block is independent.
    """
    by_hour, by_day = np.tile(np.eye(HOURS), (WEEKDAYS, 1)), np.repeat(np.eye(WEEKDAYS), HOURS, axis=0)
    mine, other = (by_hour, by_day) if what == "hour" else (by_day, by_hour)
    theirs = other.T @ data.gram @ other
    inverse = np.linalg.pinv(theirs, rcond=1e-9, hermitian=True)
    across = mine.T @ data.gram @ other @ inverse
    gram = mine.T @ data.gram @ mine - across @ (other.T @ data.gram @ mine)
    moment = mine.T @ data.moment - across @ (other.T @ data.moment)
    square = data.square - float((other.T @ data.moment) @ inverse @ (other.T @ data.moment))
    free = data.free - int(np.linalg.matrix_rank(theirs, tol=1e-6, hermitian=True))
    if free < 3 or square <= 0:
        return 1.0
    shapes = [circle(rho) for rho in RHOS] if what == "hour" else [np.eye(WEEKDAYS)]
    logs = [_factor(gram, moment, square, free, np.linalg.cholesky(at * one)) for one in shapes for at in E_LAMBDAS]
    return float(np.exp(np.minimum(logs, 700.0)).mean())


def _factor(gram: Floats, moment: Floats, square: float, free: int, root: Floats) -> float:
    """Log Bayes factor against no effects at all."""
    factor = np.linalg.cholesky(np.eye(len(root)) + root.T @ gram @ root)
    half = np.linalg.solve(factor, root.T @ moment)
    left = max(square - float(half @ half), 1e-12)
    return -float(np.log(np.diag(factor)).sum()) - free / 2 * float(np.log(left / square))
