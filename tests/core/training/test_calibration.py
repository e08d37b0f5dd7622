"""Confidence that means the chance of being right, scores on the user's scale: fitted, frozen, applied."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import calibration, tasks
from core.store.records import Value
from core.tasks.base import Answer, ModelSpec
from core.tasks.ratings import metrics
from core.tasks.ratings.task import confidence as chance_within
from core.training.calibration import MOST_POINTS, calibrated, fit_mapping, out_of_fold

Pair = tuple[Value, Answer]


def boastful(count: int, boast: float = 3.0, seed: int = 3) -> tuple[ModelSpec, list[Pair]]:
    """Answers of a scenes model whose log scores are `boast` times too far apart."""
    spec = tasks.get("scenes").default_spec()
    rng = np.random.default_rng(seed)
    pairs: list[Pair] = []
    for _ in range(count):
        logits = rng.normal(0, 1, len(spec.labels))
        chances = np.exp(logits) / np.exp(logits).sum()
        truth = spec.labels[rng.choice(len(spec.labels), p=chances)]
        pairs.append((truth, decoded(spec, logits * boast)))
    return spec, pairs


def decoded(spec: ModelSpec, logits: object) -> Answer:
    return tasks.get("scenes").decode({"logits": np.asarray(logits, dtype=np.float32)[None]}, spec)[0]


def scored(count: int, seed: int = 3) -> tuple[ModelSpec, list[Pair]]:
    """Answers of a ratings model that spreads too far: truth is 0.5 + half of what it says of the middle."""
    spec = tasks.get("ratings").default_spec()
    rng = np.random.default_rng(seed)
    given = rng.random(count)
    truths = np.clip(0.25 + 0.5 * given + rng.normal(0, 0.05, count), 0, 1)
    answers = tasks.get("ratings").decode({"score": given[:, None]}, spec)
    return spec, [(float(truth), answer) for truth, answer in zip(truths, answers, strict=True)]


def test_below_fifty_nothing_is_calibrated():
    for name, (spec, pairs) in {"scenes": boastful(49), "ratings": scored(49)}.items():
        found = calibrated(tasks.get(name), spec, pairs)
        assert (found.temperature, found.calibration_n) == (None, 0)
        assert not {calibration.ISOTONIC, calibration.MAPPING} & found.params.keys()


def test_answers_that_failed_do_not_count_towards_fifty():
    spec, pairs = boastful(49)
    found = calibrated(tasks.get("scenes"), spec, [*pairs, *[("action", Answer(None, None))] * 20])
    assert found.temperature is None


def test_from_fifty_a_temperature_from_a_thousand_a_line():
    task = tasks.get("scenes")
    spec, pairs = boastful(400)
    some = calibrated(task, spec, pairs)
    assert some.temperature is not None
    assert 2 < some.temperature < 4.5
    assert some.calibration_n == 400
    assert calibration.ISOTONIC not in some.params
    spec, pairs = boastful(1500)
    many = calibrated(task, spec, pairs)
    line = many.params[calibration.ISOTONIC]
    assert len(line["x"]) <= MOST_POINTS
    assert line["x"] == sorted(line["x"])
    assert line["y"] == sorted(line["y"])
    # On answers it has never seen, what it is sure of is right as often as it says.
    fresh = boastful(3000, seed=9)[1]
    served = [calibration.applied(many, decoded(many, answer.raw["log_scores"])) for _, answer in fresh]
    sure = np.array([answer.confidence for answer in served])
    right = np.array([answer.value == truth for answer, (truth, _) in zip(served, fresh, strict=True)])
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 1.0)):
        inside = (sure >= low) & (sure < high)
        assert inside.sum() > 100
        assert abs(sure[inside].mean() - right[inside].mean()) < 0.06


def test_a_ratings_model_is_mapped_onto_the_users_scale_and_keeps_its_order():
    task = tasks.get("ratings")
    for count, kind in ((80, "linear"), (1200, "linear"), (1200, "isotonic")):
        spec, pairs = scored(count)
        if kind == "isotonic":  # a bend that no straight line follows
            pairs = [(float(answer.value or 0.0) ** 4, answer) for _, answer in pairs]
        found = calibrated(task, spec, pairs)
        assert found.params[calibration.MAPPING]["kind"] == kind
        assert (found.temperature, found.calibration_n) == (1.0, count)
        before = np.array([float(answer.value or 0.0) for _, answer in pairs])
        after = np.array([calibration.mapped(found, value) for value in before])
        truths = np.array([float(truth) for truth, _ in pairs])
        assert np.abs(after - truths).mean() < 0.6 * np.abs(before - truths).mean()
        assert metrics.spearman(truths, after) == pytest.approx(metrics.spearman(truths, before))
        assert after.min() >= 0
        assert after.max() <= 1


def test_scores_that_are_right_already_are_left_alone():
    rng = np.random.default_rng(1)
    for count in (60, 1200):
        truths = rng.random(count)
        assert fit_mapping(np.clip(truths + rng.normal(0, 0.1, count), 0, 1), truths) is None


def test_a_ratings_models_confidence_is_the_chance_of_being_within_a_tenth():
    task = tasks.get("ratings")
    spec, pairs = scored(600)
    found = calibrated(task, spec, pairs)
    fresh = scored(2000, seed=8)[1]
    outputs = {"score": np.array([[answer.raw["score"]] for _, answer in fresh])}
    served = [calibration.applied(found, answer) for answer in task.decode(outputs, found)]
    right = [task.equal(answer.value or 0.0, truth) for answer, (truth, _) in zip(served, fresh, strict=True)]
    assert np.mean([answer.confidence or 0.0 for answer in served]) == pytest.approx(np.mean(right), abs=0.04)
    assert served[0].raw["score"] == fresh[0][1].raw["score"]  # the network's own score is kept beside the mapped one
    assert chance_within(0.5, found.params["spread"]) > 0.9


def test_a_yes_or_no_about_good_gets_a_temperature_and_no_mapping():
    task = tasks.get("ratings")
    spec = task.default_spec()
    spec = spec.model_copy(update={"params": {**spec.params, "target": "binary"}})
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, 800)
    good = rng.random(800) < 1 / (1 + np.exp(-logits))
    answers = task.decode({"score": 4 * logits[:, None]}, spec)
    found = calibrated(task, spec, [(0.9 if hit else 0.4, one) for hit, one in zip(good, answers, strict=True)])
    assert found.temperature is not None
    assert 3 < found.temperature < 5.5
    assert calibration.MAPPING not in found.params
    assert found.threshold == spec.threshold


def test_the_threshold_policy_is_part_of_the_version():
    for count in (10, 80):
        spec, pairs = scored(count)
        found = calibrated(tasks.get("ratings"), spec, pairs)
        assert found.params[calibration.THRESHOLD_POLICY] == "fixed"
        assert found.threshold == 0.8


def test_a_new_version_takes_nothing_over_from_the_last_ones_calibration():
    task = tasks.get("ratings")
    old = calibrated(task, *scored(1200))
    assert {calibration.ISOTONIC, calibration.MAPPING} <= old.params.keys()
    assert not {calibration.ISOTONIC, calibration.MAPPING} & calibrated(task, old, scored(30)[1]).params.keys()


def test_calibration_travels_in_the_files_metadata_unchanged():
    found = calibrated(tasks.get("ratings"), *scored(1200))
    again = ModelSpec.model_validate_json(found.model_dump_json())
    assert again == found
    json.dumps(found.params, allow_nan=False)
    answer = Answer(0.37, 0.5)
    assert calibration.applied(again, answer) == calibration.applied(found, answer)


def test_no_answer_stays_no_answer():
    found = calibrated(tasks.get("ratings"), *scored(1200))
    nothing = Answer(None, None, {"error": "the network gave no usable numbers"})
    assert calibration.applied(found, nothing) is nothing
    assert calibration.confidence(found, None) is None


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=5),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12),
)
def test_chances_stay_chances_whatever_line_was_frozen(shares: list[float], points: list[tuple[float, float]]):
    x, y = (sorted(column) for column in zip(*points, strict=True))
    spec = tasks.get("scenes").default_spec().model_copy(update={"params": {calibration.ISOTONIC: {"x": x, "y": y}}})
    chances = sorted((share / sum(shares) for share in shares), reverse=True)
    others = tuple((f"label {at}", chance) for at, chance in enumerate(chances[1:]))
    found = calibration.applied(spec, Answer("best", chances[0], {}, others))
    assert found.confidence is not None
    assert 0 <= found.confidence <= 1
    assert math.isclose(found.confidence + sum(chance for _, chance in found.runner_ups), 1, abs_tol=1e-6)
    assert [name for name, _ in found.runner_ups] == [name for name, _ in others]


def test_a_judged_answer_is_calibrated_by_other_groups_alone():
    spec, pairs = scored(120)
    rows = [(f"g{number % 12}", truth, answer) for number, (truth, answer) in enumerate(pairs)]
    found = out_of_fold(tasks.get("ratings"), spec, rows[:60], rows[60:])
    raw = np.mean([abs(float(truth) - float(answer.value or 0)) for _, truth, answer in rows[:60]])
    mended = [float(answer.value or 0) for answer in found]
    assert np.mean([abs(float(row[1]) - value) for row, value in zip(rows, mended, strict=False)]) < raw
    turned = [(group, 1.0 if group == "g0" else truth, answer) for group, truth, answer in rows]
    again = out_of_fold(tasks.get("ratings"), spec, turned[:60], turned[60:])
    own = [number for number in range(60) if rows[number][0] == "g0"]
    assert [again[number] for number in own] == [found[number] for number in own]
    assert again != found
