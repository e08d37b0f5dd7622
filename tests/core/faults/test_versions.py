"""Damaged versions and pointers: an older good one answers, then the factory's, and it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core import foreign, registry
from core.errors import ModelError
from core.foreign import Agreement
from core.workspace import Workspace
from tests.core.faults.actions import TASK

Damage = Callable[[Path], object]
BROKEN: dict[str, Damage] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
POINTERS: dict[str, Damage] = {
    **BROKEN,
    "a list": lambda path: path.write_text("[]"),
    "nowhere": lambda path: path.write_text('{"champion": "v99"}'),
    "outside": lambda path: path.write_text('{"champion": "../../v1"}'),
    "nothing": lambda path: path.write_text('{"champion": null}'),
    "a word before it": lambda path: path.write_text('{"champion": "v2", "previous": ["latest"]}'),
}


@pytest.fixture
def deployed(space: Workspace) -> Workspace:
    """v1, then v2 was deployed."""
    registry.deploy(space, TASK, "v1", reason="test")
    registry.deploy(space, TASK, "v2", reason="test")
    return space


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_damaged_model_file_lets_the_one_before_answer_and_says_so(deployed: Workspace, damage: Damage) -> None:
    damage(registry.model_path(deployed, TASK, "v2"))
    served = registry.serving(deployed, TASK)
    assert served.predictor.version == "v1"
    assert served.problem
    assert "an older version answers" in served.problem
    damage(registry.model_path(deployed, TASK, "v1"))
    served = registry.serving(deployed, TASK)
    assert served.predictor.version == registry.FACTORY
    assert served.problem


@pytest.mark.parametrize("damage", POINTERS.values(), ids=POINTERS)
def test_a_damaged_pointer_lets_the_last_good_one_answer_and_says_so(deployed: Workspace, damage: Damage) -> None:
    damage(registry.folder(deployed, TASK) / "active.json")
    served = registry.serving(deployed, TASK)
    assert served.predictor.version in ("v2", registry.FACTORY)
    assert served.problem
    registry.deploy(deployed, TASK, "v1", reason="the user chooses anew") if not _is_folder(deployed) else None
    assert _is_folder(deployed) or registry.serving(deployed, TASK).problem is None


def _is_folder(space: Workspace) -> bool:
    return (registry.folder(space, TASK) / "active.json").is_dir()


def test_a_damaged_pointer_still_knows_the_way_back(deployed: Workspace) -> None:
    (registry.folder(deployed, TASK) / "active.json").write_text("{")
    registry.model_path(deployed, TASK, "v2").write_bytes(b"torn as well")
    served = registry.serving(deployed, TASK)
    assert served.predictor.version == "v1", "the good one before, not the factory's"
    assert served.problem
    assert "active.json" in served.problem


def test_deploying_what_answers_already_mends_a_damaged_pointer(deployed: Workspace) -> None:
    path = registry.folder(deployed, TASK) / "active.json"
    path.write_text("{")
    registry.deploy(deployed, TASK, "v2", reason="again")
    assert json.loads(path.read_text())["champion"] == "v2"
    assert registry.serving(deployed, TASK).problem is None
    assert registry.rollback(deployed, TASK).version == "v1"


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_damaged_card_hides_its_version_and_no_other(deployed: Workspace, damage: Damage) -> None:
    damage(registry.model_path(deployed, TASK, "v2", ".json"))
    assert [card.version for card in registry.cards(deployed, TASK)] == [registry.FACTORY, "v1"]
    with pytest.raises(ModelError):
        registry.deploy(deployed, TASK, "v2", reason="test")
    assert registry.serving(deployed, TASK).predictor.version == "v2", "the model itself is whole"
    assert registry.current_spec(deployed, registry.tasks.get(TASK)).labels == ()


@pytest.mark.parametrize("content", [b"", b"two", b"\xff\xfe", b"-4"])
def test_a_damaged_counter_gives_no_number_twice(deployed: Workspace, base: Path, content: bytes) -> None:
    registry.model_path(deployed, TASK, "v2").unlink()  # only its card says that there was a v2
    (registry.folder(deployed, TASK) / "last_number").write_bytes(content)
    assert foreign.import_model(deployed, base / "model.onnx", TASK, Agreement()).version == "v3"


def test_a_damaged_self_test_file_is_measured_anew(space: Workspace) -> None:
    for content in ("[]", "{", "3"):
        (space.cache / "threads.json").write_text(content)
        predictor = registry.inference.load(
            registry.model_path(space, TASK, "v1"), task=TASK, timings=space.cache / "threads.json"
        )
        assert predictor.version == "v1"
