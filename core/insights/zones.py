"""Times are stored in UTC and shown in a zone: which one, and which hour and weekday a moment is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.errors import WrongUseError

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
QUARTER_S = 900  # offsets from UTC are whole quarters of an hour
WEEK_QUARTERS = 8 * 24 * 4  # eight days: a day on which the clock jumps may lack an hour


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone. `offset` gives the seconds east of UTC at a moment, daylight saving included."""

    name: str
    offset: Callable[[float], int]


def zone(name: str) -> Zone:
    """The zone of that name; "local" is this machine's.

    Raises:
        WrongUseError: there is no such zone.
    """
    if name == "local":
        return Zone("local", lambda at: time.localtime(at).tm_gmtoff)
    try:
        info = ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; folders give an OSError
        raise WrongUseError(
            f"there is no time zone called {name!r}",
            where="insights.timezone",
            do="Use local, UTC, or a name such as Europe/Berlin.",
        ) from None
    return Zone(name, lambda at: _offset(info, at))


def _offset(info: ZoneInfo, at: float) -> int:
    shift = datetime.fromtimestamp(at, info).utcoffset()
    return 0 if shift is None else int(shift.total_seconds())


def parts(times: NDArray[np.float64], where: Zone) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hour 0..23 and weekday 0..6 (Monday first) in a zone.

    Args:
        times: (n,) UTC seconds, all finite.
    """
    quarters = np.floor(times / QUARTER_S).astype(np.int64)
    each, which = np.unique(quarters, return_inverse=True)
    offsets = _offsets(each, where)
    local = quarters * QUARTER_S + offsets[which]
    return (local // 3600) % 24, (local // 86400 + 3) % 7  # 1970-01-01 was a Thursday


def _offsets(quarters: NDArray[np.int64], where: Zone) -> NDArray[np.int64]:
    """Seconds east of UTC at moments in order of time.

    A conversion takes about 1 µs, and no clock changes twice within a UTC day: two conversions for a day's moments.
    """

    def found(some: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.array([where.offset(quarter * QUARTER_S) for quarter in some.astype(np.float64).tolist()], np.int64)

    if not len(quarters):
        return quarters
    days = quarters // (86400 // QUARTER_S)
    begins = np.flatnonzero(np.concatenate(([True], days[1:] != days[:-1])))
    sizes = np.diff(np.append(begins, len(quarters)))
    first, last = found(quarters[begins]), found(quarters[begins + sizes - 1])
    offsets = np.repeat(first, sizes)
    jumps = np.flatnonzero(np.repeat(first != last, sizes))
    offsets[jumps] = found(quarters[jumps])
    return offsets


def next_at(weekday: int | None, hour: int, after: float, where: Zone) -> float | None:
    """The next UTC moment at which it becomes that hour (of that weekday) in the zone; None: not within eight days."""
    start = -(-int(after) // QUARTER_S) * QUARTER_S
    times = np.arange(start, start + WEEK_QUARTERS * QUARTER_S, QUARTER_S, dtype=np.float64)
    hours, weekdays = parts(times, where)
    begins = np.concatenate(([False], hours[1:] != hours[:-1]))
    fits = (hours == hour) & ((weekdays == weekday) if weekday is not None else True)
    found = np.flatnonzero(fits & begins)
    return float(times[found[0]]) if found.size else None


def utc_hours(at: float, where: Zone) -> list[int]:
    """The UTC hour in which each hour 0..23 of the zone begins, by the zone's offset at a moment: each of 24 once."""
    shift = where.offset(at)
    return [(hour * 3600 - shift) // 3600 % 24 for hour in range(24)]


def iso(at: float) -> str:
    """A moment as 2026-05-04T18:00:00Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(at: float, where: Zone) -> str:
    """A moment as people read it in the zone: Mon 2026-05-04 18:00."""
    return datetime.fromtimestamp(at + where.offset(at), UTC).strftime("%a %Y-%m-%d %H:%M")
