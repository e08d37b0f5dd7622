"""The network, and how it learns from corrections; tiny clips, random weights."""

from __future__ import annotations

import copy
from typing import cast

import numpy as np
import pytest
import torch

from core import tasks
from core.errors import RushesError
from core.tasks.base import Features
from core.tasks.learner import Item, Recipe
from core.tasks.speech import language, text
from core.tasks.speech.learner import RECIPE, SpeechLearner
from core.tasks.speech.network import LipReader
from tests.core.tasks.speech.conftest import moving_crops

SPEECH = tasks.get("speech")
SAID = ["go", "now", "go now", "so"]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)


def items(count: int = 4) -> list[Item]:
    return [Item({"crops": moving_crops(n, 20 + n)}, SAID[n % len(SAID)], 1.0) for n in range(count)]


def learner(**changes: object) -> SpeechLearner:
    return SpeechLearner(SPEECH.default_spec(), Recipe.model_validate({**RECIPE, **changes}))


def logits(one: SpeechLearner, features: list[Features]) -> np.ndarray:
    one.module.eval()
    batch = {name: torch.from_numpy(value) for name, value in SPEECH.inputs(features).items()}
    with torch.no_grad():
        return one.module(**batch)[0].numpy()


def test_a_clip_reads_the_same_alone_and_in_a_batch() -> None:
    one = learner()
    clips: list[Features] = [{"crops": moving_crops(n, count)} for n, count in enumerate((26, 14, 20))]
    together = logits(one, clips)
    for row, clip in enumerate(clips):
        alone = logits(one, [clip])[0]
        assert np.abs(together[row, : len(alone)] - alone).max() < 1e-4
        assert (together[row, len(alone) :].argmax(1) == 0).all()  # padding says "blank"


def test_the_network_is_small_enough_to_ship() -> None:
    assert sum(value.numel() for value in LipReader(len(text.ALPHABET) + 1).parameters()) < 2_500_000


@pytest.mark.parametrize("freeze", [True, False])
def test_learning_lowers_the_loss_and_keeps_what_is_frozen(freeze: bool) -> None:
    one = learner(freeze=freeze, augment=False)
    lines = items()
    one.prepare(lines)
    before = copy.deepcopy(one.module.state_dict())
    rows = [one.encode(item.features) for item in lines]
    optimiser = torch.optim.AdamW(one.parameters(), lr=2e-3)
    rng = np.random.default_rng(0)
    losses: list[float] = []
    for _ in range(8 if freeze else 4):
        one.module.train()
        batch = one.collate(rows, train=True, rng=rng)
        loss = one.loss(one.forward(batch), batch, [item.truth for item in lines], torch.ones(len(lines)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    after = one.module.state_dict()
    front = [name for name in before if name.startswith("front.") and before[name].is_floating_point()]
    assert all(torch.equal(before[name], after[name]) for name in front) is freeze


def test_what_training_saw_is_what_the_exported_network_sees() -> None:
    one = learner()
    lines = items(2)
    one.module.eval()
    rows = [one.encode(item.features) for item in lines]
    with torch.no_grad():
        ours = one.forward(one.collate(rows, train=False, rng=np.random.default_rng(0)))[0].numpy()
    assert np.abs(ours - logits(one, [item.features for item in lines])).max() < 1e-4


def test_the_same_clip_is_encoded_the_same_way_each_time() -> None:
    one = learner()
    features = items(1)[0].features
    first, second = one.encode(features), one.encode(features)
    assert first["front"].shape == (20, 256)
    assert first["views"].shape == (3, 20, 256)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_random_weights_are_learnt_whole_since_nothing_is_worth_freezing() -> None:
    one = learner(weights="random")
    lines = items(1)
    one.prepare(lines)
    assert set(one.encode(lines[0].features)) == {"crops"}
    assert len(one.parameters()) == len(list(one.module.parameters()))


def test_a_warm_start_takes_the_weights_and_keeps_the_older_words_beside_the_new_ones() -> None:
    older = learner()
    base = older.spec.model_copy(update={"params": {"language": language.frozen(language.counted(["bin blue"] * 9))}})
    newer = learner()
    assert newer.adopt(older.module.state_dict(), base) == []
    assert all(torch.equal(a, b) for a, b in zip(older.module.parameters(), newer.module.parameters(), strict=True))
    newer.prepare(items())
    counts = cast("dict[str, float]", dict(newer.final_spec().params["language"]["counts"]))
    assert counts["now"] > counts["bin"] > 0
    assert newer.final_spec() is newer.final_spec()  # decoding keeps one letter tree per version


def test_weights_of_another_shape_start_fresh_and_the_log_says_so() -> None:
    weights = dict(learner().module.state_dict())
    weights["head.weight"] = torch.zeros(5, 384)
    notes = learner().adopt(weights, SPEECH.default_spec())
    assert notes == ["starts fresh: head.weight"]


def test_the_pull_to_the_base_counts_only_what_moved() -> None:
    one = learner(augment=False)
    one.adopt(learner().module.state_dict(), one.spec)
    lines = items(2)
    one.prepare(lines)
    batch = one.collate([one.encode(item.features) for item in lines], train=False, rng=np.random.default_rng(0))
    truths, shares = [item.truth for item in lines], torch.ones(2)
    outputs = one.forward(batch)
    start = float(one.loss(outputs, batch, truths, shares).detach())
    with torch.no_grad():
        one.net.head.bias.add_(3.0)
    assert float(one.loss(outputs, batch, truths, shares).detach()) > start


def test_a_sentence_the_network_cannot_spell_or_fit_does_not_break_the_batch() -> None:
    one = learner(augment=False)
    lines = [*items(1), Item({"crops": moving_crops(9, 14)}, "\u4f60\u597d", 1.0),
             Item({"crops": moving_crops(8, 14)}, "far too many letters for so few frames", 1.0)]  # fmt: skip
    one.prepare(lines)
    batch = one.collate([one.encode(item.features) for item in lines], train=True, rng=np.random.default_rng(0))
    loss = one.loss(one.forward(batch), batch, [item.truth for item in lines], torch.ones(3))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(value.grad).all() for value in one.parameters() if value.grad is not None)


def test_the_users_vocabulary_is_frozen_into_the_version() -> None:
    one = learner(vocabulary=("Rushes", "challenger"))
    one.prepare(items())
    counts = cast("dict[str, float]", dict(one.final_spec().params["language"]["counts"]))
    assert counts["rushes"] == counts["challenger"] == 1.0
    assert counts["now"] > 1.0  # what was said more often stays likelier


@pytest.mark.parametrize("word", ["two words", "?!", "\u4f60\u597d"])
def test_a_vocabulary_word_the_lips_cannot_spell_is_refused(word: str) -> None:
    with pytest.raises(RushesError, match="vocabulary"):
        learner(vocabulary=(word,))
