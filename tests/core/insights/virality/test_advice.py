"""Which platform is recommended: views at one age, of posts that nobody picked, beyond noise; else none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core import loop
from core.insights.posts import Posts
from core.insights.virality import advice
from core.insights.virality.predictor import ViralityPredictor
from core.workspace import Workspace
from tests.core.insights.drawn_posts import DAY, START, author, keep

GROWTH = 0.4  # log views per log age


def drawn(platform: str, age: float, *, twice: bool = False, level: float = 8.0, seed: int = 1) -> list[dict[str, Any]]:
    """Posts of one author whose views grow with age, measured at that age in days."""
    rng, rows = np.random.default_rng(seed), list[dict[str, Any]]()
    for number in range(40):
        posted, reached = START + number * DAY, level + rng.normal(0, 0.5)
        views, before = (float(np.exp(reached + GROWTH * np.log(days))) for days in (age, 0.6 * age))
        velocity = (views - before) / (0.4 * age * 24) if twice else views / (age * 24)
        rows.append(
            {
                "content_id": f"{platform}-{number}", "platform": platform, "account": "me", "posted_at": posted,
                "measured_at": posted + age * DAY, "views": views, "views_velocity": velocity,
            }
        )  # fmt: skip
    return rows


def recommended(*of: list[dict[str, Any]], here: str = "tiktok") -> tuple[str | None, str]:
    return advice.best_platform(Posts.of([row for rows in of for row in rows]), here)


def test_equal_platforms_measured_at_other_ages_recommend_none() -> None:
    for seed in range(10):
        other = seed + 100
        assert recommended(drawn("tiktok", 1.5, seed=seed), drawn("instagram", 29, seed=other))[0] is None


@pytest.mark.parametrize("better", ["tiktok", "instagram"])
def test_growth_that_was_measured_makes_other_ages_comparable(better: str) -> None:
    found = recommended(
        drawn("tiktok", 2, twice=True, level=9.5 if better == "tiktok" else 8.0),
        drawn("instagram", 8, twice=True, level=9.5 if better == "instagram" else 8.0, seed=2),
    )
    assert found[0] == better
    assert "more than on " + {"tiktok": "Instagram", "instagram": "TikTok"}[better] in found[1]


def test_posts_picked_for_doing_well_are_not_compared() -> None:
    picked = drawn("youtube", 8, level=12.0) + drawn("youtube", 8, level=12.0, seed=2)
    for number, row in enumerate(picked):
        row |= {"content_id": f"picked-{number}", "account": f"account-{number}"}
    assert recommended(drawn("tiktok", 8), drawn("instagram", 8, seed=2), picked)[0] is None
    best, why = recommended(drawn("tiktok", 8), picked, here="youtube")
    assert best is None
    assert "YouTube look picked" in why


def test_a_prediction_says_where_a_clip_does_better(space: Workspace) -> None:
    keep(space, author(30) + author(30, 2, account="other", level=10.0, platform="instagram"))
    with ViralityPredictor(space) as predictor:
        found = predictor.predict("planned", {"platform": "tiktok", "duration": 20})
    assert found.recommendations.platform == "instagram"


@pytest.fixture
def space(tmp_path: Any) -> Workspace:
    return loop.open_workspace(tmp_path / "workspace")
