"""Our fields beside the seed's: a correction as one journal line and back; samples and predictions as events."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from functools import cache
from typing import Any, Literal, cast

from core.store.codec import Codec
from core.store.records import Correction, Json, PickedBy, Prediction, Sample, Value

Op = Literal["set", "delete", "undo"]
# Our names of the sample's and the correction's fields in a line; the seed's own names stay untouched.
SAMPLE_FIELDS = {
    "media": "media", "media_hash": "media_hash", "group": "group", "source": "source", "region": "region",
    "speaker": "speaker", "context": "context", "captured_at": "captured_at", "phase": "phase",
    "video_id": "video_id", "scene_id": "scene_id", "start_s": "start_s", "end_s": "end_s",
    "duration_s": "duration_s", "rating_count": "rating_count", "extra": "extra",
}  # fmt: skip
CORRECTION_FIELDS = {
    "correction": "id", "value": "value", "at": "at", "batch": "batch", "predicted": "predicted", "llm": "llm",
    "model_confidence": "confidence", "version": "version", "was_correct": "was_correct",
    "raw_correct": "raw_correct", "picked_by": "picked_by", "label_source": "label_source",
}  # fmt: skip


def dress(codec: Codec, sample: Sample, correction: Correction, batch_n: int) -> Json:
    """The seed's fields in their order, then ours."""
    line = codec.encode(sample, correction)
    ours: Json = {"sample": sample.id, "op": "set", "batch_n": batch_n}
    ours |= {name: getattr(correction, attribute) for name, attribute in CORRECTION_FIELDS.items()}
    ours |= {name: getattr(sample, attribute) for name, attribute in SAMPLE_FIELDS.items()}
    return line | {name: value for name, value in ours.items() if name not in line}


def mark(op: Op, *, batch: str, batch_n: int, at: float, **what: str) -> Json:
    """A line that deletes a sample's answer (`sample`) or takes a batch back (`undoes`)."""
    return {"op": op, **what, "batch": batch, "batch_n": batch_n, "at": at}


def undress(codec: Codec, line: Json) -> tuple[Sample, Correction]:
    """A "set" line as sample and correction; our fields win over what the seed's fields imply.

    Raises:
        ValueError: naming the field that is missing or wrong.
    """
    sample, correction = codec.decode(line)
    if "sample" not in line:
        return sample, correction
    identity = line["sample"]
    if not isinstance(identity, str) or not identity:
        raise ValueError("sample is not a text")
    sample = _filled(replace(sample, id=identity), line, SAMPLE_FIELDS)
    return sample, _filled(replace(correction, sample=identity), line, CORRECTION_FIELDS)


def _filled(record: Any, line: Json, names: dict[str, str]) -> Any:
    """The record with every field that the line carries in the right type."""
    types = _types(type(record))
    found: Json = {}
    for name, attribute in names.items():
        if name in line and _fits(line[name], types[attribute]):
            value = line[name]
            # A whole number where a float is meant may be larger than any column takes; float() refuses it by line.
            found[attribute] = float(value) if type(value) is int and "float" in types[attribute] else value
    return replace(record, **found)


@cache
def _types(record: type[Any]) -> dict[str, str]:
    return {field.name: str(field.type) for field in fields(record)}


def _fits(value: object, annotation: str) -> bool:
    if value is None:
        return "None" in annotation
    if isinstance(value, bool):
        return "bool" in annotation
    if isinstance(value, (int, float)):
        return "float" in annotation or "int" in annotation or annotation.startswith("Value")
    if isinstance(value, dict):
        return annotation == "Json"
    return isinstance(value, str) and ("str" in annotation or "PickedBy" in annotation or "Value" in annotation)


def sample_event(sample: Sample) -> Json:
    """A sample as a line of events.jsonl."""
    return {"kind": "sample", **asdict(sample)}


def prediction_event(prediction: Prediction) -> Json:
    """A prediction as a line of events.jsonl; its own kind (model, llm, shadow) is called `by`."""
    body = asdict(prediction)
    body["by"] = body.pop("kind")
    return {"kind": "prediction", **body}


def read_sample(line: Json) -> Sample:
    """The reverse of `sample_event`.

    Raises:
        ValueError: a field is missing or of the wrong type.
    """
    for name in ("id", "task", "group"):
        if not isinstance(line.get(name), str):
            raise ValueError(f"{name} is missing")
    blank = Sample(id=line["id"], task=line["task"], group=line["group"])
    return _filled(blank, line, {field.name: field.name for field in fields(Sample)})


def read_prediction(line: Json) -> Prediction:
    """The reverse of `prediction_event`.

    Raises:
        ValueError: a field is missing or of the wrong type.
    """
    for name in ("id", "sample", "task", "version", "by"):
        if not isinstance(line.get(name), str):
            raise ValueError(f"{name} is missing")
    runner_ups = cast("list[list[Any]]", line.get("runner_ups") or [])
    value = cast("Value | None", line.get("value"))
    return Prediction(
        id=line["id"],
        sample=line["sample"],
        task=line["task"],
        version=line["version"],
        kind=line["by"],
        value=value,
        confidence=line.get("confidence"),
        calibrated=bool(line.get("calibrated")),
        raw=line.get("raw") or {},
        runner_ups=tuple((pair[0], pair[1]) for pair in runner_ups),
        latency_ms=float(line.get("latency_ms") or 0.0),
        at=float(line.get("at") or 0.0),
        error=line.get("error"),
    )


def picked_by(value: object) -> PickedBy:
    """A known way of being picked; anything else counts as the user's own choice."""
    return value if value in ("random", "queue", "own") else "own"
