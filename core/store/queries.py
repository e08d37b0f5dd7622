"""Reading records out of the catalog; every function fetches all it returns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.files import inside
from core.store.records import Answered, Correction, Json, Prediction, Sample, SampleState

PLACES = ("", "training_data/", "training_data/videos/", "training_data/frames/")


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A sample as lists show it: its state, its valid answer, its newest prediction by a model."""

    sample: Sample
    state: SampleState
    correction: Correction | None
    prediction: Prediction | None


def rows(db: Any, sql: str, values: Sequence[Any] = ()) -> list[Json]:
    """All rows of a query as dictionaries."""
    return list(db.query(sql, values))


def to_sample(row: Json) -> Sample:
    """A row of `samples`."""
    known: Json = {name: row[name] for name in Sample.__dataclass_fields__ if name in row}
    return Sample(**known | {"group": row["group_id"], "extra": json.loads(row["extra"] or "{}")})


def to_prediction(row: Json) -> Prediction:
    """A row of `predictions`."""
    known: Json = {name: row[name] for name in Prediction.__dataclass_fields__}
    known |= {name: json.loads(row[name]) for name in ("value", "raw")}
    known["runner_ups"] = tuple((pair[0], pair[1]) for pair in json.loads(row["runner_ups"]))
    known["calibrated"] = bool(row["calibrated"])
    return Prediction(**known)


def to_correction(row: Json) -> Correction:
    """A row of `corrections`."""
    known: Json = {name: row[name] for name in Correction.__dataclass_fields__}
    flags: Json = {name: None if row[name] is None else bool(row[name]) for name in ("was_correct", "raw_correct")}
    return Correction(**known | flags | {"value": json.loads(row["value"]), "predicted": json.loads(row["predicted"])})


def located(root: Path, media: str | None) -> str | None:
    """The path inside the workspace of a sample's media, if the file is there.

    A seed's own journal may name it from its own root; whatever leads outside counts as no media.
    """
    for place in PLACES if media else ():
        try:
            if inside(root, f"{place}{media}").is_file():
                return f"{place}{media}"
        except (StoreError, OSError):
            return None
    return None


_CORRECTION = ", ".join(f"c.{name} as c_{name}" for name in Correction.__dataclass_fields__)
_ANSWERS = (
    f"select s.*, {_CORRECTION}, a.start as place from answers a "
    "join corrections c using (journal, start) join samples s on s.id = a.sample"
)


def answered(db: Any, root: Path, task: str, *, with_media: bool) -> list[Answered]:
    """Valid answers in journal order."""
    found = rows(db, f"{_ANSWERS} where a.task = ? order by a.start", [task])
    result: list[Answered] = []
    for row in found:
        if with_media:
            row["media"] = located(root, row["media"])
        if not with_media or row["media"]:
            result.append(Answered(to_sample(row), to_correction(_part(row)), row["place"]))
    return result


def _part(row: Json) -> Json:
    return {name.removeprefix("c_"): value for name, value in row.items() if name.startswith("c_")}


def listed(
    db: Any, task: str, *, state: SampleState | None, limit: int, offset: int, newest_first: bool
) -> list[SampleRow]:
    """Samples that are not deleted, by time of capture."""
    order = "desc" if newest_first else "asc"
    wanted = {"answered": "and a.sample is not null", "pending": "and a.sample is null"}.get(state or "", "")
    found = rows(
        db,
        f"""select s.*, {_CORRECTION}, a.sample as answered from samples s
            left join answers a on a.sample = s.id left join corrections c using (journal, start)
            where s.task = ? and s.id not in (select sample from hidden) {wanted}
            order by s.captured_at {order}, s.id limit ? offset ?""",
        [task, limit, offset],
    )
    return [
        SampleRow(
            to_sample(row),
            "answered" if row["answered"] else "pending",
            to_correction(_part(row)) if row["answered"] else None,
            latest(db, row["id"], "model"),
        )
        for row in found
    ]


def latest(db: Any, sample: str, kind: str) -> Prediction | None:
    """The newest prediction of a kind."""
    found = rows(
        db, "select * from predictions where sample = ? and kind = ? order by start desc limit 1", [sample, kind]
    )
    return to_prediction(found[0]) if found else None
