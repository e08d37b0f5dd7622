"""Every number of a report, held against the task's own, against scikit-learn and against what must be so."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.capture.phase import time_bucket
from core.store.records import Value
from core.tasks.base import Answer
from core.tasks.ratings import metrics
from core.tasks.ratings.task import Ratings
from core.training import curves, words
from core.training.evaluation import Case, evaluate, save
from core.training.patterns import Everything, Suspect, chance_of, patterns
from core.training.resampling import Scorer
from tests.core.training.cases import ALL, label, ratings, sample, scenes, speech, task_and_spec

TASKS = sorted(ALL)


@pytest.mark.parametrize("name", TASKS)
def test_two_thousand_cases_take_less_than_three_seconds(name: str):
    cases = ALL[name](2000)
    task, spec = task_and_spec(name)
    evaluate(task, spec, cases[:50])  # imports
    start = time.process_time()
    found = evaluate(task, spec, cases)
    assert time.process_time() - start < 3
    assert (found.n, found.groups, found.failures) == (2000, 500, 0)
    assert found.intervals.keys() == found.metrics.keys()
    assert all(
        low <= found.metrics[one] <= high for one, (low, high) in found.intervals.items() if one != "bucket_error"
    )


@pytest.mark.parametrize("name", TASKS)
def test_perfect_answers_leave_no_doubt(name: str):
    task, spec = task_and_spec(name)
    best: dict[str, float] = dict.fromkeys(("accuracy", "macro_f1", "exact", "spearman", "auc"), 1.0)
    best |= dict.fromkeys(("brier", "wer", "cer", "mae", "rmse", "bucket_error"), 0.0)
    cases = [
        replace(
            case,
            answer=label(str(case.truth), {one: float(one == case.truth) or 1e-300 for one in spec.labels})
            if name == "scenes"
            else Answer(case.truth, 1.0),
        )
        for case in ALL[name](200)
    ]
    found = evaluate(task, spec, cases)
    assert found.metrics == pytest.approx({one: best[one] for one in found.metrics})
    for low, high in found.intervals.values():
        assert high - low == pytest.approx(0)
    assert found.patterns == ()


@pytest.mark.parametrize("name", TASKS)
def test_the_order_of_cases_changes_nothing(name: str):
    task, spec = task_and_spec(name)
    cases = ALL[name](120)
    shuffled = random.Random(3).sample(cases, len(cases))
    assert evaluate(task, spec, cases).to_json() == evaluate(task, spec, shuffled).to_json()


@pytest.mark.parametrize("name", TASKS)
def test_resampling_by_weights_is_resampling(name: str):
    """A weighted metric of counts is the task's own metric of the list with repetitions."""
    task, _ = task_and_spec(name)
    cases = ALL[name](60, seed=5)
    truths, answers = [case.truth for case in cases], [case.answer for case in cases]
    scorer = Scorer(task, truths, answers, np.arange(60))
    assert scorer._weighted == set(scorer.metrics)  # pyright: ignore[reportPrivateUsage]
    rng = np.random.default_rng(1)
    for _ in range(20):
        counts = rng.multinomial(60, np.full(60, 1 / 60))
        repeated = [index for index, count in enumerate(counts) for _ in range(count)]
        direct = task.score([truths[index] for index in repeated], [answers[index] for index in repeated])
        ours = scorer._table.metrics(counts[None].astype(float))  # pyright: ignore[reportPrivateUsage]
        assert {one: float(ours[one][0]) for one in direct} == pytest.approx(direct)


def test_a_task_that_scores_in_its_own_way_is_resampled_by_its_own_function():
    class Strict(Ratings):
        def score(self, truths: Sequence[Value], answers: Sequence[Answer]) -> dict[str, float]:
            off = [self.loss_of(truth, answer) for truth, answer in zip(truths, answers, strict=True)]
            return {"spearman": -sum(off) / len(off), "farthest": max(off)}

    found = evaluate(Strict(), task_and_spec("ratings")[1], ratings(80))
    low, high = found.intervals["spearman"]
    assert low < found.metrics["spearman"] < high < 0
    assert found.intervals["farthest"][1] == found.metrics["farthest"]


def test_few_groups_give_wider_intervals_than_as_many_single_clips():
    task, spec = task_and_spec("scenes")
    rng = np.random.default_rng(4)
    right = np.repeat(rng.random(10) < 0.5, 20)  # a session is right or wrong as a whole
    cases = [
        Case("action", Answer("action" if hit else "dialogue", 0.5), replace(sample(number), group=f"g{number // 20}"))
        for number, hit in enumerate(right)
    ]
    alone = [replace(case, sample=None) for case in cases]
    together = evaluate(task, spec, cases).intervals["accuracy"]
    single = evaluate(task, spec, alone).intervals["accuracy"]
    assert together[1] - together[0] > 2.5 * (single[1] - single[0])


def test_one_group_gives_no_interval_and_says_so():
    task, spec = task_and_spec("ratings")
    cases = [replace(case, sample=replace(sample(0), id=str(index))) for index, case in enumerate(ratings(30))]
    found = evaluate(task, spec, cases)
    assert found.intervals == {}
    assert any("one group" in note for note in found.notes)


@pytest.mark.parametrize("name", TASKS)
def test_a_failed_prediction_is_counted_and_never_scored(name: str):
    task, spec = task_and_spec(name)
    cases = ALL[name](40)
    lost = [Case(case.truth, Answer(None, None, {"error": "broken"}), case.sample) for case in ALL[name](7, seed=9)]
    whole, without = evaluate(task, spec, [*cases, *lost]), evaluate(task, spec, cases)
    assert (whole.n, whole.failures) == (40, 7)
    assert whole.metrics == without.metrics
    assert sum(part.failed for part in whole.slices if part.name == "region") == 7
    nothing = evaluate(task, spec, lost)
    assert (nothing.n, nothing.failures, nothing.metrics) == (0, 7, {})


def test_a_score_that_is_no_number_is_a_failure():
    task, spec = task_and_spec("ratings")
    found = evaluate(task, spec, [*ratings(20), Case(0.5, Answer(math.nan, 0.5), sample(0))])
    assert (found.n, found.failures) == (20, 1)
    assert math.isfinite(found.metrics["mae"])


def test_confusion_and_its_pairs_say_what_was_taken_for_what():
    task, spec = task_and_spec("scenes")
    told = (
        [("action", "action")] * 6
        + [("action", "dialogue")] * 3
        + [("dialogue", "dialogue")] * 4
        + [("romance", "action")]
    )
    found = evaluate(task, spec, [Case(truth, Answer(answer, 0.9)) for truth, answer in told])
    names = [row["label"] for row in found.details["labels"]]
    assert names == ["action", "dialogue", "romance"]
    assert found.details["confusion"] == [[6, 3, 0], [0, 4, 0], [1, 0, 0]]
    assert found.details["confused"][0] == {
        "truth": "action",
        "found": "dialogue",
        "n": 3,
        "share": pytest.approx(1 / 3),
    }
    action = found.details["labels"][0]
    assert (action["precision"], action["recall"]) == (pytest.approx(6 / 7), pytest.approx(6 / 9))
    assert found.details["labels"][2]["precision"] is None
    assert action["roc"] is None  # only the best answer's confidence is known
    assert any("romance" in note for note in found.notes)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60))
def test_the_area_under_roc_is_the_mann_whitney_chance(drawn: list[tuple[bool, int]]):
    good = np.array([hit for hit, _ in drawn])
    scores = np.array([float(score) for _, score in drawn])
    found = curves.roc(good, scores)
    expected = metrics.auc(good.astype(float), scores, 0.5)
    assert (found is None) == (expected is None)
    if found and expected is not None:
        assert found["area"] == pytest.approx(expected)
        assert found["points"][0] == [0, 0]
        assert found["points"][-1] == [1, 1]


def test_curves_agree_with_scikit_learn():
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(2)
    good = rng.random(400) < 0.3
    scores = np.round(rng.random(400) + 0.4 * good, 1)
    roc, pr = curves.roc(good, scores), curves.precision_recall(good, scores)
    assert roc is not None
    assert pr is not None
    assert roc["area"] == pytest.approx(roc_auc_score(good, scores))
    assert pr["area"] == pytest.approx(average_precision_score(good, scores))
    assert len(roc["points"]) <= curves.MOST_POINTS


def test_good_at_the_threshold_and_calibration_by_bucket():
    task, spec = task_and_spec("ratings")
    table = [(0.9, 0.85), (0.9, 0.7), (0.3, 0.9), (0.1, 0.05), (0.5, 0.55)]
    cases = [Case(truth, Answer(score, 0.5)) for truth, score in table]
    found = evaluate(task, spec, cases).details
    assert (found["good"]["n"], found["good"]["found"]) == (2, 2)
    assert (found["good"]["precision"], found["good"]["recall"], found["good"]["f1"]) == (0.5, 0.5, 0.5)
    truths, scores = np.array(table).T
    assert found["good"]["roc"]["area"] == pytest.approx(metrics.auc(truths, scores))
    assert [row["n"] for row in found["buckets"]] == [1, 0, 1, 1, 2]
    assert found["buckets"][1]["true"] is None  # nothing measured is empty, not 0
    assert found["buckets"][4]["true"] == pytest.approx(0.6)
    assert found["worst"][0]["error"] == pytest.approx(0.6)


def test_reliability_shows_counts_and_a_band_for_each_confidence():
    found = curves.reliability(np.array([0.95] * 20 + [0.55] * 5), np.array([True] * 19 + [False] + [True] * 5))
    low, high = found["bins"]
    assert (low["n"], high["n"]) == (5, 20)
    assert high["right"] == 0.95
    assert high["band"] == pytest.approx([0.764, 0.991], abs=0.001)  # Wilson, 19 of 20
    assert low["band"][1] == 1
    assert "ece" not in found


def test_words_that_are_swapped_missed_and_made_up_are_counted():
    slips = words.slips(["Bin blue at F", "set red now", "lay green"], ["bin blue at s", "set now", "lay green again"])
    found = slips.to_json()
    assert found["substituted"] == [{"said": "f", "read": "s", "n": 1}]
    assert found["deleted"] == [{"said": "red", "n": 1}]
    assert found["inserted"] == [{"read": "again", "n": 1}]
    assert len(slips.said) == 9


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_an_alignment_costs_the_distance_and_loses_no_word(said: list[str], read: list[str]):
    from core.tasks.speech.text import distance

    pairs = words.align(said, read)
    assert [one for one, _ in pairs if one is not None] == said
    assert [one for _, one in pairs if one is not None] == read
    assert sum(a != b for a, b in pairs) == distance(said, read)


def test_slices_name_every_part_and_small_ones_get_no_number():
    task, spec = task_and_spec("scenes")
    cases = [*scenes(120), *[replace(case, sample=sample(0, speaker="Zoe")) for case in scenes(4, seed=8)]]
    parts = {(part.name, part.value): part for part in evaluate(task, spec, cases).slices}
    assert {name for name, _ in parts} == {"speaker", "source", "region", "phase", "time", "condition"}
    zoe = parts["speaker", "Zoe"]
    assert (zoe.n, zoe.metric, zoe.interval, zoe.note) == (4, None, None, "too few")
    day = parts["phase", "day"]
    inside = [case for case in cases if case.sample and case.sample.phase == "day"]
    assert day.n == len(inside)
    assert day.metric == pytest.approx(np.mean([case.truth == case.answer.value for case in inside]))
    assert day.interval is not None
    assert day.metric is not None
    assert day.interval[0] <= day.metric <= day.interval[1]
    assert time_bucket(3600 * 4) == "04-08 UTC"
    assert time_bucket(3600 * 23.9) == "20-24 UTC"


def test_a_bad_camera_a_bad_word_and_a_bad_label_are_said():
    task, spec = task_and_spec("speech")
    cases = speech(300, errors=0.05)
    wrong = [
        replace(case, answer=Answer(str(case.answer.value).replace("bin", "pin"), 0.5))
        if "bin" in str(case.truth)
        else case
        for case in cases
    ]
    found = evaluate(task, spec, wrong).patterns
    assert [(one.kind, one.name) for one in found] == [("word", "bin")]
    assert "“bin” is misread" in found[0].sentence

    task, spec = task_and_spec("ratings")
    wrong = [
        replace(case, answer=Answer(1 - float(case.truth), 0.5))
        if case.sample and case.sample.source == "camera 1"
        else case
        for case in ratings(150)
    ]
    worst = evaluate(task, spec, wrong).patterns[0]
    assert (worst.kind, worst.name) == ("source", "camera 1")


def test_chance_alone_is_seldom_called_a_pattern():
    task, spec = task_and_spec("scenes")
    said = sum(bool(evaluate(task, spec, scenes(120, seed=seed)).patterns) for seed in range(40))
    assert said <= 6  # 5 % expected


def test_a_failing_session_is_no_evidence_against_a_label():
    losses = np.zeros(60)
    losses[:10] = 1.0
    rows = np.arange(10)
    one_session = Suspect("label", "action", rows, Everything(losses, np.where(np.arange(60) < 10, 0, np.arange(60))))
    many = Suspect("label", "action", rows, Everything(losses, np.arange(60)))
    assert patterns([one_session], "label") == []
    assert patterns([many], "label")[0].loss == 1
    assert chance_of(replace(many, rows=np.arange(4))) is None


@pytest.mark.parametrize("name", TASKS)
def test_the_report_is_saved_whole_private_and_as_strict_json(name: str, tmp_path: Path):
    task, spec = task_and_spec(name)
    found = evaluate(task, spec, ALL[name](60))
    save(tmp_path, found, "a title", {"base": "v1", "nothing": math.nan})

    def refuse(text: str) -> None:
        raise AssertionError(text)

    known = json.loads((tmp_path / "report.json").read_text(), parse_constant=refuse)
    assert known["title"] == "a title"
    assert known["metrics"] == pytest.approx(found.metrics, abs=1e-5)
    assert known["facts"]["nothing"] is None
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.html"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
