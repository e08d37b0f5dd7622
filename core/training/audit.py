"""The audit log `models/training-audit.jsonl` (seed 002): a line per ended training, and statistics over them."""

from __future__ import annotations

import getpass
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import untrusted
from core.files import fsync_dir, locked, write_atomic
from core.versions import JOB_ID
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.training.jobs import Job

Json = dict[str, Any]
NAME = "training-audit.jsonl"
SYSTEM = "system.json"  # in a job's folder: the machine it ran on, for whoever notices its death
# A job's facts (`metrics_json`) and their names in the audit line.
FACTS = {"n": "annotationCount", "seconds": "durationSeconds", "metrics": "metrics", "verdict": "verdict",
         "reason": "reason", "evidence": "evidence", "deployed": "deployed", "losses": "losses",
         "timings": "timings", "recipe": "recipe", "notes": "notes",
         "excluded": "excluded"}  # fmt: skip


def line(job: Job, facts: Json, system: Json) -> Json:
    """Seed 002's record of one run: who and when, model, metrics, machine, error, notes.

    Args:
        job: with its final state, version and error.
        facts: what is known of it, by the keys of `FACTS`; what is unknown becomes null.
    """
    losses: list[float] = facts.get("losses") or []
    return {
        "jobId": job.job_id,
        "userId": _user(),
        "task": job.task,
        "name": job.name,
        "state": job.state,
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "completedAt": job.completed_at,
        "modelVersion": job.model_version,
        "modelPath": job.model_path,
        "params": job.params,
        "loss": losses[-1] if losses else None,
        "epochs": len(losses),
        **{ours: facts.get(name) for name, ours in FACTS.items()},
        "error": job.error,
        "system": system,
    }


def facts_of(known: Json) -> Json:
    """A job's facts as its audit line has them: the way back of `line`."""
    return {name: known[ours] for name, ours in FACTS.items() if known.get(ours) is not None}


def append(space: Workspace, entry: Json) -> None:
    """Add one line durably; a torn one before it stays a line of its own."""
    path = space.models / NAME
    with locked(path) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fsync_dir(path.parent)


def history(space: Workspace, limit: int | None = None) -> list[Json]:
    """All readable lines, oldest first; with `limit` the newest so many."""
    try:
        raw = (space.models / NAME).read_bytes()
    except OSError:
        return []
    found: list[Json] = []
    for part in raw.split(b"\n"):
        try:
            entry: Any = untrusted.loads(part)
        except ValueError:
            continue
        if isinstance(entry, dict) and _is_usable(cast("Json", entry)):
            found.append(cast("Json", entry))
    return found if limit is None else found[max(0, len(found) - limit) :]


class _Params(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    answered: int = 0
    speaker: str | None = None
    recipe: dict[str, Any] | None = None
    resumes: str | None = None


class _Entry(BaseModel):
    """What a line must be so that anything can be worked out from it: the log may have been written to by anybody."""

    model_config = ConfigDict(strict=True, extra="allow")

    jobId: Annotated[str, Field(pattern=f"^{JOB_ID}$")]  # noqa: N815 - seed 002's names
    task: str | None = None
    state: str | None = None
    name: str | None = None
    modelVersion: Annotated[str, Field(pattern=r"^v\d+$")] | None = None  # noqa: N815
    error: str | None = None
    verdict: str | None = None
    reason: str | None = None
    createdAt: float | None = None  # noqa: N815
    startedAt: float | None = None  # noqa: N815
    completedAt: float | None = None  # noqa: N815
    durationSeconds: float | None = None  # noqa: N815
    annotationCount: int | None = None  # noqa: N815
    params: _Params | None = None
    metrics: dict[str, float | None] | None = None
    timings: dict[str, float] | None = None
    evidence: dict[str, Any] | None = None
    recipe: dict[str, Any] | None = None
    system: dict[str, Any] | None = None
    excluded: dict[str, int] | None = None
    losses: list[float] | None = None
    notes: list[str] | None = None
    deployed: bool | None = None


def _is_usable(entry: Json) -> bool:
    try:
        _Entry.model_validate(entry)
    except ValidationError:
        return False
    return True


def of(space: Workspace, job_id: str) -> Json | None:
    """The newest line of one job."""
    return next((entry for entry in reversed(history(space)) if entry["jobId"] == job_id), None)


def statistics(entries: Sequence[Json]) -> Json:
    """Seed 002's statistics: counts by outcome, average and total training time in seconds, first and last run.

    The average is over runs whose duration is known; times are UTC seconds since 1970, None without runs.
    """
    states = [entry.get("state") for entry in entries]
    lasted = [float(entry["durationSeconds"]) for entry in entries if entry.get("durationSeconds") is not None]
    times = [float(entry["startedAt"]) for entry in entries if entry.get("startedAt") is not None]
    return {
        "total": len(entries),
        "successful": states.count("Completed"),
        "failed": states.count("Failed"),
        "cancelled": states.count("Cancelled"),
        "average_seconds": round(sum(lasted) / len(lasted), 1) if lasted else None,
        "total_seconds": round(sum(lasted), 1),
        "first_at": min(times, default=None),
        "last_at": max(times, default=None),
    }


def keep_system(folder: Path) -> None:
    """Write down, at a training's start, the machine it runs on."""
    import torch  # the training process loads it anyway

    write_atomic(folder / SYSTEM, json.dumps(_system() | {"torch": str(torch.__version__)}, indent=1))


def system_of(folder: Path) -> Json:
    """The machine a job ran on; this one if the job died before it wrote that down."""
    try:
        found: Any = untrusted.read(folder / SYSTEM)
    except (OSError, ValueError):
        return _system()
    return cast("Json", found) if isinstance(found, dict) else _system()


def _system() -> Json:
    import psutil

    torch = sys.modules.get("torch")  # 2.6 s; whoever only notices a death does not load it
    return {
        "os": platform.platform(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "cpus": os.cpu_count(),
        "ram_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": torch.cuda.get_device_name(0) if torch is not None and torch.cuda.is_available() else None,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may have no name for its user
        return str(os.getuid())
