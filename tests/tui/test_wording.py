"""Nothing is said by colour alone, and the line about training says what is missing or running."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.snapshot import Row, Snapshot
from core.store.records import Prediction, Sample
from core.tasks.base import ModelSpec
from core.training.jobs import Job
from tui import first, wording
from tui.feed import Feed

SAID = Prediction("p", "s", "speech", "v1", "model", "bin blue", 0.41, False, {}, (), 12.0, 0.0)
ROW = Row(Sample("s", "speech", "g"), "pending", SAID, None, "off", None)
SPEC = ModelSpec(task="speech", features="mouth/1", decoder="beam/1")
EMPTY = Snapshot("speech", "text", (), 34, 2, 34, 50, "v1", SPEC, None, None, False)
JOB = Job("j", "speech", "Running", 0.0, progress=50.0, stage="epoch 5", eta_seconds=240.0)


@pytest.mark.parametrize(("sure", "words"), [(0.41, "! low 0.41"), (0.63, "~ fair 0.63"), (0.92, "✓ high 0.92")])
def test_confidence_has_a_mark_a_word_and_a_number(sure: float, words: str) -> None:
    assert wording.confidence(replace(SAID, confidence=sure))[0] == words


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (ROW, "(off)"),
        (replace(ROW, llm_state="waiting"), "(waiting for the language model)"),
        (
            replace(ROW, llm_state="failed", llm=replace(SAID, kind="llm", value=None, error="no server")),
            "(failed: no server; the raw text stands)",
        ),
        (replace(ROW, llm_state="done", llm=replace(SAID, kind="llm", value="Bin blue.")), "Bin blue."),
    ],
)
def test_the_language_model_is_off_waiting_failed_or_done(row: Row, line: str) -> None:
    from core.tasks.base import ModelSpec

    spec = ModelSpec(task="speech", features="", decoder="")
    assert wording.suggestion_lines(row, "text", spec) == [("RAW OUTPUT", "BIN BLUE"), ("LLM CORRECTION", line)]


def test_the_training_line() -> None:
    assert "34 of 50 answers until the next training" in wording.training(EMPTY)
    running = wording.training(replace(EMPTY, job=JOB))
    assert "50 % epoch 5, about 4 min left" in running
    assert running.count("━") == 10
    assert "is queued" in wording.training(replace(EMPTY, job=replace(JOB, state="Queued")))
    failed = replace(JOB, state="Failed", error="too few answers")
    assert "! the last training failed: too few answers" in wording.training(replace(EMPTY, ended=failed))
    again = wording.training(replace(EMPTY, answered=60, since=60, held_back=True, ended=failed))
    assert "enough for the next training: it starts in a day, or press 3 and t" in again


def test_the_notice_says_which_version_answers() -> None:
    done = replace(JOB, state="Completed", model_version="v2", metrics={"verdict": "revert"})
    assert wording.training_ended(done, "v2")[0].startswith("Training of speech is done: v2 answers now")
    words, good = wording.training_ended(done, "v1")
    assert "v2 was not deployed (verdict: revert); v1 answers" in words
    assert good


def test_each_step_of_the_first_run_fits_a_terminal_of_80_columns() -> None:
    film, camera = (Feed(spec, lambda _: True, 10) for spec in ("film.mp4", "0"))
    camera.live = True
    with_rows = replace(EMPTY, rows=(ROW,))
    steps = [
        first.step(snapshot, feed, busy=busy)
        for snapshot in (EMPTY, with_rows)
        for feed in (None, film, camera)
        for busy in (False, True)
    ]
    assert max(map(len, steps)) <= 78  # a blank at each side
    assert len(set(steps)) == 5


def test_a_reason_that_repeats_what_was_typed_leaves_room_for_the_rest() -> None:
    short = "'abc' is not a score. Scores go from 0 to 1."
    assert wording.brief(short) == short
    long = wording.brief(f"the score {'9' * 5000} is outside the scale. Scores go from 0 to 1.")
    assert len(long) <= 160
    assert long.startswith("the score 999")
    assert "…" in long
    assert long.endswith("is outside the scale. Scores go from 0 to 1.")


@pytest.mark.parametrize(("number", "words"), [(0, "0 answers"), (1, "1 answer"), (1200, "1,200 answers")])
def test_one_is_no_plural(number: int, words: str) -> None:
    assert wording.count(number, "answer") == words
