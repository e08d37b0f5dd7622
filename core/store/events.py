"""A line of events.jsonl: a captured sample, a prediction, a sample set aside, or anything else worth keeping."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from core.store import fields, shapes
from core.store.records import Json, Prediction, Sample

RESERVED = frozenset({"sample", "prediction", "skip"})
MAKERS = ("model", "llm", "shadow")


def sample_event(sample: Sample) -> Json:
    """A captured sample; what is not known is left out."""
    body: Json = {"kind": "sample", "id": sample.id, "task": sample.task}
    body |= {name: getattr(sample, name) for name in fields.SAMPLE}
    return {name: value for name, value in body.items() if value is not None}


def read_sample(line: Json) -> Sample:
    """The reverse of `sample_event`.

    Raises:
        ValueError: naming the field that is missing or wrong.
    """
    known = fields.present(line, fields.SAMPLE)
    known["group"] = fields.text(line, "group")
    shapes.check_extra(known.get("extra", {}))
    return Sample(id=fields.identity(line, "id"), task=fields.text(line, "task"), **known)


def prediction_event(prediction: Prediction) -> Json:
    """A prediction; who made it (model, llm, shadow) is called `by`, because `kind` is the event's."""
    body = asdict(prediction)
    return {"kind": "prediction", "id": body.pop("id"), "by": body.pop("kind"), **body}


def read_prediction(line: Json) -> Prediction:
    """The reverse of `prediction_event`.

    Raises:
        ValueError: naming the field that is missing or wrong.
    """
    by: Any = line.get("by")
    if by not in MAKERS:
        raise ValueError("by is unknown")
    known: Json = {"value": None, "confidence": None, "raw": {}, "latency_ms": 0.0, "at": 0.0, "error": None}
    known |= fields.present(line, fields.PREDICTION)
    known |= {name: fields.text(line, name) for name in ("id", "task", "version")}
    known["sample"] = fields.identity(line, "sample")
    calibrated = line.get("calibrated") is True
    return Prediction(kind=by, calibrated=calibrated, runner_ups=fields.runner_ups(line), **known)
