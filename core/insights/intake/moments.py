"""A whole column of times in the one form that most files have, read at once; `values.moment` reads any."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTHS = (19, 20, 24)  # 2025-05-29T15:38:41, with Z, and with .000Z
DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
MARKS = {4: "-", 7: "-", 13: ":", 16: ":"}
FIRST_YEAR = 1970
Ints = NDArray[np.int64]


def quick_moments(found: Sequence[Any], zone: tzinfo) -> list[float] | None:
    """UTC seconds of ISO times of one form, all with Z or, in UTC, all without; None where any is another."""
    try:
        first = len(found[0])
        if first not in LENGTHS or (first == LENGTHS[0] and zone is not UTC) or set(map(len, found)) != {first}:
            return None
        joined = "".join(found)
    except (IndexError, TypeError):
        return None
    if not joined.isascii():
        return None
    signs = np.frombuffer(joined.encode(), np.uint8).reshape(-1, first)
    return _read(signs, first) if _formed(signs, first) else None


def _formed(signs: NDArray[np.uint8], length: int) -> bool:
    marks = MARKS | ({length - 1: "Z"} if length > LENGTHS[0] else {}) | ({19: "."} if length == LENGTHS[2] else {})
    if not all((signs[:, at] == ord(mark)).all() for at, mark in marks.items()):
        return False
    if not np.isin(signs[:, 10], (ord("T"), ord(" "))).all():
        return False
    digits = signs[:, [at for at in range(length) if at != 10 and at not in marks]]
    return bool(((digits >= ord("0")) & (digits <= ord("9"))).all())


def _read(signs: NDArray[np.uint8], length: int) -> list[float] | None:
    def number(start: int, stop: int) -> Ints:
        value = np.zeros(len(signs), np.int64)
        for at in range(start, stop):
            value = value * 10 + (signs[:, at] - np.uint8(ord("0")))
        return value

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    hour, minute, second = number(11, 13), number(14, 16), number(17, 19)
    if not ((year >= FIRST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)).all():
        return None
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if (day > DAYS_IN[month - 1] + (leap & (month == 2))).any() or max(hour.max() - 23, minute.max() - 59) > 0:
        return None
    if second.max() > 59:
        return None
    months = (year - FIRST_YEAR) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    thousandths = number(20, 23) if length == LENGTHS[2] else np.zeros(len(signs), np.int64)
    # As datetime.timestamp: whole microseconds, divided once.
    return ((seconds * 1000 + thousandths) * 1000 / 1e6).tolist()
