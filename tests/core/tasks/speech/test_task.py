"""The task as the rest of the program sees it."""

from __future__ import annotations

import numpy as np
import pytest

from core import tasks
from core.errors import RushesError
from core.media.clip import Frames
from core.tasks.base import Answer
from tests.core.tasks.speech.conftest import clip_of, moving_crops

SPEECH = tasks.get("speech")
SPEC = SPEECH.default_spec()


def test_clips_that_cannot_be_read_are_refused_with_the_reason(talking: Frames) -> None:
    assert SPEECH.gate(clip_of(talking)) is None
    assert SPEECH.gate(clip_of(talking[:8])) == "is too short (0.3 s; at least 0.5 s)"
    assert SPEECH.gate(clip_of(talking[:1])) == "is a still picture"
    assert SPEECH.gate(clip_of(np.zeros((40, 2, 2, 3), np.uint8), fps=1.0)) == "is too long (40 s; at most 30 s)"


def test_features_of_a_slow_camera_are_brought_to_25_a_second(talking: Frames) -> None:
    assert SPEECH.extract(clip_of(talking))["crops"].shape == (38, 32, 64)
    slow = clip_of(talking[::2], fps=12.5)
    assert SPEECH.extract(slow)["crops"].shape == (38, 32, 64)


def test_clips_of_unequal_length_make_one_batch() -> None:
    batch = SPEECH.inputs([{"crops": moving_crops(1, 20)}, {"crops": moving_crops(2, 12)}])
    assert batch["crops"].shape == (2, 1, 20, 32, 64)
    assert batch["crops"].dtype == np.float32
    assert batch["lengths"].tolist() == [20, 12]
    assert not batch["crops"][1, 0, 12:].any()


def test_the_golden_input_never_changes_and_holds_two_lengths() -> None:
    golden = SPEECH.golden(SPEC)
    assert golden["lengths"].tolist() == [24, 17]
    assert all(np.array_equal(value, SPEECH.golden(SPEC)[name]) for name, value in golden.items())
    assert float(np.abs(golden["crops"]).sum()) == pytest.approx(62867, rel=0.01)


def test_answers_have_a_text_a_confidence_the_greedy_text_and_runner_ups() -> None:
    scores = np.zeros((1, 6, 39), np.float32)
    scores[0, [0, 1, 2, 3, 4, 5], [0, 22, 0, 17, 0, 0]] = 8.0
    scores[0, 3, 25] = 7.5
    answer = SPEECH.decode({"logits": scores}, SPEC)[0]
    assert answer.value == "to" == "".join(answer.raw["text"].split()) or answer.value
    assert answer.raw["text"] == answer.value
    assert answer.confidence is not None
    assert 0.5 < answer.confidence < 0.9
    assert answer.runner_ups[0][1] < answer.confidence
    assert len(answer.raw["log_scores"]) == len(answer.raw["n_best"])
    warm = SPEC.model_copy(update={"temperature": 4.0})
    cooler = SPEECH.decode({"logits": scores}, warm)[0]
    assert cooler.value == answer.value
    assert (cooler.confidence or 1.0) < answer.confidence


def test_scores_that_are_no_numbers_give_no_answer() -> None:
    answer = SPEECH.decode({"logits": np.full((1, 5, 39), np.nan, np.float32)}, SPEC)[0]
    assert answer.value is None
    assert answer.confidence is None
    assert SPEECH.loss_of("bin blue", answer) == 1.0


def test_a_typed_sentence_keeps_its_capitals_and_loses_its_line_breaks() -> None:
    assert SPEECH.parse("  I have\nread many books. ", SPEC) == "I have read many books."


@pytest.mark.parametrize(("typed", "why"), [("", "no words"), ("?!", "no words"), ("a\x1b[2Jb", "printed"),
                                            ("word " * 200, "characters long")])  # fmt: skip
def test_what_is_no_sentence_is_refused(typed: str, why: str) -> None:
    with pytest.raises(RushesError, match=why):
        SPEECH.parse(typed, SPEC)


def test_scores_and_losses_count_words() -> None:
    answers = [Answer("bin red at f two now", 0.5), Answer("set blue", 0.9)]
    scores = SPEECH.score(["Bin blue at F two now.", "set blue"], answers)
    assert scores["wer"] == pytest.approx(1 / 8)
    assert scores["exact"] == 0.5
    assert 0 < scores["cer"] < scores["wer"] + 0.1
    assert SPEECH.loss_of("bin blue at f two now", answers[0]) == pytest.approx(1 / 6)
    assert SPEECH.equal("Set blue!", "set  blue")
