"""The filter of a list: words such as `state:pending label:action anna`, made into conditions on the catalog."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.errors import WrongUseError

# What a state is called, beside the names of the catalog.
STATES: dict[str, str] = {
    "pending": "s.state = 'pending'",
    "waiting": "s.state = 'pending'",
    "answered": "s.state = 'answered'",
    "confirmed": "s.state = 'answered' AND c.was_correct",
    "corrected": "s.state = 'answered' AND NOT c.was_correct",
    "skipped": "s.state = 'skipped'",
    "failed": "p.line IS NOT NULL AND p.value IS NULL",
    "unjudged": "p.line IS NULL",
}
ANSWER = "coalesce(c.value, p.value)"
FIELDS = ("speaker", "source", "region", "context", "phase")
TEXT = (
    "json_extract(s.extra, '$.file')",
    "s.media",
    "s.id",
    "c.value",
    "p.value",
    "s.speaker",
    "s.source",
    "s.context",
)
KEYS = ("state", "label", "score", *FIELDS)
Condition = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which clips are listed.

    Attributes:
        line: what the user typed; "" lists all.
        conditions: SQL on samples `s`, valid answers `c` and newest predictions `p`, each with its values.
    """

    line: str = ""
    conditions: tuple[Condition, ...] = ()


def parse(line: str, scale: tuple[float, float] = (0.0, 1.0)) -> Filter:
    """The filter a line stands for. All words must hold; a word without a key is looked for in names and answers.

    Args:
        scale: the one scores are shown on, for `score:3..4`.

    Raises:
        WrongUseError: a word has an unknown key, or a value that is none of it.
    """
    try:
        words = shlex.split(line)
    except ValueError:  # a quote that is not closed
        words = line.split()
    return Filter(" ".join(line.split()), tuple(_condition(word, scale) for word in words))


def _condition(word: str, scale: tuple[float, float]) -> Condition:
    key, colon, value = word.partition(":")
    if not colon:
        return _text(word)
    key = key.casefold()
    if key not in KEYS or not value:
        what = f"the filter does not know {word!r}"
        raise WrongUseError(what, do=f"Known are {', '.join(f'{name}:' for name in KEYS)} and plain words.")
    special: dict[str, Callable[[str], Condition]] = {
        "state": _state,
        "label": lambda wanted: (f"CAST({ANSWER} AS TEXT) = ? COLLATE NOCASE", (wanted,)),
        "score": lambda wanted: _score(wanted, scale),
    }
    return special[key](value) if key in special else (f's."{key}" = ? COLLATE NOCASE', (value,))


def _state(value: str) -> Condition:
    condition = STATES.get(value.casefold())
    if condition is None:
        raise WrongUseError(f"there is no state {value!r}", do=f"States are {', '.join(STATES)}.")
    return f"({condition})", ()


def _score(value: str, scale: tuple[float, float]) -> Condition:
    """`3..4`, `3..`, `..4` or one score; to a hundredth of the scale, as scores are shown."""
    first, dots, last = value.partition("..")
    low, high = scale
    try:
        bottom = float(first) if first else low
        top = (float(last) if last else high) if dots else bottom
    except ValueError:
        raise WrongUseError(f"{value!r} is no score", do=f"For instance score:{example(scale)}.") from None
    near = 0.005  # half of the last decimal shown
    if not low - near <= bottom <= top <= high + near:  # also refuses NaN
        what = f"score:{value} is not within {low:g} to {high:g}"
        raise WrongUseError(what, do=f"For instance score:{example(scale)}.")
    bounds = tuple((edge - low) / (high - low) for edge in (bottom - near, top + near))
    return f"(typeof({ANSWER}) <> 'text' AND {ANSWER} BETWEEN ? AND ?)", bounds


def example(scale: tuple[float, float]) -> str:
    """Some scores of a scale as the filter takes them, such as `3..4`."""
    low, high = scale
    return f"{low + 0.6 * (high - low):g}..{low + 0.8 * (high - low):g}"


def _text(word: str) -> Condition:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    tests = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in TEXT)
    return f"({tests})", (f"%{escaped}%",) * len(TEXT)
