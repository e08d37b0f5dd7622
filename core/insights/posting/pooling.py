"""Partial pooling of posting times: how much of an hour's, a weekday's difference is more than noise.

Pure sums on arrays. The model, with everything within one platform:

    y = account + trend + age + hour + weekday + (hour x weekday) + noise

Account, trend and age are fixed and projected out (Frisch and Waugh), so what differs between accounts explains no
hour. The rest are normal effects around zero (Efron and Morris, JASA 70, 1975; Robinson, "That BLUP is a good thing",
Statistical Science 6, 1991): an effect seen k times with mean m becomes m * k / (k + 1 / lambda), lambda = variance of
the effects / variance of the noise. The lambdas maximise the restricted likelihood, times sqrt(lambda) so that none
collapses to zero and with it every interval (Chung et al., Psychometrika 78, 2013). Hours are on a circle: neighbours
correlate by rho ** distance, rho from the same likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS, WEEKDAYS, CELLS = 24, 7, 168
LAMBDAS: Floats = np.geomspace(1e-4, 1.0, 13)
RHOS = (0.0, 0.5, 0.8)
E_LAMBDAS: Floats = np.geomspace(2e-3, 0.3, 6)
CLIP = 4.0  # standard deviations (by the median deviation): one post that went viral is not an hour
_DISTANCE = np.minimum(
    np.abs(np.subtract.outer(np.arange(HOURS), np.arange(HOURS))),
    HOURS - np.abs(np.subtract.outer(np.arange(HOURS), np.arange(HOURS))),
)


@dataclass(frozen=True, slots=True)
class Sums:
    """What the data say, whatever the priors.

    Attributes:
        gram: (199, 199) of the columns hour 0..23, weekday 0..6, cell weekday * 24 + hour, after projection.
        moment: (199,) columns with y. `square`: y with y.
        free: observations less what was projected out.
        mean: of y. counts: (7, 24) posts.
    """

    gram: Floats
    moment: Floats
    square: float
    free: int
    mean: float
    counts: Ints


@dataclass(frozen=True, slots=True)
class Prior:
    """Variances of the effects, as multiples of the noise's, and the correlation of neighbouring hours."""

    hour: float
    weekday: float
    cell: float
    rho: float

    def root(self) -> Floats:
        """(199, 199) lower factor of the prior covariance."""
        found = np.zeros((HOURS + WEEKDAYS + CELLS,) * 2)
        found[:HOURS, :HOURS] = np.linalg.cholesky(self.hour * circle(self.rho))
        np.fill_diagonal(found[HOURS:, HOURS:], np.sqrt([self.weekday] * WEEKDAYS + [self.cell] * CELLS))
        return found


@dataclass(frozen=True, slots=True)
class Posterior:
    """Effects given the data, in log units. noise: variance of one post.

    Attributes:
        mean, cover: (199,) and (199, 199), columns as in `Sums`.
    """

    mean: Floats
    cover: Floats
    noise: float
    prior: Prior


def circle(rho: float) -> Floats:
    """(24, 24) correlations of the hours; positive definite because the distance is the arc's."""
    return np.where(_DISTANCE == 0, 1.0, rho**_DISTANCE) + 1e-9 * np.eye(HOURS)


def columns() -> Floats:
    """(199, 168): which effects make up a cell."""
    cells = np.arange(CELLS)
    found = np.zeros((HOURS + WEEKDAYS + CELLS, CELLS))
    found[cells % HOURS, cells] = 1
    found[HOURS + cells // HOURS, cells] = 1
    found[HOURS + WEEKDAYS + cells, cells] = 1
    return found


def sums(y: Floats, hour: Ints, weekday: Ints, account: Ints, drifts: Floats) -> Sums:
    """Project account means and drifts out of y and of the effects.

    Args:
        y: (n,) log outcome. account: (n,) numbers from 0.
        drifts: (n, k) columns such as time and age.
    """
    cell = weekday * HOURS + hour
    size = np.bincount(account).astype(np.float64)
    inside = _clipped(y - (np.bincount(account, y) / size)[account])
    inside -= (np.bincount(account, inside) / size)[account]
    waves = drifts.astype(np.float64)
    for column in waves.T:
        column -= (np.bincount(account, column) / size)[account]
    # (accounts, 168): a platform has thousands of accounts at most, one user's has one
    table = np.bincount(account * CELLS + cell, minlength=len(size) * CELLS).reshape(len(size), CELLS)
    counts = table.sum(axis=0)
    cross = np.diag(counts.astype(np.float64)) - (table / size[:, None]).T @ table
    moment = np.bincount(cell, inside, minlength=CELLS)
    square = float(inside @ inside)
    if waves.size:
        scale = np.maximum(np.sqrt((waves**2).mean(axis=0)), 1e-12)
        waves = np.where(scale > 1e-9, waves / scale, 0.0)
        by_cell = np.column_stack([np.bincount(cell, wave, minlength=CELLS) for wave in waves.T])
        inverse = np.linalg.pinv(waves.T @ waves, rcond=1e-8, hermitian=True)
        with_y = waves.T @ inside
        cross -= by_cell @ inverse @ by_cell.T
        moment -= by_cell @ inverse @ with_y
        square -= float(with_y @ inverse @ with_y)
    lost = len(size) + (int(np.linalg.matrix_rank(waves.T @ waves, hermitian=True)) if waves.size else 0)
    of = columns()
    return Sums(
        of @ cross @ of.T, of @ moment, max(square, 1e-12), len(y) - lost, float(y.mean()),
        counts.reshape(WEEKDAYS, HOURS),
    )  # fmt: skip


def _clipped(inside: Floats) -> Floats:
    spread = 1.4826 * float(np.median(np.abs(inside)))
    return np.clip(inside, -CLIP * spread, CLIP * spread) if spread > 0 else inside.copy()


def _weigh(gram: Floats, moment: Floats, square: float, free: int, root: Floats) -> tuple[float, Floats, float]:
    """Log Bayes factor against no effects at all; the small posterior covariance; what is left of the square."""
    small = np.eye(len(root)) + root.T @ gram @ root
    factor = np.linalg.cholesky(small)
    half = np.linalg.solve(factor, root.T @ moment)
    left = max(square - float(half @ half), 1e-12)
    log_factor = -float(np.log(np.diag(factor)).sum()) - free / 2 * float(np.log(left / square))
    return log_factor, np.asarray(factor, np.float64), left


def posterior(data: Sums, prior: Prior) -> Posterior:
    """The effects under a prior."""
    root = prior.root()
    _, factor, left = _weigh(data.gram, data.moment, data.square, data.free, root)
    noise = left / max(1, data.free)
    half = np.linalg.solve(factor, root.T)
    return Posterior(half.T @ (half @ data.moment), noise * half.T @ half, noise, prior)


def fit(data: Sums) -> Posterior:
    """The effects under the prior that the data make likeliest; about 0.2 s."""
    prior = Prior(0.01, 0.01, 0.003, 0.5)

    def score(one: Prior) -> float:
        found, _, _ = _weigh(data.gram, data.moment, data.square, data.free, one.root())
        return found + 0.5 * float(np.log(one.hour * one.weekday * one.cell))

    for _ in range(2):
        prior = max((replace(prior, hour=float(at), rho=rho) for at in LAMBDAS[::2] for rho in RHOS), key=score)
        prior = max((replace(prior, weekday=float(at)) for at in LAMBDAS), key=score)
        prior = max((replace(prior, cell=float(at)) for at in LAMBDAS[:9]), key=score)
    return posterior(data, prior)


def evidence(data: Sums, what: str) -> float:
    """How many times likelier the data are with hour (or "weekday") effects than without: an e-value.

    The other factor is projected out as well. A Bayes factor with the right Haar prior on what was projected out and on
    the noise, averaged over fixed lambdas, is an e-process: without effects it EVER reaches 1 / alpha with a chance of
    at most alpha, however often one looks (Perez-Ortiz et al., "E-statistics, group invariance and anytime-valid
    testing", Annals of Statistics 52, 2024).
    """
    hours, days = slice(0, HOURS), slice(HOURS, HOURS + WEEKDAYS)
    mine, other = (hours, days) if what == "hour" else (days, hours)
    across = data.gram[mine, other] @ np.linalg.pinv(data.gram[other, other], rcond=1e-9, hermitian=True)
    gram = data.gram[mine, mine] - across @ data.gram[other, mine]
    moment = data.moment[mine] - across @ data.moment[other]
    inverse = np.linalg.pinv(data.gram[other, other], rcond=1e-9, hermitian=True)
    square = data.square - float(data.moment[other] @ inverse @ data.moment[other])
    free = data.free - int(np.linalg.matrix_rank(data.gram[other, other], tol=1e-6, hermitian=True))
    if free < 3 or square <= 0:
        return 1.0
    shapes = [circle(rho) for rho in RHOS] if what == "hour" else [np.eye(WEEKDAYS)]
    logs = [
        _weigh(gram, moment, square, free, np.linalg.cholesky(at * shape))[0] for shape in shapes for at in E_LAMBDAS
    ]
    return float(np.exp(np.minimum(logs, 700.0)).mean())
