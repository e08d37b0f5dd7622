"""What is written down of a run: seed 004's provenance tables, and how they are made again when the catalog is lost.

`jobs/<id>/run.json` and the manifest beside it say all of it; the tables are filled from the same facts. The jobs
themselves come back from the audit log.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import registry, tasks, untrusted
from core.errors import ModelError
from core.files import write_atomic
from core.registry import Card
from core.training import audit, jobs, progress
from core.training.request import Request
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.training.run import Trained

Json = dict[str, Any]
Label = tuple[str, str, str, str]  # sample, label source, value, split
RUN, MANIFEST = "run.json", "manifest_full.csv"
FOLD = "fold"  # the split of every label of a cross-validated run: each was trained on


def plan(space: Workspace, trained: Trained, request: Request, job_id: str) -> None:
    """Write down what a version will have learnt from, before the version is there.

    Whenever a version's file exists, its run can so be told, also after a kill between the two.
    """
    params: Json = {
        "recipe": trained.recipe.model_dump(),
        "manifest": f"jobs/{job_id}/{MANIFEST}",
        "manifest_hash": trained.data.hash,
        "export": {**trained.data.parameters, "frozen": request.frozen is not None},
        "excluded": trained.data.excluded,
        "base": trained.base,
        "cross_validated": trained.data.cross_validated,
    }
    write_atomic(space.jobs / job_id / RUN, json.dumps(params, indent=1, sort_keys=True))


def run_record(space: Workspace, trained: Trained, known: Card) -> None:
    """Which labels this version learnt from (`model_training_runs`, `model_training_snapshot_labels`)."""
    cross_validated = trained.data.cross_validated
    labels = [
        (
            example.answered.sample.id,
            example.answered.correction.label_source,
            str(example.truth),
            FOLD if cross_validated else example.side,
        )
        for example in trained.data.examples
    ]
    _insert(space, known, _planned(space, known), labels)


def restore_runs(space: Workspace) -> int:
    """Make the runs again that the catalog lacks, from cards, job folders and audit log; returns how many.

    A run whose job folder is gone comes back without its labels.
    """
    with space.store.catalog.read() as db:
        there = {row["model_version"] for row in db.query("select model_version from model_training_runs")}
    restored = 0
    for task in tasks.names():
        for number in registry.numbers(space, task):
            if f"{task}/v{number}" not in there and (known := _card(space, task, f"v{number}")):
                params = _planned(space, known)
                folder = space.jobs / str(known.job_id)
                _insert(space, known, params, _labels(folder / MANIFEST, bool(params.get("cross_validated"))))
                restored += 1
    return restored


def restore_jobs(space: Workspace) -> int:
    """Make the ended jobs again that the catalog lacks, from the audit log; returns how many.

    So a training can be resumed, reported and analysed after the catalog was lost; what was queued then is gone.
    """
    with space.store.catalog.read() as db:
        there = {row["job_id"] for row in db.query("select job_id from jobs")}
    lines = {entry["jobId"]: entry for entry in audit.history(space) if entry["jobId"] not in there}
    rows = [_job_row(space, entry) for entry in lines.values() if _is_ours(entry)]
    with space.store.catalog.write() as db:
        db.table("jobs").insert_all(rows, ignore=True)  # another process restored it meanwhile
    return len(rows)


def _is_ours(entry: Json) -> bool:
    known = entry.get("state") in jobs.ENDED and entry.get("task") in tasks.names()
    return known and isinstance(entry.get("createdAt"), int | float)


def _job_row(space: Workspace, entry: Json) -> Json:
    done = entry["state"] == "Completed"
    last = progress.last(space.jobs / str(entry["jobId"]))
    return {
        "job_id": entry["jobId"],
        "task": entry["task"],
        "state": entry["state"],
        "name": entry.get("name"),
        "params_json": json.dumps(entry.get("params") or {}),
        "progress": 100.0 if done else last.get("progress", 0.0),
        "stage": last.get("stage", ""),
        "error": entry.get("error"),
        "metrics_json": jobs.pack(audit.facts_of(entry)) if done else None,
        "model_version": entry.get("modelVersion"),
        "created_at": entry["createdAt"],
        "started_at": entry.get("startedAt"),
        "completed_at": entry.get("completedAt"),
    }


def _card(space: Workspace, task: str, version: str) -> Card | None:
    """The card of a version made by a training here; an imported one has no run."""
    try:
        known = registry.card(space, task, version)
    except ModelError:
        return None
    return known if known.job_id else None


def _planned(space: Workspace, known: Card) -> Json:
    """The run's params: as planned, else what the audit log kept; with what the finished version showed."""
    try:
        found: Any = untrusted.read(space.jobs / str(known.job_id) / RUN)
        params: Json = found if isinstance(found, dict) else {}
        if not isinstance(params.get("base"), str | None):
            raise ValueError("base is no version")
    except (OSError, ValueError):
        line = audit.of(space, str(known.job_id)) or {}
        params = {"recipe": line.get("recipe"), "base": known.base}
    return params | {"metrics": known.metrics, "sha256": known.sha256}


def _labels(manifest: Path, cross_validated: bool) -> list[Label]:
    try:
        with manifest.open(newline="") as file:
            found = {
                row["snapshot_id"]: (row["label_source"], row["value"], FOLD if cross_validated else row["split"])
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, ValueError, csv.Error):
        return []
    return [(sample, *said) for sample, said in found.items()]


def _insert(space: Workspace, known: Card, params: Json, labels: Iterable[Label]) -> None:
    row: Json = {
        "model_version": f"{known.task}/{known.version}",
        "trained_at": known.created_at,
        "params_json": json.dumps(params, sort_keys=True),
        "notes": "; ".join(known.notes),
        "task": known.task,
        "job_id": known.job_id,
    }
    with space.store.catalog.write() as db:
        if db.execute("select 1 from model_training_runs where model_version = ?", [row["model_version"]]).fetchone():
            return  # another process restored it meanwhile
        run = db.table("model_training_runs").insert(row).last_pk
        db.table("model_training_snapshot_labels").insert_all(
            {
                "training_run_id": run,
                "snapshot_id": sample,
                "label_source": source,
                "label_value": value,
                "split": split,
                "included_at": known.created_at,
            }
            for sample, source, value, split in labels
        )
