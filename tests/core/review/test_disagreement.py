"""Where model and user disagree, under which conditions, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import loop, registry
from core.errors import WrongUseError
from core.review.disagreement import review
from core.review.triage import states, triage
from core.store.records import Sample
from tests.core.review.conftest import Made


def rated(made: Made, rows: list[tuple[float, float]], *, version: str = "factory", **facts: Any) -> list[Sample]:
    """Answered pictures from (what the model said, what the user said)."""
    first = made.space.store.count_answered("ratings")
    samples = [made.sample(first + number, "ratings", **facts) for number in range(len(rows))]
    made.pending(
        [(one, made.said(one, said, 0.5, version=version)) for one, (said, _) in zip(samples, rows, strict=True)]
    )
    made.answer([(one, truth) for one, (_, truth) in zip(samples, rows, strict=True)])
    return samples


def test_the_largest_differences_come_first(made: Made):
    near, far, middle = rated(made, [(0.5, 0.52), (0.9, 0.1), (0.5, 0.8)])
    found = review(made.space, "ratings")
    assert [row["sample_id"] for row in found["largest"]] == [far.id, middle.id]
    assert found["largest"][0]["reason"] == "factory said 0.90 (0.50), you said 0.10, 0.80 apart on 0..1"
    assert near.id not in {row["sample_id"] for row in found["largest"]}
    assert found["n"] == 3
    assert found["rate"] == pytest.approx(2 / 3)
    assert found["mean_difference"] == pytest.approx((0.02 + 0.8 + 0.3) / 3)
    assert len(review(made.space, "ratings", 1)["largest"]) == 1


def test_rates_are_shown_by_condition_with_their_n(made: Made):
    rated(made, [(0.5, 0.9)] * 3, phase="sunrise", region="north", source="cam1", captured_at=6 * 3600.0)
    rated(made, [(0.5, 0.5)] * 5, phase="sunset", region="north", source="cam2", captured_at=18 * 3600.0)
    by = review(made.space, "ratings")["by"]
    assert [(row["name"], row["n"], row["rate"]) for row in by["phase"]] == [("sunrise", 3, 1.0), ("sunset", 5, 0.0)]
    assert [(row["name"], row["n"]) for row in by["time"]] == [("04-08 UTC", 3), ("16-20 UTC", 5)]
    assert [(row["name"], row["n"], row["rate"]) for row in by["region"]] == [("north", 8, 3 / 8)]
    assert [(row["name"], row["mean_difference"]) for row in by["source"]] == [
        ("cam1", pytest.approx(0.4)),
        ("cam2", 0.0),
    ]


def test_near_the_threshold_answered_and_unanswered_ones_are_drawn(made: Made):
    answered = rated(made, [(0.8, 0.8), (0.2, 0.2)])
    waiting = made.sample(50, "ratings")
    made.pending([(waiting, made.said(waiting, 0.75, 0.5))])
    found = review(made.space, "ratings")["boundary"]
    assert {row["sample_id"] for row in found} == {answered[0].id, waiting.id}
    assert {row["sample_id"]: row["answer"] for row in found} == {answered[0].id: 0.8, waiting.id: None}
    assert review(made.space, "ratings")["boundary"] == found


def test_a_version_is_not_asked_about_what_it_learnt_from(made: Made):
    learnt, held_out, other = rated(made, [(0.5, 0.9)] * 3, version="v1")
    made.run("ratings", "v1", [(learnt, 0.9, "train"), (held_out, 0.9, "test")], at=5.0)
    found = review(made.space, "ratings")
    assert {row["sample_id"] for row in found["largest"]} == {held_out.id, other.id}
    made.run("ratings", "v2", [(other, 0.9, "fold")], at=6.0)
    made.space.store.add_predictions([made.said(one, 0.9, 0.5, version="v2", kind="shadow") for one in (learnt, other)])
    versions = review(made.space, "ratings")["versions"]
    assert [(row["name"], row["n"], row["rate"]) for row in versions] == [("v1", 2, 1.0), ("v2", 1, 0.0)]
    assert review(made.space, "ratings", version="v2")["n"] == 1


def test_a_version_whose_labels_are_lost_says_nothing(made: Made):
    rated(made, [(0.5, 0.9)] * 3, version="v1")
    made.run("ratings", "v1", [], at=5.0)
    assert review(made.space, "ratings")["n"] == 0


def test_a_version_says_nothing_about_what_its_base_learnt_from(made: Made):
    learnt, other = rated(made, [(0.5, 0.9)] * 2, version="v2")
    made.run("ratings", "v1", [(learnt, 0.9, "train")], at=5.0)
    made.run("ratings", "v2", [(made.sample(77, "ratings"), 0.9, "train")], at=6.0, base="v1")
    assert {row["sample_id"] for row in review(made.space, "ratings")["largest"]} == {other.id}


def test_wrong_labels_are_ranked_by_how_sure_the_model_was(made: Made):
    rows = [made.sample(number) for number in range(3)]
    made.pending([(one, made.said(one, "action", sure)) for one, sure in zip(rows, (0.6, 0.95, 0.9), strict=True)])
    made.answer([(rows[0], "dialogue"), (rows[1], "dialogue"), (rows[2], "action")])
    found = review(made.space, "scenes")
    assert [row["sample_id"] for row in found["largest"]] == [rows[1].id, rows[0].id]
    assert found["boundary"] == []
    buckets = [(row["from"], row["n"], row["true"]) for row in found["calibration"]]
    assert buckets == [(0.6, 1, 0.0), (0.8, 2, 0.5)]


def test_scores_are_held_against_the_mean_of_the_answers(made: Made):
    rated(made, [(0.9, 0.7), (0.9, 0.5), (0.1, 0.2)])
    found = review(made.space, "ratings")["calibration"]
    assert [(row["n"], row["said"], pytest.approx(row["true"])) for row in found] == [(1, 0.1, 0.2), (2, 0.9, 0.6)]


def test_what_was_dismissed_or_answered_again_leaves_the_set(made: Made):
    first, second, third = rated(made, [(0.5, 0.9), (0.5, 0.95), (0.5, 1.0)])
    triage(made.space, first, "dismissed")
    made.answer([(second, 0.8)])
    found = review(made.space, "ratings")
    assert [row["sample_id"] for row in found["largest"]] == [third.id]
    assert found["triage"] == {"dismissed": 1, "relabelled": 1, "new": 1}
    triage(made.space, first, "new")
    assert first.id in {row["sample_id"] for row in review(made.space, "ratings")["largest"]}


def test_an_answer_after_a_dismissal_counts_as_relabelled_also_after_a_rebuild(made: Made):
    (one,) = rated(made, [(0.5, 0.9)])
    triage(made.space, one, "dismissed")
    assert states(made.space, "ratings") == {one.id: "dismissed"}
    made.answer([(one, 0.7)])
    assert states(made.space, "ratings") == {one.id: "relabelled"}
    made.space.store.rebuild()
    assert states(made.space, "ratings") == {one.id: "relabelled"}


def test_an_unknown_state_is_refused(made: Made):
    (one,) = rated(made, [(0.5, 0.9)])
    with pytest.raises(WrongUseError, match="new, relabelled, dismissed"):
        triage(made.space, one, "later")


def test_the_commands_work_on_real_predictions(
    trained: Path, drawn: Callable[[str, int, int], Path], rushes: Callable[..., Any]
):
    space = loop.open_workspace(trained)
    files = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[:8]
    clips = [part for part in loop.capture(space, files, "ratings") if isinstance(part, Sample)]
    said = loop.predict(space, registry.serving(space, "ratings").predictor, clips)
    wrong = {one.sample: 0.0 if float(one.value or 0) > 0.5 else 1.0 for one in said}
    loop.correct(space, [(clip, wrong[clip.id]) for clip in clips], trigger=False)
    space.close()
    ran = rushes("review", "disagreements", "--task", "ratings", "--limit", 5, "--json", "-w", trained)
    assert ran.code == 0, ran.err
    assert len(ran.json["largest"]) == 5
    assert ran.json["rate"] == 1.0
    assert {row["version"] for row in ran.json["largest"]} == {"v1"}
    one = ran.json["largest"][0]["sample_id"]
    assert rushes("review", "triage", one, "dismissed", "--json", "-w", trained).json["state"] == "dismissed"
    after = rushes("review", "disagreements", "--task", "ratings", "-n", 20, "--json", "-w", trained).json
    assert one not in {row["sample_id"] for row in after["largest"]}
    assert rushes("review", "triage", one, "whatever", "-w", trained).code == 2
    backlog = rushes("dataset", "backlog", "--task", "ratings", "--json", "-w", trained)
    assert backlog.code == 0, backlog.err
    assert backlog.json["since"] == "v1"
    assert backlog.json["reasons"] == {"new": 7}
    assert backlog.json["dismissed"] == 1
    assert "disagree" in rushes("review", "disagreements", "--task", "ratings", "-w", trained).out
    assert "7 answers to learn" in rushes("dataset", "backlog", "--task", "ratings", "-w", trained).out
