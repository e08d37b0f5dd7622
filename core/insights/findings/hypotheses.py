"""Seed 001's five "key learnings", each checked on the user's own posts; chances among the best are `chances`'.

A claim of N times is supported when the whole interval is at or above N, partly supported when it lies above 1 and
holds N, not supported when it ends below N, and contradicted when it ends below 1; otherwise the numbers cannot tell
yet, and the entry says what would. Six comparisons are judged at once: Bonferroni, so intervals of 99.2 % each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, exp, log
from typing import Any, Literal

import numpy as np

from core.insights.findings.chances import ratio_of_chances
from core.insights.findings.effects import (
    FALSE_SHARE,
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
from core.insights.findings.held import Held
from core.insights.findings.outcomes import groups, held, held_everywhere, logged, picked_platforms
from core.insights.findings.remembered import on, platforms, rows_on
from core.insights.findings.scores import ranks
from core.insights.posts import Posts
from core.insights.zones import Zone, parts

Verdict = Literal["supported", "partly supported", "not supported", "contradicted", "not measurable"]
WORST_FIRST: tuple[Verdict, ...] = (
    "contradicted", "not supported", "not measurable", "partly supported", "supported"
)  # fmt: skip
AT_ONCE = 6  # comparisons: one a claim, two for the platforms' hours
SURE = 1 - FALSE_SHARE / AT_ONCE  # of each interval, so that all six hold with 95 %

KING, KING_TIMES = 0.70, 3.0  # "performs 3x better"
EARLY_S, EARLY_SHARE = 3.0, 0.60
SAVES = 0.05
REWATCH = 0.20
HOURS = {"instagram": (6, 9), "tiktok": (17, 20)}  # "6-9 AM", "5-8 PM": from, and up to but not including
RELEVANT = 1.1  # times as large: an effect below it is not what a "peak", "long-term value" or "viral potential" means
TOP = 0.9  # of the platform's other posts have fewer views, ties counted half: from here a post has gone viral
MOST = 700.0  # of a logarithm that floats hold the number of
OLD_S = 7 * 86400.0  # age from which views are "long-term"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One claim and what the posts say.

    Attributes:
        claim: in the seed's words.
        measure: what was compared, in words.
        effect, low, high: in `unit` ("times" or "share"), at the level `SURE`; NaN when not computed.
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
            "interval_level": rounded(SURE), "n": self.n, "n_other": self.n_other,
            "because": self.because, "settle": self.settle, "parts": [part.to_json() for part in self.parts],
        }  # fmt: skip


def check(posts: Posts, where: Zone) -> list[Hypothesis]:
    """All five, on every post; views and rates are compared within a platform."""
    return [_retention(posts), _first_seconds(posts), _timing(posts, where), _saves(posts), _rewatch(posts)]


def _retention(posts: Posts) -> Hypothesis:
    blank = _blank(
        "retention_is_king", "Content with >70% retention performs 3x better",
        f"views of posts watched to {KING:.0%} and more against other posts", "avg_watch_percentage",
    )  # fmt: skip
    y = _of_views(posts, lambda own: logged(own, "views"))
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
    one = one.at(SURE)
    low, high = max(one.low, 0.0), min(one.high, 1.0)
    done = replace(blank, effect=one.effect, low=low, high=high, n=n)
    said = f"{one.effect:.0%} of those who left had left by then ({low:.0%} to {high:.0%}, {n:,} posts)"
    if high < EARLY_SHARE:
        return replace(done, verdict="not supported", because=said, settle=None)
    if low >= EARLY_SHARE:
        return replace(done, verdict="supported", because=said, settle=None)
    more = _grown(n, (high - low) / 2, max(abs(one.effect - EARLY_SHARE), 0.01))
    said += f": too wide to tell whether it reaches {EARLY_SHARE:.0%}"
    return replace(done, because=said, settle=f"about {more:,} posts with retention_curve")


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
    verdict = min((part.verdict for part in found), key=WORST_FIRST.index)  # it claims both
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
    y, of = logged(own, "engagement_rate"), f"{platform} ({where.name} time)"
    return _times(blank, own, y, inside, own.posted_at, RELEVANT, of=of, at=held(own))


def _saves(posts: Posts) -> Hypothesis:
    blank = _blank(
        "save_rate", "High save rate (>5%) = long-term value",
        "views per day after the first week, of all views, with more than 5 % saves against less",
        "two measurements, the newer more than 7 days after posting, and saves",
    )  # fmt: skip
    return _times(blank, posts, _of_views(posts, later_growth), posts.save_rate > SAVES, posts.save_rate, RELEVANT)


def later_growth(posts: Posts) -> Floats:
    """Log of the views gained per day, of all views, by posts older than a week; NaN without two measurements.

    `views_velocity` of a post measured once is its views since posting, which says nothing of later: left out.
    """
    age = posts.viewed_at - posts.posted_at
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
    top, group = _of_views(posts, _top), groups(posts)[0]
    chosen = posts.rewatch_rate > REWATCH
    fine = np.isfinite(posts.rewatch_rate) & np.isfinite(top)
    n, other = int((fine & chosen).sum()), int((fine & ~chosen).sum())
    if not n + other and picked_platforms(posts):
        return _not_compared(blank)
    one = ratio_of_chances(top, np.where(fine, chosen, -1).astype(np.int64), group, held_everywhere(posts).within)
    return _few(blank, n, other) if one is None else _judged(blank, one, RELEVANT)


def _top(own: Posts) -> Floats:
    found = ranks(own.views)
    return np.where(np.isfinite(found), found >= TOP, np.nan)


def _times(
    blank: Hypothesis, posts: Posts, y: Floats, chosen: Mask, known: Floats, least: float, of: str = "",
    at: Held | None = None,
) -> Hypothesis:  # fmt: skip
    """A ratio of typical values; `known` is NaN where it is not known whether the claim speaks of the post."""
    levels = np.where(np.isfinite(known), chosen.astype(np.int64), -1)
    fine = np.isfinite(known) & np.isfinite(y)
    n, other = int((fine & chosen).sum()), int((fine & ~chosen).sum())
    if not n + other and not of and picked_platforms(posts):
        return _not_compared(blank)
    one = compare(y, levels, 2, groups(posts)[0], at or held_everywhere(posts))[1]
    return _few(blank, n, other, of) if one is None else _judged(blank, one, least, of)


def _judged(blank: Hypothesis, one: Effect, least: float, of: str = "") -> Hypothesis:
    one = one.at(SURE)
    times, low, high = exp(one.effect), exp(one.low), exp(min(one.high, MOST))
    done = replace(blank, effect=times, low=low, high=high, n=one.n, n_other=one.n_other)
    head = f"{of}: " if of else ""
    said = f"{head}{times:.2f} times as much ({low:.2f} to {high:.2f}; {one.n:,} posts against {one.n_other:,})"
    if low >= least:
        return replace(done, verdict="supported", because=said, settle=None)
    if high < 1:
        return replace(done, verdict="contradicted", because=f"{said}, so less", settle=None)
    if high < least:
        also = f", so better, but not {least:g} times" if low > 1 else ""
        return replace(done, verdict="not supported", because=said + also, settle=None)
    # As many posts as bring the interval's end to what is claimed, or, where 1 is not left out, to 1 from there.
    half = (one.high - one.low) / 2
    away = max(abs(one.effect - log(least)), log(RELEVANT) / 2) if low > 1 else 0.45 * log(least)
    more = _grown(min(one.n, one.n_other), half, away)
    settle = f"about {more:,} posts on each side" + (f" on {of}" if of else "")
    if low > 1:
        said += f", so better; {least:g} times is not shown"
        return replace(done, verdict="partly supported", because=said, settle=settle)
    return replace(done, because=f"{said}: too wide to tell 1 from {least:g}", settle=settle)


def _grown(n: int, half: float, wanted: float) -> int:
    """So many posts make half an interval as narrow as wanted; a fifth more at least."""
    return ceil(n * max((half / wanted) ** 2, 1.2))


def _few(blank: Hypothesis, n: int, other: int, of: str = "") -> Hypothesis:
    said = (f"{of}: " if of else "") + f"{n:,} posts against {other:,}"
    if min(n, other) >= LEAST_ROWS:
        said += f"; accounts are compared with themselves, and fewer than {LEAST_GROUPS} accounts or weeks have both"
        return _unsettled(blank, n, other, said)
    if other >= LEAST_ROWS:  # what is missing are posts that the claim speaks of
        blank = replace(blank, settle=f"{LEAST_ROWS - n} more posts that the claim speaks of, with {blank.settle}")
    return _unsettled(blank, n, other, f"{said}; each side needs {LEAST_ROWS}, of {LEAST_GROUPS} accounts or weeks")


def _of_views(posts: Posts, of: Callable[[Posts], Floats]) -> Floats:
    """A column computed on each platform alone; NaN where posts were picked for their views."""
    out, picked = np.full(len(posts), np.nan), picked_platforms(posts)
    for platform in platforms(posts):
        if platform not in picked:
            out[rows_on(posts, platform)] = of(on(posts, platform))
    return out


def _not_compared(blank: Hypothesis) -> Hypothesis:
    blank = replace(blank, settle="all posts of some accounts, also those that did badly")
    return _unsettled(blank, 0, 0, "these posts look picked for having done well, so views are not compared")


def _blank(name: str, claim: str, measure: str, needs: str) -> Hypothesis:
    nan = float("nan")
    return Hypothesis(name, claim, "not measurable", measure, "times", nan, nan, nan, 0, 0, "", needs)


def _unsettled(blank: Hypothesis, n: int, other: int, because: str) -> Hypothesis:
    return replace(blank, n=n, n_other=other, because=because, settle=f"needs {blank.settle}")
