"""The nouns (DESIGN 4): samples, predictions, corrections. Plain, frozen, without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Value = str | float
Json = dict[str, Any]
PickedBy = Literal["random", "queue", "own"]
PredictionKind = Literal["model", "llm", "shadow"]
SampleState = Literal["pending", "answered", "skipped", "missing"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A captured thing that a model can judge.

    Attributes:
        id: stable for the same content: uuid5 of task, media hash and scene (`core.store.identity`).
        media: path relative to the workspace, POSIX style; None when only the correction is known.
        media_hash: sha256 of the media file, hex.
        group: the unit for splits: video or recording session, else the file. Never the speaker unless asked.
        captured_at: UTC seconds since 1970.
        start_s, end_s: the part of the media that is meant; end None = to its end.
        duration_s: length of that part in seconds, 0 for images.
        extra: measured things the journal wants, such as audioFeatures.
    """

    id: str
    task: str
    group: str
    media: str | None = None
    media_hash: str | None = None
    source: str | None = None
    region: str | None = None
    speaker: str | None = None
    context: str | None = None
    captured_at: float | None = None
    phase: str | None = None
    video_id: str | None = None
    scene_id: str | None = None
    start_s: float = 0.0
    end_s: float | None = None
    duration_s: float = 0.0
    rating_count: int = 1
    extra: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Prediction:
    """One version's answer on one sample; never overwritten.

    Attributes:
        value: label, text or score; None when the model failed (`error` says why).
        confidence: 0..1, calibrated where `calibrated` is true; None where there is none (an LLM's text).
        raw: the model's own output before mapping, for instance all label probabilities.
        runner_ups: next best values with their probability, best first.
        latency_ms: features and model together, milliseconds.
    """

    id: str
    sample: str
    task: str
    version: str
    kind: PredictionKind
    value: Value | None
    confidence: float | None
    calibrated: bool
    raw: Json
    runner_ups: tuple[tuple[Value, float], ...]
    latency_ms: float
    at: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What the user says a sample is. Confirming a right answer is one too.

    Attributes:
        predicted: what the model had said (raw), None if it had not been asked or had failed.
        llm: the language model's text (speech only).
        was_correct: seed 003's comparison: the final suggestion (LLM text where there is one) equals the truth.
        raw_correct: the model's own output equals the truth.
        batch: every user action has one; undo names it.
        at: UTC seconds since 1970.
        label_source: manual_seed | calculated_rating | confirmed | imported (seed 004).
    """

    id: str
    sample: str
    task: str
    value: Value
    at: float
    batch: str
    predicted: Value | None = None
    llm: str | None = None
    confidence: float | None = None
    version: str | None = None
    was_correct: bool | None = None
    raw_correct: bool | None = None
    picked_by: PickedBy = "own"
    label_source: str = "manual_seed"


@dataclass(frozen=True, slots=True)
class Answered:
    """A sample with its valid answer: what training and evaluation read. `order` is the journal's order."""

    sample: Sample
    correction: Correction
    order: int


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A sample as lists show it: its state, its valid answer, the newest prediction of a model."""

    sample: Sample
    state: SampleState
    correction: Correction | None
    prediction: Prediction | None


@dataclass(frozen=True, slots=True)
class Rivals:
    """An answered sample with what some versions say of it: their newest answer that did not fail, by version.

    `order` is the journal's order of the user's answer, `at` its time.
    """

    sample: str
    group: str
    order: int
    truth: Value
    at: float
    said: dict[str, Value | None]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What some versions have seen in training, they or the versions they started from.

    Attributes:
        samples: ids on the sides that training looked at; the test side is not among them.
        jobs: the job of every recorded version, by version.
        versions: all versions asked for and those they started from, recorded or not.
    """

    samples: frozenset[str]
    jobs: dict[str, str | None]
    versions: tuple[str, ...]
