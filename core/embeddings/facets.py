"""Which rows of a collection have which values in their metadata: read once, then only of rows that are new.

A row never changes under its id, so what was read stays true; ids of rows that went are for the caller to leave out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings import filters
from core.embeddings.types import Filters

MOST_NAMES = 8  # that are kept; each takes 12 bytes a row, and its different values
Ids = NDArray[np.int64]
Read = Callable[[int], Sequence[tuple[int, str]]]  # (id, metadata) of the next rows behind this id, in its order


class Facets:
    """The names of metadata that were asked for, as columns."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}

    def ids(self, wanted: Filters, last: int, read: Read) -> Ids:
        """Ids (ascending) of the rows that meet the filters (at least one).

        Args:
            last: the id of the newest row that must be known.

        Raises:
            VectorError: a name or a value that metadata cannot have.
        """
        found = [self._column(name, last, read).having(allowed) for name, allowed in filters.options(wanted)]
        return reduce(lambda one, other: np.intersect1d(one, other, assume_unique=True), found)

    def _column(self, name: str, last: int, read: Read) -> _Column:
        column = self._columns.pop(name, None) or _Column()
        column.catch_up(name, last, read)
        self._columns[name] = column  # the one that was asked for last stays longest
        if len(self._columns) > MOST_NAMES:
            del self._columns[next(iter(self._columns))]
        return column


class _Column:
    def __init__(self) -> None:
        self._ids: Ids = np.empty(0, np.int64)
        self._codes: NDArray[np.int32] = np.empty(0, np.int32)
        self._known: dict[object, int] = {}

    def catch_up(self, name: str, last: int, read: Read) -> None:
        ids, codes = [self._ids], [self._codes]
        after = int(self._ids[-1]) if len(self._ids) else 0
        while after < last and (rows := read(after)):
            said: list[Any] = json.loads(f"[{','.join(text for _, text in rows)}]")  # half the time of each by itself
            keys = [_key(one.get(name)) for one in said]
            ids.append(np.fromiter((row for row, _ in rows), np.int64, len(rows)))
            codes.append(
                np.fromiter((self._known.setdefault(key, len(self._known)) for key in keys), np.int32, len(rows))
            )
            after = rows[-1][0]
        self._ids, self._codes = np.concatenate(ids), np.concatenate(codes)

    def having(self, allowed: Sequence[Any]) -> Ids:
        codes = [code for one in allowed if (code := self._known.get(_key(one))) is not None]
        return self._ids[np.isin(self._codes, codes)]


def _key(value: object) -> object:
    """Equal for values that a filter takes as equal: 1 and 1.0, but neither true nor "1"."""
    if isinstance(value, bool):
        return ("bool", value)
    if value is None or isinstance(value, str | int | float):
        return value
    return ("other",)  # lists and objects equal no filter
