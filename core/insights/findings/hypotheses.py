"""Seed 001's five "key learnings", each checked on the user's own posts: supported, not supported, or not measurable.

A claim is supported when the interval excludes no effect and reaches what the claim says; not supported when it
stays below that; otherwise the numbers cannot tell yet, and the entry says what would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, exp, log
from typing import Any, Literal

import numpy as np

from core.insights.findings.effects import (
    LEAST_GROUPS,
    LEAST_ROWS,
    Effect,
    Floats,
    Mask,
    compare,
    logs,
    mean_of,
    rounded,
)
from core.insights.findings.outcomes import comparable, groups
from core.insights.findings.remembered import on, platforms, rows_on
from core.insights.posts import Posts
from core.insights.zones import Zone, parts

Verdict = Literal["supported", "not supported", "not measurable"]

KING, KING_TIMES = 0.70, 3.0  # "performs 3x better"
EARLY_S, EARLY_SHARE = 3.0, 0.60
SAVES = 0.05
REWATCH = 0.20
HOURS = {"instagram": (6, 9), "tiktok": (17, 20)}  # "6-9 AM", "5-8 PM": from, and up to but not including
RELEVANT = 1.1  # times as large: an effect below it is not what a "peak", "long-term value" or "viral potential" means
TOP = 0.9  # quantile of views on the platform from which a post counts as having gone viral
OLD_S = 7 * 86400.0  # age from which views are "long-term"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One claim and what the posts say.

    Attributes:
        claim: in the seed's words.
        measure: what was compared, in words.
        effect, low, high: in `unit` ("times" or "share"), 95 %; NaN when not computed.
        n: posts that the claim speaks of; n_other: posts they were compared with.
        because: one sentence for the verdict. settle: what would settle it, None when settled.
        parts: for a claim about several platforms, one each.
    """

    name: str
    claim: str
    verdict: Verdict
    measure: str
    unit: Literal["times", "share"]
    effect: float
    low: float
    high: float
    n: int
    n_other: int
    because: str
    settle: str | None
    parts: tuple[Hypothesis, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "hypothesis": self.name, "claim": self.claim, "verdict": self.verdict, "measure": self.measure,
            "unit": self.unit, "effect": rounded(self.effect), "interval": [rounded(self.low), rounded(self.high)],
            "n": self.n, "n_other": self.n_other, "because": self.because, "settle": self.settle,
            "parts": [part.to_json() for part in self.parts],
        }  # fmt: skip


def check(posts: Posts, where: Zone) -> list[Hypothesis]:
    """All five, on every post; views and rates are compared within a platform."""
    return [_retention(posts), _first_seconds(posts), _timing(posts, where), _saves(posts), _rewatch(posts)]


def _retention(posts: Posts) -> Hypothesis:
    blank = _blank(
        "retention_is_king", "Content with >70% retention performs 3x better",
        f"views of posts watched to {KING:.0%} and more against other posts", "avg_watch_percentage",
    )  # fmt: skip
    y = _within(posts, lambda own: comparable(own, "views"))
    return _times(blank, posts, y, posts.avg_watch_percentage > KING, posts.avg_watch_percentage, KING_TIMES)


def _first_seconds(posts: Posts) -> Hypothesis:
    blank = _blank(
        "first_3_seconds", "60% of drop-offs occur in first 3 seconds",
        f"share of the viewers who left that had left by second {EARLY_S:g}", "retention_curve and duration_s",
    )  # fmt: skip
    blank = replace(blank, unit="share")
    found = early_losses(posts)
    group, _ = groups(posts)
    one = mean_of(found, group)
    n = int(np.isfinite(found).sum())
    if one is None:
        return _unsettled(blank, n, 0, f"{n} posts have a retention curve; {LEAST_ROWS} are needed")
    low, high = max(one.low, 0.0), min(one.high, 1.0)
    done = replace(blank, effect=one.effect, low=low, high=high, n=n)
    said = f"{one.effect:.0%} of those who left had left by then ({low:.0%} to {high:.0%}, {n:,} posts)"
    if high < EARLY_SHARE:
        return replace(done, verdict="not supported", because=said, settle=None)
    if low >= EARLY_SHARE - 0.1:
        return replace(done, verdict="supported", because=said, settle=None)
    more = ceil(n * ((high - low) / 0.2) ** 2)
    return replace(done, because=f"{said}: too wide to tell", settle=f"about {more:,} posts with retention_curve")


def early_losses(posts: Posts) -> Floats:
    """Per post: of the viewers lost by the end, the share lost in the first 3 s, from the curve; NaN without one.

    The curve's points lie evenly from the first moment to the last.
    """
    out = np.full(len(posts), np.nan)
    for row, curve in enumerate(posts.retention_curve.tolist()):
        length = posts.duration_s[row]
        if curve is None or len(curve) < 2 or not length > EARLY_S or not curve[0] > curve[-1]:
            continue
        if length / (len(curve) - 1) > EARLY_S:
            continue  # the first point after the start lies behind the third second
        left = np.interp(EARLY_S, np.linspace(0.0, length, len(curve)), curve)
        out[row] = (curve[0] - left) / (curve[0] - curve[-1])
    return out


def _timing(posts: Posts, where: Zone) -> Hypothesis:
    blank = _blank(
        "platform_timing", "Instagram peaks at 6-9 AM, TikTok at 5-8 PM",
        f"engagement of posts published in those hours ({where.name} time) against other hours",
        "posted_at and engagement_rate of posts on both",
    )  # fmt: skip
    found = tuple(_peak(on(posts, name), name, hours, where) for name, hours in HOURS.items())
    verdicts = [part.verdict for part in found]
    told = [part for part in found if part.verdict != "not measurable"]
    verdict: Verdict = "not measurable"
    if "not supported" in verdicts:
        verdict = "not supported"
    elif len(told) == len(found):
        verdict = "supported"
    settle = "; ".join(part.settle for part in found if part.settle)
    because = "; ".join(part.because for part in found)
    return replace(
        blank, verdict=verdict, because=because, settle=settle or None, parts=found,
        n=sum(part.n for part in found), n_other=sum(part.n_other for part in found),
    )  # fmt: skip


def _peak(own: Posts, platform: str, hours: tuple[int, int], where: Zone) -> Hypothesis:
    blank = _blank(
        f"platform_timing_{platform}", f"{platform} peaks at {hours[0]} to {hours[1]} h",
        "engagement in those hours against other hours", f"posted_at and engagement_rate of {platform} posts",
    )  # fmt: skip
    if not len(own):
        return _unsettled(blank, 0, 0, f"no posts on {platform}")
    inside = np.zeros(len(own), np.bool_)
    known = np.isfinite(own.posted_at)
    hour = parts(own.posted_at[known], where)[0]
    inside[known] = (hour >= hours[0]) & (hour < hours[1])
    return _times(
        blank,
        own,
        comparable(own, "engagement_rate"),
        inside,
        own.posted_at,
        RELEVANT,
        f"{platform} ({where.name} time)",
    )


def _saves(posts: Posts) -> Hypothesis:
    blank = _blank(
        "save_rate", "High save rate (>5%) = long-term value",
        "views per day after the first week, of all views, with more than 5 % saves against less",
        "two measurements, the newer more than 7 days after posting, and saves",
    )  # fmt: skip
    return _times(blank, posts, _within(posts, later_growth), posts.save_rate > SAVES, posts.save_rate, RELEVANT)


def later_growth(posts: Posts) -> Floats:
    """Log of the views gained per day, of all views, by posts older than a week; NaN without two measurements.

    `views_velocity` of a post measured once is its views since posting, which says nothing of later: left out.
    """
    age = posts.measured_at - posts.posted_at
    with np.errstate(divide="ignore", invalid="ignore"):
        once = np.isclose(posts.views_velocity, posts.views / age * 3600, rtol=1e-6)
        daily = posts.views_velocity * 24 / posts.views
    fine = np.isfinite(daily) & ~once & (age > OLD_S) & (daily >= 0)
    return logs(np.where(fine, daily, np.nan))


def _rewatch(posts: Posts) -> Hypothesis:
    blank = _blank(
        "rewatch_factor", "Content with >20% rewatch rate has viral potential",
        "chance of being among the platform's top 10 % in views, with more than 20 % rewatched against less",
        "rewatch_rate",
    )  # fmt: skip
    top = _within(posts, _top)
    chosen, known = posts.rewatch_rate > REWATCH, np.isfinite(posts.rewatch_rate)
    return _chance(blank, posts, top, chosen & known, known)


def _top(own: Posts) -> Floats:
    fine = np.isfinite(own.views)
    if fine.sum() < LEAST_ROWS:
        return np.full(len(own), np.nan)
    return np.where(fine, own.views >= np.quantile(own.views[fine], TOP), np.nan)


def _chance(blank: Hypothesis, posts: Posts, top: Floats, chosen: Mask, known: Mask) -> Hypothesis:
    """A ratio of chances; its error on the logarithm by the delta method, with errors by groups."""
    group, _ = groups(posts)
    levels = np.where(known, chosen.astype(np.int64), -1)
    fine = known & np.isfinite(top)
    n, other = int((fine & chosen).sum()), int((fine & ~chosen).sum())
    one = compare(top, levels, 2, group)[1]
    if one is None:
        return _unsettled(_lacking(blank, n, other), n, other, _few(n, other))
    share, rest = float(top[fine & chosen].mean()), float(top[fine & ~chosen].mean())
    if not share > 0 or not rest > 0:
        return _unsettled(blank, n, other, "on one side no post is among the top 10 %")
    slope = (log(share) - log(rest)) / (share - rest) if share != rest else 1 / share
    return _judged(blank, replace(one, effect=log(share / rest), error=one.error * slope).at(one.level), RELEVANT)


def _times(
    blank: Hypothesis, posts: Posts, y: Floats, chosen: Mask, known: Floats, least: float, of: str = ""
) -> Hypothesis:
    """A ratio of typical values; `known` is NaN where it is not known whether the claim speaks of the post."""
    group, _ = groups(posts)
    fine = np.isfinite(known) & np.isfinite(y)
    n, other = int((fine & chosen).sum()), int((fine & ~chosen).sum())
    one = compare(y, np.where(np.isfinite(known), chosen.astype(np.int64), -1), 2, group)[1]
    if one is None:
        return _unsettled(_lacking(blank, n, other), n, other, _few(n, other, of))
    return _judged(blank, one, least, of)


def _judged(blank: Hypothesis, one: Effect, least: float, of: str = "") -> Hypothesis:
    times, low, high = exp(one.effect), exp(one.low), exp(one.high)
    done = replace(blank, effect=times, low=low, high=high, n=one.n, n_other=one.n_other)
    head = f"{of}: " if of else ""
    said = f"{head}{times:.2f} times as much ({low:.2f} to {high:.2f}; {one.n:,} posts against {one.n_other:,})"
    if high < least:
        also = f", so better, but not {least:g} times" if low > 1 else ""
        return replace(done, verdict="not supported", because=said + also, settle=None)
    if low > 1:
        return replace(done, verdict="supported", because=said, settle=None)
    # Half the present error in logarithms times so many as to tell 1 from `least`.
    grow = ((one.high - one.low) / (0.9 * log(least))) ** 2
    more = ceil(min(one.n, one.n_other) * max(grow, 1.2))
    settle = f"about {more:,} posts on each side" + (f" on {of}" if of else "")
    return replace(done, because=f"{said}: too wide to tell 1 from {least:g}", settle=settle)


def _lacking(blank: Hypothesis, n: int, other: int) -> Hypothesis:
    """Where the other side is there, what is missing are posts that the claim speaks of."""
    if n < LEAST_ROWS <= other:
        return replace(blank, settle=f"{LEAST_ROWS - n} more posts that the claim speaks of, with {blank.settle}")
    return blank


def _few(n: int, other: int, of: str = "") -> str:
    head = f"{of}: " if of else ""
    return f"{head}{n:,} posts against {other:,}; each side needs {LEAST_ROWS}, of {LEAST_GROUPS} accounts or weeks"


def _within(posts: Posts, of: Callable[[Posts], Floats]) -> Floats:
    """A column computed on each platform alone, less the platform's mean."""
    out = np.full(len(posts), np.nan)
    for platform in platforms(posts):
        rows = rows_on(posts, platform)
        y = of(on(posts, platform))
        fine = np.isfinite(y)
        binary = set(np.unique(y[fine]).tolist()) <= {0.0, 1.0}
        out[rows] = y if binary or not fine.any() else y - y[fine].mean()
    return out


def _blank(name: str, claim: str, measure: str, needs: str) -> Hypothesis:
    nan = float("nan")
    return Hypothesis(name, claim, "not measurable", measure, "times", nan, nan, nan, 0, 0, "", needs)


def _unsettled(blank: Hypothesis, n: int, other: int, because: str) -> Hypothesis:
    return replace(blank, n=n, n_other=other, because=because, settle=f"needs {blank.settle}")
