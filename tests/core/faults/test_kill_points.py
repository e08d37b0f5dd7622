"""kill -9 at the write points of every action: before the call, with half of its bytes written, after it.

All points of all actions, and a thousand random kills: `python -m tests.benchmarks.safety.kills`.
"""

from __future__ import annotations

import random
from datetime import date

import pytest

from tests.core.faults.conftest import Ask

KILLS = ["before", "half", "after"]
SEED = random.Random(str(date.today())).randrange(1000)  # other points every day, named in the failure
# At least so many write points each must be found, else something writes unseen.
POINTS = {
    "correct": 40, "correct_many": 40, "undo": 40, "delete": 40, "skip": 30, "capture": 40, "deploy": 25,
    "rollback": 25, "version": 15, "backup": 60, "prune": 10, "setting": 5, "rebuild": 60, "reopen": 50,
}  # fmt: skip


@pytest.mark.parametrize("action", POINTS)
def test_a_kill_at_any_write_point_loses_nothing_that_was_saved(breaker: Ask, action: str) -> None:
    found = breaker(sweep=action, how=KILLS, most=2, seed=SEED)
    assert found["points"] >= POINTS[action]
    assert found["tried"] == 2
    assert not found["wrong"], f"seed {SEED}"


def test_a_program_that_writes_in_place_would_be_caught(breaker: Ask) -> None:
    assert breaker(sweep="careless", how=KILLS, most=99, seed=0)["wrong"]


def test_random_actions_killed_at_random_moments_lose_nothing(breaker: Ask) -> None:
    found = breaker(random=6, seed=SEED)
    assert found["kills"] == 6
    assert (found["lost"], found["unreadable"], found["wrong"]) == (0, 0, []), f"seed {SEED}"
