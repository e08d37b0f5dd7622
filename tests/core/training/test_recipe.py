"""A recipe is readable settings; what is wrong in it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core import loop, tasks
from core.errors import RushesError
from core.tasks.learner import Recipe
from core.training import run
from core.training.request import Request
from core.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return loop.open_workspace(tmp_path / "w", flags={"recipe": {"ratings": {"epochs": 3, "backbone": "resnet18"}}})


def test_the_request_wins_over_the_settings_and_those_over_the_tasks_own(space: Workspace) -> None:
    task = tasks.get("ratings")
    own = run.recipe_for(space, task)
    assert (own.epochs, own.backbone, own.patience) == (3, "resnet18", 4)
    asked = run.recipe_for(space, task, Request(recipe={"epochs": 5, "target": "binary"}))
    assert (asked.epochs, asked.backbone, asked.target) == (5, "resnet18", "binary")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backbone", "vgg"),
        ("target", "ranking"),
        ("epochs", 0),
        ("learning_rate", -1),
        ("crop", 0.9),
        ("vocabulary", "word"),
        ("colour", 1),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(space: Workspace, field: str, value: Any) -> None:
    with pytest.raises(RushesError, match=rf"the recipe asked for: {field}"):
        run.recipe_for(space, tasks.get("ratings"), Request(recipe={field: value}))


def test_a_wrong_setting_names_its_section(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "w", flags={"recipe": {"scenes": {"batch_size": 0}}})
    with pytest.raises(RushesError, match=r"\[recipe.scenes\] in the settings: batch_size"):
        run.recipe_for(space, tasks.get("scenes"))


def test_every_field_says_what_it_is_for() -> None:
    assert [name for name, field in Recipe.model_fields.items() if not field.description] == []


def test_many_clips_and_a_start_of_ones_own_get_fewer_epochs() -> None:
    recipe = Recipe(epochs=20, refine=3, passes=3600)
    assert recipe.planned(60, own=False) == 20
    assert recipe.planned(420, own=False) == 8
    assert recipe.planned(420, own=True) == 3
    assert recipe.planned(10_000, own=False) == 1
    assert Recipe(epochs=20).planned(10_000, own=True) == 20


def test_threads_come_from_the_recipe_then_the_settings(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "w", flags={"train": {"threads": 3}})
    assert run.threads_for(space) == 3
    assert run.threads_for(space, Recipe(threads=5)) == 5
