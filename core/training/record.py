"""What is written down of a run: seed 004's provenance, seed 002's audit line, seed 000's training_meta.json."""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from core import registry, tasks
from core.files import fsync_dir, locked, write_atomic
from core.registry import Card
from core.training.run import Trained
from core.workspace import Workspace

Json = dict[str, Any]


def run_record(space: Workspace, trained: Trained, known: Card, seconds: float) -> None:
    """Which labels this version learnt from (`model_training_runs`, `model_training_snapshot_labels`)."""
    params = {
        "recipe": trained.recipe.model_dump(),
        "manifest_hash": trained.data.hash,
        "excluded": trained.data.excluded,
        "base": trained.base,
        "cross_validated": trained.data.cross_validated,
        "metrics": known.metrics,
        "seconds": round(seconds, 1),
        "sha256": known.sha256,
    }
    now = time.time()
    with space.store.catalog.write() as db:
        run_id = (
            db.table("model_training_runs")
            .insert(
                {
                    "model_version": f"{known.task}/{known.version}",
                    "trained_at": now,
                    "params_json": json.dumps(params, sort_keys=True),
                    "notes": "; ".join(trained.notes),
                    "task": known.task,
                    "job_id": known.job_id,
                }
            )
            .last_pk
        )
        db.table("model_training_snapshot_labels").insert_all(
            {
                "training_run_id": run_id,
                "snapshot_id": example.answered.sample.id,
                "label_source": example.answered.correction.label_source,
                "label_value": str(example.truth),
                "included_at": now,
            }
            for example in trained.data.examples
        )


def audit(space: Workspace, line: Json) -> None:
    """Append one line to `models/training-audit.jsonl`, durably, with the machine it ran on (seed 002)."""
    path = space.models / "training-audit.jsonl"
    with locked(path) as file:
        file.seek(0, os.SEEK_END)
        file.write(json.dumps(line | {"system": _system()}, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fsync_dir(path.parent)


def _system() -> Json:
    import psutil
    import torch

    return {
        "os": platform.platform(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "cpus": os.cpu_count(),
        "ram_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    }


def history(space: Workspace) -> list[Json]:
    """All readable audit lines, oldest first."""
    try:
        raw = (space.models / "training-audit.jsonl").read_text()
    except OSError:
        return []
    lines: list[Json] = []
    for line in raw.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def write_meta(space: Workspace, known: Card | None = None) -> None:
    """Seed 000's training_meta.json; scenes at the top, the other tasks under `tasks`. What is unknown is null."""
    path = space.models / "training_meta.json"
    with locked(space.models / ".meta.lock"):
        try:
            meta: Json = json.loads(path.read_text())
        except (OSError, ValueError):
            meta = {}
        others: Json = meta.get("tasks", {})
        for name in tasks.names():
            entry = _entry(space, name, others.get(name, meta if name == "scenes" else {}), known)
            if name == "scenes":
                meta = entry
            else:
                others[name] = entry
        write_atomic(path, json.dumps(meta | {"tasks": others}, indent=2))


def _entry(space: Workspace, name: str, before: Json, known: Card | None) -> Json:
    answered = space.store.answered(name)
    fresh = known if known and known.task == name else None
    task = tasks.get(name)
    accuracy = fresh.metrics.get(task.primary) if fresh else before.get("currentAccuracy")
    if fresh and task.primary == "accuracy" and accuracy is not None:
        accuracy = round(100 * accuracy, 1)  # the seed writes per cent
    entry: Json = {
        "currentVersion": registry.pointer(space, name).champion,
        "totalCorrections": len(answered),
        "currentAccuracy": accuracy,
        "systemRating": before.get("systemRating"),
        "overrideRate": override_rate([item.correction.raw_correct for item in answered]),
        "meanHookConfidence": before.get("meanHookConfidence"),
        "lastTraining": _utc(time.time()) if fresh else before.get("lastTraining"),
        "lastBackup": before.get("lastBackup"),
        "automationUnlocked": bool(before.get("automationUnlocked", False)),
        "stratification": dict(Counter(str(item.correction.value) for item in answered))
        if task.kind == "label"
        else {},
    }
    return entry


def override_rate(right: Sequence[bool | None]) -> float | None:
    """Per cent of judged answers that the user overrode; None when nothing was judged."""
    judged = [value for value in right if value is not None]
    return round(100 * sum(not value for value in judged) / len(judged), 1) if judged else None


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
