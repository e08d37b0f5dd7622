"""Seed 003's lines, ours and the seed's own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.store.records import Correction, Sample
from core.tasks.speech.journal import CODEC, shown_raw, was_correct

SEED_LINE: dict[str, Any] = {
    "id": "7f2c1d1e-8d7c-4b0e-9a51-0f6d2f2f9a10",
    "video_path": "training_data/videos/sample_001.avi",
    "raw_output": "I HAVE READ MANY BOOKS",
    "llm_correction": "I have read many books.",
    "ground_truth": "I have read many books about this subject.",
    "timestamp": 1765076400.0,
    "was_correct": False,
    "metadata": {"speaker": "user_1", "context": "discussing reading habits"},
}


def test_the_seeds_own_line_is_read_and_written_back_the_same() -> None:
    sample, correction = CODEC.decode(SEED_LINE)
    assert sample.media == "training_data/videos/sample_001.avi"
    assert (sample.speaker, sample.context) == ("user_1", "discussing reading habits")
    assert correction.predicted == "i have read many books"
    assert correction.raw_correct is False
    assert json.dumps(CODEC.encode(sample, correction)) == json.dumps(SEED_LINE)


def test_a_line_of_the_minimal_implementation_without_metadata_is_read() -> None:
    line = {name: value for name, value in SEED_LINE.items() if name not in {"metadata", "was_correct"}}
    sample, correction = CODEC.decode({**line, "id": "sample-1"})
    assert sample.speaker is None
    assert correction.was_correct is False
    assert sample.id != "sample-1"
    assert sample.id == CODEC.decode({**line, "id": "sample-1"})[0].id


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ground_truth": None}, "ground_truth"),
        ({"ground_truth": 3}, "ground_truth"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": float("nan")}, "timestamp"),
        ({"metadata": "user_1"}, "metadata"),
        ({"was_correct": "no"}, "was_correct"),
        ({"id": None, "video_path": None}, "id"),
    ],
)
def test_a_bad_line_is_refused_by_the_field_that_is_wrong(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        CODEC.decode({**SEED_LINE, **change})


def test_was_correct_compares_the_llm_text_letter_by_letter_as_the_seed_does() -> None:
    assert was_correct("I HAVE READ", " I have read. ", "I have read.")
    assert not was_correct("I HAVE READ", "i have read.", "I have read.")


def test_without_an_llm_text_the_raw_words_decide() -> None:
    assert was_correct("i have read", None, "I have read.")
    assert not was_correct("i have red", "", "I have read.")
    assert not was_correct(None, None, "I have read.")


def test_without_an_llm_text_its_field_stays_an_empty_text() -> None:
    sample = Sample(id="a", task="speech", group="g", media="training_data/videos/training_1.avi")
    line = CODEC.encode(sample, Correction("c", "a", "speech", "Yes.", 5.0, "b", predicted="yes"))
    assert line["llm_correction"] == ""
    assert line["raw_output"] == "YES" == shown_raw("yes")
    assert line["was_correct"] is True
    assert CODEC.decode(line)[1].llm is None


@given(
    truth=st.text(min_size=1).filter(lambda one: bool(one.strip())),
    raw=st.none() | st.from_regex(r"[a-z]{1,5}( [a-z]{1,5}){0,3}", fullmatch=True),
    llm=st.none() | st.text(min_size=1),
    at=st.floats(0, 4e9),
)
@settings(max_examples=50, deadline=None)
def test_what_was_written_is_read_back(truth: str, raw: str | None, llm: str | None, at: float) -> None:
    sample = Sample(id="7f2c1d1e-8d7c-4b0e-9a51-0f6d2f2f9a10", task="speech", group="m", media="m", speaker="me")
    correction = Correction("", sample.id, "speech", truth.strip(), at, "", predicted=raw, llm=llm)
    line = json.loads(json.dumps(CODEC.encode(sample, correction)))
    read_sample, read = CODEC.decode(line)
    assert read_sample == sample
    assert (read.value, read.predicted, read.llm, read.at) == (truth.strip(), raw, llm, at)
