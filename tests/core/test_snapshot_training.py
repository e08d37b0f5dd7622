"""What the Training screen reads: order of the queue, the log's lines, curves of folds, a check that queues nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import loop, tasks
from core.snapshot import training
from core.snapshot.training import Step
from core.training import jobs
from core.training.progress import Progress
from core.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


def told(space: Workspace, job: jobs.Job, *lines: tuple[float, str, dict[str, Any]]) -> None:
    """Progress as a training process would write it."""
    progress = Progress(jobs.folder(space, job.job_id) / "progress.jsonl")
    for percent, stage, more in lines:
        progress.say(percent, stage, **more)
    progress.close()


def epoch(number: int, loss: float | None, stage: str = "training", **scores: float) -> tuple[float, str, Any]:
    return 20.0 + number, stage, {"epoch": number, "epochs": 5, "loss": loss, **scores}


def test_an_empty_workspace_has_no_trainings_and_says_how_many_answers_are_needed(space: Workspace) -> None:
    found = training.take(space, "ratings")
    assert (found.jobs, found.detail, found.running, found.waiting) == ((), None, None, 0)
    assert (found.answered, found.minimum) == (0, space.settings.train.minimum)
    assert not found.worker


def test_what_waits_stands_in_the_order_in_which_it_will_run_above_what_has_ended(space: Workspace) -> None:
    old = jobs.submit(space, "ratings", name="old")
    jobs.change(space, old.job_id, "Completed", completed_at=10.0)
    older = jobs.submit(space, "ratings", name="older")
    jobs.change(space, older.job_id, "Failed", completed_at=5.0, error="the disk is full")
    later = jobs.submit(space, "scenes")
    urgent = jobs.submit(space, "speech", priority=5)
    listed = [job.job_id for job in training.take(space, "ratings").jobs]
    assert listed == [urgent.job_id, later.job_id, old.job_id, older.job_id]
    first = jobs.next_queued(space)
    assert first is not None
    assert first.job_id == listed[0]


def test_the_chosen_training_is_shown_else_the_first_of_the_list(space: Workspace) -> None:
    first, second = jobs.submit(space, "ratings"), jobs.submit(space, "scenes")
    for chosen, shown in ((None, first), (second.job_id, second), ("gone", first)):
        detail = training.take(space, "ratings", chosen).detail
        assert detail is not None
        assert detail.job.job_id == shown.job_id


def test_the_log_keeps_every_epoch_and_of_a_counting_stage_the_newest_line(space: Workspace) -> None:
    job = jobs.submit(space, "ratings")
    measuring = [(float(part), "measuring features", {}) for part in range(2, 15)]
    told(
        space, job, (1, "loading corrections", {}), *measuring,
        epoch(0, None, spearman=0.5), epoch(1, 0.25, spearman=0.6), (80, "evaluating", {"notes": ["few groups"]}),
    )  # fmt: skip
    detail = training.detail(space, job)
    assert [(step.stage, step.progress, step.epoch) for step in detail.steps] == [
        ("loading corrections", 1, None), ("measuring features", 14, None), ("training", 20, 0), ("training", 21, 1),
        ("evaluating", 80, None),
    ]  # fmt: skip
    assert detail.steps[-1].notes == ("few groups",)
    loss, score = detail.charts
    assert loss.now is not None
    assert loss.now.points == ((1.0, 0.25),)
    assert score.now is not None
    assert score.now.points == ((0.0, 0.5), (1.0, 0.6))
    assert (score.title, score.better, loss.epochs) == ("validation spearman", "↑", 5)
    assert loss.before is None


def test_a_longer_progress_file_is_read_again(space: Workspace) -> None:
    job = jobs.submit(space, "ratings")
    told(space, job, epoch(1, 0.5))
    assert len(training.detail(space, job).steps) == 1
    told(space, job, epoch(2, 0.4))
    assert len(training.detail(space, job).steps) == 2


def test_folds_are_drawn_beside_the_mean_of_those_before_and_then_as_their_mean() -> None:
    owner = tasks.get("ratings")
    fold = "cross-validation {} of 3"
    steps = [
        training.step({"progress": 20, "stage": stage, **more}, "spearman")
        for _, stage, more in (
            epoch(1, 0.4, fold.format(1), spearman=0.2), epoch(1, 0.2, fold.format(2), spearman=0.4),
            epoch(2, 0.2, fold.format(2), spearman=0.8), epoch(1, 0.9, fold.format(3), spearman=0.6),
        )
    ]  # fmt: skip
    loss, score = training.charts(owner, steps)
    assert loss.now is not None
    assert loss.before is not None
    assert (loss.now.name, loss.now.points) == ("fold 3/3", ((1.0, 0.9),))
    assert loss.before.name == "2 folds"
    assert loss.before.points == ((1.0, pytest.approx(0.3)), (2.0, pytest.approx(0.2)))
    assert score.now is not None
    assert score.now.name == "fold 3/3"

    last = training.step({"progress": 70, "stage": "training on everything", "epoch": 1, "loss": 0.1}, "spearman")
    loss, score = training.charts(owner, [*steps, last])
    assert loss.now is not None
    assert loss.before is not None
    assert (loss.now.name, loss.before.name) == ("all answers", "3 folds")
    assert score.now is not None
    assert (score.now.name, score.before) == ("3 folds", None)
    assert score.now.points == ((1.0, pytest.approx(0.4)), (2.0, pytest.approx(0.8)))


ANYTHING = st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**400) | st.text() | st.lists(st.text())


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(["at", "epoch", "epochs", "loss", "spearman", "notes", "stage"]), ANYTHING))
def test_a_foreign_progress_line_never_breaks_the_screen(line: dict[str, Any]) -> None:
    step = training.step(json.loads(json.dumps(line)) | {"progress": 3}, "spearman")
    assert isinstance(step, Step)
    assert time.localtime(step.at)
    for chart in training.charts(tasks.get("ratings"), [step]):
        for trace in (chart.now, chart.before):
            assert trace is None or all(value == value for _, value in trace.points)


def test_a_dead_training_is_shown_as_failed_with_its_reason(space: Workspace) -> None:
    job = jobs.submit(space, "ratings")
    assert jobs.start(space, job.job_id)  # and nobody holds its lock
    (found,) = training.take(space, "ratings").jobs
    assert found.state == "Failed"
    assert "killed or crashed" in str(found.error)


def test_the_check_names_what_is_missing_and_queues_nothing(space: Workspace) -> None:
    seen = training.check(space, "ratings")
    assert not seen.found.ok
    assert any("minimum" in text for text in seen.found.errors)
    assert seen.seconds is None
    assert jobs.every(space) == []


def test_a_completed_training_comes_with_curves_analysis_and_report(trained: Path) -> None:
    space = loop.open_workspace(trained)
    found = training.take(space, "ratings").detail
    assert found is not None
    assert found.job.model_version == "v1"
    assert found.analysis is not None
    assert found.analysis.version == "v1"
    assert found.report is not None
    assert (trained / found.report).is_file()
    assert all(chart.now is not None for chart in found.charts)
    seen = training.check(space, "ratings")
    assert seen.found.ok
    assert seen.seconds is not None
    assert seen.seconds > 0
    space.close()
