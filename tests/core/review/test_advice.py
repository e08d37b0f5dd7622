"""Seed 002's Labeling Focus Advisor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.review.advice import advice
from tests.core.review.conftest import Made

FIELDS = ["totalAnnotations", "averageRating", "minRating", "maxRating", "ratingDistribution", "recommendations",
          "focusAreas", "warnings"]  # fmt: skip


def rated(made: Made, scores: list[float], **facts: Any) -> None:
    first = made.space.store.count_answered("ratings")
    made.answer([(made.sample(first + n, "ratings", **facts), score) for n, score in enumerate(scores)])


def test_the_seeds_numbers_come_out_as_the_seed_has_them(made: Made):
    rated(made, [0.2] * 10 + [0.3] * 10 + [0.69] * 10 + [0.7] * 10 + [0.95] * 10)
    found = advice(made.space, "ratings").to_json()
    assert list(found) == FIELDS
    assert found["totalAnnotations"] == 50
    assert (found["minRating"], found["maxRating"]) == (0.2, 0.95)
    assert found["averageRating"] == pytest.approx(0.568)
    assert found["ratingDistribution"] == {"Low (0-0.3)": 10, "Medium (0.3-0.7)": 20, "High (0.7-1.0)": 20}


def test_a_skewed_set_is_warned_of_and_the_rare_band_asked_for(made: Made):
    rated(made, [0.9] * 45 + [0.5] * 4 + [0.1])
    found = advice(made.space, "ratings")
    assert "Heavily skewed: 45 of 50 scores are High (0.7-1.0)" in found.warnings
    assert any("Low (0-0.3) (1 of 50)" in sentence for sentence in found.recommendations)
    assert found.focusAreas[:2] == ["Low (0-0.3)", "Medium (0.3-0.7)"]


def test_a_balanced_set_is_not_warned_of_skew(made: Made):
    rated(made, [0.1, 0.5, 0.9] * 40)
    found = advice(made.space, "ratings")
    assert not [warning for warning in found.warnings if "skewed" in warning]
    assert found.focusAreas == []


def test_rare_conditions_repeated_clips_and_missing_random_picks_are_named(made: Made):
    rated(made, [0.1, 0.5, 0.9] * 10, source="cam1", phase="sunset")
    rated(made, [0.5], source="cam2", phase="sunrise", media_hash="a" * 64)
    rated(made, [0.5], source="cam1", phase="sunset", media_hash="a" * 64)
    found = advice(made.space, "ratings")
    assert {"source cam2", "phase sunrise"} <= set(found.focusAreas)
    assert "1 of 32 answers repeat a clip; training uses each clip once" in found.warnings
    assert any("0 of 20 random picks" in sentence for sentence in found.recommendations)


def test_labels_are_counted_and_absent_ones_named(made: Made):
    made.answer([(made.sample(number), "action") for number in range(30)])
    found = advice(made.space, "scenes")
    assert found.ratingDistribution == {"action": 30, "dialogue": 0, "suspense": 0, "atmosphere": 0, "transition": 0}
    assert any("No answer at all for dialogue" in warning for warning in found.warnings)
    assert found.averageRating is None


def test_speech_is_counted_by_speaker_and_rare_words_are_named(made: Made):
    rows = [made.sample(number, "speech", speaker="s1" if number else "s2") for number in range(10)]
    made.answer([(one, f"say word{number}") for number, one in enumerate(rows)])
    found = advice(made.space, "speech")
    assert found.ratingDistribution == {"s1": 9, "s2": 1}
    assert "Repeat words: 10 of 11 different words were answered only once" in found.recommendations


def test_an_empty_set_says_how_many_are_needed(made: Made):
    found = advice(made.space, "ratings")
    assert found.warnings == ["0 answers are too few to train; at least 20 are needed"]
    assert found.averageRating is None


def test_the_command_prints_the_seeds_fields(trained: Path, rushes: Callable[..., Any]):
    ran = rushes("review", "advice", "--task", "ratings", "--json", "-w", trained)
    assert ran.code == 0, ran.err
    assert list(ran.json) == FIELDS
    assert ran.json["totalAnnotations"] == sum(ran.json["ratingDistribution"].values()) == 54
    assert rushes("review", "advice", "--task", "ratings", "-w", trained).out.startswith("54 answers")
    suspects = rushes("review", "suspects", "--task", "ratings", "--json", "-w", trained)
    assert suspects.json == []
