"""python -m tests.benchmarks.insights.learning [--rows 1000000] [--json]: daily learning and snapshot over many rows.

The rows are measurements: each post was measured `MEASURED` times, and its newest numbers are what is learned from.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from core import loop
from core.insights.learning import daily
from core.insights.learning.aggregation import MetricsAggregator
from core.insights.metrics.requests import WriteRequest
from core.insights.metrics.store import MetricsStore
from core.insights.metrics.tables import CONTENT, ENGAGEMENT, RETENTION
from core.workspace import Workspace

MEASURED = 5  # times each
ACCOUNTS = 2000
TIMES = 3
LAST = dt.date(2026, 3, 31)
DAYS = 365  # over which the posts were posted
WITH_RETENTION = 0.2  # of the posts


def columns(posts: int) -> dict[str, Any]:
    """Posts of a made-up year: longer clips are shared less, nothing else matters. (posts,) each."""
    rng = np.random.default_rng(1)
    end = dt.datetime.combine(LAST, dt.time(), dt.UTC).timestamp() + 86400
    duration = rng.choice([6.0, 12.0, 22.0, 45.0, 90.0], posts)
    posted = end - rng.uniform(0.2, DAYS, posts) * 86400
    views = np.exp(rng.normal(9, 1.2, posts))
    rate = 0.06 * np.exp(rng.normal(0, 0.4, posts) - 0.004 * duration)
    watched = np.clip(0.8 - 0.005 * duration + rng.normal(0, 0.12, posts), 0.02, 1.0)
    return {
        "end": end, "duration": duration, "posted": posted, "views": views, "rate": rate, "watched": watched,
        "account": rng.integers(0, ACCOUNTS, posts), "platform": rng.choice(["tiktok", "youtube"], posts),
        "hashtags": rng.integers(0, 12, posts), "retained": rng.random(posts) < WITH_RETENTION,
    }  # fmt: skip


def fill(store: MetricsStore, rows: int) -> None:
    """So many measurements straight into the tables."""
    # A first line in the journal, so that the tables know which journal they belong to and stay.
    store.write(WriteRequest("first", "tiktok", "content", {}))
    store.refresh()
    made = columns(rows // MEASURED)
    first, end = made["posted"] + 3600, made["end"] - 60
    newest = np.minimum(first + (end - first) * 0.9, first + 20 * 86400)
    content: list[Any] = []
    engagement: list[Any] = []
    retention: list[Any] = []
    for row in range(len(made["posted"])):
        name, platform = f"p{row:07d}", str(made["platform"][row])
        features = json.dumps({"n_hashtags": int(made["hashtags"][row])})
        last = float(newest[row])
        kept = last if made["retained"][row] else None
        content.append(
            (name, platform, f"a{made['account'][row]}", float(made["posted"][row]), float(made["duration"][row]),
             features, last, float(first[row]), last, kept)
        )  # fmt: skip
        for step in range(MEASURED):
            share = (step + 1) / MEASURED
            views = int(made["views"][row] * share) + 10
            likes = int(views * made["rate"][row])
            at = float(first[row] + (newest[row] - first[row]) * share)
            at = last if step == MEASURED - 1 else at
            rate = (likes + likes // 9) / views
            saves = likes // 20
            line = (name, platform, views, likes, 0, likes // 12, saves, rate, saves / views, 1.0, at)
            engagement.append(line)
        if kept is not None:
            retention.append((name, platform, float(made["watched"][row]), last))
    with store.database.write() as conn:
        for table, names, lines in (
            (CONTENT, "content_id platform account posted_at duration_s features facts_at first_at engagement_at "
                      "retention_at", content),
            (ENGAGEMENT, "content_id platform views likes comments shares saves engagement_rate save_rate "
                         "views_velocity measured_at", engagement),
            (RETENTION, "content_id platform avg_watch_percentage measured_at", retention),
        ):  # fmt: skip
            marks = ", ".join("?" for _ in names.split())
            conn.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(names.split())}) VALUES ({marks})", lines)


def measure(rows: int = 1_000_000, times: int = TIMES) -> dict[str, float]:
    """Medians in seconds: a whole daily learning with everything kept, and a snapshot."""
    with tempfile.TemporaryDirectory() as folder:
        space: Workspace = loop.open_workspace(Path(folder) / "workspace")
        with MetricsStore(space) as store:
            fill(store, rows)
            learned = [_timed(lambda: daily.learn_day(store, LAST)) for _ in range(times)]
            taken = [_timed(lambda: MetricsAggregator(store).build_daily_snapshot(LAST)) for _ in range(times)]
        space.close()
    return {"daily_1m_s": round(statistics.median(learned), 3), "snapshot_s": round(statistics.median(taken), 3)}


def _timed(do: Any) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    found = measure(wanted.rows)
    print(json.dumps(found) if wanted.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
