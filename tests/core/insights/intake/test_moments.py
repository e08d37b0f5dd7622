"""Columns of times read at once are the times read one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.insights.intake import values
from core.insights.intake.moments import quick_moments
from core.insights.zones import parts, zone

FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")


def written(at: datetime, form: str) -> str:
    text = at.strftime(form)
    return text[:23] + "Z" if form.endswith(".%fZ") else text


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=30), st.sampled_from(FORMS)
)
def test_a_column_of_one_form_is_what_each_of_its_times_is(times: list[datetime], form: str):
    column = [written(at, form) for at in times]
    assert quick_moments(column, UTC) == [values.moment(one, UTC) for one in column]


@pytest.mark.parametrize(
    "odd",
    ["2025-02-29T00:00:00", "2025-13-01T00:00:00", "2025-01-00T00:00:00", "2025-01-01T24:00:00", "2025-01-01T00:60:00",
     "2025-01-01T00:00:60", "2025-01-01X00:00:00", "1969-12-31T23:59:59", "2025-01-01", "", None],
)  # fmt: skip
def test_a_column_with_any_other_value_is_left_to_be_read_one_by_one(odd: str | None):
    assert quick_moments(["2025-01-01T00:00:00", odd], UTC) is None


def test_times_without_a_zone_are_read_at_once_only_where_they_are_utc():
    berlin = ZoneInfo("Europe/Berlin")
    assert quick_moments(["2025-07-01T12:00:00"], berlin) is None
    assert quick_moments(["2025-07-01T12:00:00Z"], berlin) == [1751371200.0]


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
def test_the_hour_in_a_zone_is_right_around_every_change_of_its_clock(name: str):
    times = np.arange(1_735_689_600.0, 1_767_225_600.0, 900.0)  # all quarters of an hour of 2025
    hours, weekdays = parts(times, zone(name))
    local = [datetime.fromtimestamp(at, ZoneInfo(name)) for at in times.tolist()]
    assert hours.tolist() == [at.hour for at in local]
    assert weekdays.tolist() == [at.weekday() for at in local]
