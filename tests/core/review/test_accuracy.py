"""The accuracy that is shown comes from random picks, with its n."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.review.accuracy import accuracy
from core.shares import wilson
from core.store.records import PickedBy
from tests.core.review.conftest import Made


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_interval_is_wilsons(data: st.DataObject):
    n = data.draw(st.integers(1, 2000))
    hits = data.draw(st.integers(0, n))
    known = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((known.low, known.high), abs=1e-6)


def answered(made: Made, first: int, right: int, wrong: int, picked_by: PickedBy) -> None:
    rows = [made.sample(number) for number in range(first, first + right + wrong)]
    made.pending([(one, made.said(one, "action", 0.6)) for one in rows])
    made.answer([(one, "action" if n < right else "dialogue") for n, one in enumerate(rows)], picked_by)


def test_only_random_picks_count_and_the_others_stand_apart(made: Made):
    answered(made, 0, 24, 6, "random")
    answered(made, 100, 10, 40, "queue")
    answered(made, 200, 5, 0, "own")
    found = accuracy(made.space, "scenes")
    assert found["accuracy"]["n"] == 30
    assert found["accuracy"]["value"] == 0.8
    assert found["accuracy"]["low"] < 0.8 < found["accuracy"]["high"]
    assert found["override_rate"]["value"] == pytest.approx(0.2)
    assert found["biased"]["queue"] == {"accuracy": 0.2, "n": 50, "override_rate": 0.8}
    assert found["biased"]["own"]["accuracy"] == 1.0
    assert [(row["version"], row["n"]) for row in found["by_version"]] == [("factory", 30)]


def test_few_random_picks_give_no_rate(made: Made):
    answered(made, 0, 5, 0, "random")
    found = accuracy(made.space, "scenes")["accuracy"]
    assert (found["value"], found["n"], found["enough"]) == (None, 5, False)


def test_a_random_pick_without_an_answer_of_the_model_is_counted_apart(made: Made):
    answered(made, 0, 20, 0, "random")
    failed = made.sample(500)
    made.pending([(failed, made.said(failed, None, error="no face"))])
    made.answer([(failed, "action")], "random")
    found = accuracy(made.space, "scenes")
    assert found["no_answer"] == 1
    assert found["accuracy"]["n"] == 20


def test_the_command_says_when_there_are_too_few(trained: Path, rushes: Callable[..., Any]):
    ran = rushes("review", "accuracy", "--task", "ratings", "-w", trained)
    assert ran.code == 0, ran.err
    assert "not enough random picks yet (0 of 20)" in ran.out
    assert rushes("review", "accuracy", "--task", "ratings", "--json", "-w", trained).json["accuracy"]["n"] == 0
