"""What an author chose for each post, as levels that can be compared: length, hashtags, caption, day, edit metadata.

Only cuts posts into levels; what the levels did is core.insights.findings.patterns.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from core.insights.findings.effects import LEAST_ROWS, Floats, Ints
from core.insights.findings.remembered import remembered
from core.insights.posts import Posts
from core.insights.zones import DAYS, Zone, parts

Kind = Literal["range", "yes", "code", "tag", "day", "hour"]

# Edges that a person would use; the last range is open. Seconds.
DURATIONS = (0.0, 7.0, 15.0, 30.0, 60.0, 180.0, 600.0)
HASHTAGS = (0.0, 1.0, 4.0, 7.0, 11.0)
CAPTIONS = (0.0, 1.0, 21.0, 61.0, 121.0)  # characters
HOURS = tuple(float(hour) for hour in range(0, 24, 4))
MOST_TAGS = 12  # brand tags or codes looked at, the most frequent ones
MOST_CODES = 24  # a column of whole numbers with more values than this is an amount, not a code
# Columns of an import that are fixed before publishing. Anything else there may be an outcome (dislikes, ranks) or no
# choice (followers); edit metadata is chosen by its nature.
CHOSEN = frozenset({"music_original", "category_id", "caption_len", "n_hashtags"})
MOST_LOOKED_AT = 2000  # texts of edit metadata in which its names are looked for


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing chosen, cut into levels.

    Attributes:
        name: the column it comes from.
        levels: words for each level. bounds: of a range, low <= value < high; else None.
        codes: (N,) index into `levels`, -1 = not known.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...]
    bounds: tuple[tuple[float, float | None] | None, ...]
    codes: Ints


def choices(posts: Posts) -> list[Choice]:
    """Everything known of these posts that their authors could have done otherwise."""
    return remembered(posts, "choices", lambda: _choices(posts))


def _choices(posts: Posts) -> list[Choice]:
    found: list[Choice | None] = [_ranges("duration_s", posts.duration_s, DURATIONS)]
    chosen = CHOSEN | _edited(posts)
    features = _of_captions(posts) | {name: values for name, values in posts.features.items() if name in chosen}
    found += [_feature(name, features[name]) for name in sorted(features)]
    found += _tags(posts)
    return [one for one in found if one is not None and len(np.unique(one.codes[one.codes >= 0])) > 1]


def _edited(posts: Posts) -> set[str]:
    texts = posts.json_columns["edit_metadata"]
    texts = texts[texts != np.array(None)][:MOST_LOOKED_AT]
    return {name for text in texts.tolist() for name in _keys(json.loads(text))}


def _keys(said: object) -> list[str]:
    return [str(name) for name in cast("dict[object, object]", said)] if isinstance(said, dict) else []


def _of_captions(posts: Posts) -> dict[str, Floats]:
    captions: list[str | None] = posts.caption.tolist()
    if not any(captions):
        return {}
    count = len(captions)

    def column(of: list[float]) -> Floats:
        return np.fromiter(of, np.float64, count)

    nan = float("nan")
    found = {
        "caption_len": column([nan if text is None else len(text) for text in captions]),
        "n_hashtags": column([nan if text is None else text.count("#") for text in captions]),
        "caption_question": column([nan if text is None else "?" in text for text in captions]),
        "caption_exclamation": column([nan if text is None else "!" in text for text in captions]),
        "caption_number": column([nan if text is None else any(map(str.isdigit, text)) for text in captions]),
        "caption_all_capitals": column([nan if text is None else text.isupper() for text in captions]),
    }
    if not np.nansum(found["n_hashtags"]):
        del found["n_hashtags"]  # captions without a single "#" in them had theirs removed before we saw them
    return found


def _feature(name: str, values: Floats) -> Choice | None:
    if name == "n_hashtags":
        return _ranges(name, values, HASHTAGS)
    if name == "caption_len":
        return _ranges(name, values, CAPTIONS)
    there = values[np.isfinite(values)]
    if len(there) < 2 * LEAST_ROWS:
        return None
    unique = np.unique(there)
    if len(unique) == 2 and set(unique) == {0.0, 1.0}:
        return Choice(name, "yes", ("no", "yes"), (None, None), _codes(values))
    if name.endswith("_id") or (len(unique) <= MOST_CODES and np.all(unique == np.round(unique)) and unique[0] > 1):
        return _code(name, values)
    edges = tuple(float(edge) for edge in np.unique(np.quantile(there, [0, 1 / 3, 2 / 3])))
    return _ranges(name, values, edges) if len(edges) > 1 else None


def _codes(values: Floats) -> Ints:
    return np.where(np.isfinite(values), values, -1).astype(np.int64)


def _code(name: str, values: Floats) -> Choice:
    common = [value for value, _ in Counter(values[np.isfinite(values)].tolist()).most_common(MOST_TAGS)]
    levels = (*(f"{value:g}" for value in sorted(common)), "others")
    codes = np.full(len(values), len(common), np.int64)
    for number, value in enumerate(sorted(common)):
        codes[values == value] = number
    codes[~np.isfinite(values)] = -1
    return Choice(name, "code", levels, (None,) * len(levels), codes)


def _ranges(name: str, values: Floats, edges: Sequence[float]) -> Choice:
    codes = np.searchsorted(np.asarray(edges), values, side="right").astype(np.int64) - 1
    codes[~np.isfinite(values)] = -1
    bounds = tuple(zip(edges, (*edges[1:], None), strict=True))
    return Choice(name, "range", tuple(_range_words(name, low, high) for low, high in bounds), bounds, codes)


def _range_words(name: str, low: float, high: float | None) -> str:
    whole = name in ("n_hashtags", "caption_len")
    if high is None:
        return f"{low:g} or more"
    if whole:
        return f"{low:g}" if high - low == 1 else f"{low:g}–{high - 1:g}"
    return f"under {high:g}" if low == 0 else f"{low:g}–{high:g}"


def _tags(posts: Posts) -> list[Choice]:
    tags: list[Sequence[str] | None] = posts.brand_tags.tolist()
    counts = Counter(tag for own in tags if own for tag in set(own))
    found: list[Choice] = []
    for tag, count in sorted(counts.most_common(MOST_TAGS)):
        if count >= LEAST_ROWS:
            codes = np.fromiter((-1 if own is None else int(tag in own) for own in tags), np.int64, len(tags))
            found.append(Choice(tag, "tag", ("without", "with"), (None, None), codes))
    return found


def times(posted_at: Floats, where: Zone) -> list[Choice]:
    """Weekday and four-hour block of posting in that zone; which does better is core.insights.posting.besttime's."""
    weekdays, block = np.full(len(posted_at), -1, np.int64), np.full(len(posted_at), -1, np.int64)
    known = np.isfinite(posted_at)
    hours, weekdays[known] = parts(posted_at[known], where)
    block[known] = hours // 4
    weekday = Choice("weekday", "day", DAYS, (None,) * 7, weekdays)
    ends = (*HOURS[1:], 24.0)
    words = tuple(f"{low:02.0f}–{high:02.0f} h" for low, high in zip(HOURS, ends, strict=True))
    return [weekday, Choice("hour", "hour", words, tuple(zip(HOURS, ends, strict=True)), block)]
