"""meta_learning_scores: overall, retention, engagement, virality and brand alignment of a post, each 0..1 or not known.

docs/insights.md says what each means; nothing that was not measured is replaced, and no weight is shared out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.insights.findings.brand import Alignment
from core.insights.findings.effects import LEAST_ROWS, Floats, logs, rounded
from core.insights.findings.held import Held, columns_of
from core.insights.findings.outcomes import account_numbers, measured
from core.insights.findings.remembered import on, platforms, rows_on
from core.insights.posts import Posts

# The seed's weights for retention and engagement; what it gives to quality and timing, known before posting, goes to
# what is known after: how the post spread, and whether it kept to the brand.
WEIGHTS = {"retention_score": 0.35, "engagement_score": 0.30, "virality_score": 0.20, "brand_alignment_score": 0.15}
PARTS = tuple(WEIGHTS)
LEAST_OTHERS = 5  # posts of an account before "more views than usual" means something without followers
HIGH, LOW = 0.75, 0.25  # of 0..1: from where a part is a strength or a weakness
PERFECT_WATCH = 1.0  # above it a clip was watched more than once on average


@dataclass(frozen=True, eq=False)
class Scores:
    """Columns over the posts they were computed from; NaN = not known.

    Attributes:
        share_rank, reach_rank, engagement_rank: the share of the platform's posts that did worse, ties counted half.
        counted: how many posts of the platform have an engagement rate to be ranked by.
    """

    posts: Posts
    retention: Floats
    engagement: Floats
    virality: Floats
    brand: Floats
    share_rate: Floats
    share_rank: Floats
    reach_rank: Floats
    counted: Floats
    alignment: Alignment

    def overall(self) -> Floats:
        """The weighted sum, NaN where a part is missing."""
        return np.sum([part * weight for part, weight in zip(self._parts(), WEIGHTS.values(), strict=True)], axis=0)

    def lower_bound(self) -> Floats:
        """The weighted sum with 0 for every missing part: the overall score cannot be below it."""
        parts = zip(self._parts(), WEIGHTS.values(), strict=True)
        return np.sum([np.nan_to_num(part) * weight for part, weight in parts], axis=0)

    def _parts(self) -> Sequence[Floats]:
        return self.retention, self.engagement, self.virality, self.brand

    def of(self, row: int) -> dict[str, Any]:
        """One post's line of the table, in the seed's names; parts that are missing are None and named in `factors`."""
        values = dict(zip(PARTS, (float(part[row]) for part in self._parts()), strict=True))
        missing = self.missing(row)
        known = sum(weight * values[name] for name, weight in WEIGHTS.items() if name not in missing)
        open_ = sum(weight for name, weight in WEIGHTS.items() if name in missing)
        posts = self.posts
        return {
            "content_id": str(posts.content_id[row]),
            "platform": str(posts.platform[row]),
            "overall_score": None if missing else rounded(known),
            **{name: rounded(value) for name, value in values.items()},
            "factors": {
                "weights": WEIGHTS,
                "missing": missing,
                "lower_bound": rounded(known),
                "upper_bound": rounded(known + open_),
                "measured": self._measured(row),
            },
            "strengths": [self._words(name, values[name], row) for name in PARTS if values[name] >= HIGH],
            "weaknesses": [self._words(name, values[name], row) for name in PARTS if values[name] <= LOW],
        }

    def missing(self, row: int) -> dict[str, str]:
        """Which parts are not known, and what would make them known."""
        few = f"needs {LEAST_ROWS} posts of {self.posts.platform[row]} with"
        why = {
            "retention_score": "needs avg_watch_percentage",
            "engagement_score": f"{few} engagement_rate, and this post's",
            "virality_score": f"{few} shares and views, and followers or {LEAST_OTHERS} posts of the account",
            "brand_alignment_score": self.alignment.needs,
        }
        return {name: why[name] for name, part in zip(PARTS, self._parts(), strict=True) if not np.isfinite(part[row])}

    def _measured(self, row: int) -> dict[str, Any]:
        names = ("avg_watch_percentage", "completion_rate", "rewatch_rate", "engagement_rate", "save_rate", "views")
        found = {name: rounded(getattr(self.posts, name)[row]) for name in names}
        return found | {
            "share_rate": rounded(self.share_rate[row]),
            "share_rank": rounded(self.share_rank[row]),
            "reach_rank": rounded(self.reach_rank[row]),
            "ranked_among": int(self.counted[row]),
        }

    def _words(self, name: str, value: float, row: int) -> str:
        posts, among = self.posts, int(self.counted[row])
        if name == "retention_score":
            return f"viewers watched {posts.avg_watch_percentage[row]:.0%} of it on average"
        if name == "engagement_score":
            return f"engagement of {posts.engagement_rate[row]:.1%} of views (rank {_place(value, among)})"
        if name == "virality_score":
            shared, seen = _place(self.share_rank[row], among), _place(self.reach_rank[row], among)
            return f"spread: rank {shared} in shares per view, {seen} in views for its account"
        return f"{self.alignment.source} agree with the account's other posts by {value:.0%}"


def _place(rank: float, among: int) -> str:
    """ "3 of 4,138", from the share of the others that did worse."""
    return f"{round((1 - rank) * (among - 1)) + 1:,} of {among:,}"


def score(posts: Posts, alignment: Alignment) -> Scores:
    """The scores of all posts, each ranked among those of its platform."""
    nan = np.full(len(posts), np.nan)
    found: Mapping[str, Floats] = {name: nan.copy() for name in ("engagement", "share", "reach")}
    counted = np.zeros(len(posts))
    for platform in platforms(posts):
        rows, own = rows_on(posts, platform), on(posts, platform)
        found["engagement"][rows] = ranks(own.engagement_rate)
        found["share"][rows] = ranks(measured(own, "share_rate"))
        found["reach"][rows] = ranks(reach(own))
        counted[rows] = np.isfinite(own.engagement_rate).sum()
    return Scores(
        posts, np.minimum(posts.avg_watch_percentage, PERFECT_WATCH), found["engagement"],
        (found["share"] + found["reach"]) / 2, alignment.values, measured(posts, "share_rate"), found["share"],
        found["reach"], counted, alignment,
    )  # fmt: skip


def engagement_ranks(posts: Posts) -> Floats:
    """The engagement scores alone."""
    out = np.full(len(posts), np.nan)
    for platform in platforms(posts):
        out[rows_on(posts, platform)] = ranks(on(posts, platform).engagement_rate)
    return out


def ranks(values: Floats) -> Floats:
    """The share of the other measured values that are smaller, ties counted half; NaN where fewer than 20 are there."""
    out = np.full(len(values), np.nan)
    fine = np.isfinite(values)
    if fine.sum() < LEAST_ROWS:
        return out
    _, back, counts = np.unique(values[fine], return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    out[fine] = (below[back] + (counts[back] - 1) / 2) / (fine.sum() - 1)
    return out


def reach(own: Posts) -> Floats:
    """log views less what followers explain on this platform, or less the account's other posts; NaN without either."""
    y = logs(own.views)
    followers = own.features.get("followers")
    if followers is not None and np.isfinite(followers).sum() >= LEAST_ROWS:
        known = np.log1p(followers)
        fine = np.isfinite(y) & np.isfinite(known)
        left = np.full(len(y), np.nan)
        if fine.any():
            left[fine] = Held(facts=tuple(columns_of(known))).frame(fine).residual(y[fine])
        return left
    group = account_numbers(own)
    fine = np.isfinite(y)
    counts = np.bincount(group[fine], minlength=int(group.max(initial=0)) + 1)
    sums = np.bincount(group[fine], weights=y[fine], minlength=len(counts))
    others = counts[group] - fine
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = (sums[group] - np.where(fine, y, 0.0)) / others
    return np.where(others >= LEAST_OTHERS, y - usual, np.nan)
