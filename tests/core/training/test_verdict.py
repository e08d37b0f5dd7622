"""A new version is judged against the champion on what neither was trained on, and the evidence is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import loop, pairing, registry, tasks
from core.store.records import Value
from core.tasks.base import Answer
from core.training import dataset, jobs, verdict
from core.training.dataset import Dataset
from core.training.request import Request
from core.workspace import Workspace


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(trained)
    yield found
    found.close()


@pytest.fixture
def data(space: Workspace) -> Dataset:
    """The 54 answered pictures, as a training sees them."""
    return dataset.gather(space, tasks.get("ratings"), Request())


def candidate(space: Workspace, data: Dataset, says: Callable[[float], Value], base: str = "factory"):
    """A trained network that was held against every example and answers as `says` makes of the truth."""
    from core.training import run

    recipe = run.recipe_for(space, data.task)
    learner = run.make_learner(data.task, registry.current_spec(space, data.task), recipe)
    judged = [(example, Answer(says(float(example.truth)), None)) for example in data.examples]
    return run.Trained(learner, data, base, recipe, [], judged=judged)


def test_a_real_training_leaves_its_evidence(space: Workspace):
    (job,) = [job for job in jobs.every(space) if job.state == "Completed"]
    assert job.metrics is not None
    assert job.metrics["verdict"] in ("accept", "caution")
    assert "mae 0." in job.metrics["reason"]
    known = registry.card(space, "ratings", "v1").evidence
    assert (known["champion"], known["n"], known["groups"]) == ("factory", 54, 18)
    assert "folds" in known["note"]
    kept = json.loads((jobs.folder(space, job.job_id) / pairing.EVIDENCE_FILE).read_text())
    assert kept["champion"] == "factory"
    assert {pair["sample"] for pair in kept["pairs"]} == {item.sample.id for item in space.store.answered("ratings")}


def test_a_much_worse_version_is_reverted_and_its_evidence_can_be_kept(space: Workspace, data: Dataset, tmp_path: Path):
    registry.revert(space, "ratings")
    found = verdict.judge(space, candidate(space, data, lambda truth: float(truth < 0.5)))
    assert found.verdict == "revert"
    assert found.reason.startswith("the new version is worse than factory: mae 0.")
    assert found.evidence["interval"][1] <= 0
    verdict.save(tmp_path, found)
    kept = json.loads((tmp_path / pairing.EVIDENCE_FILE).read_text())
    assert len(kept["pairs"]) == 54
    assert [pair["order"] for pair in kept["pairs"]] == sorted(pair["order"] for pair in kept["pairs"])


def test_a_version_no_better_than_the_champion_is_a_caution(space: Workspace, data: Dataset):
    registry.revert(space, "ratings")
    factory = registry.load_version(space, "ratings", "factory")
    said = iter([answer.value for answer in factory.answer([example.features for example in data.examples])])
    found = verdict.judge(space, candidate(space, data, lambda _: next(said) or 0.0))
    assert found.verdict == "caution"
    assert found.evidence["difference"] == pytest.approx(0.0, abs=1e-6)
    assert "too alike" in found.reason


def test_what_the_champion_was_trained_on_judges_nobody(space: Workspace, data: Dataset):
    assert registry.pointer(space, "ratings").champion == "v1"
    found = verdict.judge(space, candidate(space, data, lambda truth: truth))
    assert found.verdict == "caution"
    assert "v1" in found.reason
    assert found.pairs == ()
    assert found.evidence["interval"] is None


def test_what_the_version_it_started_from_was_trained_on_judges_nobody_either(space: Workspace, data: Dataset):
    registry.revert(space, "ratings")
    assert verdict.judge(space, candidate(space, data, lambda truth: truth, base="v1")).pairs == ()
    assert len(verdict.judge(space, candidate(space, data, lambda truth: truth)).pairs) == 54


def test_nothing_is_kept_where_there_was_nothing_to_compare(tmp_path: Path):
    verdict.save(tmp_path, verdict.Verdict("caution", "nothing"))
    assert list(tmp_path.iterdir()) == []
