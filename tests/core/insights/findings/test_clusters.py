"""Posts by how long viewers stayed: the seed's bounds, what is common, and what was not measured."""

from __future__ import annotations

import numpy as np

from core.insights.findings.clusters import cluster, membership
from core.insights.posts import Posts
from core.insights.zones import zone
from tests.core.insights import made

UTC = zone("UTC")


def test_the_bounds_are_70_and_40_per_cent() -> None:
    watched = np.array([1.0, 0.70, 0.6999, 0.40, 0.3999, 0.0])
    assert membership(watched).tolist() == [0, 0, 1, 1, 2, 2]


def test_unmeasured_posts_are_counted_and_in_no_cluster() -> None:
    found = cluster(made.posts(400, retained=0.5), UTC)
    assert found.measured + found.unmeasured == 400
    assert 150 < found.unmeasured < 250
    assert sum(len(one.content) for one in found.clusters) == found.measured


def test_what_was_planted_is_a_common_feature_with_numbers() -> None:
    high = cluster(made.posts(1500, retained=1.0, watched_short=0.25), UTC).clusters[0]
    lead = high.features[0]
    assert (lead.name, lead.level) == ("duration_s", "7–15")
    assert lead.share > lead.share_elsewhere + 0.2
    assert 0 < lead.effect.low < lead.effect.effect < lead.effect.high
    assert lead.effect.n == len(high.content)


def test_without_a_difference_it_says_so() -> None:
    high = cluster(made.posts(900, retained=1.0, seed=3), UTC).clusters[0]
    assert (high.features, high.note) == ((), "no difference shown")


def test_a_platforms_habit_is_no_feature() -> None:
    """One platform is watched longer and has longer clips; within each, length does nothing."""
    lines = made.rows(600, retained=1.0) + made.rows(600, seed=2, retained=1.0, platform="youtube")
    for line in lines:
        if line["platform"] == "youtube":
            line["duration_s"] *= 10
            line["avg_watch_percentage"] = min(line["avg_watch_percentage"] + 0.3, 1.0)
    names = {one.name for part in cluster(Posts.of(lines), UTC).clusters for one in part.features}
    assert "duration_s" not in names


def test_with_nothing_measured_nothing_is_said() -> None:
    found = cluster(made.posts(30), UTC).to_json()
    assert (found["measured"], found["not_measured"]) == (0, 30)
    assert all(one["avg_retention"] is None and one["note"] for one in found["clusters"].values())
