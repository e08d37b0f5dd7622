"""The process that trains: `python -P -m core.worker WORKSPACE`. Takes queued jobs one by one, then exits.

One worker lives per workspace (it holds `jobs/worker.lock`); each job's progress and end are visible to everybody.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from core import loop
from core.errors import CancelledError, RushesError
from core.files import locked, write_atomic
from core.log import bug, logger, new_correlation
from core.training import jobs
from core.workspace import Workspace


def main(root: Path, lock: int | None = None) -> None:
    """Drain the queue of the workspace in `root`.

    Args:
        lock: file descriptor of the worker's lock, held already by whoever started this process.
    """
    space = loop.open_workspace(root, create=False)
    if lock is not None:
        _drain(space)
        os.close(lock)
    # A job queued between the last look and the unlock would wait for nobody, so we look again after it.
    while jobs.next_queued(space):
        try:
            with locked(space.jobs / jobs.WORKER_LOCK, blocking=False):
                _drain(space)
        except BlockingIOError:
            break
    space.close()


def _drain(space: Workspace) -> None:
    while job := jobs.next_queued(space):
        run(space, job)


def run(space: Workspace, job: jobs.Job) -> None:
    """Run one job to its end, whatever that is."""
    new_correlation()
    with locked(jobs.folder(space, job.job_id) / "lock"):
        write_atomic(jobs.folder(space, job.job_id) / "pid", str(os.getpid()))
        jobs.change(space, job.job_id, "Running")
        progress = jobs.Progress(jobs.folder(space, job.job_id) / "progress.jsonl")
        logger.info("job %s (%s) starts", job.job_id, job.task)
        try:
            _arrows(space, job, progress)
        except CancelledError:
            jobs.change(space, job.job_id, "Cancelled")
        except RushesError as error:
            logger.warning("job %s failed: %s", job.job_id, error)
            jobs.change(space, job.job_id, "Failed", error=error.sentence())
        except Exception as error:  # the one place where a bug must become a job's state instead of ending the queue
            identity = bug(error)
            jobs.change(space, job.job_id, "Failed", error=f"an unexpected error; the log has it under {identity}")
        finally:
            progress.close()
        _note_end(space, jobs.get(space, job.job_id))


def _arrows(space: Workspace, job: jobs.Job, progress: jobs.Progress) -> None:
    from core.training import record
    from core.training.request import Request

    start = time.monotonic()

    def stop() -> bool:
        return jobs.cancelled(space, job.job_id)

    request = Request(folder=jobs.folder(space, job.job_id))
    trained = loop.train(space, job.task, report=progress.say, stop=stop, request=request)
    progress.say(80, "evaluating", notes=trained.notes)
    metrics, verdict = loop.evaluate(space, trained)
    progress.say(85, "exporting", **metrics)
    card = loop.export(space, trained, metrics, verdict, job_id=job.job_id)
    record.run_record(space, trained, card, time.monotonic() - start)
    progress.say(95, "deploying")
    deployed = loop.deploy(space, card, verdict)
    record.write_meta(space, card)
    facts: dict[str, Any] = {
        "metrics": metrics,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "deployed": deployed,
        "seconds": round(time.monotonic() - start, 1),
        "n": len(trained.data.examples),
        "losses": [epoch.loss for epoch in trained.history if epoch.loss is not None],
        "notes": trained.notes,
    }
    progress.say(100, "done", version=card.version)
    jobs.change(space, job.job_id, "Completed", model_version=card.version, metrics_json=jobs.pack(facts))


def _note_end(space: Workspace, job: jobs.Job) -> None:
    from core.training import record

    known = job.metrics or {}
    losses = known.get("losses") or [None]
    record.audit(
        space,
        {
            "jobId": job.job_id,
            "task": job.task,
            "state": job.state,
            "startedAt": job.started_at,
            "completedAt": job.completed_at,
            "annotationCount": known.get("n"),
            "modelVersion": job.model_version,
            "loss": losses[-1],
            "epochs": len(losses) if known else 0,
            "durationSeconds": known.get("seconds"),
            "metrics": known.get("metrics"),
            "verdict": known.get("verdict"),
            "error": job.error,
            "notes": known.get("notes"),
        },
    )
    logger.info("job %s ended: %s %s", job.job_id, job.state, job.error or "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
