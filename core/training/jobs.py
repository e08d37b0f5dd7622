"""Training jobs: a queue in the catalog, one folder each, and the rule that only one trains at a time.

A job is alive while a process holds the lock in its folder; its progress goes to `progress.jsonl`, which anybody may
follow. The worker is started detached, so closing the terminal does not stop it.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.errors import RushesError, WrongUseError
from core.files import locked, private_dir
from core.workspace import Workspace

State = Literal["Queued", "Running", "Completed", "Failed", "Cancelled"]
ENDED: frozenset[State] = frozenset({"Completed", "Failed", "Cancelled"})
WORKER_LOCK = "worker.lock"  # held while a worker lives
MOST_STARTS = 3  # a worker that dies so often while one job waits will not live the next time either
POLL_S = 0.2  # how often a follower looks at the progress file


@dataclass(frozen=True, slots=True)
class Job:
    """One queued, running or ended training (seed 002's job status, with ours beside it)."""

    job_id: str
    task: str
    state: State
    created_at: float
    name: str | None = None
    progress: float = 0.0  # 0..100
    stage: str = ""
    eta_seconds: float | None = None
    error: str | None = None
    started_at: float | None = None
    completed_at: float | None = None
    model_version: str | None = None
    metrics: dict[str, Any] | None = None
    params: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def folder(space: Workspace, job_id: str) -> Path:
    """The job's own folder."""
    return space.jobs / job_id


def submit(space: Workspace, task: str, *, params: dict[str, Any] | None = None, name: str | None = None) -> Job:
    """Queue a training of one task; if one is waiting, or already running on the same answers, that one."""
    answered = space.store.count_answered(task)
    with space.store.catalog.write() as db:
        for row in db.query("select * from jobs where task = ? and state in ('Queued', 'Running')", [task]):
            job = _job(space, row)
            if job.state == "Queued" or (job.params.get("answered") == answered and alive(space, job.job_id)):
                return job
        job_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        private_dir(folder(space, job_id))
        row: dict[str, Any] = {
            "job_id": job_id,
            "task": task,
            "state": "Queued",
            "priority": 0,
            "name": name,
            "params_json": json.dumps({"answered": answered, **(params or {})}),
            "created_at": time.time(),
        }
        db.table("jobs").insert(row)
    return get(space, job_id)


def trigger(space: Workspace, task: str) -> Job | None:
    """Queue a training if enough samples were answered since the last one was queued (DESIGN 7), else None."""
    settings = space.settings.train
    if not settings.automatic:
        return None
    count = space.store.count_answered(task)
    last = max((int(job.params.get("answered", 0)) for job in every(space, task=task)), default=0)
    # After a clearing the count starts again below what the last run saw.
    since = count - last if count >= last else count
    if count < settings.minimum or since < settings.every:
        return None
    return submit(space, task)


def pack(facts: dict[str, Any]) -> str:
    """Facts of an ended job as the catalog keeps them."""
    return json.dumps(facts, ensure_ascii=False)


def get(space: Workspace, job_id: str) -> Job:
    """One job.

    Raises:
        WrongUseError: there is none of that id.
    """
    with space.store.catalog.read() as db:
        rows = list(db.query("select * from jobs where job_id = ?", [job_id]))
    if not rows:
        raise WrongUseError(f"training job {job_id} does not exist", do="See: rushes jobs list")
    return _job(space, rows[0])


def every(space: Workspace, *, task: str | None = None, limit: int = 100) -> list[Job]:
    """Jobs, newest first."""
    with space.store.catalog.read() as db:
        rows = list(
            db.query(
                "select * from jobs where ? is null or task = ? order by created_at desc, job_id desc limit ?",
                [task, task, limit],
            )
        )
    return [_job(space, row) for row in rows]


def _job(space: Workspace, row: dict[str, Any]) -> Job:
    last = last_progress(space, row["job_id"])
    state: State = row["state"]
    return Job(
        job_id=row["job_id"],
        task=row["task"],
        state=state,
        created_at=row["created_at"],
        name=row["name"],
        progress=100.0 if state == "Completed" else float(last.get("progress", 0.0)),
        stage=str(last.get("stage", "")),
        eta_seconds=last.get("eta_seconds") if state == "Running" else None,
        error=row["error"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        model_version=row["model_version"],
        metrics=json.loads(row["metrics_json"]) if row["metrics_json"] else None,
        params=json.loads(row["params_json"] or "{}"),
    )


def change(space: Workspace, job_id: str, state: State, **columns: Any) -> None:
    """Record a job's new state."""
    now = time.time()
    columns |= {"state": state}
    if state == "Running":
        columns["started_at"] = now
    if state in ENDED:
        columns["completed_at"] = now
    with space.store.catalog.write() as db:
        db.table("jobs").update(job_id, columns)


def alive(space: Workspace, job_id: str) -> bool:
    """Whether some process holds the job's lock."""
    return _held(folder(space, job_id) / "lock")


def _held(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with locked(path, blocking=False):
            return False
    except BlockingIOError:
        return True


def next_queued(space: Workspace) -> Job | None:
    """The job to run next: highest priority, then oldest. Jobs whose process died are marked Failed on the way."""
    for job in every(space):
        if job.state == "Running" and not alive(space, job.job_id):
            change(space, job.job_id, "Failed", error="the training process ended without a word; train again")
    with space.store.catalog.read() as db:
        rows = list(
            db.query("select * from jobs where state = 'Queued' order by priority desc, created_at, job_id limit 1")
        )
    return _job(space, rows[0]) if rows else None


class Progress:
    """Appends lines to a job's `progress.jsonl`; a torn last line costs only itself."""

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        self.started = time.monotonic()

    def say(self, progress: float, stage: str, **more: Any) -> None:
        """Note how far the job is (0..100), what it is doing, and anything a screen may draw."""
        passed = time.monotonic() - self.started
        # The ETA assumes an even pace, which holds within the training band (20-80 %), the longest part.
        eta = passed * (100 - progress) / progress if progress >= 10 else None
        line = {"at": time.time(), "progress": round(progress, 2), "stage": stage, "eta_seconds": eta, **more}
        os.write(self.handle, json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        os.close(self.handle)


def progress_lines(space: Workspace, job_id: str) -> list[dict[str, Any]]:
    """All readable progress lines of a job, oldest first."""
    try:
        raw = (folder(space, job_id) / "progress.jsonl").read_bytes()
    except OSError:
        return []
    lines: list[dict[str, Any]] = []
    for line in raw.split(b"\n"):
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def last_progress(space: Workspace, job_id: str) -> dict[str, Any]:
    """The newest progress line, {} if there is none."""
    lines = progress_lines(space, job_id)
    return lines[-1] if lines else {}


def cancel(space: Workspace, job_id: str) -> Job:
    """Ask a job to stop. A queued one is cancelled at once; a running one sees the flag within a batch.

    Raises:
        WrongUseError: there is no such job, or it has ended.
    """
    job = get(space, job_id)
    if job.state in ENDED:
        raise WrongUseError(f"training job {job_id} has ended already ({job.state})")
    (folder(space, job_id) / "cancel").touch(mode=0o600)
    if job.state == "Queued":
        change(space, job_id, "Cancelled")
    return get(space, job_id)


def cancelled(space: Workspace, job_id: str) -> bool:
    """Whether somebody asked this job to stop."""
    return (folder(space, job_id) / "cancel").exists()


def ensure_worker(space: Workspace) -> bool:
    """Start a detached worker if none lives; it drains the queue and exits. Returns whether one was started.

    The lock that marks it alive is taken here and handed over, so that two callers never start two.

    Raises:
        RushesError: the process cannot be started.
    """
    try:
        with locked(space.jobs / WORKER_LOCK, blocking=False) as lock:
            _start_worker(space, lock.fileno())
    except BlockingIOError:
        return False
    return True


def _start_worker(space: Workspace, lock: int) -> None:
    private_dir(space.logs)
    log = os.open(space.logs / "worker.log", os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "core.worker", str(space.root), str(lock)],
            cwd=space.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
        )
    except OSError as error:
        raise RushesError(f"the training process cannot be started ({error.strerror})") from None
    finally:
        os.close(log)


def follow(space: Workspace, job_id: str) -> Iterator[Job]:
    """The job each time its progress file or state changes, until it has ended; whoever runs it.

    Raises:
        RushesError: the training process ends again and again without taking the job.
    """
    seen: tuple[int, str] | None = None
    starts = 0
    while True:
        job = get(space, job_id)
        path = folder(space, job_id) / "progress.jsonl"
        now = (path.stat().st_size if path.exists() else 0, job.state)
        if now != seen:
            seen = now
            yield job
        if job.state in ENDED:
            return
        if job.state == "Queued" or not alive(space, job_id):
            starts += ensure_worker(space)  # runs a queued job, marks one whose process died Failed
        if starts > MOST_STARTS:
            log = space.logs / "worker.log"
            raise RushesError("the training process ends before it takes the job", where=job_id, do=f"See {log}.")
        time.sleep(POLL_S)
