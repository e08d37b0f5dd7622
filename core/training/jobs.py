"""Training jobs: a queue in the catalog, one folder each, and the rule that only one trains at a time.

A job is alive while a process holds the lock in its folder (`core.training.control`); how far it is stands in its
progress file (`core.training.progress`), which anybody may follow.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.errors import RushesError, WrongUseError
from core.files import locked, private_dir
from core.log import logger
from core.training import control, progress
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

State = Literal["Queued", "Running", "Completed", "Failed", "Cancelled"]
ENDED: frozenset[State] = frozenset({"Completed", "Failed", "Cancelled"})
WISHES = ("speaker", "recipe", "resumes")  # params that make one training another one
WORKER_LOCK = "worker.lock"  # held while a worker lives
MOST_STARTS = 3  # a worker that dies so often while one job waits will not live the next time either
POLL_S = 0.2  # how often a follower looks; one look costs less than a millisecond


@dataclass(frozen=True, slots=True)
class Job:
    """One queued, running or ended training (seed 002's job status, with ours beside it)."""

    job_id: str
    task: str
    state: State
    created_at: float
    name: str | None = None
    priority: int = 0
    progress: float = 0.0  # 0..100
    stage: str = ""
    eta_seconds: float | None = None
    error: str | None = None
    started_at: float | None = None
    completed_at: float | None = None
    model_version: str | None = None
    metrics: dict[str, Any] | None = None
    params: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def model_path(self) -> str | None:
        """The version's file, relative to the workspace."""
        return f"models/{self.task}/model_{self.model_version}.onnx" if self.model_version else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"model_path": self.model_path}


def folder(space: Workspace, job_id: str) -> Path:
    """The job's own folder."""
    return space.jobs / job_id


# The queue


def submit(
    space: Workspace,
    task: str,
    *,
    params: dict[str, Any] | None = None,
    name: str | None = None,
    priority: int = 0,
) -> Job:
    """Queue a training of one task; if the same one is waiting, or running on the same answers, that one.

    Args:
        params: what `core.training.request.Request` knows: speaker, recipe, resumes.
        priority: higher goes first; a waiting job keeps the higher one.
    """
    wanted = {"answered": space.store.count_answered(task), **(params or {})}
    with space.store.catalog.write() as db:
        job_id = _same(space, db, task, wanted, name, priority) or _insert(space, db, task, wanted, name, priority)
    return get(space, job_id)


def _same(
    space: Workspace, db: Database, task: str, wanted: dict[str, Any], name: str | None, priority: int
) -> str | None:
    for row in list(db.query("select * from jobs where task = ? and state in ('Queued', 'Running')", [task])):
        params = json.loads(row["params_json"] or "{}")
        if any(params.get(wish) != wanted.get(wish) for wish in WISHES):
            continue
        if row["state"] == "Queued":
            changed = {"priority": max(priority, row["priority"]), "name": name or row["name"]}
            db.table("jobs").update(row["job_id"], changed)
            return row["job_id"]
        if params.get("answered") == wanted["answered"] and alive(space, row["job_id"]):
            return row["job_id"]
    return None


def _insert(space: Workspace, db: Database, task: str, wanted: dict[str, Any], name: str | None, priority: int) -> str:
    job_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    private_dir(folder(space, job_id))
    row: dict[str, Any] = {
        "job_id": job_id,
        "task": task,
        "state": "Queued",
        "priority": priority,
        "name": name,
        "params_json": json.dumps(wanted),
        "created_at": time.time(),
    }
    db.table("jobs").insert(row)
    return job_id


def resume(space: Workspace, job_id: str) -> Job:
    """Queue a failed or cancelled training again, on the very corrections its manifest froze.

    Raises:
        WrongUseError: there is no such job, it was completed, or it has not ended.
    """
    notice_dead(space)
    old = get(space, job_id)
    if old.state not in ("Failed", "Cancelled"):
        raise WrongUseError(
            f"training job {job_id} cannot be resumed: it is {old.state.lower()}",
            do="Only failed and cancelled ones can; see: rushes jobs list",
        )
    kept = {name: old.params[name] for name in ("answered", "speaker", "recipe") if name in old.params}
    return submit(space, old.task, params={**kept, "resumes": job_id}, name=old.name, priority=old.priority)


def frozen_manifest(space: Workspace, job: Job) -> Path | None:
    """The manifest a resumed job must learn from; None where the earlier ones died before they wrote one."""
    seen: set[str] = set()
    while (earlier := job.params.get("resumes")) and earlier not in seen:
        seen.add(earlier)
        if (found := folder(space, earlier) / "manifest_full.csv").exists():
            return found
        job = get(space, earlier)
    return None


def next_queued(space: Workspace) -> Job | None:
    """The job to run next: highest priority, then oldest. Jobs whose process died are marked on the way."""
    notice_dead(space)
    with space.store.catalog.read() as db:
        rows = list(
            db.query("select * from jobs where state = 'Queued' order by priority desc, created_at, job_id limit 1")
        )
    return _job(space, rows[0]) if rows else None


# Reading


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
    running = row["state"] == "Running"
    last = progress.last(folder(space, row["job_id"])) if running else row
    return Job(
        job_id=row["job_id"],
        task=row["task"],
        state=row["state"],
        created_at=row["created_at"],
        name=row["name"],
        priority=row["priority"] or 0,
        progress=float(last.get("progress") or 0.0),
        stage=str(last.get("stage") or ""),
        eta_seconds=_eta(last) if running else None,
        error=row["error"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        model_version=row["model_version"],
        metrics=json.loads(row["metrics_json"]) if row["metrics_json"] else None,
        params=json.loads(row["params_json"] or "{}"),
    )


def _eta(last: dict[str, Any]) -> float | None:
    """What is left now of what was left when the line was written."""
    eta, at = last.get("eta_seconds"), last.get("at")
    if not isinstance(eta, int | float) or not isinstance(at, int | float):
        return None
    return round(max(0.0, eta - max(0.0, time.time() - at)), 1)


def progress_lines(space: Workspace, job_id: str) -> list[dict[str, Any]]:
    """All readable progress lines of a job, oldest first."""
    return progress.lines(folder(space, job_id))


# States


def start(space: Workspace, job_id: str) -> bool:
    """Take a waiting job; False if it was cancelled meanwhile. The caller holds the job's lock."""
    with space.store.catalog.write() as db:
        taken = db.execute(
            "update jobs set state = 'Running', started_at = ? where job_id = ? and state = 'Queued'",
            [time.time(), job_id],
        )
        return taken.rowcount == 1


def change(space: Workspace, job_id: str, state: State, **columns: Any) -> None:
    """Record a job's new state; an ended one keeps how far it came."""
    now = time.time()
    columns |= {"state": state}
    if state == "Running":
        columns["started_at"] = now
    if state in ENDED:
        last = progress.last(folder(space, job_id))
        done = 100.0 if state == "Completed" else last.get("progress", 0.0)
        columns = {"completed_at": now, "progress": done, "stage": last.get("stage", "")} | columns
    with space.store.catalog.write() as db:
        db.table("jobs").update(job_id, columns)


def pack(facts: dict[str, Any]) -> str:
    """Facts of an ended job as the catalog keeps them."""
    return json.dumps(facts, ensure_ascii=False)


def alive(space: Workspace, job_id: str) -> bool:
    """Whether some process holds the job's lock."""
    return control.held(folder(space, job_id) / control.LOCK)


def notice_dead(space: Workspace) -> list[Job]:
    """Mark running jobs whose process is gone as Failed (Cancelled where that was asked); returns those jobs.

    The queue goes on in another process. Cheap while nothing runs; whoever shows jobs calls it.
    """
    if space.store.catalog.in_memory:
        return []
    with space.store.catalog.read() as db:
        running = [row["job_id"] for row in db.query("select job_id from jobs where state = 'Running'")]
    dead = [get(space, job_id) for job_id in running if not alive(space, job_id) and _bury(space, job_id)]
    if dead:
        _go_on(space)
    return dead


def _go_on(space: Workspace) -> None:
    """See that a worker lives while jobs wait; where none can be started they wait for the next start."""
    try:
        if any(job.state == "Queued" for job in every(space)):
            ensure_worker(space)
    except RushesError as error:
        logger.error("the queue waits: %s", error)


def _bury(space: Workspace, job_id: str) -> bool:
    """Mark one dead job, once, whoever else noticed; the job's lock decides who does."""
    from core.training import aftermath

    try:
        with locked(folder(space, job_id) / control.LOCK, blocking=False):
            job = get(space, job_id)
            if job.state != "Running":
                return False
            aftermath.settle_dead(space, job, was_cancelled=cancelled(space, job_id))
            return True
    except BlockingIOError:
        return False


def cancelled(space: Workspace, job_id: str) -> bool:
    """Whether somebody asked this job to stop."""
    return (folder(space, job_id) / control.CANCEL).exists()


# Processes


def cancel(space: Workspace, job_id: str) -> Job:
    """Stop a job: a waiting one at once, a running one within about 2 s, by force if need be (DESIGN 7).

    Blocks for little more than 2 s (4 on a busy machine); the rest of the queue goes on in another process where this
    one had to be killed.

    Raises:
        WrongUseError: there is no such job, or it has ended.
    """
    notice_dead(space)
    job = get(space, job_id)
    if job.state in ENDED:
        raise WrongUseError(f"training job {job_id} has ended already ({job.state})")
    private_dir(folder(space, job_id))
    (folder(space, job_id) / control.CANCEL).touch(mode=0o600)
    with space.store.catalog.write() as db:
        waited = db.execute(
            "update jobs set state = 'Cancelled', completed_at = ? where job_id = ? and state = 'Queued'",
            [time.time(), job_id],
        ).rowcount
    if not waited and control.stop(folder(space, job_id)) and not notice_dead(space):
        _go_on(space)
    return get(space, job_id)


def ensure_worker(space: Workspace) -> bool:
    """Start a detached worker if none lives; it drains the queue and exits. Returns whether one was started.

    The lock that marks it alive is taken here and handed over, so that two callers never start two.

    Raises:
        RushesError: the process cannot be started.
    """
    try:
        with locked(space.jobs / WORKER_LOCK, blocking=False) as lock:
            control.start_worker(space.root, space.logs, lock.fileno(), space.settings.train.processes)
    except BlockingIOError:
        return False
    return True


def follow(space: Workspace, job_id: str) -> Iterator[Job]:
    """The job each time its progress file or state changes, until it has ended; whoever runs it.

    Raises:
        RushesError: the training process ends again and again without taking the job, or is gone and that cannot be
            written down.
    """
    seen: object = None
    starts = 0
    while True:
        stamp = progress.stamp(folder(space, job_id))
        job = get(space, job_id)
        if (stamp, job.state) != seen:
            seen = (stamp, job.state)
            yield job
        if job.state in ENDED:
            return
        if job.state == "Queued":
            starts += ensure_worker(space)
        elif not alive(space, job_id):
            if space.store.catalog.in_memory:
                raise RushesError("the training process is gone, and the workspace cannot be written", where=job_id)
            notice_dead(space)
        if starts > MOST_STARTS:
            log = space.logs / "worker.log"
            raise RushesError("the training process ends before it takes the job", where=job_id, do=f"See {log}.")
        time.sleep(POLL_S)
