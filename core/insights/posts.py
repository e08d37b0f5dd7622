"""What is known of published posts, as columns: one row per (content_id, platform), its newest numbers.

Only the shape; `core.insights.metrics.store` reads it from the tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Objects = NDArray[np.object_]

TEXTS = ("content_id", "platform", "account", "sample_id", "caption")
CONTENT_NUMBERS = ("posted_at", "duration_s")
ENGAGEMENT = ("views", "likes", "comments", "shares", "saves", "engagement_rate", "save_rate", "views_velocity")
RETENTION = ("avg_watch_percentage", "completion_rate", "rewatch_rate")
NUMBERS = ("measured_at", "viewed_at", *CONTENT_NUMBERS, *ENGAGEMENT, *RETENTION)
JSONS = ("drop_off_points", "retention_curve", "brand_tags", "edit_metadata", "features")


@dataclass(frozen=True, eq=False)
class Posts:
    """Columns of equal length. Numbers are float64 and NaN where nothing was measured; times are UTC seconds.

    Attributes:
        sample_id: the sample a post came from, where it is linked.
        measured_at: when the newest of its numbers were taken.
        viewed_at: when its views were taken, which its age is counted to; without views, as measured_at.
        duration_s: seconds.
        avg_watch_percentage: a fraction, above 1 where a clip plays again; completion_rate, rewatch_rate: 0..1.
        views_velocity: views per hour.
        json_columns: JSON texts as stored (or None) of `JSONS`, read when the column of that name is first asked for.
    """

    content_id: Objects
    platform: Objects
    account: Objects
    sample_id: Objects
    caption: Objects
    posted_at: Numbers
    measured_at: Numbers
    viewed_at: Numbers
    duration_s: Numbers
    views: Numbers
    likes: Numbers
    comments: Numbers
    shares: Numbers
    saves: Numbers
    engagement_rate: Numbers
    save_rate: Numbers
    views_velocity: Numbers
    avg_watch_percentage: Numbers
    completion_rate: Numbers
    rewatch_rate: Numbers
    json_columns: Mapping[str, Objects]

    @staticmethod
    def of(rows: Iterable[Mapping[str, Any]]) -> Posts:
        """Posts from dictionaries by column name; a missing value is None, lists and `features` are given as such."""
        found = list(rows)
        columns: dict[str, Sequence[Any]] = {name: [row.get(name) for row in found] for name in (*TEXTS, *NUMBERS)}
        columns["viewed_at"] = [row.get("viewed_at", row.get("measured_at")) for row in found]
        for name in JSONS:
            columns[name] = [None if row.get(name) is None else json.dumps(row[name]) for row in found]
        return from_columns(columns)

    def __len__(self) -> int:
        return len(self.content_id)

    def where(self, mask: NDArray[Any]) -> Posts:
        """The rows of a mask, or of an index array in its order."""
        plain = {name: getattr(self, name)[mask] for name in PLAIN}
        found = Posts(**plain, json_columns={name: texts[mask] for name, texts in self.json_columns.items()})
        known = vars(self)  # JSON that was read is not read again
        for name in ("drop_off_points", "retention_curve", "brand_tags", "account_number"):
            if name in known:
                vars(found)[name] = known[name][mask]
        if "features" in known:
            vars(found)["features"] = {name: values[mask] for name, values in self.features.items()}
        return found

    @cached_property
    def account_number(self) -> NDArray[np.int64]:
        """(n,) the same number for posts of the same account; posts of unknown accounts share one."""
        names: list[str | None] = self.account.tolist()
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return np.fromiter(map(numbers.__getitem__, names), np.int64, len(self))

    @cached_property
    def drop_off_points(self) -> Objects:
        """Where viewers left: a tuple of floats (seconds, or fractions as the platform gives them), or None."""
        return self._tuples("drop_off_points", float)

    @cached_property
    def retention_curve(self) -> Objects:
        """Share of viewers left along the post: a tuple of floats, or None."""
        return self._tuples("retention_curve", float)

    @cached_property
    def brand_tags(self) -> Objects:
        """A tuple of tags, or None."""
        return self._tuples("brand_tags", str)

    @cached_property
    def features(self) -> dict[str, Numbers]:
        """Every numeric extra by name, from imports and edit metadata; booleans are 0 and 1."""
        found: dict[str, Numbers] = {}
        for column in ("edit_metadata", "features"):  # measured extras weigh more than what was planned
            rows, said = self._parsed(column)
            if set(map(type, said)) - {dict}:
                there = np.array([isinstance(one, dict) for one in said], np.bool_)
                rows, said = rows[there], [one for one in said if isinstance(one, dict)]
            for name in dict.fromkeys(chain.from_iterable(said)):
                array = _numbers(list(map(dict.get, said, repeat(name))))
                if (known := ~np.isnan(array)).any():
                    target = found.setdefault(name, np.full(len(self), np.nan))
                    target[rows[known]] = array[known]
        return found

    def _tuples(self, name: str, kind: type[float] | type[str]) -> Objects:
        out = np.full(len(self), None, dtype=object)
        rows, said = self._parsed(name)
        for row, one in zip(rows.tolist(), said, strict=True):
            if isinstance(one, list):
                out[row] = tuple(kind(value) for value in one)
        return out

    def _parsed(self, name: str) -> tuple[NDArray[np.intp], list[Any]]:
        texts = self.json_columns[name]
        rows = np.flatnonzero(texts != np.array(None))
        # One call for all texts: half the time of a call for each.
        return rows, json.loads(f"[{','.join(texts[rows].tolist())}]")


PLAIN_TYPES = frozenset({bool, int, float, type(None)})
PLAIN = tuple(field.name for field in fields(Posts) if field.name != "json_columns")


def from_columns(columns: Mapping[str, Sequence[Any]]) -> Posts:
    """Posts from sequences by the names in TEXTS, NUMBERS and JSONS (JSON texts); None is not known."""
    plain: dict[str, Any] = {name: objects(columns[name]) for name in TEXTS}
    plain |= {name: np.array(columns[name], dtype=np.float64) for name in NUMBERS}
    return Posts(
        **plain,
        json_columns={name: objects(columns[name]) for name in JSONS},
    )


def objects(values: Sequence[Any]) -> Objects:
    """An object array of one dimension, whatever the values are."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def concatenated(parts: Sequence[Posts]) -> Posts:
    """The rows of several, one after the other; at least one is needed."""
    plain = {name: np.concatenate([getattr(part, name) for part in parts]) for name in PLAIN}
    return Posts(
        **plain, json_columns={name: np.concatenate([part.json_columns[name] for part in parts]) for name in JSONS}
    )


def _numbers(values: list[Any]) -> Numbers:
    if set(map(type, values)) - PLAIN_TYPES:
        values = [value if type(value) in PLAIN_TYPES else None for value in values]
    return np.array(values, dtype=np.float64)
