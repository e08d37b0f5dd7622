"""The scenes task through its public door."""

from __future__ import annotations

import numpy as np
import pytest

from core import tasks
from core.demo.scenes import draw_scene
from core.errors import MediaError, RushesError
from core.media.clip import Clip, Sound
from core.tasks.base import Answer
from core.tasks.scenes import audio
from core.tasks.scenes.task import LABELS, MEASURED, TASK

SPEC = TASK.default_spec()


def clip(seconds: float, fps: float = 12.5, sound: Sound | None = None) -> Clip:
    count = max(round(seconds * fps), 1)
    frames = np.random.default_rng(0).integers(0, 256, (count, 48, 64, 3)).astype(np.uint8)
    return Clip(frames, np.arange(count) / fps, sound, (64, 48))


def test_the_task_is_found_by_name_and_has_the_seeds_labels() -> None:
    assert tasks.get("scenes") is TASK
    assert SPEC.labels == LABELS == ("action", "dialogue", "suspense", "atmosphere", "transition")


@pytest.mark.parametrize(("seconds", "reason"), [(0.0, "still"), (0.5, "too short"), (31.0, "too long")])
def test_a_clip_that_is_no_scene_is_refused_with_its_reason(seconds: float, reason: str) -> None:
    with pytest.raises(MediaError, match=reason):
        TASK.extract(clip(seconds))


@pytest.mark.parametrize("seconds", [1.0, 5.0, 30.0])
def test_one_to_thirty_seconds_are_a_scene(seconds: float) -> None:
    assert TASK.gate(clip(seconds)) is None


def test_features_of_a_drawn_scene_stack_into_a_batch() -> None:
    frames, fps, sound = draw_scene("action", 3)
    scene = Clip(frames, np.arange(len(frames)) / fps, sound, (frames.shape[2], frames.shape[1]))
    one = TASK.extract(scene)
    assert one["measured"].shape == (len(MEASURED),)
    golden = TASK.golden(SPEC)
    batch = TASK.inputs([one, one])
    assert {n: (v.shape, v.dtype) for n, v in batch.items()} == {n: (v.shape, v.dtype) for n, v in golden.items()}


def test_missing_sound_is_told_from_silence_and_the_network_is_not_told() -> None:
    mute = TASK.extract(clip(1.5))
    silent = TASK.extract(clip(1.5, sound=Sound(np.zeros(24_000, np.float32))))
    assert np.isnan(mute["measured"][-len(audio.NAMES) :]).all()
    assert np.isfinite(silent["measured"]).all()
    assert (mute["has_sound"][0], silent["has_sound"][0]) == (0, 1)
    assert "has_sound" not in TASK.inputs([mute, silent])


@pytest.mark.parametrize(
    ("typed", "label"), [("Action", "action"), (" dial ", "dialogue"), ("transition", "transition")]
)
def test_a_label_is_read_whatever_its_case_and_from_its_beginning(typed: str, label: str) -> None:
    assert TASK.parse(typed, SPEC) == label


@pytest.mark.parametrize("typed", ["fight", "a", ""])
def test_an_unknown_label_is_refused_and_the_allowed_ones_are_named(typed: str) -> None:
    with pytest.raises(RushesError, match="action, dialogue, suspense, atmosphere, transition"):
        TASK.parse(typed, SPEC)


def test_probabilities_follow_the_temperature_and_order_the_runner_ups() -> None:
    logits = {"logits": np.array([[2.0, 1.0, 0.0, -1.0, 0.5]], np.float32)}
    (sharp,) = TASK.decode(logits, SPEC)
    (soft,) = TASK.decode(logits, SPEC.model_copy(update={"temperature": 3.0}))
    assert sharp.value == soft.value == "action"
    assert [label for label, _ in sharp.runner_ups] == ["dialogue", "transition", "suspense", "atmosphere"]
    assert sum(sharp.raw["probabilities"].values()) == pytest.approx(1.0)
    assert (sharp.confidence or 0) > (soft.confidence or 1)
    assert sharp.raw["log_scores"] == pytest.approx([2.0, 1.0, 0.0, -1.0, 0.5])


def test_metrics_agree_with_their_definitions() -> None:
    def answer(label: str, chance: float) -> Answer:
        return Answer(label, chance, raw={"probabilities": {label: chance, "other": 1 - chance}})

    found = TASK.score(["a", "a", "b"], [answer("a", 1.0), answer("b", 0.5), answer("b", 1.0)])
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx(2 / 3)
    # The second: b 0.5, other 0.5, and a, which the model does not know, missed whole.
    assert found["brier"] == pytest.approx((0.0 + 0.25 + 0.25 + 1.0 + 0.0) / 3)


def test_right_is_no_loss_and_no_answer_is_wrong() -> None:
    assert TASK.loss_of("a", Answer("a", 1.0)) == 0.0
    assert TASK.loss_of("a", Answer(None, None)) == 1.0
    assert TASK.equal("a", "a")
    assert not TASK.equal("a", "b")
