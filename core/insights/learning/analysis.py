"""The descriptive half of a learning report: what was posted and measured, retention, engagement, best and worst."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.insights.findings.effects import Floats, Mask, compare, rounded
from core.insights.findings.hypotheses import EARLY_S, early_losses
from core.insights.findings.outcomes import groups, held, logged, measured
from core.insights.findings.patterns import Pattern
from core.insights.findings.remembered import on, platforms, rows_on
from core.insights.findings.scores import Scores
from core.insights.learning.wording import has
from core.insights.posts import Posts

MOST_NAMED = 3  # best and worst performers
TENTHS = 10  # parts of a clip in which leaving is counted
NEEDED = ("views", "engagement_rate", "share_rate", "save_rate", "avg_watch_percentage", "completion_rate",
          "rewatch_rate")  # fmt: skip
Json = dict[str, Any]


def summary(posts: Posts, day: Mask, posted: Mask, measured_: Mask) -> Json:
    """Counts and plain averages of the day's posts, and of all until then."""
    own = posts.where(day)
    return {
        "total_content_analyzed": len(own), "posted": int(posted.sum()), "measured": int(measured_.sum()),
        "avg_retention": mean(own.avg_watch_percentage), "avg_engagement_rate": mean(own.engagement_rate),
        "total_views": rounded(np.nansum(own.views), 15) if np.isfinite(own.views).any() else None,
        "all_posts": len(posts), "accounts": len(np.unique(posts.account_number)),
        "platforms": {name: len(rows_on(posts, name)) for name in platforms(posts)},
    }  # fmt: skip


def retention(posts: Posts) -> Json:
    """How long viewers stayed and where they left; everything None where nothing was measured."""
    fine = np.isfinite(posts.avg_watch_percentage)
    losses = early_losses(posts)
    curves = _tenths(posts)
    return {
        "n": int(fine.sum()), "avg_watch_percentage": spread(posts.avg_watch_percentage),
        "completion_rate": spread(posts.completion_rate), "rewatch_rate": spread(posts.rewatch_rate),
        "first_seconds": {"seconds": EARLY_S, "share_of_losses": mean(losses), "n": int(np.isfinite(losses).sum())},
        "lost_by_tenth": None if curves is None else [rounded(value) for value in curves],
        "drop_off_points": _points(posts),
    }  # fmt: skip


def _tenths(posts: Posts) -> Floats | None:
    """Mean share of viewers lost in each tenth of the clip, over the posts with a curve."""
    rows = [np.asarray(curve, np.float64) for curve in posts.retention_curve.tolist() if curve and len(curve) > 1]
    if not rows:
        return None
    at = np.linspace(0.0, 1.0, TENTHS + 1)
    left = np.array([np.interp(at, np.linspace(0.0, 1.0, len(curve)), curve) for curve in rows])
    return -np.diff(left, axis=1).mean(axis=0)


def _points(posts: Posts) -> Json:
    """Drop-off points as the platforms name them: how many, and how many within the first seconds.

    Points up to 1 on a post longer than that are fractions of its length.
    """
    count, early, n = 0, 0, 0
    for points, length in zip(posts.drop_off_points.tolist(), posts.duration_s.tolist(), strict=True):
        if not points:
            continue
        scale = length if max(points) <= 1.0 < length else 1.0
        n, count = n + 1, count + len(points)
        early += sum(1 for point in points if point * scale <= EARLY_S)
    return {"n": n, "points": count, "in_first_seconds": early, "share": rounded(early / count) if count else None}


def engagement(posts: Posts, day: Mask) -> list[Json]:
    """Per platform: the spread of each rate, and the day's posts against all earlier ones."""
    found: list[Json] = []
    for name in platforms(posts):
        own, today = on(posts, name), day[rows_on(posts, name)]
        line: Json = {"platform": name, "posts": len(own)}
        line |= {column: spread(measured(own, column)) for column in ("engagement_rate", "save_rate", "share_rate")}
        line |= {"views": spread(own.views), "views_velocity": spread(own.views_velocity)}
        group, _ = groups(own)
        against = compare(logged(own, "engagement_rate"), today.astype(np.int64), 2, group, held(own))[1]
        line["day_against_before"] = None
        if against is not None:
            ends = [rounded(np.exp(value)) for value in (against.low, against.high)]
            line["day_against_before"] = {
                "ratio": rounded(np.exp(against.effect)), "interval": ends, "n": against.n, "n_before": against.n_other,
                "shown": against.sure != 0,
            }  # fmt: skip
        found.append(line)
    return found


def performers(scores: Scores, day: Mask, patterns: tuple[Pattern, ...]) -> tuple[list[Json], list[Json]]:
    """The day's best and worst by engagement among the posts of their platform, each with why."""
    posts = scores.posts
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(day & np.isfinite(scores.engagement) & (posts.engagement_rate <= 1))
    # Ties go to the more viewed, then to the name, so that equal input gives an equal report.
    order = sorted(
        rows.tolist(),
        key=lambda row: (-scores.engagement[row], -np.nan_to_num(posts.views[row]), str(posts.content_id[row])),
    )
    count = min(MOST_NAMED, len(order) // 2)
    best = [_performer(scores, row, patterns, good=True) for row in order[:count]]
    return best, [_performer(scores, row, patterns, good=False) for row in order[::-1][:count]]


def _performer(scores: Scores, row: int, patterns: tuple[Pattern, ...], *, good: bool) -> Json:
    posts, line = scores.posts, scores.of(row)
    return {
        "content_id": line["content_id"], "platform": line["platform"], "sample_id": posts.sample_id[row],
        "caption": posts.caption[row], "views": rounded(posts.views[row], 15),
        "engagement_rate": rounded(posts.engagement_rate[row]), "retention": rounded(posts.avg_watch_percentage[row]),
        "engagement_score": line["engagement_score"], "overall_score": line["overall_score"],
        "why": [*line["strengths" if good else "weaknesses"], *_matches(scores, row, patterns, good=good)],
    }  # fmt: skip


def _matches(scores: Scores, row: int, patterns: tuple[Pattern, ...], *, good: bool) -> list[str]:
    """Claimed patterns on engagement that the post follows."""
    platform = scores.posts.platform[row]
    place = int(np.searchsorted(rows_on(scores.posts, platform), row))
    found: dict[tuple[str, int], str] = {}
    for one in patterns:
        fits = one.platform == platform and one.outcome.name in ("engagement_rate", "avg_watch_percentage")
        if fits and one.choice.codes[place] == one.level and (one.effect.effect > 0) == good:
            words = f"{has(one.choice, one.level)}, which goes with {one.ratio[0]:.2f} times the {one.outcome.words}"
            found.setdefault((one.choice.name, one.level), words)
    return list(found.values())[:2]


def brand(scores: Scores, day: Mask) -> Json:
    """How near the day's posts are to their account's brand, and to what the other posts are."""
    values = scores.brand
    fine = day & np.isfinite(values)
    low = np.flatnonzero(fine)[np.argsort(values[fine], kind="stable")[:MOST_NAMED]] if fine.any() else []
    return {
        "source": scores.alignment.source, "n": int(fine.sum()), "of": int(day.sum()), "mean": mean(values[day]),
        "mean_of_all": mean(values), "needs": None if fine.any() else scores.alignment.needs,
        "least_aligned": [
            {"content_id": str(scores.posts.content_id[row]), "score": rounded(values[row])} for row in low
        ],
    }  # fmt: skip


def unmeasured(posts: Posts) -> list[Json]:
    """Which numbers are missing on which platform, with counts."""
    found: list[Json] = []
    for name in platforms(posts):
        own = on(posts, name)
        missing = {column: int((~np.isfinite(measured(own, column))).sum()) for column in NEEDED}
        if any(missing.values()):
            found.append({"platform": name, "posts": len(own), "missing": {k: v for k, v in missing.items() if v}})
    return found


def spread(values: Floats) -> Json:
    """n, mean, median and the middle half."""
    fine = values[np.isfinite(values)]
    if not len(fine):
        return {"n": 0, "mean": None, "median": None, "low": None, "high": None}
    low, middle, high = np.quantile(fine, [0.25, 0.5, 0.75])
    return {
        "n": len(fine), "mean": rounded(fine.mean()), "median": rounded(middle), "low": rounded(low),
        "high": rounded(high),
    }  # fmt: skip


def mean(values: Floats) -> float | None:
    """The mean of what was measured; None of nothing."""
    fine = values[np.isfinite(values)]
    return rounded(fine.mean()) if len(fine) else None
