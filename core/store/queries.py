"""Questions to the catalog; every function fetches all it returns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from core.store.places import Places
from core.store.records import (
    Answered,
    Correction,
    Json,
    Lineage,
    Prediction,
    PredictionKind,
    Rivals,
    Sample,
    SampleRow,
    SampleState,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

Row = tuple[Any, ...]
_SAMPLE = ("id", "task", "group", "media", "media_hash", "source", "region", "speaker", "context", "captured_at",
           "phase", "video_id", "scene_id", "start_s", "end_s", "duration_s", "rating_count", "extra")  # fmt: skip
_CORRECTION = ("id", "sample", "task", "value", "at", "batch", "predicted", "llm", "confidence", "version",
               "was_correct", "raw_correct", "picked_by", "label_source")  # fmt: skip
_PREDICTION = ("id", "sample", "task", "version", "kind", "value", "confidence", "calibrated", "raw", "runner_ups",
               "latency_ms", "at", "error")  # fmt: skip


def _columns(table: str, names: Sequence[str]) -> str:
    return ", ".join(f'{table}."{name}"' for name in names)


_S, _C, _P = _columns("s", _SAMPLE), _columns("c", _CORRECTION), _columns("p", _PREDICTION)
_ANSWER = "corrections c ON c.task = s.task AND c.line = s.answer_line"


def _sample(row: Row, places: Places) -> Sample:
    known: Json = dict(zip(_SAMPLE, row, strict=True))
    known["media"] = places.name(known["media"])
    known["extra"] = json.loads(known["extra"])
    return Sample(**known)


def _correction(row: Row) -> Correction:
    known: Json = dict(zip(_CORRECTION, row, strict=True))
    flags: Json = {name: None if known[name] is None else bool(known[name]) for name in ("was_correct", "raw_correct")}
    return Correction(**known | flags)


def _prediction(row: Row) -> Prediction:
    known: Json = dict(zip(_PREDICTION, row, strict=True))
    others = tuple((value, chance) for value, chance in json.loads(known["runner_ups"]))
    known |= {"raw": json.loads(known["raw"]), "runner_ups": others, "calibrated": bool(known["calibrated"])}
    return Prediction(**known)


def samples_where(db: Database, places: Places, where: str, values: Sequence[Any]) -> list[Sample]:
    """Samples that are not deleted and meet a condition on `samples s`."""
    query = f"SELECT {_S} FROM samples s WHERE s.state <> 'deleted' AND {where}"
    return [_sample(row, places) for row in db.conn.execute(query, values).fetchall()]


def answered(db: Database, places: Places, task: str, *, with_media: bool) -> list[Answered]:
    """Valid answers in journal order."""
    query = f"""SELECT s.answer_line, {_S}, {_C} FROM samples s JOIN {_ANSWER}
                WHERE s.task = ? AND s.state = 'answered' ORDER BY s.answer_line"""
    cut = 1 + len(_SAMPLE)
    found: list[Answered] = []
    for row in db.conn.execute(query, [task]).fetchall():
        sample = _sample(row[1:cut], places)
        if not with_media or places.locate(sample.media):
            found.append(Answered(sample, _correction(row[cut:]), row[0]))
    return found


def rivals(db: Database, task: str, versions: Sequence[str]) -> list[Rivals]:
    """All answered samples in journal order, each with the newest answers of these versions that did not fail."""
    query = f"""SELECT s.id, s."group", s.answer_line, c.value, c.at, p.version, p.value
        FROM samples s JOIN {_ANSWER} LEFT JOIN predictions p ON p.sample = s.id AND p.task = s.task
            AND p.kind IN ('model', 'shadow') AND p.error IS NULL AND p.version IN ({", ".join("?" * len(versions))})
        WHERE s.task = ? AND s.state = 'answered' ORDER BY s.answer_line, p.line"""
    found: dict[str, Rivals] = {}
    for sample, group, order, truth, at, version, value in db.conn.execute(query, [*versions, task]).fetchall():
        row = found.setdefault(sample, Rivals(sample, group, order, truth, at, {}))
        if version is not None:
            row.said[version] = value
    return list(found.values())


def lineage(db: Database, task: str, versions: Sequence[str]) -> Lineage:
    """What these versions and those they started from were trained on; a label without a side counts as such."""
    ancestors = """WITH RECURSIVE line(version) AS (
            SELECT value FROM json_each(?) UNION
            SELECT json_extract(r.params_json, '$.base') FROM line
                JOIN model_training_runs r ON r.model_version = ? || '/' || line.version
            WHERE json_extract(r.params_json, '$.base') IS NOT NULL)"""
    joined = "line {} JOIN model_training_runs r ON r.model_version = ? || '/' || line.version"
    values = [json.dumps(list(versions)), task, task]
    runs = db.conn.execute(
        f"{ancestors} SELECT line.version, r.id IS NOT NULL, r.job_id FROM {joined.format('LEFT')}", values
    ).fetchall()
    seen = db.conn.execute(
        f"""{ancestors} SELECT DISTINCT l.snapshot_id FROM {joined.format("")}
            JOIN model_training_snapshot_labels l ON l.training_run_id = r.id WHERE l.split IS NOT 'test'""",
        values,
    ).fetchall()
    jobs = {version: job for version, recorded, job in runs if recorded}
    return Lineage(frozenset(sample for (sample,) in seen), jobs, tuple(version for version, *_ in runs))


def listed(
    db: Database, places: Places, task: str, *, state: SampleState | None, limit: int, offset: int, newest_first: bool
) -> list[SampleRow]:
    """Samples that are not deleted, by time of capture; of one time, or without one, in journal order."""
    way = "DESC" if newest_first else "ASC"
    order = ("captured_at", "seen", "first_line", "id")
    query = f"""SELECT s.state, {_S}, {_C}, {_P} FROM samples s
        LEFT JOIN {_ANSWER} LEFT JOIN predictions p ON p.line =
            (SELECT max(line) FROM predictions WHERE sample = s.id AND kind = 'model')
        WHERE s.task = ? AND {"s.state = ?" if state else "s.state <> ?"}
        ORDER BY {", ".join(f"s.{name} {way}" for name in order)} LIMIT ? OFFSET ?"""
    rows = db.conn.execute(query, [task, state or "deleted", limit, offset]).fetchall()
    return [_listed(row, places) for row in rows]


def rows_of(db: Database, places: Places, task: str, samples: Sequence[str]) -> list[SampleRow]:
    """These samples of a task as lists show them, in the order asked for; those that are not there are left out."""
    query = f"""SELECT s.state, {_S}, {_C}, {_P} FROM json_each(?) asked
        JOIN samples s ON s.task = ? AND s.id = asked.value
        LEFT JOIN {_ANSWER} LEFT JOIN predictions p ON p.line =
            (SELECT max(line) FROM predictions WHERE sample = s.id AND kind = 'model')
        WHERE s.state <> 'deleted' ORDER BY asked.key"""
    return [_listed(row, places) for row in db.conn.execute(query, [json.dumps(list(samples)), task]).fetchall()]


def newest_of(db: Database, samples: Sequence[str], kind: PredictionKind) -> dict[str, Prediction]:
    """The newest prediction of a kind on each of these samples that has one."""
    query = f"""SELECT {_P} FROM json_each(?) asked JOIN predictions p ON p.line =
        (SELECT max(line) FROM predictions WHERE sample = asked.value AND kind = ?)"""
    found = [_prediction(row) for row in db.conn.execute(query, [json.dumps(list(samples)), kind]).fetchall()]
    return {said.sample: said for said in found}


def _listed(row: Row, places: Places) -> SampleRow:
    first = 1 + len(_SAMPLE)
    second = first + len(_CORRECTION)
    correction, prediction = row[first:second], row[second:]
    return SampleRow(
        _sample(row[1:first], places),
        cast("SampleState", row[0]),
        None if correction[0] is None else _correction(correction),
        None if prediction[0] is None else _prediction(prediction),
    )


def count(db: Database, task: str, state: SampleState) -> int:
    """How many samples are in a state."""
    return db.conn.execute("SELECT count(*) FROM samples WHERE task = ? AND state = ?", [task, state]).fetchone()[0]


def newest_task(db: Database) -> str | None:
    """The task of the sample captured last."""
    row = db.conn.execute("SELECT task FROM samples ORDER BY captured_at DESC LIMIT 1").fetchone()
    return row[0] if row else None


def counts(db: Database) -> Json:
    """How many rows the journals gave."""
    tables = ("samples", "predictions", "corrections", "answers", "events", "journal_problems")
    return {name: db.conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


def predictions(db: Database, sample: str, kind: PredictionKind | None = None, limit: int = -1) -> list[Prediction]:
    """Predictions on a sample, newest first."""
    where, values = ("AND p.kind = ?", [sample, kind, limit]) if kind else ("", [sample, limit])
    query = f"SELECT {_P} FROM predictions p WHERE p.sample = ? {where} ORDER BY p.line DESC LIMIT ?"
    return [_prediction(row) for row in db.conn.execute(query, values).fetchall()]


def events(db: Database, kind: str) -> list[Json]:
    """Events of a kind, oldest first."""
    rows = db.conn.execute("SELECT payload FROM events WHERE kind = ? ORDER BY line", [kind]).fetchall()
    return [json.loads(payload) for (payload,) in rows]


def valid_batches(db: Database, task: str, limit: int) -> list[str]:
    """Complete batches of the user's that still count, newest first; undos, dropped-in and hidden lines are none."""
    rows = db.conn.execute(
        """SELECT c.batch FROM corrections c JOIN batches b ON b.task = c.task AND b.batch = c.batch
           WHERE c.task = ? AND c.op IN ('set', 'delete') AND c.id IS NOT c.batch AND b.complete AND b.undone_at IS NULL
           GROUP BY c.batch ORDER BY max(c.line) DESC LIMIT ?""",
        [task, limit],
    )
    return [batch for (batch,) in rows.fetchall()]


def counts_as_valid(db: Database, task: str, batch: str) -> bool | None:
    """Whether a batch counts; None where it is unknown or incomplete."""
    query = "SELECT undone_at IS NULL FROM batches WHERE task = ? AND batch = ? AND complete"
    row = db.conn.execute(query, [task, batch]).fetchone()
    return None if row is None else bool(row[0])


def problems(db: Database, limit: int) -> list[str]:
    """Lines that could not be read and batches that do not count, as sentences."""
    rows = db.conn.execute("SELECT journal, line, problem FROM journal_problems ORDER BY 1, 2 LIMIT ?", [limit])
    found = [f"{journal} line {line}: {problem}; it is passed over" for journal, line, problem in rows.fetchall()]
    rows = db.conn.execute(
        "SELECT task, batch, lines, batch_n FROM batches WHERE NOT complete ORDER BY 1, 2 LIMIT ?", [limit]
    )
    return found + [
        f"{task}: action {batch} has {lines} of its {batch_n} lines; it does not count"
        for task, batch, lines, batch_n in rows.fetchall()
    ]
