"""Everything that is learned from posts up to the end of a day, as one report; a pure function of posts and settings.

Reading and keeping are core.insights.learning.aggregation's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.insights.findings.brand import Alignment
from core.insights.findings.clusters import Clusters, cluster
from core.insights.findings.effects import Floats, Mask, rounded
from core.insights.findings.hypotheses import Hypothesis, check
from core.insights.findings.outcomes import account_numbers, held, many_posts_each, picked_platforms, spread
from core.insights.findings.patterns import Pattern, Search, search
from core.insights.findings.recommendations import VALID_DAYS, Advice, advise, rules, timing_rule
from core.insights.findings.remembered import on, platforms
from core.insights.findings.scores import PARTS, Scores, engagement_ranks, score
from core.insights.learning import analysis
from core.insights.learning.wording import counted, has, held_equal, list_of, sentence, share, times
from core.insights.platforms import shown as platform
from core.insights.posting import besttime
from core.insights.posts import Posts
from core.insights.reports.report import Json, LearningReport
from core.insights.zones import Zone

DAY_S = 86400.0
MOST_INSIGHTS = 5
UNSURE_DAYS = 1.0  # views of a post younger than this still grow fast


@dataclass(frozen=True)
class Day:
    """A UTC day: start <= moment < end, in seconds."""

    date: str
    start: float
    end: float

    @staticmethod
    def of(date: dt.date) -> Day:
        start = dt.datetime.combine(date, dt.time(), dt.UTC).timestamp()
        return Day(date.isoformat(), start, start + DAY_S)

    @property
    def until(self) -> float:
        """The last moment whose measurements count, in seconds; measurements are no finer than milliseconds."""
        return self.end - 1e-3

    def holds(self, at: Floats) -> Mask:
        """Which of these moments lie in the day."""
        return (at >= self.start) & (at < self.end)


@dataclass(frozen=True, eq=False)
class Learned:
    """The report, the columns behind it, and what its snapshot holds."""

    report: LearningReport
    scores: Scores
    day: Mask
    brief: Brief


@dataclass(frozen=True, eq=False)
class _Findings:
    """What both a report and a snapshot say."""

    found: Search
    advice: list[Advice]
    clusters: Clusters
    claims: list[Hypothesis]

    @staticmethod
    def of(posts: Posts, where: Zone, picked: dict[str, tuple[int, int]]) -> _Findings:
        found = search(posts, picked)
        return _Findings(found, advise(posts, found.patterns), cluster(posts, where), check(posts, where))

    def insights(self) -> list[str]:
        return _insights(self.found, self.clusters, self.claims)

    def recommendations(self, posts: Posts, timing: list[Json]) -> list[str]:
        said = [sentence(one, _spread(posts, one)) for one in self.advice]
        return said + [f"{platform(one['platform'])}: {one['sentence']}." for one in timing if one["advised"]]


@dataclass(frozen=True, eq=False)
class Brief:
    """What a snapshot holds: the same as the report's fields of these names, and the columns behind them.

    Attributes:
        day: (n,) posts posted or measured that day.
        engagement: (n,) as in `Scores`.
    """

    date: str
    summary: Json
    insights: list[str]
    recommendations: list[str]
    posts: Posts
    day: Mask
    engagement: Floats


@contextmanager
def _timings(
    timing: Callable[[Posts, str, Zone, Day], list[Json]], posts: Posts, where: Zone, day: Day
) -> Generator[list[Future[list[Json]]]]:
    """Best times are half of the work, in matrices that let other threads run."""
    with ThreadPoolExecutor() as pool:
        yield [pool.submit(timing, posts, name, where, day) for name in platforms(posts)]


def brief(posts: Posts, day: Day, where: Zone) -> Brief:
    """What a snapshot of the day needs, in half of the time of `learn`."""
    posted, measured = day.holds(posts.posted_at), day.holds(posts.measured_at)
    with _timings(_shown_timing, posts, where, day) as waiting:
        findings = _Findings.of(posts, where, picked_platforms(posts))
        timing = [found for one in waiting for found in one.result()]
    return Brief(
        day.date, analysis.summary(posts, posted | measured, posted, measured), findings.insights(),
        findings.recommendations(posts, timing), posts, posted | measured, engagement_ranks(posts),
    )  # fmt: skip


def learn(posts: Posts, day: Day, where: Zone, alignment: Alignment, money: tuple[Json, Json], inputs: Json) -> Learned:
    """All of it.

    Args:
        posts: with their newest measurement at or before `day.until`.
        money: what this cost, and what came of it.
        inputs: what `core.insights.learning.aggregation` counted of the day.
    """
    posted, measured = day.holds(posts.posted_at), day.holds(posts.measured_at)
    today, picked = posted | measured, picked_platforms(posts)
    with _timings(_timing, posts, where, day) as waiting:
        findings, scores = _Findings.of(posts, where, picked), score(posts, alignment)
        found, advice = findings.found, findings.advice
        best, worst = analysis.performers(scores, today, found.patterns)
        timing = [found for one in waiting for found in one.result()]
    valid = (dt.date.fromisoformat(day.date) + dt.timedelta(days=VALID_DAYS)).isoformat()
    report = LearningReport(
        date=day.date,
        as_of=besttime.iso(day.end),
        inputs=inputs,
        summary=analysis.summary(posts, today, posted, measured),
        retention_analysis=analysis.retention(posts) | {"of": len(posts)},
        engagement_analysis=analysis.engagement(posts, today),
        comparisons=found.looks,
        patterns=[one.to_json() for one in found.patterns],
        clusters=_short(findings.clusters),
        best_performers=best,
        worst_performers=worst,
        insights=findings.insights(),
        recommendations=findings.recommendations(posts, timing),
        rules=rules(advice, _timing_rules(timing, valid), day.date, valid),
        best_time=timing,
        hypotheses=[one.to_json() for one in findings.claims],
        brand_alignment=analysis.brand(scores, today),
        scores=_score_summary(scores, today),
        cost=money[0],
        roi=money[1],
        unmeasured=analysis.unmeasured(posts),
        limits=_limits(posts, picked, advice),
    )
    shown = Brief(
        day.date, report.summary, report.insights, report.recommendations, posts, today, scores.engagement
    )  # fmt: skip
    return Learned(report, scores, today, shown)


def _shown_timing(posts: Posts, name: str, where: Zone, day: Day) -> list[Json]:
    """As `_timing`, nothing where no difference is shown: that takes a twentieth of the time to find out."""
    return _timing(posts, name, where, day) if besttime.differs(posts, name, where) else []


def _timing(posts: Posts, name: str, where: Zone, day: Day) -> list[Json]:
    found = besttime.analyse(posts, name, where=where, at=day.end)
    text = found.sentence().partition(": ")[2]
    said: Json = {
        "platform": name, "shown": found.shown, "sentence": text, "best_hours": found.best_hours,
        "best_days": found.best_days, "hours_shown": found.hours_shown, "days_shown": found.days_shown,
        "advised": bool(found.advised), "advised_hours": found.advised_hours, "advised_days": found.advised_days,
        "advised_hours_utc": [one.utc_hour for one in found.advised if one.utc_hour is not None],
        "advised_confidence": rounded(min(one.beats for one in found.advised)) if found.advised else None,
        "timezone": found.timezone,
        "confidence": rounded(found.confidence) if found.confidence is not None else None,
        "sample_size": found.sample_size, "left_out": found.left_out,
    }  # fmt: skip
    return [said]


def _timing_rules(timing: list[Json], valid: str) -> list[Json]:
    return [timing_rule(one, valid) for one in timing if one["advised"]]


def _spread(posts: Posts, advice: Advice) -> float | None:
    """Standard deviation of the lead outcome's logarithm; None where accounts are compared with themselves."""
    if _own_accounts(posts, advice.platform):
        return None
    return spread(on(posts, advice.platform), advice.patterns[0].outcome.name)


def _short(clusters: Clusters) -> Json:
    """Without the lists of ids, which `rushes insights clusters` gives."""
    found = clusters.to_json()
    for one in found["clusters"].values():
        del one["content_ids"]
    return found


def _insights(found: Search, clusters: Clusters, claims: list[Hypothesis]) -> list[str]:
    said = [_insight(one) for one in _one_each(found.patterns)[:MOST_INSIGHTS]]
    said += [
        f"{one.name.replace('_', ' ')}: {share(feature.share)} have {feature.name} {feature.level}, "
        f"elsewhere {share(feature.share_elsewhere)} (n = {feature.effect.n:,})"
        for one in clusters.clusters
        for feature in one.features[:1]
    ]
    said += [f"“{one.claim}”: {one.verdict}; {one.because}" for one in claims if one.verdict != "not measurable"]
    return said


def _insight(one: Pattern) -> str:
    return f"{platform(one.platform)}, {has(one.choice, one.level)}: {times(one)}; n = {one.effect.n:,}"


def _one_each(found: tuple[Pattern, ...]) -> list[Pattern]:
    """The strongest of each platform and choice."""
    seen: dict[tuple[str, str], Pattern] = {}
    for one in found:
        seen.setdefault((one.platform, one.choice.name), one)
    return list(seen.values())


def _score_summary(scores: Scores, today: Mask) -> Json:
    """Means of the day's scores and how many posts have each; what a missing one needs."""
    columns = dict(zip(PARTS, (scores.retention, scores.engagement, scores.virality, scores.brand), strict=True))
    columns = {"overall_score": scores.overall(), **columns}
    rows = np.flatnonzero(today)
    needs: dict[str, str] = {}
    for name, column in columns.items():
        lacking = rows[~np.isfinite(column[rows])]
        if len(lacking):
            reasons = scores.missing(int(lacking[0]))
            needs[name] = reasons.get(name, f"needs {', '.join(sorted(reasons))}")
    return {
        "mean": {name: analysis.mean(column[today]) for name, column in columns.items()},
        "n": {name: int(np.isfinite(column[today]).sum()) for name, column in columns.items()},
        "of": len(rows),
        "needs": needs,
    }


def _limits(posts: Posts, picked: dict[str, tuple[int, int]], advice: list[Advice]) -> list[str]:
    said: list[str] = []
    if picked:
        named = ", ".join(f"{once:,} of {count:,} on {platform(name)}" for name, (once, count) in picked.items())
        said.append(
            f"These posts look picked, not complete: most accounts appear with a single post ({named}). What did badly "
            "may be missing, so views are not compared, and a choice that makes posts fail would not show."
        )
    for words, named in _between(posts, advice).items():
        said.append(
            f"{list_of(named)}: these are differences between accounts that do and accounts that do not, {words}; "
            "whether your own posts follow, only a test of your own shows."
        )
    with np.errstate(invalid="ignore"):
        young = int((posts.viewed_at - posts.posted_at < UNSURE_DAYS * DAY_S).sum())
        wrong = int((posts.engagement_rate > 1).sum())
    if wrong:
        said.append(
            f"More reactions than views on {counted(wrong, 'post')}: a wrong number, named neither best nor worst."
        )
    if young:
        said.append(f"Measured on their first day, with numbers that still grow: {counted(young, 'post')}.")
    return said


def _between(posts: Posts, advice: list[Advice]) -> dict[str, list[str]]:
    """Platforms whose advice rests on differences between accounts, by what was held equal."""
    found: dict[str, list[str]] = {}
    for name in sorted({one.platform for one in advice if not _own_accounts(posts, one.platform)}):
        found.setdefault(held_equal(held(on(posts, name)).names), []).append(platform(name))
    return found


def _own_accounts(posts: Posts, name: str) -> bool:
    return many_posts_each(account_numbers(on(posts, name)))


def scored_rows(learned: Learned) -> list[dict[str, Any]]:
    """Lines of meta_learning_scores for the day's posts."""
    return [learned.scores.of(int(row)) for row in np.flatnonzero(learned.day)]
