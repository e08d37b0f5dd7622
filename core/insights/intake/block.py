"""A block of measured rows of one platform, as columns, on its way into the tables; the formulae of derived columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.insights.posts import ENGAGEMENT, RETENTION

FACTS = ("account", "sample_id", "posted_at", "duration_s", "caption", "brand_tags", "edit_metadata", "features")
COUNTS = ("views", "likes", "comments", "shares", "saves")
RETAINED = (*RETENTION, "retention_curve", "drop_off_points")
COLUMNS = ("content_id", "measured_at", *FACTS, *ENGAGEMENT, *RETAINED)
HOUR = 3600.0


@dataclass(frozen=True)
class Block:
    """Rows of one platform. Every column in `columns` is of equal length; a column that is missing is not known.

    `measured_at` None: the row only says what the content is.
    """

    platform: str
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])

    def __len__(self) -> int:
        return len(self.columns["content_id"])

    def column(self, name: str) -> Sequence[Any]:
        """A column; all None where it is not known."""
        return self.columns.get(name) or [None] * len(self)

    def at(self, rows: Sequence[int]) -> Block:
        """Some of the rows."""
        return Block(self.platform, {name: [values[row] for row in rows] for name, values in self.columns.items()})

    def with_rates(self) -> Block:
        """The block with `engagement_rate` and `save_rate` wherever they were not given and can be computed.

        engagement_rate = (likes + comments + shares + saves, those that are known) / views, save_rate = saves / views;
        both empty where views are unknown or 0.
        """
        views = self._array("views")
        parts = np.stack([self._array(name) for name in COUNTS[1:]])
        known = ~np.isnan(parts)
        reached = np.where(known.any(axis=0) & (views > 0), np.nansum(parts, axis=0), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = {"engagement_rate": reached / views, "save_rate": np.where(views > 0, parts[-1], np.nan) / views}
        columns = dict(self.columns)
        for name, computed in rates.items():
            given = self._array(name)
            columns[name] = nullable(np.where(np.isnan(given), computed, given))
        return Block(self.platform, columns)

    def _array(self, name: str) -> NDArray[np.float64]:
        return np.array(self.column(name), dtype=np.float64)


def joined(blocks: Sequence[Block]) -> Block:
    """The rows of several blocks of one platform, one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    names = dict.fromkeys(name for block in blocks for name in block.columns)
    columns = {name: list(chain.from_iterable(block.column(name) for block in blocks)) for name in names}
    return Block(blocks[0].platform, columns)


def rates(row: Mapping[str, Any]) -> dict[str, float]:
    """As `Block.with_rates`, for one row: those that can be computed."""
    views, found = row["views"], dict[str, float]()
    parts = [row[name] for name in COUNTS[1:] if row[name] is not None]
    if views and parts:
        found["engagement_rate"] = sum(parts) / views
    if views and row["saves"] is not None:
        found["save_rate"] = row["saves"] / views
    return found


def since_posting(
    views: NDArray[np.float64], measured: NDArray[np.float64], posted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Views per hour since posting; NaN where one of them is unknown or it was measured before."""
    hours = (measured - posted) / HOUR
    return np.divide(views, hours, out=np.full(len(views), np.nan), where=hours > 0)


def nullable(values: NDArray[np.float64]) -> list[float | None]:
    """An array as a list with None for NaN."""
    return [None if value != value else value for value in values.tolist()]
