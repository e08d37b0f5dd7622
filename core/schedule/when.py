"""Arithmetic of due times; pure, so that a slept-through night or a clock set back can be tried without waiting."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, so many seconds apart."""

    seconds: float
    text: str

    @staticmethod
    def parse(text: str) -> Every:
        """From the settings' notation: 30s, 15m, 2h, 1d."""
        return Every(max(int(text[:-1]), 1) * _UNITS[text[-1]], f"every {text}")

    def after(self, now: float) -> float:
        """The next time, strictly later."""
        return now + self.seconds


@dataclass(frozen=True, slots=True)
class At:
    """At an hour of the day in UTC, on one weekday or on all."""

    hour: int
    weekday: str | None = None

    @property
    def text(self) -> str:
        return f"{self.weekday or 'daily'} {self.hour:02d}:00 UTC"

    def after(self, now: float) -> float:
        """The next time, strictly later."""
        day = dt.datetime.fromtimestamp(now, dt.UTC).replace(hour=self.hour, minute=0, second=0, microsecond=0)
        found = day.timestamp()
        while found <= now or self.weekday not in (None, _weekday(found)):
            found += DAY  # UTC has no daylight saving
        return found


def _weekday(at: float) -> str:
    return WEEKDAYS[dt.datetime.fromtimestamp(at, dt.UTC).weekday()]


When = Every | At


def next_due(when: When, stored: float | None, now: float, *, grace_s: float, catch_up: bool) -> float:
    """When something is due, seen from `now` (at start, after the clock or a setting was changed).

    What repeats and never ran is due at once; what has its hour waits for it.
    However many times were slept through, it is due once: now, if it is caught up and not later than its grace.
    A clock set back never makes it due more often than its rule, nor leaves it waiting for the old time.

    Args:
        stored: the due time that was written down last; None if it never had one.
    """
    if stored is None:
        return now if isinstance(when, Every) else when.after(now)
    if stored <= now:
        # What repeats is as good late as on time; what has its hour may come too late to be of use.
        in_time = isinstance(when, Every) or now - stored <= grace_s
        return now if catch_up and in_time else when.after(now)
    return min(stored, when.after(now))
