"""How things are put into words on a screen: values, confidence, states, training. Pure functions, no widgets.

Every colour has a mark and a word beside it, so nothing is lost without colours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.snapshot import Kind, Prediction, Row, Snapshot, Value
    from core.tasks.base import ModelSpec
    from core.training.jobs import Job

# Below the first: more likely wrong than right. From the second: right in four of five.
LOW, HIGH = 0.5, 0.8
BAR = 20  # cells of the training bar
MOST_REASON = 160  # characters of a reason that repeats what was typed: three lines of the smallest window
LEVELS = "▁▂▃▄▅▆▇█"  # of sound, from 60 decibels below the loudest
FAINTEST = 1e-4  # 80 decibels below: a microphone that is switched off


def count(number: int, noun: str) -> str:
    """How many of something: "1 answer", "3 answers"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def brief(reason: str) -> str:
    """A reason short enough for a small window; what is left out of its middle is what the user typed."""
    if len(reason) <= MOST_REASON:
        return reason
    return f"{reason[: MOST_REASON // 2 - 1]}…{reason[-MOST_REASON // 2 :]}"


def value(kind: Kind, what: Value, spec: ModelSpec) -> str:
    """A label, a text, or a score on the user's scale."""
    if kind != "score":
        return str(what)
    low, high = spec.scale
    return f"{low + float(what) * (high - low):.2f}"


def scale(spec: ModelSpec) -> str:
    """The scale in words, such as "0 to 5"."""
    return f"{spec.scale[0]:g} to {spec.scale[1]:g}"


def confidence(prediction: Prediction) -> tuple[str, str]:
    """Mark, word and number, and the colour variable that goes with them."""
    sure = prediction.confidence
    if sure is None:
        return "? no confidence", "$foreground-muted"
    if sure < LOW:
        mark, colour = "! low", "$text-error"
    elif sure < HIGH:
        mark, colour = "~ fair", "$text-warning"
    else:
        mark, colour = "✓ high", "$text-success"
    return f"{mark} {sure:.2f}", colour


def state(row: Row) -> tuple[str, str]:
    """What has become of a clip, and its colour variable."""
    if row.state == "missing":
        return "! media missing", "$text-error"
    if row.state == "skipped":
        return "- skipped", "$foreground-muted"
    if row.correction is not None:
        words = {True: "✓ confirmed", False: "✓ corrected", None: "✓ answered"}[row.correction.was_correct]
        return words, "$text-success" if row.correction.was_correct else "$text-primary"
    if row.prediction is None:
        return "? not judged", "$text-warning"
    if row.prediction.value is None:
        return "! failed", "$text-error"
    return "· waiting", "$foreground-muted"


def suggestion_lines(row: Row, kind: Kind, spec: ModelSpec) -> list[tuple[str, str]]:
    """What the user is asked about, as (heading, text): seed 003's two lines for text, one for the others."""
    said = row.prediction
    failed = "no prediction yet" if said is None else f"failed: {said.error or 'no answer'}"
    known = None if said is None else said.value
    if kind == "text":
        raw = failed if known is None else str(known).upper() or "(no words)"
        return [("RAW OUTPUT", raw), ("LLM CORRECTION", _llm(row))]
    heading = "LABEL" if kind == "label" else f"SCORE ({scale(spec)})"
    return [(heading, failed if known is None else value(kind, known, spec))]


def _llm(row: Row) -> str:
    if row.llm is not None and row.llm.value is not None:
        return str(row.llm.value)
    if row.llm_state == "failed":
        return f"(failed: {row.llm.error if row.llm and row.llm.error else 'no answer'}; the raw text stands)"
    return "(waiting for the language model)" if row.llm_state == "waiting" else "(off)"


def question(kind: Kind) -> str:
    """What is asked when the answer was wrong."""
    return {
        "text": "Enter the correct transcription:",
        "label": "Choose the correct label:",
        "score": "Enter the correct score:",
    }[kind]


def training(snapshot: Snapshot) -> str:
    """The one line about training: what runs, else what is missing until the next run."""
    job = snapshot.job
    if job is None:
        return _until_next(snapshot)
    if job.state == "Queued":
        return f"… training of {job.task} is queued"
    done = round(job.progress / 100 * BAR)
    return f"training {'━' * done}{'╌' * (BAR - done)} {job.progress:3.0f} % {job.stage}{_left(job.eta_seconds)}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"


def _until_next(snapshot: Snapshot) -> str:
    words = f"{snapshot.answered} answered, {snapshot.pending} waiting"
    if snapshot.every is not None and snapshot.since >= snapshot.every and snapshot.held_back:
        words += " · enough for the next training: it starts in a day, or press 3 and t"
    elif snapshot.every is not None:
        words += f" · {min(snapshot.since, snapshot.every)} of {snapshot.every} answers until the next training"
    if snapshot.ended is not None and snapshot.ended.state == "Failed":
        words += f" · ! the last training failed: {snapshot.ended.error}"
    return words


def training_ended(job: Job, champion: str) -> tuple[str, bool]:
    """The notice when a training is over, and whether it is good news."""
    if job.state == "Failed":
        why = (job.error or "no reason was kept").rstrip(".")
        return f"Training of {job.task} failed: {why}. {champion} goes on answering.", False
    if job.state == "Cancelled":
        return f"Training of {job.task} was cancelled. {champion} goes on answering.", True
    facts = job.metrics or {}
    verdict = f" (verdict: {facts['verdict']})" if facts.get("verdict") else ""
    if job.model_version == champion:
        return f"Training of {job.task} is done: {champion} answers now{verdict}.", True
    return f"Training of {job.task} is done: {job.model_version} was not deployed{verdict}; {champion} answers.", True


def sound_level(level: float | None) -> str:
    """The loudness of what is being recorded: a mark as high as the number of decibels below the loudest.

    Args:
        level: root mean square, 0..1; None without a microphone.
    """
    if level is None:
        return "no sound"
    if level < FAINTEST:
        return "♪ ! silence"
    decibels = 20 * math.log10(level)
    step = (decibels + 60) / 60 * len(LEVELS)
    return f"♪ {LEVELS[max(0, min(len(LEVELS) - 1, int(step)))]} {decibels:.0f} dB"


def refusal(file: str, reason: str) -> str:
    """Why a file was not taken, with its name once."""
    name = file.rpartition("/")[2]
    return reason if not name or reason.startswith(name) else f"{name}: {reason}"


def age(days: int) -> str:
    """How long ago a day was."""
    return {0: "today", 1: "yesterday"}.get(days, f"{days:,} days ago" if days > 0 else "in the future")
