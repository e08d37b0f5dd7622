"""Best time to post: what is shown, what is not, and in which zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from core.errors import WrongUseError
from core.insights.posting import besttime, exploring, pooling, shrinking
from core.insights.posting.answers import BestTime
from core.insights.posts import Posts
from core.insights.zones import DAYS, Zone, iso, next_at, parts, utc_hours, zone
from tests.core.insights.drawn_posts import DAY, START, author, differing, posts, wandering

SPRING = datetime(2025, 3, 15, tzinfo=UTC).timestamp()  # Berlin is one hour ahead
SUMMER = datetime(2025, 7, 15, tzinfo=UTC).timestamp()  # two hours
UTC_ZONE = zone("UTC")


def analysed(found: Posts, where: Zone = UTC_ZONE, at: float = SPRING, **wanted: str) -> BestTime:
    metric = besttime.require(wanted.get("metric", "engagement"))
    return besttime.analyse(found, "tiktok", metric=metric, where=where, at=at)


def test_timing_optimisation_finds_a_planted_best_hour() -> None:
    """Seed 001: timing optimization."""
    found = analysed(posts(300, hour_effect=0.5, peak=18))
    assert found.shown
    assert found.hours_shown
    assert set(found.best_hours) <= {16, 17, 18, 19, 20}
    assert found.confidence is not None
    assert found.confidence > 0.95
    best = found.hours[found.best_hours_local[0]]
    assert best.low < best.value < best.high
    assert best.change > 0.2
    assert found.sample_size == 300
    assert f"post at {found.best_hours[0]:02d}:00" in found.sentence()


def test_a_planted_weekend_is_found_and_named() -> None:
    found = analysed(posts(400, weekend_effect=0.6, spread=0.4))
    assert found.days_shown
    assert set(found.best_days[:2]) == {"Saturday", "Sunday"}
    assert not found.hours_shown


def test_only_what_is_shown_to_be_above_the_average_is_said() -> None:
    """The best three stay in their lists; a day that is no better than the average is no advice."""
    rows = author(400, 7)
    for row in rows:
        row["engagement_rate"] *= 2.2 if (row["posted_at"] // DAY + 3) % 7 == 5 else 1.0
    found = analysed(Posts.of(rows))
    assert found.best_days[0] == "Saturday"
    assert len(found.best_days) == len(found.best_hours) == 3
    assert (found.advised_days, found.advised_hours) == (["Saturday"], [])
    assert found.sentence() == "tiktok: post on Saturday (UTC time, from 400 posts)"
    assert "over 99 % sure that Saturday beats the average" in "\n".join(found.lines())
    evening = analysed(Posts.of(_with_a_strong_hour(300, 1)))
    assert 19 in evening.advised_hours
    assert all(one.change_low > 0 and one.beats > 0.95 for one in evening.advised)
    assert evening.confidence == evening.hours[19].beats


def _with_a_strong_hour(n: int, seed: int) -> list[dict[str, Any]]:
    rows = author(n, seed, hours=range(6, 24))
    for row in rows:
        row["engagement_rate"] = min(0.9, row["engagement_rate"] * (2.5 if row["posted_at"] % DAY // 3600 == 19 else 1))
    return rows


def test_where_nothing_is_shown_nothing_sounds_sure() -> None:
    found = analysed(posts(300, 2))
    assert not found.shown
    assert "sure" not in " ".join(found.lines())


def test_levels_that_wander_beside_habits_that_last_claim_no_hour() -> None:
    """No hour matters; but for six weeks at a time the author posts at one hour, and interest comes and goes."""
    claimed = sum(besttime.differs(wandering(seed), "tiktok", UTC_ZONE) is True for seed in range(40))
    assert claimed <= 2  # 5 % of 40


def test_intervals_hold_what_they_say_and_sureness_is_earned() -> None:
    """The full count is in tests/benchmarks/insights/posting.py; here 24 authors with hours that differ by 0.2."""
    held: list[bool] = []
    said: list[float] = []
    true: list[bool] = []
    for seed in range(24):
        drawn, effects = differing(100, seed, 0.2)
        found = analysed(drawn)
        held += [np.log1p(one.change_low) <= effects[one.index] <= np.log1p(one.change_high) for one in found.hours]
        first = found.hours[found.best_hours_local[0]]
        said.append(first.beats)
        true.append(effects[first.index] > 0)
    assert 0.86 < np.mean(held) < 0.97
    assert np.mean(said) < np.mean(true) + 0.05


def test_posts_without_any_effect_of_time_say_no_difference_shown_yet() -> None:
    """The full count is in tests/benchmarks/insights/posting.py; here 40 authors, a third with heavy tails."""
    said = 0
    for seed in range(40):
        drawn = posts(120, seed, heavy=seed % 3 == 0, drift=0.5 * (seed % 2))
        said += besttime.differs(drawn, "tiktok", UTC_ZONE) is True
    assert said <= 2  # 5 % of 40
    found = analysed(posts(120, 4))
    assert not found.shown
    assert "no difference shown yet" in found.sentence()
    assert len(found.hourly_performance) == 24  # the numbers are there, only nothing is claimed


def test_effects_are_pulled_towards_the_mean_the_more_the_fewer_posts_there_are() -> None:
    errors: list[tuple[float, float]] = []
    for seed in range(4):
        drawn = posts(60, seed, hour_effect=0.2)
        truth = 0.2 * np.cos(2 * np.pi * (np.arange(24) - 18) / 24)
        y, hour = besttime.outcome(drawn, "engagement"), parts(drawn.posted_at, UTC_ZONE)[0]
        plain = np.array([y[hour == one].mean() - y.mean() if (hour == one).any() else 0.0 for one in range(24)])
        pulled = np.log1p([one.change for one in analysed(drawn).hours])
        errors.append((float(((pulled - truth) ** 2).mean()), float(((plain - truth) ** 2).mean())))
    assert np.mean([ours for ours, _ in errors]) < 0.6 * np.mean([theirs for _, theirs in errors])
    many = analysed(posts(1000, hour_effect=0.3))
    assert max(hour.change for hour in many.hours) == pytest.approx(np.expm1(0.3), abs=0.12)
    rare = analysed(Posts.of(author(200, hours=range(12)) + author(1, 9, hours=[20])))
    width = {hour.index: np.log(hour.high / hour.low) for hour in rare.hours}
    assert width[20] > width[5]


def test_what_differs_between_accounts_explains_no_hour() -> None:
    large = author(150, 1, account="large", level=12, hours=range(16, 22))
    small = author(150, 2, account="small", level=6, hours=range(4, 10))
    found = analysed(Posts.of(large + small), metric="views")
    assert not found.hours_shown
    single = analysed(Posts.of(large + author(1, 3, account="one")))
    assert single.left_out == 1
    assert "the only one of their account" in single.notes[0]


def test_a_growing_account_that_changed_its_hours_shows_no_hour() -> None:
    early, late = author(150, 1, hours=range(6, 12)), author(150, 2, hours=range(17, 23))
    for row in late:
        row["posted_at"] += 225 * DAY
        row["measured_at"] += 225 * DAY
        row["content_id"] += "-late"
    rows = early + late
    for row in rows:
        row["views"] *= float(np.exp((row["posted_at"] - START) / DAY / 225))
    assert not analysed(Posts.of(rows), metric="views").hours_shown


def test_hours_are_compared_in_the_zone_and_given_in_utc() -> None:
    berlin = zone("Europe/Berlin")
    rows = author(400, hour_effect=0.0)
    for row in rows:
        local = int(parts(np.array([row["posted_at"]]), berlin)[0][0])
        row["engagement_rate"] = min(0.9, row["engagement_rate"] * (2.5 if local == 19 else 1.0))
    spring, summer = (analysed(Posts.of(rows), berlin, at) for at in (SPRING, SUMMER))
    assert spring.best_hours_local[0] == summer.best_hours_local[0] == 19
    assert spring.best_hours[0] == 18
    assert summer.best_hours[0] == 17  # daylight saving: the same local hour is another UTC hour
    assert spring.hourly_performance[18] == summer.hourly_performance[17] == spring.hours[19].value


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("Europe/Berlin", "2026-03-28T12:00+00:00"),
        ("Europe/Berlin", "2026-10-24T12:00+00:00"),
        ("America/New_York", "2026-03-07T20:00+00:00"),
    ],
)
def test_on_the_day_before_the_clock_changes_every_utc_hour_has_its_own_value(name: str, at: str) -> None:
    found = analysed(posts(60), zone(name), datetime.fromisoformat(at).timestamp())
    assert sorted(found.hourly_performance) == list(range(24))
    assert [found.hourly_performance[one.utc_hour or 0] for one in found.hours] == [one.value for one in found.hours]


def test_zones_know_daylight_saving_and_half_hours() -> None:
    berlin, kolkata = zone("Europe/Berlin"), zone("Asia/Kolkata")
    hours, weekdays = parts(np.array([SPRING, SUMMER]), berlin)
    assert hours.tolist() == [1, 2]
    assert [DAYS[day] for day in weekdays] == ["Saturday", "Tuesday"]
    assert parts(np.array([SPRING]), kolkata)[0].tolist() == [5]
    moment = next_at(None, 9, SPRING, kolkata)
    assert moment is not None
    assert iso(moment) == "2025-03-15T03:30:00Z"
    assert utc_hours(SPRING, kolkata)[9] == 3
    jump = datetime(2025, 3, 29, 22, tzinfo=UTC).timestamp()  # in the night to the 30th Berlin has no 2 o'clock
    skipped = next_at(6, 2, jump, berlin)
    assert skipped is None or iso(skipped) >= "2025-04-06"
    with pytest.raises(WrongUseError, match="no time zone"):
        zone("Mars/Olympus")


def test_the_next_time_to_try_is_one_that_is_little_known() -> None:
    found = analysed(Posts.of(author(150, hours=range(8, 20), hour_effect=0.2)))
    assert found.next is not None
    assert found.next.n <= 3  # of 150 posts
    assert found.next.gain > 0
    assert found.next.utc >= iso(SPRING)
    data = pooling.sums(*_columns(posts(200, hour_effect=0.4)))
    gained = exploring.gains(exploring.doubtful(data, shrinking.draw(data).prior))
    assert gained.shape == (7, 24)
    assert gained[:, 15:21].mean() > gained[:, 3:9].mean()  # it may yet be the best, the other can hardly be


def _columns(found: Posts) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    hour, weekday = parts(found.posted_at, UTC_ZONE)
    blank = np.zeros(len(found), np.int64)
    return besttime.outcome(found, "engagement"), hour, weekday, blank, np.zeros((len(found), 0))


def test_the_evidence_is_a_fair_bet_where_nothing_differs() -> None:
    rng = np.random.default_rng(5)
    values: list[float] = []
    for _ in range(150):
        hour, weekday = rng.integers(0, 24, 100), rng.integers(0, 7, 100)
        data = pooling.sums(rng.normal(size=100), hour, weekday, np.zeros(100, np.int64), np.zeros((100, 0)))
        values += [pooling.evidence(data, "hour"), pooling.evidence(data, "weekday")]
    assert np.mean(values) < 1.5  # an e-value's mean is at most 1


def test_the_pooled_effects_are_those_of_the_normal_model() -> None:
    """Against the textbook formula, with hours alone: mean * k / (k + 1 / lambda)."""
    rng = np.random.default_rng(2)
    hour = np.repeat(np.arange(24), 10)
    y = rng.normal(size=240) + np.repeat(rng.normal(size=24), 10)
    data = pooling.sums(y, hour, np.zeros(240, np.int64), np.zeros(240, np.int64), np.zeros((240, 0)))
    found = shrinking.posterior(data, shrinking.Prior(0.5, 1e-9, 1e-9, 0.0))
    means = y.reshape(24, 10).mean(axis=1)
    expected = (means - means.mean()) * 10 / (10 + 1 / 0.5)
    effects = found.mean[:24] - found.mean[:24].mean()
    assert effects == pytest.approx(expected, abs=1e-4)


def test_few_posts_give_no_times_but_say_so() -> None:
    found = analysed(posts(5))
    assert found.best_hours == []
    assert found.confidence is None
    assert "too few posts" in found.sentence()
    assert analysed(Posts.of([])).sample_size == 0
    assert "few posts" in " ".join(analysed(posts(20)).notes)


def test_the_output_has_the_seeds_fields_and_a_heat_map_for_the_screen() -> None:
    found = analysed(posts(200)).to_json()
    assert {"platform", "best_hours", "best_days", "hourly_performance", "confidence", "sample_size"} <= set(found)
    assert len(found["best_hours"]) == len(found["best_days"]) == 3
    heat = found["heat"]
    assert np.array(heat["values"]).shape == np.array(heat["counts"]).shape == (7, 24)
    assert np.array(heat["counts"]).sum() == 200
    assert (np.array(heat["low"]) <= np.array(heat["values"])).all()


def test_unknown_times_and_outcomes_are_left_out_and_counted() -> None:
    rows = author(100)
    rows[0]["posted_at"] = None
    rows[1]["engagement_rate"] = None
    rows[2]["measured_at"] = None
    found = analysed(Posts.of(rows))
    assert found.sample_size == 98
    assert found.left_out == 2
    assert any("no time of measurement" in note for note in found.notes)
