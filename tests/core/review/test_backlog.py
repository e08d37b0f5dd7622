"""What the next training learns that the last one did not."""

from __future__ import annotations

import time

from core.review.backlog import backlog
from core.review.triage import triage
from tests.core.review.conftest import Made


def test_before_the_first_run_everything_is_new(made: Made):
    made.answer([(made.sample(number), "action") for number in range(3)])
    found = backlog(made.space, "scenes")
    assert found["since"] is None
    assert found["reasons"] == {"new": 3}


def test_new_relabelled_and_left_out_are_told_apart_and_dismissed_ones_excluded(made: Made):
    rows = [made.sample(number) for number in range(6)]
    made.answer([(one, "action") for one in rows[:4]])
    made.run("scenes", "v1", [(one, "action", "train") for one in rows[:3]], at=time.time())
    assert backlog(made.space, "scenes")["reasons"] == {"left out last time": 1}
    made.answer([(rows[0], "dialogue")])
    made.answer([(rows[4], "dialogue"), (rows[5], "action")])
    triage(made.space, rows[5], "dismissed")
    found = backlog(made.space, "scenes")
    assert found["since"] == "v1"
    assert found["reasons"] == {"relabelled": 1, "left out last time": 1, "new": 1}
    assert found["dismissed"] == 1
    assert found["total"] == 3
    reasons = {row["sample_id"]: row["reason"] for row in found["rows"]}
    assert reasons[rows[0].id] == "relabelled"
    assert reasons[rows[4].id] == "new"


def test_disagreements_nobody_has_looked_at_are_counted(made: Made):
    rows = [made.sample(number) for number in range(3)]
    made.pending([(one, made.said(one, "action", 0.9)) for one in rows])
    made.answer([(one, "dialogue") for one in rows])
    assert backlog(made.space, "scenes")["to_review"] == 3
    triage(made.space, rows[0], "dismissed")
    assert backlog(made.space, "scenes")["to_review"] == 2
