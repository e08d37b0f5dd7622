"""The process that trains: `python -P -m core.worker WORKSPACE`. Takes queued jobs one by one, then exits.

One worker lives per workspace (it holds `jobs/worker.lock`); each job's progress and end are visible to everybody.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from core import loop
from core.errors import CancelledError, RushesError
from core.files import locked
from core.log import bug, logger, new_correlation
from core.training import aftermath, audit, control, jobs
from core.training.jobs import Job
from core.training.progress import Progress
from core.workspace import Workspace

KEPT = "kept"  # instead of a lock: torchrun, our parent, keeps it
DEAF_S = 2.0  # a signal meant for a cancelled job may come after that has ended
AFTER_TRAINING = ("evaluating", "exporting", "deploying")


class Orders:
    """SIGTERM and SIGINT: they end the training at once where that leaves nothing half-made, else after this job."""

    def __init__(self) -> None:
        self.told = False
        self.for_one = False  # it was meant for one job only: the queue goes on, in a fresh process
        self._listening = False
        self._deaf_until = 0.0

    def hear(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        del frame
        if time.monotonic() < self._deaf_until:
            return
        self.told = True
        if self._listening:
            self._listening = False
            raise CancelledError(f"the training process was told to stop ({signal.Signals(number).name})")

    @contextmanager
    def obeyed(self) -> Generator[None]:
        """Where the order takes effect at once.

        Raises:
            CancelledError: it came, or had come already.
        """
        if self.told:
            raise CancelledError("the training process was told to stop")
        self._listening = True
        try:
            yield
        finally:
            self._listening = False

    def end_one(self) -> None:
        """A job has ended because it was cancelled; what comes late for it is not meant for the next one."""
        self.for_one = self.told
        self._deaf_until = time.monotonic() + DEAF_S


orders = Orders()


def main(root: Path, lock: str | None = None) -> None:
    """Drain the queue of the workspace in `root`.

    Args:
        lock: file descriptor of the worker's lock, held already by whoever started this process; or `KEPT`.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, orders.hear)
    space = loop.open_workspace(root, create=False)
    if lock == KEPT:
        _together(space)
    else:
        _alone(space, None if lock is None else int(lock))
    space.close()


def _alone(space: Workspace, lock: int | None) -> None:
    if lock is not None:
        _drain(space)
        os.close(lock)
    # A job queued between the last look and the unlock would wait for nobody, so we look again after it.
    while not orders.told and jobs.next_queued(space):
        try:
            with locked(space.jobs / jobs.WORKER_LOCK, blocking=False):
                _drain(space)
        except BlockingIOError:
            break
    # An import that the order interrupted cannot be repeated, so the rest is left to a new process.
    if orders.for_one and jobs.next_queued(space):
        jobs.ensure_worker(space)


def _together(space: Workspace) -> None:
    """One of torchrun's processes: the leading one drains the queue, the others train along."""
    from core.training import distributed

    distributed.join()
    if distributed.rank() > 0:
        # They follow the leader; a signal ends them, as torchrun expects.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        distributed.follow(space)
    else:
        _drain(space)
        if orders.told:  # the others wait in the middle of a training: torchrun ends them when this one fails
            sys.exit(1)
    distributed.finish()


def _drain(space: Workspace) -> None:
    from core.training import record

    record.restore_jobs(space)
    record.restore_runs(space)
    while not orders.told and (job := jobs.next_queued(space)):
        run(space, job)


def run(space: Workspace, job: Job) -> None:
    """Run one job to its end, whatever that is; nothing happens if it was cancelled meanwhile."""
    new_correlation()
    folder = jobs.folder(space, job.job_id)
    with locked(folder / control.LOCK):
        control.write_pid(folder)
        if not jobs.start(space, job.job_id):
            return
        job = jobs.get(space, job.job_id)
        progress = Progress(folder / "progress.jsonl", after_s=_after_last(space, job.task))
        logger.info("job %s (%s) starts", job.job_id, job.task)
        try:
            facts, version = _arrows(space, job, progress)
            aftermath.settle(space, job, "Completed", facts=facts, version=version)
        except CancelledError as error:
            _stopped(space, job, error)
        except RushesError as error:
            aftermath.settle(space, job, "Failed", error=error.sentence())
        except OSError as error:
            reason = f"{error.filename or 'a file'}: {error.strerror or error}. Check the disk and who may write there."
            aftermath.settle(space, job, "Failed", error=reason)
        except Exception as error:  # the one place where a bug must become a job's state instead of ending the queue
            identity = bug(error)
            aftermath.settle(space, job, "Failed", error=f"an unexpected error; the log has it under {identity}")
        finally:
            progress.close()


def _stopped(space: Workspace, job: Job, error: CancelledError) -> None:
    if jobs.cancelled(space, job.job_id):
        aftermath.settle(space, job, "Cancelled")
        orders.end_one()
    else:
        again = f"start it again on the same answers: rushes jobs resume {job.job_id}"
        aftermath.settle(space, job, "Failed", error=f"{error.what}; {again}")


def _after_last(space: Workspace, task: str) -> float | None:
    """Seconds the last completed training of this task spent after its training band."""
    for job in jobs.every(space, task=task):
        timings: dict[str, float] = (job.metrics or {}).get("timings") or {}
        if job.state == "Completed" and timings:
            return sum(timings.get(stage, 0.0) for stage in AFTER_TRAINING)
    return None


def _arrows(space: Workspace, job: Job, progress: Progress) -> tuple[dict[str, Any], str]:
    """The loop's arrows from answers to a deployed version; returns the job's facts and the version."""
    from core import automation
    from core.training import meta, preflight, record
    from core.training.request import Request

    start = time.monotonic()
    folder = jobs.folder(space, job.job_id)

    def stop() -> bool:
        return orders.told or jobs.cancelled(space, job.job_id)

    def go_on(percent: float, stage: str, **more: Any) -> None:
        progress.say(percent, stage, **more)
        if stop():
            raise CancelledError("stopped")

    request = Request(
        speaker=job.params.get("speaker"),
        recipe=job.params.get("recipe") or {},
        frozen=jobs.frozen_manifest(space, job),
        folder=folder,
    )
    with orders.obeyed():
        preflight.require(space, job.task)
        audit.keep_system(folder)
        trained = loop.train(space, job.task, report=progress.say, stop=stop, request=request)
        go_on(80, "evaluating", notes=trained.notes)
        scored, verdict = loop.evaluate(space, trained, folder=folder)
        go_on(85, "exporting", **scored.metrics)
        record.plan(space, trained, request, job.job_id)
        card = loop.export(space, trained, scored, verdict, job=job)
    # The version is whole now; what is left takes less than a second and is better finished than undone.
    progress.say(95, "deploying")
    record.run_record(space, trained, card)
    deployed = loop.deploy(space, card, verdict)
    meta.write_meta(space, card)
    automation.refresh(space)  # a new version changes what the gate goes by
    progress.say(100, "done", version=card.version)
    facts = {
        "metrics": scored.metrics,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "evidence": verdict.evidence,
        "deployed": deployed,
        "seconds": round(time.monotonic() - start, 1),
        "n": len(trained.data.examples),
        "excluded": trained.data.excluded,
        "losses": [epoch.loss for epoch in trained.history if epoch.loss is not None],
        "notes": trained.notes,
        "timings": progress.timings,
        "recipe": trained.recipe.model_dump(),
    }
    return facts, card.version


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
