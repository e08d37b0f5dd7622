"""Answers that look wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.review.suspects import suspects
from core.review.triage import triage
from core.store.records import Prediction, Sample, Value
from tests.core.review.conftest import Made


def scenes(made: Made, count: int, wrong: set[int], *, version: str = "factory") -> list[Sample]:
    """Half action, half dialogue, which the model tells apart; some answers are swapped."""
    labels = ("action", "dialogue")
    rows = [made.sample(number) for number in range(count)]
    rng = random.Random(1)
    said: list[tuple[Sample, Prediction | None]] = []
    for number, one in enumerate(rows):
        sure = rng.uniform(0.75, 0.95)
        other = labels[1 - number % 2]
        said.append((one, made.said(one, labels[number % 2], sure, [(other, 1 - sure)], version=version)))
    made.pending(said)
    made.answer([(one, labels[(n + (n in wrong)) % 2]) for n, one in enumerate(rows)])
    return rows


def test_swapped_labels_are_found_and_explained(made: Made):
    rows = scenes(made, 40, {3, 10, 21})
    found = suspects(made.space, "scenes")
    assert {one.sample_id for one in found} == {rows[3].id, rows[10].id, rows[21].id}
    assert [one.strength for one in found] == sorted((one.strength for one in found), reverse=True)
    assert "says action" in found[0].reason or "says dialogue" in found[0].reason
    assert "the answer" in found[0].reason


def test_right_labels_are_left_alone(made: Made):
    scenes(made, 40, set())
    assert suspects(made.space, "scenes") == []


def test_what_the_version_learnt_from_is_no_evidence(made: Made):
    rows = scenes(made, 40, {3}, version="v1")
    made.run("scenes", "v1", [(rows[3], "action", "val")], at=5.0)
    assert suspects(made.space, "scenes") == []


def test_a_dismissed_suspect_stays_away(made: Made):
    rows = scenes(made, 40, {3})
    triage(made.space, rows[3], "dismissed", review_set="suspects")
    assert suspects(made.space, "scenes") == []


def test_a_score_far_from_the_usual_difference_is_found(made: Made):
    rng = random.Random(2)
    rows = [made.sample(number, "ratings") for number in range(40)]
    truths = [rng.uniform(0.3, 0.9) for _ in rows]
    # The model is 0.1 too low throughout: what follows that is not suspect.
    said = [min(max(truth - 0.1 + rng.gauss(0, 0.03), 0), 1) for truth in truths]
    made.pending([(one, made.said(one, value, 0.5)) for one, value in zip(rows, said, strict=True)])
    truths[7] = 1.0 if truths[7] < 0.6 else 0.0
    made.answer(list(zip(rows, truths, strict=True)))
    found = suspects(made.space, "ratings")
    assert [one.sample_id for one in found] == [rows[7].id]
    assert "times the usual spread" in found[0].reason


def test_a_worse_version_beside_it_does_not_hide_what_a_good_one_finds(made: Made):
    rng = random.Random(3)
    rows = [made.sample(number, "ratings") for number in range(60)]
    truths = [rng.uniform(0.3, 0.9) for _ in rows]
    off = [("factory", 0.6) if number < 45 else ("v1", 0.03) for number in range(60)]
    said = [min(max(truth + rng.gauss(0, spread), 0), 1) for truth, (_, spread) in zip(truths, off, strict=True)]
    made.pending([
        (one, made.said(one, value, 0.5, version=version))
        for one, value, (version, _) in zip(rows, said, off, strict=True)
    ])  # fmt: skip
    truths[50] = truths[50] - 0.4 if truths[50] > 0.6 else truths[50] + 0.4
    made.answer(list(zip(rows, truths, strict=True)))
    made.run("ratings", "v1", [(rows[0], truths[0], "train")], at=0.5)
    assert [one.sample_id for one in suspects(made.space, "ratings") if one.version == "v1"] == [rows[50].id]


def test_a_text_read_with_confidence_that_differs_by_half_is_found(made: Made):
    rows = [made.sample(number, "speech") for number in range(12)]
    texts: list[tuple[str, float, Value]] = [("bin blue at f two now", 0.9, "bin blue at f two now")] * 9
    texts += [("set red by c one please", 0.9, "lay white in g six soon"), ("set red", 0.2, "lay white")]
    texts += [("set red by c one please", 0.9, "set red by c two please")]
    made.pending([(one, made.said(one, text, sure)) for one, (text, sure, _) in zip(rows, texts, strict=True)])
    made.answer([(one, truth) for one, (_, _, truth) in zip(rows, texts, strict=True)])
    found = suspects(made.space, "speech")
    assert [one.sample_id for one in found] == [rows[9].id]
    assert "100% of the words differ" in found[0].reason


def test_a_handful_of_answers_accuses_nobody(made: Made):
    scenes(made, 8, {3})
    assert suspects(made.space, "scenes") == []


def test_imported_answers_are_judged_when_asked_for(trained: Path, rushes: Callable[..., Any]):
    before = rushes("review", "disagreements", "--task", "ratings", "--json", "-w", trained)
    assert before.json["n"] == 0
    after = rushes("review", "disagreements", "--task", "ratings", "--judge", "--json", "-w", trained)
    assert after.code == 0, after.err
    assert after.json["n"] == 54
    assert "54 answers were compared with a model for the first time" in after.err
    assert rushes("review", "suspects", "--task", "ratings", "--judge", "--json", "-w", trained).err.startswith("0 ")
