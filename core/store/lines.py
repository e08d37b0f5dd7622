"""A line of a task's journal: the seed's fields first, ours beside them, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from core.store import fields, shapes, wire
from core.store.codec import Codec
from core.store.identity import derived_id
from core.store.records import Correction, Json, Sample

Op = Literal["set", "delete", "undo"]
OPS = ("set", "delete", "undo")
PICKS = ("random", "queue", "own")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one line says.

    Attributes:
        about: the sample's id; None for an undo.
        undoes: the batch that an undo takes back.
        batch_n: lines in the batch; it counts only when all are there.
        said: for a set line, the sample (only what the line knows of it) and the correction.
    """

    op: Op
    batch: str
    batch_n: int
    about: str | None = None
    undoes: str | None = None
    said: tuple[Sample, Correction] | None = None


def dress(codec: Codec, sample: Sample, correction: Correction, batch_n: int) -> Json:
    """A set line. What is not known is left out of our fields; the seed's are always there.

    Raises:
        ValueError: the answer is not one of this task.
    """
    line = codec.encode(sample, correction)
    ours: Json = {"sample": sample.id, "op": "set", "batch": correction.batch, "batch_n": batch_n}
    ours |= {"correction": correction.id}
    ours |= {name: getattr(correction, name) for name in fields.CORRECTION}
    ours |= {name: getattr(sample, name) for name in fields.SAMPLE if name != "extra"}
    ours["extra"] = {name: value for name, value in sample.extra.items() if name not in line} or None
    line |= {name: value for name, value in ours.items() if name not in line and value is not None}
    codec.decode(line)
    return line


def mark(op: Op, *, batch: str, batch_n: int, at: float, **what: str) -> Json:
    """A line that deletes a sample (`sample`) or takes a batch back (`undoes`)."""
    return {"op": op, **what, "batch": batch, "batch_n": batch_n, "at": at}


def undress(codec: Codec, line: Json) -> Entry:
    """What a line says, be it ours or one of the seed's own system.

    Raises:
        ValueError: naming the field that is missing or wrong.
    """
    op: Any = line.get("op", "set")
    if op not in OPS:
        raise ValueError(f"op {str(op)[:40]!r} is unknown")
    if op == "undo":
        return Entry(
            "undo", fields.text(line, "batch"), fields.count(line, "batch_n"), undoes=fields.text(line, "undoes")
        )
    if op == "delete":
        return Entry(
            "delete", fields.text(line, "batch"), fields.count(line, "batch_n"), about=fields.identity(line, "sample")
        )
    try:
        sample, correction = codec.decode(line)
    except OverflowError:
        raise ValueError("holds a number that is too large") from None
    if "sample" not in line:
        return _foreign(codec, line, sample, correction)
    identity = fields.identity(line, "sample")
    extra = fields.present(line, {"extra": "Json"}).get("extra", {})
    known = fields.present(line, fields.SAMPLE) | {"extra": shapes.check_extra(sample.extra | extra)}
    ours = fields.present(line, fields.CORRECTION)
    if ours.get("picked_by", "own") not in PICKS:
        raise ValueError("picked_by is unknown")
    if "predicted" not in ours and "llm" not in ours:
        ours["was_correct"] = None  # the seed's field may not be null, but nothing was judged
    named = fields.present(line, {"correction": "str"}).get("correction", "")
    correction = replace(correction, id=named, sample=identity, **ours)
    said = (replace(sample, id=identity, **known), correction)
    return Entry("set", fields.text(line, "batch"), fields.count(line, "batch_n"), about=identity, said=said)


def _foreign(codec: Codec, line: Json, sample: Sample, correction: Correction) -> Entry:
    # The same content dropped in twice is the same action, so undoing it takes both back.
    batch = derived_id(codec.task, "line", wire.compact(dict(sorted(line.items()))))
    at = line.get("at")
    when = float(at) if not correction.at and isinstance(at, int | float) and 0 < at < 1e11 else correction.at
    correction = replace(correction, id=batch, batch=batch, at=when, label_source="imported")
    return Entry("set", batch, 1, about=sample.id, said=(sample, correction))


def sample_facts(sample: Sample) -> Json:
    """What a record says of a sample beyond id, task and media: every field that is not its default."""
    blank = Sample(id=sample.id, task=sample.task, group="")
    known: Json = {name: getattr(sample, name) for name in fields.SAMPLE if name not in ("media", "media_hash")}
    return {name: value for name, value in known.items() if value != getattr(blank, name)}
