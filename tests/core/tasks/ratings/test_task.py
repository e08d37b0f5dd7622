"""The ratings task through its public door."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core import tasks
from core.errors import MediaError, RushesError
from core.media.clip import Clip
from core.tasks.base import Answer
from core.tasks.ratings import metrics
from core.tasks.ratings.task import TASK, confidence, on_scale

SPEC = TASK.default_spec()
STARS = SPEC.model_copy(update={"scale": (0.0, 5.0)})


def still(height: int, width: int) -> Clip:
    rng = np.random.default_rng(0)
    return Clip(rng.integers(0, 256, (1, height, width, 3)).astype(np.uint8), np.zeros(1), None, (width, height))


def test_the_task_is_found_by_name() -> None:
    assert tasks.get("ratings") is TASK


@pytest.mark.parametrize(("typed", "value"), [("4.2", 0.84), (" 0 ", 0.0), ("5", 1.0), ("2,5", 0.5), ("Good", 1.0)])
def test_a_typed_score_is_read_on_the_users_scale(typed: str, value: float) -> None:
    assert TASK.parse(typed, STARS) == pytest.approx(value)


@pytest.mark.parametrize("typed", ["5.1", "-1", "nan", "", "lovely", "inf"])
def test_a_score_that_is_none_is_refused_with_the_scale(typed: str) -> None:
    with pytest.raises(RushesError, match="from 0 to 5"):
        TASK.parse(typed, STARS)


def test_a_stored_score_goes_back_to_the_users_scale() -> None:
    assert on_scale(0.84, STARS) == pytest.approx(4.2)
    assert TASK.show(0.84) == "0.84"


def test_a_tiny_picture_is_refused_with_its_size() -> None:
    assert TASK.gate(still(40, 40)) is None
    with pytest.raises(MediaError, match=r"too small \(20 x 60"):
        TASK.extract(still(60, 20))


def test_features_of_a_picture_stay_the_same_and_stack_into_a_batch() -> None:
    one, two = TASK.extract(still(100, 150)), TASK.extract(still(100, 150))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    batch = TASK.inputs([one, two])
    golden = TASK.golden(SPEC)
    assert {n: v.shape for n, v in batch.items()} == {n: v.shape for n, v in golden.items()}
    assert {n: v.dtype for n, v in batch.items()} == {n: v.dtype for n, v in golden.items()}


def test_scores_are_kept_inside_the_scale_and_the_raw_one_beside() -> None:
    high, low = TASK.decode({"score": np.array([[1.3], [-0.1]], np.float32)}, SPEC)
    assert (high.value, low.value) == (1.0, 0.0)
    assert high.raw["score"] == pytest.approx(1.3)


def test_a_binary_answer_is_good_exactly_when_the_chance_is_a_half() -> None:
    spec = SPEC.model_copy(update={"params": {"target": "binary"}, "threshold": 0.8})
    answers = TASK.decode({"score": np.array([[-2.0], [-0.01], [0.01], [3.0]], np.float32)}, spec)
    values = [float(a.value or 0.0) for a in answers]
    assert values == sorted(values)
    assert [value >= 0.8 for value in values] == [False, False, True, True]


def test_confidence_is_the_chance_to_be_within_a_tenth() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.normal(0.5, 0.1, 20_000)
    inside = drawn[(drawn >= 0) & (drawn <= 1)]
    assert confidence(0.5, 0.1) == pytest.approx(np.mean(np.abs(inside - 0.5) <= 0.1), abs=0.01)
    assert confidence(0.5, 0.05) > confidence(0.5, 0.2)


def test_metrics_agree_with_their_definitions() -> None:
    truths = [0.1, 0.4, 0.4, 0.9, 1.0]
    found = TASK.score(truths, [Answer(v, 0.5) for v in (0.2, 0.3, 0.5, 0.8, 0.7)])
    assert found["mae"] == pytest.approx(0.14)
    assert found["rmse"] == pytest.approx(math.sqrt((0.01 * 4 + 0.09) / 5))
    assert found["auc"] == 1.0
    assert found["spearman"] == pytest.approx(0.872, abs=0.001)


def test_a_constant_answer_has_no_rank_correlation_and_one_kind_has_no_auc() -> None:
    found = TASK.score([0.1, 0.2], [Answer(0.5, None), Answer(0.5, None)])
    assert found["spearman"] == 0.0
    assert "auc" not in found


def test_bucket_error_is_zero_for_a_calibrated_model() -> None:
    truths = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert metrics.bucket_error(truths, truths) == 0.0
    assert metrics.bucket_error(truths, truths + 0.05) == pytest.approx(0.05)


def test_no_answer_is_the_largest_loss() -> None:
    assert TASK.loss_of(0.9, Answer(None, None)) == 1.0
    assert TASK.loss_of(0.9, Answer(0.8, None)) == pytest.approx(0.1)
    assert TASK.equal(0.8, 0.9)
    assert not TASK.equal(0.8, 0.91)
