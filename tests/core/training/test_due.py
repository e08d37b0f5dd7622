"""When a training is queued by itself, and when it is not tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core import loop
from core.capture.intake import Refused
from core.snapshot import take
from core.training import due, jobs
from core.workspace import Workspace

Drawn = Callable[[str, int, int], Path]
EVERY = 20


@pytest.fixture
def space(tmp_path: Path, drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Enough was answered for a first training, which is queued; no worker takes it."""
    monkeypatch.setattr(jobs, "ensure_worker", lambda _: False)  # pyright: ignore[reportUnknownLambdaType]  # one use
    found = loop.open_workspace(tmp_path / "w", flags={"train": {"every": EVERY, "minimum": EVERY}})
    answer(found, drawn, 0, EVERY)
    return found


def answer(space: Workspace, drawn: Drawn, first: int, last: int) -> None:
    files = sorted(drawn("ratings", 54, 1).glob("*.jpg"))[first:last]
    clips = [part for part in loop.capture(space, files, "ratings") if not isinstance(part, Refused)]
    loop.correct(space, [(clip, 0.5) for clip in clips])


def states(space: Workspace) -> list[str]:
    return [job.state for job in jobs.every(space)]


def end(space: Workspace, state: jobs.State, *, hours_ago: float = 0.0) -> None:
    jobs.change(space, jobs.every(space)[0].job_id, state, completed_at=time.time() - hours_ago * 3600)


@pytest.mark.parametrize("state", ["Failed", "Cancelled"])
def test_a_training_that_learnt_nothing_keeps_the_answers_and_is_tried_again_a_day_later(
    space: Workspace, drawn: Drawn, state: jobs.State
) -> None:
    end(space, state)
    seen = take(space, "ratings")
    assert (seen.since, seen.held_back) == (EVERY, True)
    answer(space, drawn, 20, 21)
    assert due.trigger(space, "ratings") is None
    end(space, state, hours_ago=23.0)
    assert due.trigger(space, "ratings") is None
    end(space, state, hours_ago=25.0)
    assert not take(space, "ratings").held_back
    assert due.trigger(space, "ratings") is not None
    end(space, state)
    assert due.trigger(space, "ratings") is None
    assert states(space) == [state, state]


def test_as_many_new_answers_again_do_not_wait_for_the_day(space: Workspace, drawn: Drawn) -> None:
    end(space, "Failed")
    answer(space, drawn, 20, 39)
    assert states(space) == ["Failed"]
    answer(space, drawn, 39, 40)
    assert states(space) == ["Queued", "Failed"]


def test_what_was_learnt_from_is_not_counted_again_after_a_later_failure(space: Workspace, drawn: Drawn) -> None:
    end(space, "Completed", hours_ago=50.0)
    answer(space, drawn, 20, 25)
    jobs.submit(space, "ratings")
    end(space, "Failed", hours_ago=49.0)
    assert take(space, "ratings").since == 5
    assert due.trigger(space, "ratings") is None


def test_while_one_runs_the_next_answer_queues_no_other(space: Workspace, drawn: Drawn) -> None:
    assert jobs.start(space, jobs.every(space)[0].job_id)
    answer(space, drawn, 20, 22)
    assert states(space) == ["Running"]
