"""Sunrise, sunset, day or night: the phase of a picture from where and when it was taken; and the part of the day."""

from __future__ import annotations

import datetime as dt
import time
from typing import Literal

Phase = Literal["sunrise", "sunset", "day", "night"]
# Degrees of the sun's height: civil twilight below the horizon, the golden hour above it.
LOWEST, HIGHEST = -6.0, 6.0
HOURS = 4  # of a time bucket
RISING_S = 300  # two looks so far apart tell whether the sun rises


def phase_at(latitude: float | None, longitude: float | None, at: float) -> Phase | None:
    """The phase at a time (UTC seconds since 1970); None where the place is not known.

    By the sun's height, so that it also holds where the sun does not set for weeks.
    """
    if latitude is None or longitude is None:
        return None
    from astral import Observer
    from astral.sun import elevation

    observer = Observer(latitude, longitude)
    now, later = (elevation(observer, dt.datetime.fromtimestamp(at + ahead, dt.UTC)) for ahead in (0, RISING_S))
    if now > HIGHEST:
        return "day"
    if now < LOWEST:
        return "night"
    return "sunrise" if later > now else "sunset"


def time_bucket(at: float) -> str:
    """The four hours of the day that a time lies in: "16-20 UTC"; UTC, because samples keep no time zone."""
    start = time.gmtime(at).tm_hour // HOURS * HOURS
    return f"{start:02}-{start + HOURS:02} UTC"
