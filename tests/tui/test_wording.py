"""Nothing is said by colour alone, and the line about training says what is missing or running."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.snapshot import Row, Snapshot
from core.store.records import Prediction, Sample
from core.tasks.base import ModelSpec
from core.training.jobs import Job
from tui import wording

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


def test_the_notice_says_which_version_answers() -> None:
    done = replace(JOB, state="Completed", model_version="v2", metrics={"verdict": "revert"})
    assert wording.training_ended(done, "v2")[0].startswith("Training of speech is done: v2 answers now")
    words, good = wording.training_ended(done, "v1")
    assert "v2 was not deployed (verdict: revert); v1 answers" in words
    assert good
