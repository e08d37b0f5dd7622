"""Speech corrections as seed 003 writes them, one JSON object a line in samples.jsonl."""

from __future__ import annotations

import math
from typing import cast
from uuid import UUID

from core.store.identity import derived_id
from core.store.records import Correction, Json, Sample
from core.tasks.speech import text

TASK = "speech"
MILLISECONDS = 1e11  # a larger time is in milliseconds; as seconds it is of the year 5138


class SpeechCodec:
    """Seed 003's fields: id, video_path, raw_output, llm_correction, ground_truth, timestamp, was_correct, metadata."""

    task = TASK
    journal = "samples.jsonl"

    def encode(self, sample: Sample, correction: Correction) -> Json:
        """The seed's fields; what the model said in capitals, "" where the language model said nothing.

        A time that is not known is null.
        """
        truth = str(correction.value)
        raw = None if correction.predicted is None else str(correction.predicted)
        was = correction.was_correct
        return {
            "id": sample.id,
            "video_path": sample.media,
            "raw_output": shown_raw(raw),
            "llm_correction": correction.llm or "",
            "ground_truth": truth,
            "timestamp": correction.at or None,
            "was_correct": was_correct(raw, correction.llm, truth) if was is None else was,
            "metadata": {"speaker": sample.speaker, "context": sample.context},
        }

    def decode(self, line: Json) -> tuple[Sample, Correction]:
        """A line of ours, or one of the seed's own system (which may lack `metadata` and write paths as it likes).

        Raises:
            ValueError: naming the field that is missing or of the wrong type.
        """
        truth = _text(line, "ground_truth")
        if truth is None or not truth.strip():
            raise ValueError("ground_truth is missing")
        name, media = _text(line, "id"), _text(line, "video_path")
        if not name and not media:
            raise ValueError("id is missing, and video_path too")
        raw, llm = _text(line, "raw_output") or None, _text(line, "llm_correction") or None
        about = line.get("metadata") or {}
        if not isinstance(about, dict):
            raise ValueError("metadata is not an object")
        about = cast("Json", about)
        predicted = None if raw is None else text.normal(raw)
        sample = Sample(
            id=_identity(name or str(media)),
            task=TASK,
            group=media or str(name),
            media=media,
            speaker=_text(about, "speaker") or _text(line, "speaker_id"),
            context=_text(about, "context") or _text(line, "context"),
        )
        correction = Correction(
            id="",
            sample=sample.id,
            task=TASK,
            value=truth.strip(),
            at=_seconds(line),
            batch="",
            predicted=predicted,
            llm=llm,
            was_correct=_flag(line, was_correct(raw, llm, truth)),
            raw_correct=None if predicted is None else text.equal(predicted, truth),
        )
        return sample, correction


CODEC = SpeechCodec()


def was_correct(raw: str | None, llm: str | None, truth: str) -> bool:
    """Seed 003's comparison of the final suggestion with the truth.

    The language model's text counts letter by letter (only outer spaces are dropped); without one, the model's own
    words are compared in normal form, since they carry neither capitals nor punctuation.
    """
    if llm and llm.strip():
        return llm.strip() == truth.strip()
    return raw is not None and text.equal(raw, truth)


def shown_raw(raw: str | None) -> str:
    """The model's own words as seed 003 shows and stores them: in capitals."""
    return (raw or "").upper()


def _identity(name: str) -> str:
    """A UUID stays what it is; any other name becomes one (uuid5)."""
    try:
        return str(UUID(name))
    except ValueError:
        return derived_id(TASK, name)


def _text(line: Json, field: str) -> str | None:
    value = line.get(field)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and field in {"id", "speaker", "speaker_id"}:
        return str(value)  # the seed's SQLite form numbers its samples
    raise ValueError(f"{field} is not a text")


def _seconds(line: Json) -> float:
    """UTC seconds, also of a time in milliseconds; 0 where none is known."""
    value = line.get("timestamp")
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("timestamp is not a number of seconds")
    return value / 1000 if value > MILLISECONDS else float(value)


def _flag(line: Json, otherwise: bool) -> bool:
    value = line.get("was_correct", otherwise)
    if not isinstance(value, bool | int):
        raise ValueError("was_correct is neither true nor false")
    return bool(value)
