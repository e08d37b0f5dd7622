"""The scenes network learns a user's labels from few clips and keeps them apart by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core import inference
from core.demo.scenes import draw_scene
from core.media.clip import Clip
from core.media.resample import steady
from core.tasks.learner import Item, Recipe
from core.tasks.scenes.learner import ScenesLearner
from core.tasks.scenes.task import TASK
from core.training import trainer
from core.training.export import save_version

LABELS = ("action", "atmosphere")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """32 drawn scenes of two labels."""
    found: list[Item] = []
    for number in range(32):
        frames, fps, sound = draw_scene(LABELS[number % 2], number)
        picked = steady(np.arange(len(frames)) / fps, 12.5)[:20]
        clip = Clip(frames[picked], np.arange(len(picked)) / 12.5, sound, (160, 120))
        found.append(Item(TASK.extract(clip), LABELS[number % 2], 1.0))
    return found


def learner(labels: tuple[str, ...] = LABELS) -> ScenesLearner:
    spec = TASK.default_spec().model_copy(update={"labels": labels})
    return ScenesLearner(spec, Recipe(weights="factory", epochs=2))


def test_it_tells_two_labels_apart_that_it_learnt_from_two_dozen_clips(items: list[Item]) -> None:
    model = learner()
    trainer.fit(model, items[:24], [], epochs=2)
    answers = trainer.answers(model, trainer.encode(model, items[24:], lambda: False))
    assert TASK.score([item.truth for item in items[24:]], answers)["accuracy"] >= 0.75


def test_an_exported_model_answers_as_torch_does(items: list[Item], tmp_path: Path) -> None:
    model = learner()
    trainer.fit(model, items[:12], [], epochs=1)
    spec = model.final_spec().model_copy(update={"version": "v1"})
    save_version(model, spec, tmp_path, "model_v1", {})
    predictor = inference.load(tmp_path / "model_v1.onnx", task="scenes", threads=1)
    some = [item.features for item in items[:3]]
    theirs = trainer.answers(model, trainer.encode(model, items[:3], lambda: False))
    assert [a.value for a in predictor.answer(some)] == [a.value for a in theirs]
    mute = {**some[0], "measured": np.where(np.arange(len(some[0]["measured"])) < 60, some[0]["measured"], np.nan)}
    assert 0.0 < (predictor.answer([mute])[0].confidence or 0.0) <= 1.0


def test_labels_are_matched_by_name_when_a_model_is_taken_over(items: list[Item]) -> None:
    base = learner()
    base.prepare(items[:16])
    heir = learner(("atmosphere", "storm", "action"))
    notes = heir.adopt(base.module.state_dict(), base.final_spec())
    assert "label storm is new" in notes
    rows = trainer.encode(heir, items[:4], lambda: False)
    ours = [a.raw["log_scores"] for a in trainer.answers(heir, rows)]
    theirs = [a.raw["log_scores"] for a in trainer.answers(base, rows)]
    assert [row[0] for row in ours] == pytest.approx([row[1] for row in theirs], abs=1e-5)
    assert [row[2] for row in ours] == pytest.approx([row[0] for row in theirs], abs=1e-5)


def test_a_clip_without_sound_can_be_learnt_from(items: list[Item]) -> None:
    mute = [
        Item({**i.features, "measured": np.where(np.arange(97) < 71, i.features["measured"], np.nan)}, i.truth, 1.0)
        for i in items[:16]
    ]
    model = learner()
    trainer.fit(model, [Item(m.features, m.truth, m.weight) for m in mute], [], epochs=1)
    answers = trainer.answers(model, trainer.encode(model, items[16:20], lambda: False))
    assert all(np.isfinite(answer.raw["log_scores"]).all() for answer in answers)


def test_another_backbone_learns_whole_from_random_weights_and_is_exported(items: list[Item], tmp_path: Path) -> None:
    spec = TASK.default_spec().model_copy(update={"labels": LABELS})
    recipe = Recipe(backbone="resnet18", freeze=False, weights="random", batch_size=2, epochs=1)
    torch.manual_seed(1)
    model = ScenesLearner(spec, recipe)
    before = {name: value.clone() for name, value in model.network.backbone.named_parameters()}
    trainer.fit(model, items[:4], [], epochs=1)
    assert all(not value.equal(before[name]) for name, value in model.network.backbone.named_parameters())
    done = model.final_spec().model_copy(update={"version": "v1"})
    save_version(model, done, tmp_path, "model_v1", {})
    ours = inference.load(tmp_path / "model_v1.onnx", task="scenes", threads=1).answer([items[20].features])
    theirs = trainer.answers(model, trainer.encode(model, items[20:21], lambda: False))
    assert done.params["backbone"] == "resnet18"
    assert ours[0].raw["log_scores"] == pytest.approx(theirs[0].raw["log_scores"], abs=1e-3)
