"""Values as people and platforms write them, into what the tables hold: "541.2K", "12 %", "2025-05-29 15:38:41".

What cannot be understood is refused with a reason that ends a sentence; an empty value is None, never 0.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from datetime import date, datetime, time, tzinfo
from functools import lru_cache
from typing import Any, cast

from core.store import wire

NOTHING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "–", "—", "?"})
SUFFIX = {"k": 1e3, "m": 1e6, "b": 1e9}
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
COMMA = re.compile(r"[+-]?\d+,\d+")
EPOCH = re.compile(r"\d{9,10}(\.\d+)?")
EPOCH_MS = re.compile(r"\d{12,13}")
PLAIN_TAGS = re.compile(r'[^\s|;,#"\\\x00-\x1f\[\ud800-\udfff]+(\|[^\s|;,#"\\\x00-\x1f\[\ud800-\udfff]+)*')
LAST_SECOND = time(23, 59, 59)
LARGEST = 10**15  # views of anything
MOST_POINTS = 10_000


def number(value: object, *, comma: bool = False) -> float | int | None:
    """A number; `comma`: the decimal sign is a comma.

    Raises:
        ValueError: it is none.
    """
    if value is None:
        return None
    if isinstance(value, int | float):  # a bool is an int: True is 1
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a number")
        return int(value) if isinstance(value, bool) else value
    text = str(value).strip()
    if text.lower() in NOTHING:
        return None
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    return _scaled(text, comma)


def _scaled(text: str, comma: bool) -> float | int:
    scale = SUFFIX.get(text[-1].lower())
    digits = (text[:-1] if scale else text).strip().replace("\u00a0", "").replace(" ", "")
    if comma:
        digits = digits.replace(".", "").replace(",", ".")
    elif GROUPED.fullmatch(digits) and not scale:
        digits = digits.replace(",", "")
    elif COMMA.fullmatch(digits):
        digits = digits.replace(",", ".")
    try:
        if "_" in digits:
            raise ValueError
        if scale is None and digits.lstrip("+-").isdecimal():
            return int(digits[:40])
        found = float(digits)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a number") from None
    if not math.isfinite(found):
        raise ValueError(f"{shown(text)} is not a number")
    return found * (scale or 1.0)


def count(value: object, *, comma: bool = False) -> int | None:
    """A whole number from 0 on; K, M and B are understood ("541.2K" is 541,200).

    Raises:
        ValueError: it is none.
    """
    found = number(value, comma=comma)
    if found is None:
        return None
    whole = round(found)
    if abs(found - whole) > 1e-6 * max(1.0, abs(found)):
        raise ValueError(f"{shown(value)} is not a whole number")
    if whole < 0:
        raise ValueError(f"{shown(value)} is negative")
    if whole > LARGEST:
        raise ValueError(f"{shown(value)} is impossibly many")
    return whole


def fraction(value: object, *, percent: bool = False, comma: bool = False, most: float = 1.0) -> float | None:
    """A share as 0..`most`; `percent`: a bare number counts in hundredths. A percent sign always does.

    Raises:
        ValueError: it is no number, or outside.
    """
    if isinstance(value, str) and value.rstrip().endswith("%"):
        value, percent = value.rstrip()[:-1], True
    found = number(value, comma=comma)
    if found is None:
        return None
    share = found / 100 if percent else float(found)
    if not 0 <= share <= most:
        raise ValueError(f"{shown(value)} is outside of {f'0..{100 * most:g} %' if percent else f'0..{most:g}'}")
    return share


def moment(value: object, zone: tzinfo, *, ends_day: bool = False) -> float | None:
    """UTC seconds since 1970 of ISO text, seconds or milliseconds since 1970, or a datetime.

    Args:
        zone: where a time without a zone was.
        ends_day: a bare date means the end of that day (a measurement of a day), else its beginning.

    Raises:
        ValueError: it is none of them.
    """
    if value is None or isinstance(value, str):
        return None if value is None else _moment(value, zone, ends_day)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).timestamp()
    if isinstance(value, date):
        return _moment(value.isoformat(), zone, ends_day)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value) / 1000 if abs(value) > 1e11 else float(value)
    raise ValueError(f"{shown(value)} is not a time")


@lru_cache(maxsize=1 << 16)  # scrapes and days repeat
def _moment(value: str, zone: tzinfo, ends_day: bool) -> float | None:
    text = value.strip()
    if text.lower() in NOTHING:
        return None
    if EPOCH.fullmatch(text):
        return float(text)
    if EPOCH_MS.fullmatch(text):
        return float(text) / 1000
    try:
        if len(text) == 10:
            found = datetime.combine(date.fromisoformat(text), LAST_SECOND if ends_day else time())
        else:
            found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(text)} is not a time; write 2025-05-29T15:38:41Z") from None


def numbers_json(value: object, *, shares: bool, percent: bool = False) -> str | None:
    """A list of numbers as JSON text, from a list, JSON, or numbers with ; | or blanks between.

    Raises:
        ValueError: it is none, or has a share outside of 0..1.
    """
    found = _listed(value, r"[;|\s]+")
    if not found:
        return None
    if len(found) > MOST_POINTS:
        raise ValueError(f"has more than {MOST_POINTS:,} points")
    out = [fraction(one, percent=percent) if shares else number(one) for one in found]
    if any(one is None for one in out):
        raise ValueError("has a point without a value")
    return wire.compact(out)


def tags_json(value: object) -> str | None:
    """Tags as a JSON list of texts: from a list, JSON, or texts with | , or ; between; # is taken off.

    Raises:
        ValueError: it is no list of texts.
    """
    if isinstance(value, str) and PLAIN_TAGS.fullmatch(value):
        return '["' + '","'.join(dict.fromkeys(value.split("|"))) + '"]'
    found = _listed(value, r"\s*[|;,]\s*|\s+(?=#)")
    tags = dict.fromkeys((text(one) or "").strip().removeprefix("#") for one in found)
    tags.pop("", None)
    return wire.compact(list(tags)) if tags else None


def object_json(value: object) -> str | None:
    """A JSON object as text.

    Raises:
        ValueError: it is none.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in NOTHING):
        return None
    found: Any = _json(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return wire.compact(json.loads(wire.encode(cast("dict[str, Any]", found))))


def text(value: object) -> str | None:
    """Text as it is; None where there is none.

    Raises:
        ValueError: it cannot be kept.
    """
    if value is None or value == "":
        return None
    found = value if isinstance(value, str) else str(value)
    if not found.isascii():
        try:
            found.encode()
        except UnicodeEncodeError:
            raise ValueError("is not readable text (another encoding?)") from None
    if "\0" in found:
        raise ValueError("has a NUL sign in it")
    return found


def shown(value: object) -> str:
    """A value as it may stand in a reason: short, quoted."""
    return repr(str(value)[:40])


def _listed(value: object, between: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str):
        stripped = value.strip()
        if stripped.lower() in NOTHING:
            return []
        value = _json(stripped) if stripped.startswith("[") else re.split(between, stripped.strip("|;, "))
    if isinstance(value, Iterable) and not isinstance(value, dict | bytes):
        return [one for one in cast("Iterable[Any]", value) if one is not None]
    raise ValueError("is not a list")


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError(f"{shown(value)} is not JSON") from None
