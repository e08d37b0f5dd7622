"""Daily learning: at 02:00 UTC from the day before, and from the days that were missed or got late numbers."""

from __future__ import annotations

import asyncio
import datetime as dt

from core.errors import StoreError, WrongUseError
from core.insights import costs
from core.insights.learning.aggregation import MetricsAggregator
from core.insights.learning.lessons import Day
from core.insights.metrics.store import MetricsStore
from core.insights.reports import history
from core.insights.reports.report import Json, LearningReport
from core.workspace import Workspace

CATCH_UP = 14  # days back that are looked at; older ones: rushes insights daily --date


def run(space: Workspace, name: str) -> str:
    """What the scheduler calls: learns every day that is due, oldest first, and says what it did."""
    del name
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    with MetricsStore(space) as store:
        reports = [learn_day(store, date) for date in due(store, yesterday)]
        if not reports:
            newest = MetricsAggregator(store).newest_day(yesterday)
            since = f"newest numbers: {newest}" if newest else "no numbers yet; rushes metrics import brings them"
            return f"nothing new to learn up to {yesterday} ({since})"
    days = ", ".join(one.date for one in reports)
    last = reports[-1]
    return (
        f"learned from {sum(one.summary['total_content_analyzed'] for one in reports):,} posts of {days}: "
        f"{len(last.recommendations)} recommendations"
    )


def learn_day(store: MetricsStore, date: dt.date) -> LearningReport:
    """Learn one UTC day and keep report, snapshot and scores; the same numbers give the same files and rows.

    Raises:
        WrongUseError: the day has not begun. Its rules would stand in the way of every day's until then.
    """
    if date > (today := dt.datetime.now(dt.UTC).date()):
        raise WrongUseError(f"{date} has not begun", do=f"Today is {today} in UTC.")
    aggregator = MetricsAggregator(store)
    with costs.timed(store, "daily learning"):
        learned = aggregator.learned(date)
        aggregator.keep(learned)
    return learned.report


def learn_now(store: MetricsStore) -> list[LearningReport]:
    """What a person asks for: every day that is due, else the newest day with numbers once more; oldest first."""
    yesterday = day_of(None)
    newest = MetricsAggregator(store).newest_day(yesterday)
    return [learn_day(store, date) for date in due(store, yesterday) or ([newest] if newest else [])]


def due(store: MetricsStore, last: dt.date) -> list[dt.date]:
    """Days up to `last`, oldest first, that have numbers and no report, or other numbers than their report had."""
    space, aggregator = store.space, MetricsAggregator(store)
    found: list[dt.date] = []
    for back in range(CATCH_UP - 1, -1, -1):
        date = last - dt.timedelta(days=back)
        inputs = aggregator.inputs(Day.of(date))
        has_numbers = inputs["engagement_rows"] or inputs["retention_rows"]
        if has_numbers and (space is None or _known_inputs(space, date) != inputs):
            found.append(date)
    return found


def _known_inputs(space: Workspace, date: dt.date) -> Json | None:
    try:
        return history.load(space, date.isoformat()).inputs
    except (StoreError, WrongUseError):  # none yet, or one that must be made again
        return None


class DailyLearningPipeline:
    """Seed 001's pipeline.

    Args:
        metrics_store: of a workspace, whose reports lie in its folder; else they lie in the snapshots.
    """

    def __init__(self, metrics_store: MetricsStore) -> None:
        self.store = metrics_store

    async def run_daily_learning(self, target_date: dt.date | str | None = None) -> LearningReport:
        """Learn a UTC day, by default yesterday, and keep it.

        Raises:
            WrongUseError: the date is none.
        """
        return await asyncio.to_thread(learn_day, self.store, day_of(target_date))

    async def get_learning_history(self, days: int = 7) -> list[Json]:
        """The reports of the newest so many learned days as JSON, newest first."""
        return await asyncio.to_thread(self._history, days)

    def _history(self, days: int) -> list[Json]:
        if self.store.space is not None:
            return [one.to_json() for one in history.latest(self.store.space, days)]
        return [dict(one.report) for one in self.store.snapshots()[::-1][:days]]


def day_of(date: dt.date | str | None) -> dt.date:
    """A date from ISO text; None is yesterday in UTC.

    Raises:
        WrongUseError: it is no date.
    """
    if date is None:
        return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    try:
        return date if isinstance(date, dt.date) else dt.date.fromisoformat(date)
    except ValueError:
        raise WrongUseError(f"{date!r} is not a date", do="Write it as 2025-05-29.") from None
