"""From the metrics store to a day's learning: what is read for it, what is kept of it, under seed 001's names."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np

from core.files import locked
from core.insights.findings import brand
from core.insights.findings.clusters import Clusters, cluster
from core.insights.findings.scores import score
from core.insights.learning.lessons import Brief, Day, Learned, brief, learn, scored_rows
from core.insights.learning.money import money
from core.insights.learning.page import markdown
from core.insights.metrics.requests import DailySnapshot
from core.insights.metrics.store import MetricsStore
from core.insights.posts import Posts
from core.insights.reports import history
from core.insights.reports.report import Json, LearningReport
from core.insights.zones import Zone, zone
from core.settings import InsightsSettings

BEST = 5  # content ids in a snapshot


class MetricsAggregator:
    """Aggregates raw metrics into insights and patterns.

    Args:
        store: with or without a workspace; without one, times are shown in UTC and reports lie in the snapshots alone.
    """

    def __init__(self, store: MetricsStore) -> None:
        self.store = store
        self.settings = store.space.settings.insights if store.space else InsightsSettings(timezone="UTC")

    @property
    def where(self) -> Zone:
        """The zone in which hours are shown."""
        return zone(self.settings.timezone)

    def learned(self, date: dt.date) -> Learned:
        """Everything learned by the end of that UTC day, from one reading of the tables; keeps nothing."""
        day = Day.of(date)
        posts = self.store.posts(until=day.until)
        posts = _in_order(posts)
        return learn(
            posts, day, self.where, brand.of(self.store.space, posts), money(self.store, posts), self.inputs(day)
        )

    def produce_learning_report(self, date: dt.date) -> LearningReport:
        """The report of that UTC day; keeps nothing."""
        return self.learned(date).report

    def build_daily_snapshot(self, date: dt.date) -> DailySnapshot:
        """The snapshot of that UTC day; keeps nothing."""
        day = Day.of(date)
        return snapshot(brief(_in_order(self.store.posts(until=day.until)), day, self.where))

    def compute_retention_clusters(self, until: float | None = None) -> Clusters:
        """Posts by how long viewers stayed, from their newest numbers at or before a moment (UTC seconds)."""
        return cluster(_in_order(self.store.posts(until=until)), self.where)

    def scores_of(self, content_id: str | None) -> list[Json]:
        """The scores of a post on each platform from the newest numbers, or of all posts of the newest measured day."""
        posts = _in_order(self.store.posts())
        scores = score(posts, brand.of(self.store.space, posts))
        if content_id is not None:
            rows = np.flatnonzero(posts.content_id == content_id)
        else:
            last = np.nanmax(posts.measured_at) if len(posts) else 0.0
            rows = np.flatnonzero(Day.of(dt.datetime.fromtimestamp(last, dt.UTC).date()).holds(posts.measured_at))
        return [scores.of(int(row)) for row in rows]

    def keep(self, learned: Learned) -> None:
        """Write report, snapshot and scores of the day; what is there already stays as it is, byte for byte."""
        made = snapshot(learned.brief)
        if self.store.space is None:
            self._put(made, learned.report.to_json())
        else:
            with locked(self.store.space.jobs / history.LOCK):
                history.save(self.store.space, learned.report, markdown(learned.report))
                self._put(made, {"file": f"{history.FOLDER}/{made.snapshot_date}/{history.JSON_FILE}"})
        at = Day.of(dt.date.fromisoformat(made.snapshot_date)).end
        self.store.put_scores([row | {"computed_at": at} for row in scored_rows(learned)])

    def _put(self, made: DailySnapshot, report: Json) -> None:
        made = replace(made, report=report)
        known = self.store.snapshots(made.snapshot_date, made.snapshot_date)
        if not known or history.encoded(known[0].to_json()) != history.encoded(made.to_json()):
            self.store.write_snapshot(made)

    def inputs(self, day: Day) -> Json:
        """What was measured that day, in counts and sums: when they change, the day is due again."""
        from sqlalchemy import func, select

        from core.insights.metrics.tables import ENGAGEMENT, RETENTION

        def counted(clock: Any, *sums: Any) -> Any:
            return select(func.count(), *(func.sum(one) for one in sums)).where(clock >= day.start, clock < day.end)

        e, r = ENGAGEMENT.c, RETENTION.c
        self.store.refresh()
        with self.store.database.read() as conn:
            engagement = conn.execute(counted(e.measured_at, e.views, e.engagement_rate)).one()
            retention = conn.execute(counted(r.measured_at, r.avg_watch_percentage)).one()
        return {
            "engagement_rows": int(engagement[0]), "retention_rows": int(retention[0]),
            "sums": [_plain(value) for value in (*engagement[1:], *retention[1:])],
        }  # fmt: skip

    def newest_day(self, until: dt.date) -> dt.date | None:
        """The last UTC day at or before `until` on which something was measured."""
        from sqlalchemy import func, select

        from core.insights.metrics.tables import ENGAGEMENT, RETENTION

        self.store.refresh()
        with self.store.database.read() as conn:
            found = [
                conn.scalar(select(func.max(one.c.measured_at)).where(one.c.measured_at < Day.of(until).end))
                for one in (ENGAGEMENT, RETENTION)
            ]
        at = [float(one) for one in found if one is not None]
        return dt.datetime.fromtimestamp(max(at), dt.UTC).date() if at else None


def snapshot(found: Brief) -> DailySnapshot:
    """The day's row: equal learning, equal row. `created_at` is the end of the day it speaks of."""
    rows = np.flatnonzero(found.day & np.isfinite(found.engagement))
    order = np.lexsort((found.posts.content_id[rows].astype(str), -found.engagement[rows]))
    return DailySnapshot(
        snapshot_date=found.date,
        total_content_analyzed=found.summary["total_content_analyzed"],
        avg_retention=found.summary["avg_retention"],
        avg_engagement_rate=found.summary["avg_engagement_rate"],
        best_content_ids=[str(one) for one in found.posts.content_id[rows[order[:BEST]]]],
        insights=found.insights,
        recommendations=found.recommendations,
        created_at=Day.of(dt.date.fromisoformat(found.date)).end,
    )


def _in_order(posts: Posts) -> Posts:
    """By platform and content id, so that sums come out the same however the tables lie."""
    ids, names = posts.content_id.tolist(), posts.platform.tolist()
    order = sorted(range(len(ids)), key=ids.__getitem__)  # mostly so already, which a sort notices
    order.sort(key=names.__getitem__)
    found = posts.where(np.array(order, np.int64))
    # Read here once and carried into every part, which would else each read its own.
    _ = (found.account_number, found.features)
    return found


def _plain(value: Any) -> float | None:
    return None if value is None else float(f"{float(value):.12g}")
