"""What a comparison holds equal: an account's own mean, and straight lines on facts, out of outcome and choice alike.

Taken out of one of the two alone it would shrink every effect (Frisch and Waugh 1933, Lovell 1963).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_ROWS = 20  # of which a fact must be known to be held equal
TIED = 1e-8  # of a direction's share: what facts already say of each other


@dataclass(frozen=True, eq=False)
class Held:
    """What is held equal over (N,) rows.

    Attributes:
        within: (N,) 0..A-1: rows are compared with rows of the same number only; None = with all.
        facts: columns without NaN, about 1 in size, of which straight lines are taken out.
        names: what all this is called.
    """

    within: Ints | None = None
    facts: tuple[Floats, ...] = ()
    names: tuple[str, ...] = ()
    _last: list[Frame] = field(default_factory=list["Frame"], repr=False)

    def plus(self, columns: list[Floats]) -> Held:
        """The same and more columns."""
        return replace(self, facts=(*self.facts, *columns), _last=[])

    def frame(self, keep: Mask) -> Frame:
        """These rows, prepared; the last rows asked for stay prepared."""
        if not self._last or not np.array_equal(self._last[0].keep, keep):
            self._last[:] = [Frame(self, keep)]
        return self._last[0]


class Frame:
    """The rows of a comparison: what of a column is left when everything held is taken out of it.

    Args:
        keep: (N,) which rows.
    """

    def __init__(self, held: Held, keep: Mask) -> None:
        self.keep = keep
        self._within = None if held.within is None else held.within[keep]
        self._counts = None if self._within is None else np.maximum(np.bincount(self._within), 1)
        columns = [self._centred(one[keep]) for one in held.facts]
        self._base = _orthonormal(columns) if columns else None

    def residual(self, values: Floats) -> Floats:
        """(n,) what of one value per kept row is left."""
        left = self._centred(values)
        return left if self._base is None else left - self._base @ (self._base.T @ left)

    def compared(self, chosen: Mask) -> Mask:
        """(n,) rows that have something to be compared with: those whose `within` has both kinds."""
        if self._within is None or self._counts is None:
            return np.ones(len(chosen), np.bool_)
        inside = np.bincount(self._within[np.flatnonzero(chosen)], minlength=len(self._counts))
        return ((inside > 0) & (inside < self._counts))[self._within]

    def _centred(self, values: Floats) -> Floats:
        if self._within is None or self._counts is None:
            return values - values.mean()
        sums = np.bincount(self._within, weights=values, minlength=len(self._counts))
        return np.subtract(values, (sums / self._counts)[self._within])


def _orthonormal(columns: list[Floats]) -> Floats | None:
    """(n, k) directions of what the columns span; k is smaller where they tell the same."""
    table = np.column_stack(columns)
    size = np.sqrt(np.einsum("ij,ij->j", table, table))
    table = table[:, size > 1e-6 * np.sqrt(len(table))]
    size = size[size > 1e-6 * np.sqrt(len(columns[0]))]
    if not len(size):
        return None
    # Normal equations: one pass over 1,000,000 rows instead of a decomposition of them.
    shares, turn = np.linalg.eigh((table.T @ table) / np.outer(size, size))
    fine = shares > TIED
    return table @ (turn[:, fine] / size[:, None] / np.sqrt(shares[fine]))


def columns_of(fact: Floats) -> list[Floats]:
    """A fact as columns: centred and scaled, its mean where it is not known, and a column that says where; or none."""
    there = np.isfinite(fact)
    if there.sum() < LEAST_ROWS or not np.ptp(fact[there]):
        return []
    centre, spread = fact[there].mean(), fact[there].std()
    known = np.where(there, (fact - centre) / spread, 0.0).astype(np.float64)
    return [known] if there.all() else [known, np.where(there, 0.0, 1.0)]
