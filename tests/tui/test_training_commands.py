"""`rushes train` and `rushes jobs`: what they refuse, what they hand on, what they print."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import loop
from core.errors import WrongUseError
from core.training import jobs, wishes
from core.workspace import Workspace
from tests.conftest import Ran

Rushes = Callable[..., Ran]


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(trained)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> list[Workspace]:
    """The queue is looked at; nothing trains. Holds who asked for a worker."""
    asked: list[Workspace] = []
    monkeypatch.setattr(jobs, "ensure_worker", asked.append)
    return asked


def test_a_training_takes_its_name_priority_and_recipe_along(
    space: Workspace, rushes: Rushes, no_worker: list[Workspace]
) -> None:
    ran = rushes("train", "-t", "ratings", "--name", "evening", "--priority", 3, "--recipe", "epochs=5", "--recipe",
                 "backbone=resnet18", "--json", "-w", space.root)  # fmt: skip
    assert ran.code == 0
    assert (ran.json["state"], ran.json["name"], ran.json["priority"]) == ("Queued", "evening", 3)
    assert ran.json["params"]["recipe"] == {"epochs": 5, "backbone": "resnet18"}
    assert len(no_worker) == 1
    assert rushes("jobs", "show", ran.json["job_id"], "--json", "-w", space.root).json == ran.json


def test_a_training_promises_how_long_it_takes(space: Workspace, rushes: Rushes) -> None:
    said = rushes("train", "-t", "ratings", "-w", space.root).out
    (job, before) = jobs.every(space)
    promised = job.params["estimate_seconds"]
    assert before.metrics is not None
    assert promised == pytest.approx(before.metrics["seconds"], rel=0.2)  # the same answers as in the training before
    assert f"about {promised:.0f} s" in said


def test_a_training_with_too_little_is_refused_before_it_is_queued(space: Workspace, rushes: Rushes) -> None:
    ran = rushes("train", "-t", "scenes", "--json", "-w", space.root)
    assert ran.code == 1
    assert {"title", "status", "detail", "warnings", "errors", "recommendations"} <= set(ran.json)
    assert "Insufficient annotations (0)" in ran.json["detail"]
    plain = rushes("train", "-t", "scenes", "-w", space.root)
    assert (plain.code, plain.out) == (1, "")
    assert "Insufficient annotations (0)" in plain.err
    assert [job.task for job in jobs.every(space)] == ["ratings"]


def test_jobs_are_resumed_cancelled_and_counted(space: Workspace, rushes: Rushes) -> None:
    (first,) = rushes("jobs", "list", "--json", "-w", space.root).json
    assert first["state"] == "Completed"
    refused = rushes("jobs", "resume", first["job_id"], "-w", space.root)
    assert refused.code == 2
    assert "it is completed" in refused.err
    job = jobs.submit(space, "ratings")
    cancelled = rushes("jobs", "cancel", job.job_id, "--json", "-w", space.root)
    assert (cancelled.code, cancelled.json["state"]) == (0, "Cancelled")
    again = rushes("jobs", "resume", job.job_id, "--json", "-w", space.root).json
    assert (again["state"], again["params"]["resumes"]) == ("Queued", job.job_id)
    assert rushes("jobs", "show", "nonsense", "-w", space.root).code == 2
    (line,) = rushes("jobs", "history", "--json", "--limit", 5, "-w", space.root).json
    assert (line["jobId"], line["annotationCount"]) == (first["job_id"], 54)
    stats = rushes("jobs", "stats", "--json", "-w", space.root).json
    assert (stats["total"], stats["successful"], stats["total_seconds"] > 0) == (1, 1, True)
    assert "trainings 1: 1 successful" in rushes("jobs", "stats", "-w", space.root).out
    assert "54 answers  v1" in rushes("jobs", "history", "-w", space.root).out


@pytest.mark.parametrize("pair", ["epochs=0", "colour=red", "backbone=vgg", "vocabulary=word"])
def test_a_wrong_recipe_is_refused_at_once_and_nothing_is_queued(space: Workspace, rushes: Rushes, pair: str) -> None:
    ran = rushes("train", "-t", "ratings", "--recipe", pair, "--json", "-w", space.root)
    assert (ran.code, ran.out) == (2, "")
    assert f"the recipe asked for: {pair.partition('=')[0]}" in ran.err
    assert len(jobs.every(space)) == 1


@pytest.mark.parametrize("pair", ["epochs", "=5", "1a=2", "a b=2", ""])
def test_a_recipe_wish_that_is_no_pair_is_wrong_use(pair: str) -> None:
    with pytest.raises(WrongUseError, match="key=value"):
        wishes.recipe([pair])


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text(max_size=30), max_size=4))
@settings(deadline=None, max_examples=80)
def test_whatever_is_wished_fits_into_the_jobs_params(pairs: dict[str, str]) -> None:
    found = wishes.recipe(f"{key}={value}" for key, value in pairs.items())
    assert set(found) == set(pairs)
    json.dumps(found)


def test_recipe_values_are_read_as_toml_and_bare_words_as_text() -> None:
    found = wishes.recipe(["epochs=20", "amp=false", "jitter=0.1", "target=binary", "day=2020-01-01", 'a="x=y"'])
    assert found == {"epochs": 20, "amp": False, "jitter": 0.1, "target": "binary", "day": "2020-01-01", "a": "x=y"}


def test_trainings_come_back_when_the_catalog_was_lost(space: Workspace, rushes: Rushes) -> None:
    (first,) = rushes("jobs", "list", "--json", "-w", space.root).json
    analysis = rushes("jobs", "analysis", first["job_id"], "--json", "-w", space.root).json
    cancelled = jobs.submit(space, "ratings", params={"recipe": {"epochs": 2}}, name="evening")
    assert jobs.start(space, cancelled.job_id)
    (jobs.folder(space, cancelled.job_id) / "cancel").touch()
    before = rushes("jobs", "list", "--json", "-w", space.root).json  # its process is gone, which is noticed here
    assert [job["state"] for job in before] == ["Cancelled", "Completed"]
    space.store.catalog.path.unlink()
    counts = rushes("rebuild", "--json", "-w", space.root).json
    assert (counts["jobs"], counts["runs"]) == (2, 1)
    after = rushes("jobs", "list", "--json", "-w", space.root).json
    assert after == before
    assert rushes("jobs", "analysis", first["job_id"], "--json", "-w", space.root).json == analysis
    again = rushes("jobs", "resume", cancelled.job_id, "--json", "-w", space.root).json
    assert (again["name"], again["params"]["recipe"]) == ("evening", {"epochs": 2})
    assert rushes("rebuild", "--json", "-w", space.root).json["jobs"] == 0
