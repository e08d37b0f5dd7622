"""Due times: once after sleep, never in a storm, and the same as APScheduler's own."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.schedule.clock import trigger
from core.schedule.due import Due, table
from core.schedule.when import DAY, WEEKDAYS, At, Every, next_due
from core.settings import Settings

SUNDAY = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC).timestamp()
WEEKLY = At(3, "sun")
HOURLY = Every.parse("1h")
MOMENTS = st.floats(1.6e9, 2.2e9)


def due(
    when: At | Every, stored: float | None, now: float, *, grace_s: float = 7 * DAY, catch_up: bool = True
) -> float:
    return next_due(when, stored, now, grace_s=grace_s, catch_up=catch_up)


def test_a_weekly_backup_that_was_slept_through_runs_at_once_and_then_on_its_day() -> None:
    monday = SUNDAY + 30 * 3600
    assert due(WEEKLY, SUNDAY, monday) == monday
    assert WEEKLY.after(monday) == SUNDAY + 7 * DAY


def test_many_missed_times_are_due_once() -> None:
    assert due(HOURLY, SUNDAY, SUNDAY + 100 * 3600) == SUNDAY + 100 * 3600
    assert HOURLY.after(SUNDAY + 100 * 3600) == SUNDAY + 101 * 3600


def test_what_comes_later_than_its_grace_waits_for_the_next_time() -> None:
    assert due(WEEKLY, SUNDAY, SUNDAY + 8 * DAY, grace_s=7 * DAY) == SUNDAY + 14 * DAY
    assert due(WEEKLY, SUNDAY, SUNDAY + 60, catch_up=False) == SUNDAY + 7 * DAY


def test_what_never_ran_starts_at_once_if_it_repeats_and_at_its_hour_if_it_has_one() -> None:
    assert due(HOURLY, None, SUNDAY) == SUNDAY
    assert due(WEEKLY, None, SUNDAY - 60) == SUNDAY


def test_a_clock_set_back_by_a_year_does_not_stop_the_schedule() -> None:
    now = SUNDAY - 365 * DAY
    assert due(HOURLY, SUNDAY, now) == now + 3600
    assert now < due(WEEKLY, SUNDAY, now) <= now + 7 * DAY


@settings(deadline=None, max_examples=60)
@given(MOMENTS, st.integers(0, 23), st.sampled_from([None, *WEEKDAYS]))
def test_the_next_time_is_apschedulers(now: float, hour: int, weekday: str | None) -> None:
    when = At(hour, weekday)
    rule = trigger(Due("x", "", when, "m:f", grace_s=1))
    theirs = rule.get_next_fire_time(None, dt.datetime.fromtimestamp(now, dt.UTC) + dt.timedelta(microseconds=1))
    assert when.after(now) == theirs.timestamp()


@settings(deadline=None, max_examples=60)
@given(st.none() | MOMENTS, MOMENTS, st.sampled_from([HOURLY, WEEKLY, At(2)]), st.booleans())
def test_it_is_never_due_in_the_past_nor_later_than_its_rule(
    stored: float | None, now: float, when: At | Every, catch_up: bool
) -> None:
    found = due(when, stored, now, catch_up=catch_up)
    assert now <= found <= when.after(now)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("15m", 900), ("2h", 7200), ("1d", 86400), ("0m", 60)])
def test_intervals_are_read(text: str, seconds: int) -> None:
    assert Every.parse(text).seconds == seconds


def test_everything_the_later_parts_need_is_registered_by_name() -> None:
    found = {entry.name: entry for entry in table(Settings.model_validate({"sources": {"pier": {"url": "0"}}}))}
    assert list(found) == [
        "training check", "automation gate", "daily learning", "weekly backup and export", "source pier"]  # fmt: skip
    assert found["daily learning"].when == At(2)
    assert found["weekly backup and export"].when == At(3, "sun")
    assert all(entry.grace_s >= 60 for entry in found.values())
