"""What a creator reads: few and numeric recommendations, what is missing named once, nothing made up."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from core.errors import StoreError
from core.insights.findings.brand import by_tags
from core.insights.learning.lessons import Day, learn
from core.insights.learning.money import roi
from core.insights.learning.page import markdown
from core.insights.posts import Posts
from core.insights.reports import report
from core.insights.reports.report import LearningReport
from core.insights.zones import zone
from tests.core.insights import made

FREE = {"lines": [], "budget": None}
DAY = dt.date(2026, 2, 1)


def of(lines: list[made.Row], date: dt.date = DAY) -> LearningReport:
    posts = Posts.of(lines)
    return learn(posts, Day.of(date), zone("UTC"), by_tags(posts), (FREE, roi(posts)), {}).report


def test_a_recommendation_says_what_to_do_with_n_and_interval() -> None:
    found = of(made.rows(1500, short=1.6))
    assert len(found.recommendations) <= 5
    first = found.recommendations[0]
    assert first.startswith("TikTok: make clips of 7–15 s.")
    lead = found.rules["rules"][0]["effects"][0]
    low, high = lead["interval"]
    assert f"({low:.2f} to {high:.2f};" in first
    assert f"n = {lead['n']:,} posts that did" in first
    assert "On your own account" not in first  # these accounts are compared with themselves already


def test_differences_between_strangers_come_with_a_test_of_ones_own() -> None:
    lines = made.rows(1500, short=1.6, accounts=1000)
    found = of(lines)
    assert "On your own account about" in found.recommendations[0]
    assert any("only a test of your own shows" in one for one in found.limits)


def test_only_what_is_known_is_said_to_be_held_equal() -> None:
    lines = made.rows(1500, short=1.6, accounts=1000)
    found = of(lines)
    assert "Compared at equal posting time." in markdown(found)
    assert any("TikTok: these are differences" in one and "at equal posting time;" in one for one in found.limits)
    rng = np.random.default_rng(1)
    for line in lines:
        line["features"]["followers"] = float(np.exp(rng.normal(8, 1)))
        line["measured_at"] += float(rng.uniform(0, 20)) * made.DAY
    assert "Compared at equal followers, age at measurement and posting time." in markdown(of(lines))
    assert "Compared within each account, at equal posting time." in markdown(of(made.rows(1500, short=1.6)))


def test_without_any_difference_the_report_says_so_and_recommends_nothing() -> None:
    found = of(made.rows(300, seed=3))
    assert found.recommendations == []
    assert found.rules["rules"] == []
    page = markdown(found)
    assert "Nothing yet: no difference holds" in page
    assert f"Of {found.comparisons:,} comparisons none shows a difference." in page


def test_what_is_not_measured_is_named_and_never_zero() -> None:
    found = of(made.rows(200))
    assert found.summary["avg_retention"] is None
    assert found.retention_analysis["n"] == 0
    assert found.retention_analysis["lost_by_tenth"] is None
    missing = found.unmeasured[0]["missing"]
    assert missing["avg_watch_percentage"] == missing["rewatch_rate"] == 200
    page = markdown(found)
    assert page.count("not measured on any post") == 1
    assert "Measure next" in page
    assert found.roi["roi"] is None
    assert "Return: not measured" in page


def test_posts_that_were_picked_for_doing_well_do_not_advise_on_views() -> None:
    lines = made.rows(600, accounts=600)
    for number, line in enumerate(lines):
        line["account"] = f"account-{number}"
        line["views"] *= 5 if line["duration_s"] == 11.0 else 1
    found = of(lines)
    assert not [one for one in found.patterns if one["outcome"] == "views"]
    assert sum("look picked" in one for one in found.limits) == 1


def test_best_and_worst_come_with_why() -> None:
    lines = made.rows(400, short=1.6)
    for line in lines:
        line["posted_at"] = Day.of(DAY).start + 3600
    found = of(lines)
    best, worst = found.best_performers, found.worst_performers
    assert len(best) == len(worst) == 3
    assert best[0]["engagement_rate"] > worst[0]["engagement_rate"]
    assert any("rank 1 of 400" in why for why in best[0]["why"])
    assert not {one["content_id"] for one in best} & {one["content_id"] for one in worst}


def test_more_reactions_than_views_is_called_wrong_and_not_best() -> None:
    lines = made.rows(100)
    lines[7]["engagement_rate"] = 1.4
    for line in lines:
        line["posted_at"] = Day.of(DAY).start + 3600
    found = of(lines)
    assert lines[7]["content_id"] not in {one["content_id"] for one in found.best_performers}
    assert any("More reactions than views on 1 post:" in one for one in found.limits)


def test_retention_is_read_with_where_viewers_leave() -> None:
    lines = made.rows(100, retained=1.0)
    for line in lines:
        line |= {"duration_s": 20.0, "retention_curve": [1.0, 0.9, 0.9, 0.9, 0.9, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]}
        line["drop_off_points"] = [0.05, 0.45]
    found = of(lines).retention_analysis
    assert found["lost_by_tenth"][4] == pytest.approx(0.5)
    assert found["drop_off_points"] == {"n": 100, "points": 200, "in_first_seconds": 100, "share": 0.5}
    assert "Most leave between 40 and 50 % of the length" in markdown(of(lines))


def test_return_is_reckoned_only_where_it_is_given() -> None:
    lines = made.rows(50)
    lines[0]["edit_metadata"] = {"revenue_eur": 30.0, "cost_eur": 20.0}
    lines[1]["edit_metadata"] = {"revenue_eur": 99.0}
    found = of(lines).roi
    assert (found["n"], found["roi"]) == (1, 0.5)


def test_text_from_outside_cannot_shape_the_page() -> None:
    lines = made.rows(60)
    for line in lines:
        line |= {"posted_at": Day.of(DAY).start + 60, "caption": "# [x](http://e) <b>\x1b[2J\n## mine"}
    page = markdown(of(lines))
    assert "\x1b" not in page
    assert "<b>" not in page.replace("\\<b\\>", "")
    assert "\n## mine" not in page


def test_a_report_comes_back_as_it_was_written_and_a_foreign_one_is_refused() -> None:
    found = of(made.rows(120))
    text = json.dumps(found.to_json(), allow_nan=False)
    assert report.from_json(json.loads(text)) == found
    with pytest.raises(StoreError, match="of another version"):
        report.from_json(json.loads(text) | {"schema_version": 99})


def test_no_post_at_all_gives_a_page_that_says_how_to_begin() -> None:
    page = markdown(of([]))
    assert "rushes metrics import" in page
