"""A small good workspace that the fuzzer spoils copies of: answers in every journal, a version, a job, a backup."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from core import loop, registry, tasks
from core.backup import history
from core.store.identity import new_id, sample_id
from core.store.records import Correction, Prediction, Sample
from core.versions import FACTORY_FOLDER, to_json
from core.workspace import Workspace

BATCH = "0b0e5a1c-0000-4000-8000-00000000b000"
JOB = "20260101-000000-abc123"
VALUES: dict[str, Any] = {"scenes": "action", "speech": "bin blue at f two now", "ratings": 0.4}
JOURNALS = {"corrections.jsonl": "scenes", "samples.jsonl": "speech", "annotations.jsonl": "ratings"}
EACH = 3  # answers of each task
PROGRESS = {"at": 1.0, "progress": 30.0, "stage": "training", "eta_seconds": 9.0, "epoch": 1, "train_loss": 0.5,
            "val_loss": 0.6, "metrics": {"mae": 0.1}}  # fmt: skip
AUDIT = {"jobId": JOB, "userId": "u", "task": "ratings", "name": "n", "state": "Completed", "createdAt": 1.0,
         "startedAt": 2.0, "completedAt": 3.0, "modelVersion": "v1", "params": {"answered": 3}, "loss": 0.1,
         "epochs": 1,
         "annotationCount": 3, "durationSeconds": 1.0, "metrics": {"mae": 0.1}, "verdict": "accept", "reason": "r",
         "evidence": {}, "deployed": True, "losses": [0.1], "timings": {"training": 1.0}, "recipe": {}, "notes": [],
         "excluded": {}, "error": None, "system": {"cpus": 2}}  # fmt: skip
RUN = {"recipe": {"epochs": 1}, "manifest": f"jobs/{JOB}/manifest_full.csv", "manifest_hash": "0" * 64, "export": {},
       "excluded": {}, "base": "factory", "cross_validated": False}  # fmt: skip
EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("consent", {"task": "speech", "given": True}),
    ("labels", {"task": "scenes", "labels": ["action", "dialogue"]}),
    ("deployment", {"task": "ratings", "champion": "v1", "challenger": None, "reason": "r"}),
    ("triage", {"task": "ratings", "sample": "s", "state": "new", "set": "disagreements"}),
    ("look_alike", {"sample": "a", "seed": "b"}),
    ("automation", {"what": "rating", "rating": 9.0}),
    ("automation", {"what": "unlocked", "why": "w", "numbers": {}}),
    ("publish", {"id": "p1", "step": "asked", "request": {"id": "p1", "sample_id": "s", "platform": "x"}, "why": "w"}),
    ("publish", {"id": "p1", "step": "publishing", "by": "user"}),
    ("drill", {"id": "1", "ok": True, "checks": {"hashes": True}, "where": "w", "seconds": 1.0, "problems": []}),
    ("workspace", {"id": "0b0e5a1c-0000-4000-8000-000000000000"}),
)


def samples(task: str) -> list[Sample]:
    """The samples of a task, by their number."""
    return [
        Sample(
            id=sample_id(task, f"{number:064x}", "scene-1"), task=task, group=f"group-{number}",
            media=f"training_data/videos/{number}.avi", media_hash=f"{number:064x}", video_id=f"video-{number}",
            scene_id="scene-1", captured_at=float(number), extra={"file": f"{number}.avi", "measured_ms": 1.0},
        )
        for number in range(EACH)
    ]  # fmt: skip


def make(root: Path) -> Path:
    """The workspace, closed."""
    space = loop.open_workspace(root)
    for task in tasks.names():
        found = samples(task)
        space.store.add_samples(found)
        space.store.add_predictions([_said(sample) for sample in found])
        space.store.add_corrections([(sample, _answer(sample)) for sample in found])
    for kind, payload in EVENTS:
        space.store.note(kind, dict(payload))
    _version(space)
    _job(space)
    history.note(space, {"at": 1.0, "id": "1", "files": 1, "size": 1, "destinations": [{"where": "x", "error": None}]})
    space.close()
    return root


def _said(sample: Sample) -> Prediction:
    return Prediction(
        id=new_id(), sample=sample.id, task=sample.task, version="v1", kind="model", value=VALUES[sample.task],
        confidence=0.7, calibrated=False, raw={"probabilities": {"action": 0.7}}, runner_ups=(("dialogue", 0.2),),
        latency_ms=3.0, at=1.0,
    )  # fmt: skip


def _answer(sample: Sample) -> Correction:
    return Correction(id=new_id(), sample=sample.id, task=sample.task, value=VALUES[sample.task], at=2.0, batch=BATCH)


def _version(space: Workspace) -> None:
    card = registry.card(space, "ratings", "factory")
    mine = card.model_copy(update={"version": "v1", "job_id": JOB, "golden": {}, "sha256": {}})
    folder = space.models / "ratings"
    folder.mkdir()
    shutil.copy(FACTORY_FOLDER / "ratings.onnx", folder / "model_v1.onnx")
    (folder / "model_v1.json").write_text(to_json(mine))
    (folder / "active.json").write_text(registry.Pointer(champion="v1", previous=("factory",)).model_dump_json())
    (space.models / "training-audit.jsonl").write_text(json.dumps(AUDIT) + "\n")
    (space.models / "training_meta.json").write_text(json.dumps({"currentVersion": "v1", "tasks": {"ratings": {}}}))


def _job(space: Workspace) -> None:
    folder = space.jobs / JOB
    folder.mkdir()
    (folder / "progress.jsonl").write_text(json.dumps(PROGRESS) + "\n" + json.dumps(PROGRESS | {"progress": 60}) + "\n")
    (folder / "run.json").write_text(json.dumps(RUN))
    one = samples("ratings")[0]
    head = "snapshot_id,label_source,value,split,file\n"
    (folder / "manifest_full.csv").write_text(f"{head}{one.id},confirmed,0.4,train,{one.media}\n")
