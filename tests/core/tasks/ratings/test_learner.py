"""The ratings network learns from few scores, in seconds, and survives export."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from core import inference
from core.demo.degrade import degrade
from core.demo.frames import draw_picture
from core.media.clip import Clip
from core.tasks.learner import Item, Recipe, seed_everything
from core.tasks.ratings.learner import RatingsLearner
from core.tasks.ratings.task import TASK
from core.training import trainer
from core.training.export import save_version

KINDS = ("blur", "noise", "jpeg", "dark")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """48 drawn pictures, spoilt by a known amount: the score is what is left."""
    found: list[Item] = []
    for number in range(48):
        amount = (number * 7 % 16) / 16
        image = degrade(draw_picture(number), KINDS[number % 4], amount, number)
        clip = Clip(image[None], np.zeros(1), None, (image.shape[1], image.shape[0]))
        found.append(Item(TASK.extract(clip), 1.0 - amount, 1.0))
    return found


def learner(**recipe: object) -> RatingsLearner:
    return RatingsLearner(TASK.default_spec(), Recipe.model_validate({"weights": "factory", "epochs": 3, **recipe}))


def test_it_beats_the_mean_on_pictures_it_has_not_seen_within_seconds(items: list[Item]) -> None:
    started = time.process_time()  # what it works, not what it waits for a core
    model = learner()
    trainer.fit(model, items[:36], [], epochs=3)
    answers = trainer.answers(model, trainer.encode(model, items[36:], lambda: False))
    truths = [item.truth for item in items[36:]]
    mean = float(np.mean([float(item.truth) for item in items[:36]]))
    naive = float(np.mean([abs(float(truth) - mean) for truth in truths]))
    assert TASK.score(truths, answers)["mae"] < 0.75 * naive
    assert time.process_time() - started < 20
    assert 0.02 <= model.final_spec().params["spread"] < 0.4


def test_a_binary_target_learns_what_is_good(items: list[Item]) -> None:
    model = learner(target="binary")
    trainer.fit(model, items[:36], [], epochs=1)
    answers = trainer.answers(model, trainer.encode(model, items[36:], lambda: False))
    truths = [item.truth for item in items[36:]]
    assert TASK.score(truths, answers)["auc"] > 0.7


def test_the_backbone_can_learn_too(items: list[Item]) -> None:
    model = learner(freeze=False, batch_size=3)
    before = {name: value.clone() for name, value in model.network.backbone.state_dict().items()}
    trainer.fit(model, items[:9], [], epochs=1)
    moved = [name for name, value in model.network.backbone.state_dict().items() if not value.equal(before[name])]
    assert moved
    # Batch statistics of three pictures would spoil those of thousands.
    assert not [name for name in moved if "running" in name]


def test_an_exported_model_answers_as_torch_does_and_can_be_adopted(
    items: list[Item], tmp_path: Path, graphs: Path
) -> None:
    model = learner()
    trainer.fit(model, items[:20], [], epochs=1)
    spec = model.final_spec().model_copy(update={"version": "v1"})
    save_version(model, spec, tmp_path, "model_v1", {}, cache=graphs)
    predictor = inference.load(tmp_path / "model_v1.onnx", task="ratings", threads=1)
    ours = predictor.answer([item.features for item in items[20:23]])
    theirs = trainer.answers(model, trainer.encode(model, items[20:23], lambda: False))
    assert [a.value for a in ours] == pytest.approx([a.value for a in theirs], abs=1e-3)
    assert ours[0].confidence == pytest.approx(theirs[0].confidence, abs=1e-3)
    heir = learner()
    assert heir.adopt(model.module.state_dict(), spec) == []
    again = trainer.answers(heir, trainer.encode(heir, items[20:23], lambda: False))
    assert [a.value for a in again] == pytest.approx([a.value for a in theirs], abs=1e-5)


def test_adopting_another_backbone_says_what_starts_fresh() -> None:
    notes = learner(backbone="resnet18").adopt(learner().module.state_dict(), TASK.default_spec())
    assert any("backbone" in note for note in notes)


def test_adopting_an_answer_to_another_question_leaves_the_head_fresh() -> None:
    notes = learner(target="binary").adopt(learner().module.state_dict(), TASK.default_spec())
    assert "head starts fresh" in notes


def test_another_backbone_learns_what_is_good_from_random_weights_and_is_exported(
    items: list[Item], tmp_path: Path
) -> None:
    model = learner(backbone="resnet18", target="binary", freeze=False, weights="random", batch_size=4)
    fitted = trainer.fit(model, items[:8], [], epochs=2)
    before = learner(backbone="resnet18", target="binary", freeze=False, weights="random").module.state_dict()
    parts = {name.split(".")[0] for name, value in model.module.state_dict().items() if not value.equal(before[name])}
    assert {"backbone", "expert", "head", "adapter"} <= parts
    assert all(epoch.loss is not None and np.isfinite(epoch.loss) for epoch in fitted.history[1:])
    spec = model.final_spec().model_copy(update={"version": "v1"})
    save_version(model, spec, tmp_path, "model_v1", {})
    ours = inference.load(tmp_path / "model_v1.onnx", task="ratings", threads=1).answer([items[20].features])
    theirs = trainer.answers(model, trainer.encode(model, items[20:21], lambda: False))
    assert spec.params["backbone"] == "resnet18"
    assert spec.params["target"] == "binary"
    assert ours[0].value == pytest.approx(theirs[0].value, abs=1e-3)


def test_an_unfrozen_backbone_lowers_the_loss_on_what_it_sees(items: list[Item]) -> None:
    seed_everything(1)  # the start is drawn, and from some draws the solved head leaves nothing to lower
    model = learner(freeze=False, weights="random", augment=False, batch_size=8, learning_rate=1e-3)
    history = trainer.fit(model, items[:8], [], epochs=8).history
    losses = [epoch.loss for epoch in history if epoch.loss is not None]
    assert min(losses[3:]) < losses[0]
