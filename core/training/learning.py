"""A power law through a falling error, and when it will have fallen far enough. NumPy only.

err(n) = a + b n^-c: the usual shape of learning curves (Cortes et al. 1993, "Learning curves: asymptotic values and
rate of convergence"; Hestness et al. 2017). The interval is a bootstrap of the windows the curve is fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXPONENTS = np.linspace(0.1, 0.7, 25)  # c; of published curves most lie between 0.07 and 0.5
ROUNDS = 500
LEVEL = 0.9
FEWEST, FEWEST_WINDOWS = 300, 8  # tested answers and windows: with less, flat streams were forecast too often
WIDEST = 10.0  # an interval from 1,000 to 10,000 says nothing
FARTHEST = 10.0  # times what has been seen
FALL_SURE = 0.99  # share of the bootstrap in which the error fell


@dataclass(frozen=True, slots=True)
class Reach:
    """How many corrections it takes in all: the best guess and the interval."""

    corrections: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Laws:
    """Fitted curves, one a row of errors: arrays of equal length."""

    a: Floats
    b: Floats
    c: Floats

    def at(self, n: float) -> Floats:
        """The errors after n corrections."""
        return self.a + self.b * n**-self.c

    def reach(self, error: float) -> Floats:
        """After how many corrections each falls to an error; infinite where it never does."""
        gap = error - self.a
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            found = np.where((gap > 0) & (self.b > 0), (self.b / gap) ** (1 / self.c), np.inf)
        return np.where((self.b <= 0) & (gap >= 0), 0.0, found)


def fit(positions: Floats, errors: Floats, weights: Floats) -> Laws:
    """Weighted least squares with a, b >= 0, the exponent from a grid.

    Args:
        positions: (K,) numbers of corrections, from 1.
        errors: (R, K) mean errors there, R curves at once.
        weights: (K,) answers behind each mean.
    """
    z = positions[None, :] ** -EXPONENTS[:, None]  # (C, K)
    total, sz, szz = weights.sum(), z @ weights, (z * z) @ weights
    sy, szy = errors @ weights, (errors * weights) @ z.T  # (R,), (R, C)
    spread = total * szz - sz * sz
    slope = (total * szy - sz * sy[:, None]) / spread
    floor = (sy[:, None] - slope * sz) / total
    slope = np.where(floor < 0, szy / szz, slope)
    floor = np.where(floor < 0, 0.0, floor)
    floor = np.where(slope < 0, sy[:, None] / total, floor)
    slope = np.maximum(slope, 0.0)
    syy = (errors * errors) @ weights
    loss = (
        syy[:, None] - 2 * (floor * sy[:, None] + slope * szy)
        + floor**2 * total + 2 * floor * slope * sz + slope**2 * szz
    )  # fmt: skip
    best = loss.argmin(axis=1)
    rows = np.arange(len(errors))
    return Laws(floor[rows, best], slope[rows, best], EXPONENTS[best])


def reach(positions: Floats, errors: Floats, target: float, seed: int = 7) -> Reach | str:
    """After how many corrections the mean error falls to `target`, or why that cannot be told.

    Args:
        positions: (N,) the number of corrections at each tested answer, ascending, from 1.
        errors: (N,) how wrong each was, 0..1.
    """
    if len(errors) < FEWEST:
        return f"{len(errors)} answers were tested, {FEWEST} are needed"
    count = min(24, len(errors) // 25)
    places = np.array([part.mean() for part in np.array_split(positions, count)])
    parts = np.array_split(errors, count)
    means, sizes = np.array([part.mean() for part in parts]), np.array([len(part) for part in parts], dtype=np.float64)
    # Two answers of the whole stream's variance keep a window that was all right from seeming certain.
    spread = np.array([part.var() * len(part) + 2 * errors.var() for part in parts]) / (sizes + 2)
    rng = np.random.default_rng(seed)
    drawn = means + rng.normal(0.0, 1.0, (ROUNDS, count)) * np.sqrt(spread / sizes)
    law, laws = fit(places, means[None, :], sizes), fit(places, drawn, sizes)
    now = float(positions[-1])
    if float((laws.at(float(places[0])) > laws.at(now) + 1e-9).mean()) < FALL_SURE:
        return "the answers do not yet get better with corrections, beyond chance"
    guess, found = float(law.reach(target)[0]), np.sort(laws.reach(target))
    low, high = found[int(ROUNDS * (1 - LEVEL) / 2)], found[int(ROUNDS * (1 + LEVEL) / 2)]
    if not np.isfinite([guess, low, high]).all() or high > FARTHEST * now:
        return "the answers may never get there at this rate"
    if high >= WIDEST * max(low, now):
        return "the forecast would be too wide to be of use"
    return Reach(*(round(max(value, 1.0)) for value in (guess, low, high)))
