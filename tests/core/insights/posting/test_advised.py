"""What others make of posting times: the report's recommendations, the rules for programs, a planned post's time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np

from core.insights.findings.brand import by_tags
from core.insights.learning.lessons import Day, learn
from core.insights.learning.money import roi
from core.insights.posts import Posts
from core.insights.reports.report import LearningReport
from core.insights.virality.advice import advise
from core.insights.virality.features import About
from core.insights.virality.fitting import Known
from core.insights.virality.formula import Formula
from core.insights.zones import parts, zone
from tests.core.insights.drawn_posts import DAY, START, author

BEFORE_SUMMER_TIME = dt.date(2026, 3, 28)


def better(times: float, when: Callable[[int, int], bool], where: str = "UTC") -> list[dict[str, Any]]:
    """An author's posts, with more engagement at some hours and weekdays of the zone."""
    rows = author(400, 7)
    hours, weekdays = parts(np.array([row["posted_at"] for row in rows]), zone(where))
    for row, hour, weekday in zip(rows, hours.tolist(), weekdays.tolist(), strict=True):
        row["engagement_rate"] = min(0.9, row["engagement_rate"] * (times if when(hour, weekday) else 1.0))
    return rows


def reported(rows: list[dict[str, Any]], where: str) -> LearningReport:
    posts = Posts.of(rows)
    money = ({"lines": [], "budget": None}, roi(posts))
    return learn(posts, Day.of(BEFORE_SUMMER_TIME), zone(where), by_tags(posts), money, {}).report


def timing(report: LearningReport) -> dict[str, Any]:
    (rule,) = [one for one in report.rules["rules"] if one["rule_id"] == "tiktok.best-time"]
    return rule


def test_a_rule_and_its_sentence_name_only_the_day_that_is_above_the_average() -> None:
    report = reported(better(2.2, lambda _, weekday: weekday == 5), "UTC")
    rule = timing(report)
    assert rule["value"] == {
        "feature": "posted_at", "hours_utc": [], "hours_local": [], "weekdays": ["Saturday"], "timezone": "UTC",
    }  # fmt: skip
    assert rule["confidence"] > 0.95  # of Saturday, and not of an hour
    assert report.recommendations[-1] == "TikTok: post on Saturday (UTC time, from 400 posts)."


def test_a_rule_that_holds_while_clocks_change_names_the_local_hour() -> None:
    berlin = "Europe/Berlin"
    rule = timing(reported(better(2.5, lambda hour, _: hour == 19, berlin), berlin))
    assert rule["value"] == {
        "feature": "posted_at", "hours_utc": [18], "hours_local": [19], "weekdays": [], "timezone": berlin,
    }  # fmt: skip
    assert rule["valid_until"] == "2026-04-11"  # from the next day on it is 17 UTC


def test_a_planned_post_is_given_no_hour_where_only_weekdays_differ() -> None:
    posts, where = Posts.of(better(2.2, lambda _, weekday: weekday == 5)), zone("UTC")
    known = Known(posts, About.unknown(len(posts)), where, START + 700 * DAY)
    formula = Formula(0.0, 0.0, {}, ("quality",))
    found = advise("tiktok", known, None, formula, posts, known.at, where)
    assert (found.optimal_time, found.optimal_time_local) == (None, "Saturday")
    assert "post on Saturday (UTC time" in found.optimal_time_reason
