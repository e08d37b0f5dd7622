"""What is known of a post before it is published, as numbers: its plan, and how earlier posts of its account did.

A row sees only posts published earlier than itself, out of a history that the caller has cut off where needed.
"""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.insights.posts import Numbers, Objects, Posts
from core.insights.zones import Zone, parts

NAN, INFINITE = float("nan"), float("inf")
K = 10  # "the last k posts"
RECENT = 50  # posts of the whole platform that say where it stands
PULL = 3.0  # posts' worth by which an account's level is pulled towards the platform's, where nothing is known
OBJECT_PULL = 5.0
MOST_EXTRAS = 8
# Columns of an import that are fixed before publishing; anything else there may be an outcome (dislikes, ranks).
PLANNED = ("music_original", "category_id", "caption_len", "n_hashtags")
FOLLOWERS = "followers"

Lifts = dict[str, tuple[Numbers, Numbers]]  # by object: times, running means

WORDS = {
    "account_level": "how your posts usually do",
    "last3": "your last three posts",
    "last10": "your last ten posts",
    "earlier_posts": "how many posts came before",
    "days_since": "days since the post before",
    "spread": "how much your posts differ",
    "platform_level": "how the platform did lately",
    "past_engagement": "engagement of your last ten posts",
    "past_retention": "retention of your last ten posts",
    "followers": "followers",
    "hour": "hour of day",
    "hour_sin": "hour of day",
    "hour_cos": "hour of day",
    "weekday": "weekday",
    "duration": "length of the clip",
    "caption_len": "length of the caption",
    "n_hashtags": "number of hashtags",
    "n_tags": "number of brand tags",
    "quality": "quality",
    "objects": "what is seen in it",
    "engagement_lift": "what is seen in it",
    "music_original": "own music",
    "category_id": "category",
}


@dataclass(frozen=True, slots=True)
class About:
    """What is known of posts beyond the metrics: (n,) quality 0..1 or NaN, and the objects seen (tuples or None)."""

    quality: Numbers
    objects: Objects

    def where(self, mask: NDArray[Any]) -> About:
        return About(self.quality[mask], self.objects[mask])

    @staticmethod
    def unknown(n: int) -> About:
        """Nothing is known."""
        return About(np.full(n, np.nan), np.full(n, None, dtype=object))


@dataclass(frozen=True, slots=True)
class Design:
    """One row per post.

    Attributes:
        x: (n, p) float64, NaN = not known. names: of the columns.
        base: (n,) the account's level, pulled towards the platform's.
        last_k: (n,) median level of the account's last k posts; the platform's recent median where it has none.
        overall: (n,) median level of all earlier posts of the platform.
        earlier: (n,) how many earlier posts the account has.
    """

    x: Numbers
    names: tuple[str, ...]
    base: Numbers
    last_k: Numbers
    overall: Numbers
    earlier: Numbers


@dataclass(frozen=True, slots=True)
class Past:
    """One account's earlier posts in order of time, and the running sums a row needs."""

    posted: list[float]
    level: list[float]
    engagement: list[float]
    retention: list[float]
    followers: list[float]


def names_of(posts: Posts) -> list[str]:
    """Each post's account, "" where it has none."""
    return [name or "" for name in posts.account]


def extras(posts: Posts) -> list[str]:
    """Numeric edit metadata that enough posts have, most frequent first: all of it is decided before publishing."""
    found: dict[str, int] = {}
    for text in posts.json_columns["edit_metadata"]:
        said = json.loads(text) if text else None
        for name, value in said.items() if isinstance(said, dict) else ():
            if isinstance(value, bool | int | float) and name not in (*PLANNED, FOLLOWERS):
                found[name] = found.get(name, 0) + 1
    often = [name for name, n in found.items() if n >= max(20, len(posts) // 5)]
    return sorted(often, key=lambda name: (-found[name], name))[:MOST_EXTRAS]


class History:
    """Published posts of one platform, ready to say what was known at a later post's publishing.

    Args:
        level: (n,) what is to be predicted, in log units: views at the comparable age, or the engagement rate.
    """

    def __init__(self, posts: Posts, about: About, level: Numbers, where: Zone) -> None:
        keep = np.isfinite(posts.posted_at) & np.isfinite(level)
        rows = np.flatnonzero(keep)[np.argsort(posts.posted_at[keep], kind="stable")]
        self.posts, self.about, self.level = posts.where(rows), about.where(rows), level[rows]
        self.where, self.extras = where, extras(self.posts)
        self.posted = self.posts.posted_at
        follows = self.posts.features.get(FOLLOWERS, np.full(len(self.posts), np.nan))
        grouped: dict[str, list[int]] = {}
        for row, name in enumerate(names_of(self.posts)):
            grouped.setdefault(name, []).append(row)
        columns = [
            column.tolist()
            for column in (
                self.posted, self.level, self.posts.engagement_rate, self.posts.avg_watch_percentage, follows
            )
        ]  # fmt: skip
        self.pasts = {
            name: Past(*([column[row] for row in rows] for column in columns)) for name, rows in grouped.items()
        }
        self.pull = pull_of([past.level for past in self.pasts.values()])
        self.running, self.lately = _running_medians(self.level), _lately(self.level)
        self.lifts = self._lifts(self.level)
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = np.log(self.posts.engagement_rate)
        self.rate_lifts = self._lifts(np.where(np.isfinite(rates), rates, np.nan))

    def _lifts(self, level: Numbers) -> Lifts:
        """Per object: when it was posted, and the running pulled mean of level less the account's earlier median."""
        found: dict[str, list[tuple[float, float]]] = {}
        if not any(self.about.objects):
            return {}
        names = names_of(self.posts)
        earlier: dict[str, list[float]] = {}
        for row, seen in enumerate(self.about.objects):
            before = earlier.setdefault(names[row], [])
            if not np.isfinite(level[row]):
                continue
            if before:
                above = float(level[row] - np.median(before[-RECENT:]))
                for one in dict.fromkeys(seen or ()):
                    found.setdefault(one, []).append((self.posted[row], above))
            before.append(float(level[row]))
        return {
            name: (
                np.array([at for at, _ in rows]),
                np.cumsum([lift for _, lift in rows]) / (np.arange(1, len(rows) + 1) + OBJECT_PULL),
            )
            for name, rows in found.items()
        }

    def lift(self, lifts: Lifts, seen: Sequence[str] | None, before: float) -> float:
        """How much more posts with these objects did, log units, pulled towards 0; NaN if none was ever posted."""
        found: list[float] = []
        for one in dict.fromkeys(seen or ()):
            times, means = lifts.get(one, (np.zeros(0), np.zeros(0)))
            if (count := int(np.searchsorted(times, before))) > 0:
                found.append(float(means[count - 1]))
        return float(np.mean(found)) if found else float("nan")

    def design(self, posts: Posts, about: About, followers: Numbers | None = None) -> Design:
        """The rows of posts; each sees the posts of this history that were published before it.

        Args:
            followers: (n,) as they are at publishing, where that is known; NaN = as last seen on an earlier post.
        """
        n = len(posts)
        hour, weekday = parts(np.where(np.isfinite(posts.posted_at), posts.posted_at, 0.0), self.where)
        columns = _planned(posts, hour.astype(np.float64), weekday.astype(np.float64))
        columns["quality"] = about.quality
        for name, lifts in (("objects", self.lifts), ("engagement_lift", self.rate_lifts)):
            pairs = zip(about.objects, posts.posted_at, strict=True)
            columns[name] = np.array([self.lift(lifts, seen, at) for seen, at in pairs], np.float64)
        said = posts.features
        blank = np.full(n, np.nan)
        past = self._pasts_of(posts)
        if followers is not None:
            past[:, -1] = np.where(np.isfinite(followers), np.log1p(followers), past[:, -1])
        columns |= {name: past[:, index] for index, name in enumerate(_PAST[3:], start=3)}
        columns |= {f"edit {name}": said.get(name, blank) for name in self.extras}
        level, last_k, overall = past[:, 0], past[:, 1], past[:, 2]
        x = np.column_stack([level, *columns.values()])
        return Design(x, ("account_level", *columns), level, last_k, overall, np.expm1(columns["earlier_posts"]))

    def _pasts_of(self, posts: Posts) -> Numbers:
        found = np.full((len(posts), len(_PAST)), np.nan)
        for row, (name, at) in enumerate(zip(names_of(posts), posts.posted_at, strict=True)):
            found[row] = self._row(name, at)
        return found

    def _row(self, name: str, at: float) -> list[float]:
        before = int(np.searchsorted(self.posted, at))
        overall = float(self.running[before - 1]) if before else NAN
        platform = float(self.lately[before - 1]) if before else NAN
        past = self.pasts.get(name)
        count = bisect.bisect_left(past.posted, at) if past else 0
        if past is None or not count:
            return [platform, platform, overall, 0.0, NAN, NAN, NAN, NAN, platform, NAN, NAN, NAN]
        lately = slice(max(0, count - K), count)
        last = past.level[lately]
        middle = _median(last)
        return [
            (middle * len(last) + platform * self.pull) / (len(last) + self.pull), middle, overall, math.log1p(count),
            _median(last[-3:]), middle, math.log1p((at - past.posted[count - 1]) / 86400) if at < INFINITE else NAN,
            _median([abs(one - middle) for one in last]) if len(last) > 2 else NAN, platform,
            _median(past.engagement[lately]), _median(past.retention[lately]), _newest(past.followers[:count]),
        ]  # fmt: skip


_PAST = (
    "level", "last_k", "overall", "earlier_posts", "last3", "last10", "days_since", "spread", "platform_level",
    "past_engagement", "past_retention", "followers",
)  # fmt: skip


def pull_of(accounts: Sequence[Sequence[float]]) -> float:
    """How many posts' worth an account's level is pulled towards the platform's: variance within / variance between.

    From accounts with two posts and more (one-way analysis of variance); `PULL` with fewer than ten of them.
    """
    several = [np.array(levels) for levels in accounts if len(levels) > 1]
    if len(several) < 10:
        return PULL
    size = np.array([len(levels) for levels in several], np.float64)
    means = np.array([levels.mean() for levels in several])
    within = sum(float(((levels - levels.mean()) ** 2).sum()) for levels in several) / float((size - 1).sum())
    middle = float((means * size).sum() / size.sum())
    usual = float((size.sum() - (size**2).sum() / size.sum()) / (len(size) - 1))
    between = (float((size * (means - middle) ** 2).sum()) / (len(size) - 1) - within) / usual
    return float(np.clip(within / between, 0.1, 20.0)) if between > 0 else 20.0


def _median(values: Sequence[float]) -> float:
    """The median of what is known; np.median takes 40 times as long for ten values."""
    known = sorted(value for value in values if value == value)
    middle = len(known) // 2
    if not known:
        return NAN
    return known[middle] if len(known) % 2 else (known[middle - 1] + known[middle]) / 2


def _newest(values: Sequence[float]) -> float:
    return next((math.log1p(value) for value in reversed(values) if value == value), NAN)


def _lately(values: Numbers) -> Numbers:
    """(n,) median of each value and the up to `RECENT` - 1 before it."""
    found = _running_medians(values[:RECENT])
    if len(values) <= RECENT:
        return found
    windows = np.lib.stride_tricks.sliding_window_view(values, RECENT)[1:]
    return np.concatenate([found, np.median(windows, axis=1)])


def _running_medians(values: Numbers) -> Numbers:
    """(n,) median of the first 1, 2, ... values."""
    ordered: list[float] = []
    found = np.empty(len(values))
    for index, value in enumerate(values.tolist()):
        bisect.insort(ordered, value)
        middle = len(ordered) // 2
        found[index] = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return found


def _planned(posts: Posts, hour: Numbers, weekday: Numbers) -> dict[str, Numbers]:
    said: Mapping[str, Numbers] = posts.features
    blank = np.full(len(posts), np.nan)
    captions = np.array([np.nan if text is None else float(len(text)) for text in posts.caption])
    hashtags = np.array([np.nan if text is None else float(text.count("#")) for text in posts.caption])
    tags = np.array([np.nan if found is None else float(len(found)) for found in posts.brand_tags])
    known = np.isfinite(posts.posted_at)
    angle = 2 * np.pi * hour / 24
    return {
        "hour": np.where(known, hour, np.nan),
        "hour_sin": np.where(known, np.sin(angle), np.nan),
        "hour_cos": np.where(known, np.cos(angle), np.nan),
        "weekday": np.where(known, weekday, np.nan),
        "duration": np.log1p(posts.duration_s),
        "caption_len": np.where(np.isnan(captions), said.get("caption_len", blank), captions),
        "n_hashtags": np.where(np.isnan(hashtags), said.get("n_hashtags", blank), hashtags),
        "n_tags": tags,
        "music_original": said.get("music_original", blank),
        "category_id": said.get("category_id", blank),
    }
