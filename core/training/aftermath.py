"""What is written when a training has ended: audit line first, then its state, so that neither can be missing.

Called by the training process itself, or by whoever notices that it is gone.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from core.log import logger
from core.training import audit, jobs, litter, progress, record
from core.training.jobs import Job, State
from core.workspace import Workspace


def settle(
    space: Workspace,
    job: Job,
    state: State,
    *,
    facts: dict[str, Any] | None = None,
    version: str | None = None,
    error: str | None = None,
    at: float | None = None,
) -> None:
    """Record the end of a job that this process ran or found dead; the caller holds its lock.

    Args:
        facts: see `audit.FACTS`.
        version: the version it made.
        at: when it ended, UTC seconds; now by default.
    """
    ended = time.time() if at is None else at
    known: dict[str, Any] = {"seconds": round(ended - (job.started_at or ended), 1)} | (facts or {})
    if state != "Completed":
        version = litter.clear(space, job.task, job.job_id, job.started_at or ended)
        if version:
            record.restore_runs(space)
            logger.warning("job %s had finished %s, which stays", job.job_id, version)
    done = replace(job, state=state, completed_at=ended, model_version=version, error=error)
    audit.append(space, audit.line(done, known, audit.system_of(jobs.folder(space, job.job_id))))
    _change(space, done, known if facts else None)
    logger.info("job %s ended: %s %s", job.job_id, state, error or "")


def settle_dead(space: Workspace, job: Job, *, was_cancelled: bool) -> None:
    """Record the end of a job whose process is gone; the caller holds its lock."""
    if known := audit.of(space, job.job_id):  # it died between its last two writes
        done = replace(
            job,
            state=known["state"],
            completed_at=known.get("completedAt"),
            model_version=known.get("modelVersion"),
            error=known.get("error"),
        )
        _change(space, done, audit.facts_of(known) if done.state == "Completed" else None)
        return
    last = progress.last(jobs.folder(space, job.job_id))
    where = f"at {last['progress']:.0f} % ({last.get('stage')})" if last else "before it began"
    again = f"start it again on the same answers: rushes jobs resume {job.job_id}"
    error = f"the training process was killed or crashed {where}; {again}"
    if was_cancelled:
        settle(space, job, "Cancelled")
    else:
        settle(space, job, "Failed", error=error, at=last.get("at"))


def _change(space: Workspace, done: Job, facts: dict[str, Any] | None) -> None:
    jobs.change(
        space,
        done.job_id,
        done.state,
        error=done.error,
        model_version=done.model_version,
        completed_at=done.completed_at,
        metrics_json=jobs.pack(facts) if facts else None,
    )
