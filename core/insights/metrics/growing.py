"""Scrapes of posts that go on in time: merged column by column, in a tenth of the time of `applying`'s row by row.

Takes only ids whose every row is later than all that is known of them, and later than the one before; the rest is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.insights.intake.block import FACTS, HOUR, RETAINED, Block, nullable
from core.insights.posts import ENGAGEMENT, objects

Row = Mapping[str, Any]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LAST = ("facts_at", "engagement_at", "retention_at")


class Growing:
    """The rows of such ids, by id and time.

    Attributes:
        rest: rows of the block that are not among them.
        new, history: rows of content not measured before, and of later measurements.
    """

    def __init__(self, block: Block, known: Mapping[str, Row]) -> None:
        ids = list(block.column("content_id"))
        times = np.array(block.column("measured_at"), dtype=np.float64)
        numbers = {one: number for number, one in enumerate(dict.fromkeys(ids))}
        code = np.fromiter(map(numbers.__getitem__, ids), np.int64, len(ids))
        before = [known.get(one) for one in numbers]
        last = np.array([_last(row) for row in before], np.float64)
        order = np.lexsort((times, code))
        follows = _follows(code[order])
        steady = times[order] > np.where(follows, np.roll(times[order], 1), last[code[order]])
        says = _any(block, ENGAGEMENT) | _any(block, RETAINED)
        stays = np.bincount(code[order], ~steady | ~says[order], minlength=len(numbers)) > 0
        self.rest: list[int] = np.flatnonzero(stays[code]).tolist()
        order = order[~stays[code[order]]]
        self.block = block.at(order.tolist()).with_rates()
        self.times, code = times[order], code[order]
        self.starts = np.flatnonzero(~_follows(code))
        self.group = np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(code))))
        self.before = [before[number] for number in code[self.starts].tolist()]
        self.new = sum(row is None or row["first_at"] is None for row in self.before)
        self.history = len(code) - self.new

    def content(self) -> dict[str, Sequence[Any]]:
        """One row per id: the newest that is known of each fact."""
        ends = np.append(self.starts[1:], len(self.group)) - 1
        found: dict[str, Sequence[Any]] = {name: self._fact(name)[ends].tolist() for name in FACTS}
        ids, first = self.block.column("content_id"), self.times[self.starts].tolist()
        at_first = self._known("first_at")
        found |= {
            "content_id": [ids[row] for row in self.starts.tolist()],
            "platform": [self.block.platform] * len(self.starts),
            "facts_at": self.times[ends].tolist(),
            "first_at": [new if old is None else min(old, new) for old, new in zip(at_first, first, strict=True)],
        }
        return found | {f"{kind}_at": self._newest(kind) for kind in ("engagement", "retention")}

    def engagement(self) -> dict[str, Sequence[Any]]:
        """One row per measurement, with its velocity since the one with views before, else since posting."""
        rows = np.flatnonzero(self._measured("engagement"))
        found = self._rows(rows, ENGAGEMENT)
        if len(rows):
            found["views_velocity"] = nullable(self._velocity(rows, found))
        return found

    def retention(self) -> dict[str, Sequence[Any]]:
        """One row per measurement."""
        return self._rows(np.flatnonzero(self._measured("retention")), RETAINED)

    def _rows(self, rows: Ints, names: Sequence[str]) -> dict[str, Sequence[Any]]:
        own = self.block.at(rows.tolist())
        return {name: own.column(name) for name in ("content_id", "measured_at", *names)} | {
            "platform": [self.block.platform] * len(rows)
        }

    def _velocity(self, rows: Ints, found: Mapping[str, Sequence[Any]]) -> Floats:
        views, given = (np.array(found[name], dtype=np.float64) for name in ("views", "views_velocity"))
        times, group = self.times[rows], self.group[rows]
        place = np.arange(len(rows))
        seen = np.maximum.accumulate(np.where(np.isnan(views), -1, place))
        seen = np.append(-1, seen[:-1])  # the last row before with views, of whichever group
        begins = np.maximum.accumulate(np.where(_follows(group), 0, place))
        last_views, viewed_at = (
            np.array(self._known(name), dtype=np.float64)[group] for name in ("last_views", "viewed_at")
        )
        before = np.where(seen >= begins, views[seen], last_views)
        since = np.where(seen >= begins, times[seen], viewed_at)
        none = np.isnan(before)
        posted = np.array(self._fact("posted_at")[rows], dtype=np.float64)
        before, since = np.where(none, 0.0, before), np.where(none, posted, since)
        hours = (times - since) / HOUR
        gained = np.divide(views - before, hours, out=np.full(len(rows), np.nan), where=hours > 0)
        return np.where(np.isnan(given), gained, given)

    def _fact(self, name: str) -> NDArray[np.object_]:
        """What is known of a fact at each row: its own value, else that of the row before, else what was known."""
        values = objects(self.block.column(name))
        none = values == np.array(None)
        empty = self.starts[none[self.starts]]
        if len(empty):
            old = objects(self._known(name))
            values[empty] = old[none[self.starts]]
        here = ~none
        here[self.starts] = True
        return values[np.maximum.accumulate(np.where(here, np.arange(len(values)), 0))]

    def _newest(self, kind: str) -> list[float | None]:
        measured = self._measured(kind)
        latest = np.full(len(self.starts), -np.inf)
        np.maximum.at(latest, self.group[measured], self.times[measured])
        old = self._known(f"{kind}_at")
        return [was if at == -np.inf else at for was, at in zip(old, latest.tolist(), strict=True)]

    def _measured(self, kind: str) -> Mask:
        return _any(self.block, ENGAGEMENT if kind == "engagement" else RETAINED)

    def _known(self, name: str) -> list[Any]:
        return [None if row is None else row[name] for row in self.before]


def _follows(code: Ints) -> Mask:
    """Which rows are of the same group as the row before."""
    found = np.zeros(len(code), np.bool_)
    found[1:] = code[1:] == code[:-1]
    return found


def _last(row: Row | None) -> float:
    return -np.inf if row is None else max((at for name in LAST if (at := row[name]) is not None), default=-np.inf)


def _any(block: Block, names: Sequence[str]) -> Mask:
    """Which rows say anything in these columns."""
    out = np.zeros(len(block), np.bool_)
    for name in names:
        if name in block.columns:
            out |= objects(block.columns[name]) != np.array(None)
    return out
