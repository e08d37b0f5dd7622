"""What the view Report shows: the newest learning report in short, and whether newer numbers wait to be learned."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.snapshot.insights.kept import kept, now

if TYPE_CHECKING:
    from core.insights.reports.report import LearningReport
    from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Short:
    """A report, as far as one screen goes.

    Attributes:
        date: the UTC day that was learned. age_days: how long ago that day was.
        posts, accounts, platforms: all that it rests on. day_posts, day_engagement, day_retention: the day's own.
        against: per platform, the day's engagement against that of the other posts, in words.
        differences, comparisons: how many comparisons differ, and of how many.
        advice: sentences, the strongest first, each with n and interval.
        nowhere: numbers that no post of any platform has. missing: per platform, what else is missing, in words.
        limits: what the posts cannot say. times: what is said of posting times where no difference
            is shown. folder: where the whole report lies.
    """

    date: str
    age_days: int
    posts: int
    accounts: int
    platforms: tuple[tuple[str, int], ...]
    day_posts: int
    day_engagement: float | None
    day_retention: float | None
    against: tuple[str, ...]
    differences: int
    comparisons: int
    advice: tuple[str, ...]
    nowhere: tuple[str, ...]
    missing: tuple[str, ...]
    limits: tuple[str, ...]
    times: tuple[str, ...]
    roi: str
    folder: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """One reading.

    Attributes:
        posts: how many there are now. report: None where none was made yet.
        unlearned: the newest day with numbers, where it is later than the report's.
        damaged: why the newest report cannot be read; None where it can.
        costs: a sentence for every budget line from 80 % on.
    """

    posts: int
    report: Short | None
    unlearned: str | None
    damaged: str | None
    costs: tuple[str, ...]


def take(space: Workspace) -> ReportView:
    """Read it; a report once, then from memory until a journal or the report changed."""
    from core.errors import StoreError
    from core.insights import costs
    from core.insights.learning import daily
    from core.insights.learning.aggregation import MetricsAggregator
    from core.insights.metrics import listing
    from core.insights.metrics.store import MetricsStore
    from core.insights.reports import history

    dates = history.dates(space)
    report, damaged = None, None
    if dates:
        try:
            report = history.load(space, dates[-1])
        except StoreError as error:
            damaged = error.sentence()

    def measured() -> tuple[int, str | None, tuple[str, ...]]:
        with MetricsStore(space) as store:
            newest = MetricsAggregator(store).newest_day(daily.day_of(None))
            warnings = tuple(costs.measure(space, store).warnings())
            return sum(listing.platforms(store).values()), newest and newest.isoformat(), warnings

    posts, newest, warnings = kept(space, "report", None, measured)
    later = newest if newest and (not dates or newest > dates[-1]) else None
    return ReportView(posts, None if report is None else _short(report), later, damaged, warnings)


def _short(report: LearningReport) -> Short:
    from core.insights import platforms

    one = report.summary
    today = dt.datetime.fromtimestamp(now(), dt.UTC).date()
    nowhere, missing = _missing(report)
    return Short(
        date=report.date,
        age_days=(today - dt.date.fromisoformat(report.date)).days,
        posts=one["all_posts"],
        accounts=one["accounts"],
        platforms=tuple((platforms.shown(name), count) for name, count in one["platforms"].items()),
        day_posts=one["total_content_analyzed"],
        day_engagement=one["avg_engagement_rate"],
        day_retention=one["avg_retention"],
        against=tuple(_against(report)),
        differences=len(report.patterns),
        comparisons=report.comparisons,
        advice=tuple(report.recommendations),
        nowhere=nowhere,
        missing=missing,
        limits=tuple(report.limits),
        times=tuple(
            f"{platforms.shown(found['platform'])}: {found['sentence']}"
            for found in report.best_time
            if not found.get("advised", found["shown"])  # a report on disk may be without
        ),
        roi=report.roi["sentence"],
        folder=f"insights/{report.date}",
    )


def _against(report: LearningReport) -> list[str]:
    from core.insights import platforms

    said: list[str] = []
    for line in report.engagement_analysis:
        if found := line["day_against_before"]:
            low, high = found["interval"]
            verdict = "" if found["shown"] else ": no difference shown"
            said.append(
                f"{platforms.shown(line['platform'])}: engagement {found['ratio']:.2f} times that of the other posts "
                f"({low:.2f} to {high:.2f}; n = {found['n']:,} against {found['n_before']:,}){verdict}"
            )
    return said


def _missing(report: LearningReport) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What no post has, named once, and what else is missing on each platform."""
    from core.insights import platforms
    from core.insights.learning import page

    whole = {
        one["platform"]: {name for name, count in one["missing"].items() if count == one["posts"]}
        for one in report.unmeasured
    }
    every = [whole.get(name, set()) for name in report.summary["platforms"]]
    nowhere = {name for name in page.OUTCOMES if every and all(name in names for names in every)}
    missing: list[str] = []
    for one in report.unmeasured:
        words = [
            page.OUTCOMES[name] if count == one["posts"] else f"{page.OUTCOMES[name]} on {count:,} of {one['posts']:,}"
            for name, count in one["missing"].items()
            if name not in nowhere
        ]
        if words:
            missing.append(f"{platforms.shown(one['platform'])}: {', '.join(words)}")
    return tuple(words for name, words in page.OUTCOMES.items() if name in nowhere), tuple(missing)
