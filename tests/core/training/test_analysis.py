"""Seed 002's analysis: the seed's fields and bands, our verdict's recommendation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import loop
from core.errors import WrongUseError
from core.training import analysis, audit, jobs
from core.workspace import Workspace

Run = Callable[..., Any]
SEED_FIELDS = [
    "trainingLoss", "trainingSamples", "trainingDurationSeconds", "annotationCount", "hadGpu", "actualTimeMinutes",
    "estimatedTimeMinutes", "qualityScore", "observations", "warnings", "concerns", "summary", "recommendation",
    "nextSteps",
]  # fmt: skip


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


def ended(space: Workspace, task: str = "ratings", **facts: Any) -> str:
    """A job that ended as the worker ends one, with these facts."""
    job = jobs.submit(space, task)
    known = {"n": 100, "losses": [0.5, 0.08], "seconds": 300.0, "verdict": "accept", "reason": "better on 60 answers",
             "recipe": {"target": "regression"}, "deployed": True, "notes": []} | facts  # fmt: skip
    jobs.change(space, job.job_id, "Running")
    jobs.change(space, job.job_id, "Completed", model_version="v1", metrics_json=jobs.pack(known))
    return job.job_id


def test_seed_002s_example_has_its_fields_in_order_and_its_score(space: Workspace):
    found = analysis.analyse(space, ended(space)).to_json()
    assert list(found)[: len(SEED_FIELDS)] == SEED_FIELDS
    assert (found["trainingLoss"], found["trainingSamples"], found["trainingDurationSeconds"]) == (0.08, 100, 300.0)
    assert (found["actualTimeMinutes"], found["qualityScore"], found["recommendation"]) == (5.0, 50, "Accept")
    assert "Excellent training loss - model learned patterns effectively" in found["observations"]
    assert "Excellent sample size - model has sufficient data" in found["observations"]
    assert (found["warnings"], found["concerns"]) == ([], [])
    assert found["verdict"] == "accept"


@pytest.mark.parametrize(
    ("loss", "band", "where"),
    [(0.0999, "Excellent", "observations"), (0.1, "Good", "observations"), (0.3, "Moderate", "observations"),
     (0.5, "High", "warnings"), (0.7, "Very high", "concerns"), (3.0, "Very high", "concerns")],
)  # fmt: skip
def test_the_loss_bands_are_the_seeds(space: Workspace, loss: float, band: str, where: str):
    found = analysis.analyse(space, ended(space, losses=[loss])).to_json()
    assert any(text.startswith(f"{band} training loss") for text in found[where])


def test_a_head_solved_without_epochs_is_judged_by_its_held_out_error(space: Workspace):
    found = analysis.analyse(space, ended(space, losses=[], metrics={"rmse": 0.4})).to_json()
    assert found["trainingLoss"] is None
    assert found["qualityFactors"]["loss"] == 15
    assert any(text.startswith("Good squared error on what was held out") for text in found["observations"])


@pytest.mark.parametrize(("task", "recipe"), [("scenes", {}), ("speech", {}), ("ratings", {"target": "binary"})])
def test_losses_that_are_no_squared_errors_are_shown_without_bands(space: Workspace, task: str, recipe: dict[str, str]):
    found = analysis.analyse(space, ended(space, task, losses=[2.4], recipe=recipe)).to_json()
    assert found["trainingLoss"] == 2.4
    assert "training loss" not in json.dumps([found["observations"], found["warnings"], found["concerns"]])
    assert "loss" not in found["qualityFactors"]


@pytest.mark.parametrize(
    ("verdict", "recommendation"), [("accept", "Accept"), ("caution", "Accept with Caution"), ("revert", "Revert")]
)
def test_the_recommendation_is_our_verdict_whatever_the_loss(space: Workspace, verdict: str, recommendation: str):
    for loss in (0.01, 0.9):
        found = analysis.analyse(space, ended(space, verdict=verdict, losses=[loss])).to_json()
        assert found["recommendation"] == recommendation
        assert (found["qualityScore"] < 0) >= (verdict == "revert")


def test_a_revert_names_its_reason_as_a_concern_and_the_way_back(space: Workspace):
    found = analysis.analyse(space, ended(space, verdict="revert", reason="12 more word errors")).to_json()
    assert "12 more word errors" in found["concerns"]
    assert "Go back: rushes models rollback -t ratings" in found["nextSteps"]


def test_a_caution_says_how_many_answers_would_settle_it(space: Workspace):
    found = analysis.analyse(space, ended(space, verdict="caution", evidence={"n": 14, "more_corrections": 120}))
    assert "Answer 120 clips to settle it: rushes review list -t ratings" in found.next_steps
    assert found.factors["held_out"] == -10


@pytest.mark.parametrize(("count", "points"), [(100, 20), (99, 10), (50, 10), (49, 0), (20, 0), (19, -40)])
def test_samples_are_held_against_20_and_100(space: Workspace, count: int, points: int):
    found = analysis.analyse(space, ended(space, n=count))
    assert found.factors["samples"] == points
    assert bool(found.concerns) == (count < 20)
    assert any("recommended" in text for text in found.warnings) == (20 <= count < 100)


def test_the_expected_time_is_learnt_from_earlier_trainings_and_the_machine_is_named(space: Workspace):
    for seconds in (100.0, 100.0, 500.0):
        identity = ended(space, n=50 if seconds < 500 else 100, seconds=seconds)
        job = jobs.get(space, identity)
        audit.append(space, audit.line(job, job.metrics or {}, {"gpu": "Drawn GPU", "cpus": 2}))
    found = analysis.analyse(space, identity)
    assert found.to_json()["estimatedTimeMinutes"] == pytest.approx(200 / 60, abs=0.01)
    assert found.had_gpu
    assert "Trained on Drawn GPU" in found.observations
    assert any("was the machine busy" in text for text in found.warnings)


def test_only_completed_trainings_are_analysed(space: Workspace):
    queued = jobs.submit(space, "ratings").job_id
    with pytest.raises(WrongUseError, match="only available for completed jobs, this one is Queued"):
        analysis.analyse(space, queued)
    with pytest.raises(WrongUseError, match="training job abc123 does not exist"):
        analysis.analyse(space, "abc123")


def test_a_real_training_is_analysed_by_the_command(trained: Path, rushes: Run):
    space = loop.open_workspace(trained)
    job = jobs.every(space)[0]
    space.close()
    found = rushes("jobs", "analysis", job.job_id, "--json", "-w", trained).json
    assert found["trainingSamples"] == found["annotationCount"] == 54
    assert found["trainingLoss"] is not None
    assert found["actualTimeMinutes"] > 0
    assert found["modelVersion"] == "v1"
    assert rushes("jobs", "analysis", "abc123", "-w", trained).code == 2
