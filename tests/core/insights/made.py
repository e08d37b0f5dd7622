"""Posts whose truth is known: what was planted in them, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.insights.posts import Posts

START = 1_767_225_600.0  # 2026-01-01 00:00 UTC
DAY = 86400.0
Row = dict[str, Any]


def rows(
    count: int,
    *,
    seed: int = 1,
    accounts: int = 40,
    platform: str = "tiktok",
    short: float = 1.0,
    retained: float = 0.0,
    watched_short: float = 0.0,
    days: float = 90.0,
) -> list[Row]:
    """So many posts in random order of everything.

    Args:
        short: how many times the engagement of others clips of 7 to 15 s get; 1 = nothing is planted.
        retained: share of posts with a measured retention.
        watched_short: added to what is watched of clips of 7 to 15 s.
    """
    rng = np.random.default_rng(seed)
    taste = rng.normal(0, 0.3, accounts)
    found: list[Row] = []
    for number in range(count):
        account = int(rng.integers(accounts))
        length = float(rng.choice([5.0, 11.0, 20.0, 45.0, 90.0]))
        factor = short if 7 <= length < 15 else 1.0
        rate = 0.05 * factor * float(np.exp(taste[account] + rng.normal(0, 0.4)))
        views = int(np.exp(rng.normal(8, 1)))
        posted = START + float(rng.uniform(0, days)) * DAY
        watched = float(np.clip(rng.normal(0.5, 0.18) + (watched_short if factor_is(length) else 0.0), 0.02, 1.0))
        found.append(
            {
                "content_id": f"{platform}-{number:05d}", "platform": platform, "account": f"account-{account}",
                "posted_at": posted, "measured_at": posted + 2 * DAY, "duration_s": length, "views": views,
                "likes": int(views * rate), "comments": 0, "shares": max(int(views * rate / 10), 1), "saves": 1,
                "engagement_rate": rate, "save_rate": 1 / max(views, 1), "caption": "a caption",
                "avg_watch_percentage": watched if rng.random() < retained else None,
                "features": {"n_hashtags": int(rng.integers(0, 12)), "music_original": bool(rng.random() < 0.5)},
            }
        )  # fmt: skip
    return found


def factor_is(length: float) -> bool:
    """Whether a clip of that length is of those that something may be planted in."""
    return 7 <= length < 15


def posts(count: int, **given: Any) -> Posts:
    """The same as posts."""
    return Posts.of(rows(count, **given))
