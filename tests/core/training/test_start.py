"""A training never starts from weights that know the clips it will be judged on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core import loop, registry, tasks
from core.training import dataset, run, start
from core.training.dataset import Dataset
from core.training.manifests import Side
from core.training.request import Request
from core.workspace import Workspace

TASK = tasks.get("ratings")


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(trained)
    yield found
    found.close()


def with_sides(data: Dataset, sides: list[Side]) -> Dataset:
    """The same clips, each its own group, dealt to these sides in turn."""
    dealt = [
        replace(
            example,
            side=sides[number % len(sides)],
            answered=replace(
                example.answered, sample=replace(example.answered.sample, group=example.answered.sample.id)
            ),
        )
        for number, example in enumerate(data.examples)
    ]
    return replace(data, examples=tuple(dealt))


def record_splits(space: Workspace, data: Dataset) -> None:
    """Let v1's record say that it was trained on these sides."""
    with space.store.catalog.write() as db:
        for example in data.examples:
            db.execute(
                "UPDATE model_training_snapshot_labels SET split = ? WHERE snapshot_id = ?",
                [example.side, example.answered.sample.id],
            )


def warmed(space: Workspace, data: Dataset, speaker: str | None = None) -> start.Start:
    recipe = run.recipe_for(space, TASK)
    learner = run.make_learner(TASK, start.new_spec(space, TASK, speaker), recipe)
    return start.warm(space, learner, data, speaker)


def test_a_version_that_learnt_from_every_clip_is_no_start_while_folds_judge(space: Workspace) -> None:
    data = dataset.gather(space, TASK, Request())
    assert data.cross_validated
    found = warmed(space, data)
    assert (found.base, found.own) == (registry.FACTORY, False)
    assert found.notes[0].startswith("v1 may have learnt from clips that judge now")


def test_a_version_that_kept_the_same_clips_apart_is_the_start(space: Workspace) -> None:
    data = with_sides(dataset.gather(space, TASK, Request()), ["train", "val", "test"])
    assert not data.cross_validated
    record_splits(space, data)
    found = warmed(space, data)
    assert (found.base, found.own) == ("v1", True)
    moved = with_sides(data, ["train", "test", "val"])  # what chose v1's epochs would judge the next version
    assert warmed(space, moved).base == registry.FACTORY


def test_a_version_without_readable_weights_is_passed_over_and_named(space: Workspace) -> None:
    data = with_sides(dataset.gather(space, TASK, Request()), ["train", "val", "test"])
    record_splits(space, data)
    registry.model_path(space, "ratings", "v1", ".safetensors").write_bytes(b"no weights")
    found = warmed(space, data)
    assert found.base == registry.FACTORY
    assert found.notes[0] == "v1 is no start: its weights are damaged"


def test_a_speakers_first_version_starts_from_the_common_one_with_all_epochs(space: Workspace) -> None:
    data = with_sides(dataset.gather(space, TASK, Request()), ["train", "val", "test"])
    record_splits(space, data)
    found = warmed(space, data, speaker="anna")
    assert (found.base, found.own) == ("v1", False)
    assert start.new_spec(space, TASK, "anna").params["speaker"] == "anna"
