"""Posts of a drawn author whose truth is known: what the hour, the weekday, the quality and chance did to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.insights.metrics.requests import WriteRequest
from core.insights.metrics.store import MetricsStore
from core.insights.posts import Posts
from core.workspace import Workspace

Floats = NDArray[np.float64]
START = 1_735_689_600.0  # 2025-01-01T00:00Z, a Wednesday
DAY = 86400.0


def author(
    n: int,
    seed: int = 1,
    *,
    hour_effect: float = 0.0,
    peak: int = 18,
    weekend_effect: float = 0.0,
    quality_effect: float = 0.0,
    account: str = "me",
    level: float = 8.0,
    spread: float = 0.5,
    drift: float = 0.0,
    heavy: bool = False,
    platform: str = "tiktok",
    hours: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Rows for `Posts.of`, about two posts in three days, each measured once after 7 days.

    Args:
        hour_effect, weekend_effect, quality_effect: log units at the peak hour, on a weekend, from quality 0 to 1.
        drift: log units over all posts. heavy: chance with heavy tails (Student's t with 3 degrees of freedom).
        hours: UTC hours of publishing; all by default.
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for index in range(n):
        hour = int(rng.choice(np.arange(24) if hours is None else np.array(hours)))
        day = int(index * 1.5)
        at = START + day * DAY + hour * 3600 + float(rng.integers(0, 3600))
        quality = float(rng.random())
        moved = hour_effect * np.cos(2 * np.pi * (hour - peak) / 24) + quality_effect * quality + drift * index / n
        moved += weekend_effect * (((at // DAY) + 3) % 7 >= 5)
        chance = rng.standard_t(3, 2) if heavy else rng.normal(size=2)
        views = np.floor(np.exp(level + moved + spread * chance[0]))
        rate = float(min(0.9, np.exp(-2.5 + moved + spread * chance[1])))
        rows.append(
            {
                "content_id": f"{account}-{index}",
                "platform": platform,
                "account": account,
                "posted_at": at,
                "measured_at": at + 7 * DAY,
                "duration_s": float(rng.integers(8, 60)),
                "caption": "a clip #one #two",
                "views": float(views),
                "engagement_rate": rate,
                "views_velocity": float(views) / 168,
                "avg_watch_percentage": float(np.clip(0.6 + 0.1 * rng.normal(), 0.05, 1)),
                "edit_metadata": {"cuts": float(rng.integers(0, 9)), "sharpness": quality},
            }
        )
    return rows


def posts(n: int, seed: int = 1, **wanted: Any) -> Posts:
    """The same as columns."""
    return Posts.of(author(n, seed, **wanted))


def differing(n: int, seed: int, spread: float) -> tuple[Posts, Floats]:
    """Posts of an author whose hours differ by that standard deviation; (24,) by how much, against the average."""
    effects = spread * np.random.default_rng(seed).standard_normal(24)
    effects -= effects.mean()
    rows = author(n, seed)
    for row in rows:
        row["engagement_rate"] *= float(np.exp(effects[int(row["posted_at"] % DAY // 3600)]))
    return Posts.of(rows), effects


def wandering(seed: int, weeks: int = 52, n: int = 260) -> Posts:
    """Posts of whom no hour matters; but habits last for six weeks, and interest comes and goes from week to week."""
    rng = np.random.default_rng(seed)
    level = np.zeros(weeks)
    for week in range(1, weeks):
        level[week] = 0.9 * level[week - 1] + 0.25 * np.sqrt(1 - 0.9**2) * rng.standard_normal()
    habits = rng.choice([7, 9, 12, 15, 18, 20, 22], weeks // 6 + 1)
    rows = author(n, seed)
    for row, day in zip(rows, np.sort(rng.integers(0, weeks * 7, n)).tolist(), strict=True):
        row["posted_at"] = START + day * DAY + (habits[day // 42] + rng.integers(-1, 2)) % 24 * 3600
        row["measured_at"] = row["posted_at"] + 7 * DAY
        row["engagement_rate"] = float(np.exp(-3 + level[day // 7] + 0.4 * rng.standard_normal()))
    return Posts.of(rows)


def keep(space: Workspace, rows: list[dict[str, Any]]) -> None:
    """Write drawn posts into the metrics store."""
    requests: list[WriteRequest] = []
    for row in rows:
        about = {name: row[name] for name in ("account", "posted_at", "duration_s", "caption", "edit_metadata")}
        if "sample_id" in row:
            about["sample_id"] = row["sample_id"]
        counts = {"views": int(row["views"]), "likes": int(row["views"] * row["engagement_rate"])}
        stays = {"avg_watch_percentage": row["avg_watch_percentage"]}
        key = (row["content_id"], row["platform"])
        requests += [
            WriteRequest(*key, "content", about),
            WriteRequest(*key, "engagement", counts, row["measured_at"]),
            WriteRequest(*key, "retention", stays, row["measured_at"]),
        ]
    with MetricsStore(space) as store:
        store.write(*requests)
