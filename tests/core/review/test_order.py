"""Where random picks stand in a list."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from core.review.order import arrange, credit, slots

SHARES = st.floats(0.2, 1.0)


@settings(deadline=None, max_examples=200)
@given(count=st.integers(0, 300), share=SHARES, random=st.integers(0, 500), queued=st.integers(0, 500))
def test_every_list_holds_its_share_of_random_picks(count: int, share: float, random: int, queued: int):
    found = slots(count, share, credit(random, queued, share))
    assert len(found) == count
    if count * share >= 1:
        assert sum(found) >= math.ceil(count * share - 1e-6)
    assert sum(found) <= count * share + 3, "and hardly more"


def test_a_user_who_passed_over_random_picks_gets_some_first_but_not_only_them():
    found = slots(20, 0.2, credit(0, 1000, 0.2))
    assert found[0]
    assert sum(found) <= 6


def test_nearly_identical_items_are_parted_by_others():
    rows = arrange([False] * 6, [], ["a1", "a2", "a3", "b1", "b2", "b3"], lambda x, y: 4.0 if x[0] == y[0] else 0.0)
    assert [item for item, _ in rows] == ["a1", "b1", "a2", "b2", "a3", "b3"]


def test_a_list_that_runs_out_is_filled_from_the_other():
    rows = arrange([True, False, False, True], ["r"], ["q1", "q2", "q3"], lambda x, y: 0.0 * (x == y))
    assert rows == [("r", True), ("q1", False), ("q2", False), ("q3", False)]
