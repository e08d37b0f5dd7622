"""The seed's five claims on one's own numbers: each of the three answers, with what would settle it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.insights.findings.hypotheses import Hypothesis, check, early_losses
from core.insights.posts import Posts
from core.insights.zones import zone
from tests.core.insights import made
from tests.core.insights.findings.test_held import habitual

UTC = zone("UTC")
NAMES = ["retention_is_king", "first_3_seconds", "platform_timing", "save_rate", "rewatch_factor"]


def checked(lines: list[dict[str, Any]]) -> dict[str, Hypothesis]:
    return {one.name: one for one in check(Posts.of(lines), UTC)}


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    return made.rows(600, retained=1.0)


def test_all_five_are_there_and_without_numbers_none_is_measurable() -> None:
    found = check(made.posts(50), UTC)
    assert [one.name for one in found] == NAMES
    assert {one.verdict for one in found} == {"not measurable"}
    assert all(one.settle for one in found)


@pytest.mark.parametrize(
    ("times", "verdict"),
    [
        (5.0, "supported"),
        (3.0, "partly supported"),
        (1.7, "not supported"),
        (1.0, "not supported"),
        (0.4, "contradicted"),
    ],
)
def test_retention_is_king(lines: list[dict[str, Any]], times: float, verdict: str) -> None:
    for line in lines:
        line["views"] = int(line["views"] * (times if line["avg_watch_percentage"] > 0.7 else 1.0))
    found = checked(lines)["retention_is_king"]
    assert found.verdict == verdict
    assert found.low < times < found.high
    assert ("but not 3 times" in found.because) == (times == 1.7)
    assert ("so better; 3 times is not shown" in found.because) == (times == 3.0)
    assert (found.settle is not None) == (times == 3.0)


def test_a_habit_of_accounts_does_not_hide_that_it_is_true() -> None:
    """Half of the accounts mostly hold their viewers, and those posts get 5 times the views."""
    found = checked(habitual(1, 5.0))["retention_is_king"]
    assert found.verdict == "supported"
    assert found.low < 5.0 < found.high
    assert checked(habitual(2, 2.0))["retention_is_king"].verdict == "not supported"


def test_a_small_difference_is_never_called_three_times() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        lines = made.rows(90, seed=seed, accounts=1, days=300, retained=1.0)
        for line in lines:
            held = line["avg_watch_percentage"] > 0.6
            line |= {"avg_watch_percentage": 0.8 if held else 0.5}
            line["views"] = int(np.exp(rng.normal(8, 1.6)) * (1.3 if held else 1.0))
        assert checked(lines)["retention_is_king"].verdict != "supported"


def test_views_of_posts_picked_for_doing_well_settle_nothing() -> None:
    lines = made.rows(300, retained=1.0)
    for number, line in enumerate(lines):
        line |= {"account": f"account-{number}", "rewatch_rate": 0.3 if line["avg_watch_percentage"] > 0.7 else 0.1}
        line["views"] *= 20 if line["avg_watch_percentage"] > 0.7 else 1
    found = checked(lines)
    for name in ("retention_is_king", "rewatch_factor", "save_rate"):
        assert found[name].verdict == "not measurable"
        assert "look picked" in found[name].because


def test_six_comparisons_at_once_are_wrong_in_5_of_100_reports_at_most() -> None:
    """Where nothing matters, a claim of any difference is a mistake."""
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        lines = made.rows(200, seed=seed, retained=1.0) + made.rows(200, seed=seed + 99, platform="instagram")
        for line in lines:
            line |= {"measured_at": line["posted_at"] + 20 * made.DAY, "save_rate": float(rng.uniform(0, 0.1))}
            line["views_velocity"] = line["views"] * float(np.exp(rng.normal(-5, 0.5))) / 24
            line["rewatch_rate"] = float(rng.uniform(0, 0.4))
        found = checked(lines)
        told = [one.verdict for one in (*found.values(), *found["platform_timing"].parts)]
        wrong += bool({"supported", "partly supported", "contradicted"} & set(told))
    assert wrong <= 5  # 2 of 40 expected, more than 5 in 1 of 70 cases


def test_few_posts_are_too_few_to_tell_and_it_says_how_many_would(lines: list[dict[str, Any]]) -> None:
    rng = np.random.default_rng(1)
    few = lines[:250]
    for line in few:
        line["views"] = int(np.exp(rng.normal(8, 3)))
    found = checked(few)["retention_is_king"]
    assert found.verdict == "not measurable"
    assert found.settle is not None
    assert "posts on each side" in found.settle


@pytest.mark.parametrize(("early", "verdict"), [(0.7, "supported"), (0.2, "not supported")])
def test_first_three_seconds(lines: list[dict[str, Any]], early: float, verdict: str) -> None:
    rng = np.random.default_rng(1)
    for line in lines[:100]:
        line["duration_s"] = 30.0
        left = 1 - 0.8 * float(np.clip(early + rng.normal(0, 0.05), 0, 1))
        line["retention_curve"] = [1.0, left, *np.linspace(left, 0.2, 10)[1:].tolist()]
    found = checked(lines)["first_3_seconds"]
    assert found.verdict == verdict
    assert found.n == 100


def test_losses_are_read_off_the_curve_at_the_third_second() -> None:
    lines = made.rows(1)
    lines[0] |= {"duration_s": 10.0, "retention_curve": [1.0, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.6, 0.6, 0.6, 0.5]}
    assert early_losses(Posts.of(lines)) == pytest.approx([0.6])


def test_a_curve_too_coarse_for_three_seconds_says_nothing() -> None:
    lines = made.rows(1)
    lines[0] |= {"duration_s": 60.0, "retention_curve": [1.0, 0.5, 0.4]}
    assert np.isnan(early_losses(Posts.of(lines))).all()


def test_platform_timing_answers_for_each_platform() -> None:
    lines = made.rows(3000, platform="tiktok") + made.rows(3000, seed=2, platform="instagram")
    for line in lines:
        hour = line["posted_at"] % 86400 / 3600
        if line["platform"] == "tiktok" and 17 <= hour < 20:
            line["engagement_rate"] *= 1.8
    found = checked(lines)["platform_timing"]
    assert {part.name: part.verdict for part in found.parts} == {
        "platform_timing_instagram": "not supported",
        "platform_timing_tiktok": "supported",
    }
    assert found.verdict == "not supported"


def test_saves_count_by_later_growth_of_posts_measured_twice() -> None:
    lines = made.rows(400)
    for number, line in enumerate(lines):
        saved = number % 2 == 0
        line |= {"measured_at": line["posted_at"] + 20 * made.DAY, "save_rate": 0.08 if saved else 0.01}
        line["views_velocity"] = line["views"] * (0.02 if saved else 0.005) / 24
    found = checked(lines)["save_rate"]
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(4.0, rel=0.1)


def test_views_since_posting_say_nothing_of_later() -> None:
    lines = made.rows(400)
    for number, line in enumerate(lines):
        line |= {"measured_at": line["posted_at"] + 20 * made.DAY, "save_rate": 0.08 if number % 2 else 0.01}
        line["views_velocity"] = line["views"] / (20 * 24)
    assert checked(lines)["save_rate"].n == 0


@pytest.mark.parametrize(("chance", "verdict"), [(0.2, "supported"), (0.0, "not supported")])
def test_rewatch_factor(chance: float, verdict: str) -> None:
    rng = np.random.default_rng(1)
    lines = made.rows(800)
    for line in lines:
        often = bool(rng.random() < 0.3)
        line["rewatch_rate"] = 0.3 if often else 0.1
        if often:
            line["views"] = 10**6 if rng.random() < chance else 1
    assert checked(lines)["rewatch_factor"].verdict == verdict


def test_all_of_the_best_being_rewatched_is_the_strongest_evidence() -> None:
    lines = made.rows(800)
    for number, line in enumerate(lines):
        line |= {"rewatch_rate": 0.3 if number % 4 == 0 else 0.1, "views": 10**6 + number if number % 12 == 0 else 100}
    found = checked(lines)["rewatch_factor"]
    assert found.verdict == "supported"
    assert found.low > 2
