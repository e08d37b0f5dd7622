"""Partial pooling: how much of an hour's or a weekday's difference is more than noise, with how much doubt.

Effects are normal around zero with variances lambda * noise (Efron and Morris, JASA 70, 1975): an hour seen k times
with mean m becomes m * k / (k + 1 / lambda). Neighbouring hours correlate by rho ** distance on the circle. Nobody
knows lambda, rho and the noise, so draws come from all of them, by how likely the data make each: exponential
priors on the lambdas, which keep them off zero (Chung et al., Psychometrika 78, 2013), 1 / variance on the noise.
Pure sums; the data are `pooling`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from core.insights.posting.pooling import CELLS, HOURS, RHOS, WEEKDAYS, Floats, Ints, Sums, circle

PAIRS = 1000  # of draws, mirrored at the mean
# Values of lambda, and the mean of its exponential prior: wide, so that 90 % intervals hold 90 % (docs/insights.md).
HOUR, HOUR_MEAN = np.geomspace(0.01, 2.0, 10) ** 2, 1.0
WEEKDAY, WEEKDAY_MEAN = np.geomspace(0.01, 2.0, 7) ** 2, 0.5
CELL, CELL_MEAN = np.geomspace(0.01, 0.8, 5) ** 2, 0.02


@dataclass(frozen=True, slots=True)
class Prior:
    """Variances of the effects, as multiples of the noise's, and the correlation of neighbouring hours."""

    hour: float
    weekday: float
    cell: float
    rho: float

    def variances(self) -> Floats:
        """(168,) along the columns of `BASIS`; the first, what all cells share, is no effect."""
        found = np.full((WEEKDAYS, HOURS), self.cell)
        found[0] += WEEKDAYS * self.hour * np.diag(_WAVES.T @ circle(self.rho) @ _WAVES)
        found[1:, 0] += HOURS * self.weekday
        found[0, 0] = 0.0
        return found.ravel()


@dataclass(frozen=True, slots=True)
class Posterior:
    """Effects under one prior, in log units. noise: variance of one post.

    Attributes:
        mean, cover: (168,) and (168, 168), cells as in `Sums`.
    """

    mean: Floats
    cover: Floats
    noise: float
    prior: Prior


@dataclass(frozen=True, slots=True)
class Drawn:
    """Draws of what may be true, in log units.

    Attributes:
        cells: (draws, 168) against the average cell. typical: (draws,) the average cell's outcome.
        noise: (draws,) standard deviation of one post.
        prior: the likeliest.
    """

    cells: Floats
    typical: Floats
    noise: Floats
    prior: Prior


def _waves() -> Floats:
    """(24, 24) orthonormal, a constant first: every correlation on the circle is diagonal in them."""
    turn = 2 * np.pi * np.outer(np.arange(HOURS), np.arange(1, HOURS // 2)) / HOURS
    found = np.column_stack([np.ones(HOURS), np.cos(turn), np.sin(turn), (-1.0) ** np.arange(HOURS)])
    return found / np.linalg.norm(found, axis=0)


_WAVES = _waves()
_DAYS = np.linalg.qr(np.column_stack([np.ones(WEEKDAYS), np.eye(WEEKDAYS)[:, 1:]]))[0]
BASIS: Floats = np.kron(_DAYS, _WAVES).astype(np.float64)  # (168, 168), column weekday wave * 24 + hour wave
_NUMBER = np.arange(CELLS)
MAIN = _NUMBER[((_NUMBER < HOURS) | (_NUMBER % HOURS == 0)) & (_NUMBER > 0)]  # 23 of hours, 6 of weekdays
REST = _NUMBER[(_NUMBER >= HOURS) & (_NUMBER % HOURS > 0)]


def posterior(data: Sums, prior: Prior) -> Posterior:
    """The effects under a prior."""
    root = BASIS * np.sqrt(prior.variances())
    factor = np.linalg.cholesky(np.eye(CELLS) + root.T @ data.gram @ root)
    half = np.linalg.solve(factor, root.T)
    mean = half.T @ (half @ data.moment)
    noise = max(data.square - float(mean @ data.moment), 1e-12) / max(1, data.free)
    return Posterior(mean, noise * half.T @ half, noise, prior)


@dataclass(frozen=True, slots=True)
class _Given:
    """Main effects under the k priors that share one variance of the cells, which are integrated out.

    Attributes:
        weight: (k,) log posterior. left: (k,) square left for the noise.
        root: (k, 29) prior deviations. factor, half: (k, 29, 29) and (k, 29), so that effects are
            root * solve(factor.T, half + noise * standard normal).
        kept: (138,) posterior variance of each cell direction, as a multiple of the noise's.
    """

    weight: Floats
    left: Floats
    root: Floats
    factor: Floats
    half: Floats
    kept: Floats


@dataclass(frozen=True, slots=True)
class _Turned:
    """The sums along `BASIS`, with the cells' directions turned until they are independent.

    Attributes:
        scales: (138,) how much is known of each direction. back: (168, 138) from them to cells.
    """

    main: Floats
    across: Floats
    scales: Floats
    back: Floats
    main_moment: Floats
    rest_moment: Floats

    @staticmethod
    def of(data: Sums) -> _Turned:
        gram, moment = BASIS.T @ data.gram @ BASIS, BASIS.T @ data.moment
        scales, turn = np.linalg.eigh(gram[np.ix_(REST, REST)])
        return _Turned(
            gram[np.ix_(MAIN, MAIN)], gram[np.ix_(MAIN, REST)] @ turn, np.maximum(scales, 0.0), BASIS[:, REST] @ turn,
            moment[MAIN], turn.T @ moment[REST],
        )  # fmt: skip

    def given(self, data: Sums, cell: float) -> _Given:
        kept = 1 / (self.scales + 1 / cell)
        main = self.main - (self.across * kept) @ self.across.T
        moment = self.main_moment - self.across @ (kept * self.rest_moment)
        root = np.sqrt(MAINS + cell)
        small = np.eye(len(MAIN)) + root[:, :, None] * main * root[:, None, :]
        factor = np.asarray(np.linalg.cholesky(small), np.float64)
        half = np.asarray(np.linalg.solve(factor, (root * moment)[..., None])[..., 0], np.float64)
        left = np.maximum(data.square - float(self.rest_moment**2 @ kept) - (half**2).sum(axis=1), 1e-12)
        shrunk = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1) + np.log1p(cell * self.scales).sum() / 2
        weight = LOG_PRIORS + _log_prior(cell, CELL_MEAN) - shrunk - data.free / 2 * np.log(left)
        return _Given(weight, left, root, factor, half, kept)

    def drawn(self, one: _Given, points: Ints, deviations: Floats, rng: np.random.Generator) -> Floats:
        """(2 * draws, 168) cells, the second half mirrored at the mean; `deviations` of the noise, one a point."""
        chance = rng.standard_normal((len(points), len(MAIN) + len(REST)))
        pair = np.stack([one.half[points], chance[:, : len(MAIN)]], axis=2)
        solved = one.root[points, :, None] * np.linalg.solve(one.factor[points].transpose(0, 2, 1), pair)
        rest = self.back @ (np.sqrt(one.kept) * chance[:, len(MAIN) :]).T
        main = BASIS[:, MAIN] - self.back @ (one.kept * self.across).T  # (168, 29): what a main effect moves
        mean = solved[..., 0] @ main.T + self.back @ (one.kept * self.rest_moment)
        moved = deviations[:, None] * (solved[..., 1] @ main.T + rest.T)
        return np.concatenate([mean + moved, mean - moved])


def draw(data: Sums) -> Drawn:
    """What may be true, 50 ms; the same posts give the same draws."""
    rng, turned = np.random.default_rng(1), _Turned.of(data)
    grid = [turned.given(data, float(cell)) for cell in CELL]
    weights = np.concatenate([one.weight for one in grid])
    ends = np.cumsum(np.exp(weights - weights.max()))
    places = np.searchsorted(ends, (np.arange(PAIRS) + 0.5) / PAIRS * ends[-1])
    cells, noise = list[Floats](), list[Floats]()
    for number, one in enumerate(grid):
        points = places[places // len(MAINS) == number] % len(MAINS)
        deviations = np.sqrt(one.left[points] / rng.chisquare(data.free, len(points)))
        noise += [deviations] * 2
        cells.append(turned.drawn(one, points, deviations, rng))
    drawn, spread = np.concatenate(cells), np.concatenate(noise)
    posted = data.counts.ravel() / data.counts.sum()
    level = data.mean - drawn @ posted + spread * rng.standard_normal(len(drawn)) / data.counts.sum() ** 0.5
    best = int(np.argmax(weights))
    return Drawn(drawn, level, spread, replace(PRIORS[best % len(MAINS)], cell=float(CELL[best // len(MAINS)])))


def _log_prior(value: float, mean: float) -> float:
    """Exponential, on points evenly spaced in the logarithm."""
    return float(np.log(value)) - value / mean


PRIORS = [Prior(float(hour), float(weekday), 0.0, rho) for hour, weekday, rho in product(HOUR, WEEKDAY, RHOS)]
MAINS: Floats = np.array([one.variances()[MAIN] for one in PRIORS])
LOG_PRIORS: Floats = np.array(
    [_log_prior(one.hour, HOUR_MEAN) + _log_prior(one.weekday, WEEKDAY_MEAN) for one in PRIORS]
)
