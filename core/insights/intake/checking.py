"""Raw columns into a block: every value understood or its row refused with a reason, good rows kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

import numpy as np

from core.insights.intake import values
from core.insights.intake.block import COUNTS, Block
from core.insights.intake.moments import quick_moments
from core.insights.posts import RETENTION
from core.store import wire

EARLIEST = 946_684_800.0  # 2000-01-01: nothing that can be measured here was published before
DAY = 86_400.0
SHARES = (*RETENTION, "engagement_rate", "save_rate")
MOST = {"avg_watch_percentage": 5.0}  # of a share, where that is not 1: short clips play again and again
TEXTS = ("content_id", "account", "sample_id", "caption")


@dataclass(frozen=True)
class Rules:
    """How the values of a file are written.

    Attributes:
        percent: columns whose numbers count in hundredths.
        comma: the decimal sign is a comma.
        measured_at: when rows were measured that do not say it; None = they only say what the content is.
        now: UTC seconds; later measurements, by more than a day, are refused.
    """

    now: float
    zone: tzinfo = UTC
    percent: frozenset[str] = frozenset()
    comma: bool = False
    measured_at: float | None = None


@dataclass
class Checked:
    """A block of the good rows and why the others are none, by their place among the raw rows."""

    block: Block
    refused: dict[int, str] = field(default_factory=dict[int, str])


def check(
    platform: str, raw: Mapping[str, Sequence[Any]], extras: Mapping[str, Sequence[Any]], rules: Rules
) -> Checked:
    """Understand the raw values of our columns; `extras` are theirs that become features where they are numbers."""
    return _Checker(platform, raw, extras, rules).run()


def is_name(platform: str) -> bool:
    """Whether a platform can be called so."""
    return bool(platform.strip()) and platform.isprintable() and len(platform) <= 100


class _Checker:
    def __init__(
        self, platform: str, raw: Mapping[str, Sequence[Any]], extras: Mapping[str, Sequence[Any]], rules: Rules
    ) -> None:
        self.platform, self.raw, self.extras, self.rules = platform, raw, extras, rules
        self.n = len(raw["content_id"])
        self.refused: dict[int, str] = {}

    def run(self) -> Checked:
        columns: dict[str, Sequence[Any]] = {}
        for name, found in self.raw.items():
            columns[name] = self._column(name, found)
        self._require_ids(columns["content_id"])
        self._default_moment(columns)
        self._check_times(columns)
        if (features := self._features()) is not None:
            columns["features"] = features
        block = Block(self.platform, columns)
        if self.refused:
            block = block.at([row for row in range(self.n) if row not in self.refused])
        return Checked(block, self.refused)

    def _column(self, name: str, found: Sequence[Any]) -> Sequence[Any]:
        if name in COUNTS and (quick := _quick_counts(found)):
            return quick
        if name in TEXTS:
            return _quick_texts(found) or self._each(name, found, values.text)
        if name in ("measured_at", "posted_at"):
            ends_day = name == "measured_at"
            if (quick := quick_moments(found, self.rules.zone)) is not None:
                return quick
            return self._each(name, found, lambda one: values.moment(one, self.rules.zone, ends_day=ends_day))
        return self._each(name, found, self._reader(name))

    def _reader(self, name: str) -> Callable[[Any], Any]:
        comma, percent = self.rules.comma, name in self.rules.percent
        if name in COUNTS:
            return lambda one: values.count(one, comma=comma)
        if name in SHARES:
            return lambda one: values.fraction(one, percent=percent, comma=comma, most=MOST.get(name, 1.0))
        if name == "retention_curve":
            return lambda one: values.numbers_json(one, shares=True, percent=percent)
        if name == "drop_off_points":
            return lambda one: values.numbers_json(one, shares=False)
        if name == "brand_tags":
            return values.tags_json
        if name in ("edit_metadata", "features"):
            return values.object_json
        if name == "duration_s":
            return lambda one: _not_negative(values.number(one, comma=comma))
        return lambda one: values.number(one, comma=comma)

    def _each(self, name: str, found: Sequence[Any], read: Callable[[Any], Any]) -> list[Any]:
        try:
            return _distinct(found, read) or [read(one) for one in found]
        except ValueError:
            return [self._one(name, row, one, read) for row, one in enumerate(found)]

    def _one(self, name: str, row: int, value: Any, read: Callable[[Any], Any]) -> Any:
        try:
            return read(value)
        except ValueError as error:
            self.refused.setdefault(row, f"{name}: {error}")
            return None

    def _require_ids(self, ids: Sequence[Any]) -> None:
        for row, one in enumerate(ids):
            if not one:
                self.refused.setdefault(row, "content_id: is empty")
            elif len(one) > 500:
                self.refused.setdefault(row, "content_id: is longer than 500 signs")

    def _default_moment(self, columns: dict[str, Sequence[Any]]) -> None:
        known = columns.get("measured_at")
        if known is None or None in known:
            default = self.rules.measured_at
            columns["measured_at"] = [default if at is None else at for at in known or [None] * self.n]

    def _check_times(self, columns: Mapping[str, Sequence[Any]]) -> None:
        latest = self.rules.now + DAY
        posted, measured = (
            np.array(columns.get(name) or [None] * self.n, dtype=np.float64) for name in ("posted_at", "measured_at")
        )
        for name, times in (("posted_at", posted), ("measured_at", measured)):
            for row in np.flatnonzero((times < EARLIEST) | (times > latest)).tolist():
                side = "before 2000" if times[row] < EARLIEST else "in the future"
                self.refused.setdefault(row, f"{name}: lies {side}")
        for row in np.flatnonzero(measured < posted - DAY).tolist():
            self.refused.setdefault(row, "measured_at: lies more than a day before posted_at")

    def _features(self) -> list[str | None] | None:
        if not self.extras or "features" in self.raw:
            return None
        names = list(self.extras)
        columns = [self._extra(found) for found in self.extras.values()]
        # str() of an int or a finite float is its JSON.
        whole = "{" + ",".join(f"{wire.compact(name).replace('%', '%%')}:%s" for name in names) + "}"
        return [whole % row if None not in row else _partly(names, row) for row in zip(*columns, strict=True)]

    def _extra(self, found: Sequence[Any]) -> Sequence[float | int | None]:
        comma = self.rules.comma
        return (
            _quick_counts(found)
            or _distinct(found, lambda one: _or_none(one, comma))
            or [_or_none(one, comma) for one in found]
        )


def _partly(names: Sequence[str], row: Sequence[Any]) -> str | None:
    said = {name: value for name, value in zip(names, row, strict=True) if value is not None}
    return wire.compact(said) if said else None


def _distinct(found: Sequence[Any], read: Callable[[Any], Any]) -> list[Any] | None:
    """The values read once each, where there are few different ones; None where there are not."""
    try:
        kinds = set(found)
        if len(kinds) > len(found) // 4 or not all(type(one) is str for one in kinds):
            return None
    except TypeError:  # lists
        return None
    known = {one: read(one) for one in kinds}
    return [known[one] for one in found]


def _quick_texts(found: Sequence[Any]) -> list[str | None] | None:
    """A column of ordinary texts; None where it is not one."""
    try:
        joined = "".join(found)
        if not joined.isascii():
            joined.encode()
    except (TypeError, UnicodeEncodeError):
        return None
    return None if "\0" in joined else [one or None for one in found]


def _quick_counts(found: Sequence[Any]) -> Sequence[int | None] | None:
    """A column of plain digits, the common case; None where it is not one."""
    try:
        # Everything at once in C: a question for each value takes twice the time.
        if "".join(found).isdecimal():
            if "" not in found:
                whole = [*map(int, found)]
                return whole if max(whole) <= values.LARGEST else None
            out = [int(one) if one else None for one in found]
            return out if max(one or 0 for one in out) <= values.LARGEST else None
    except (TypeError, ValueError):
        return None
    return None


def _not_negative(value: float | None) -> float | None:
    if value is not None and value < 0:
        raise ValueError(f"{values.shown(value)} is negative")
    return value


def _or_none(value: Any, comma: bool) -> float | int | None:
    try:
        return values.number(value, comma=comma)
    except ValueError:
        return None
