"""The short looks the scheduler takes by itself: is a training due, is the gate still unlocked."""

from __future__ import annotations

from core import automation as gate
from core import loop, tasks
from core.training import jobs
from core.workspace import Workspace


def training(space: Workspace, name: str) -> str:
    """Queue what is due and see that a worker lives while a job waits; one that died is marked by the next."""
    del name
    queued = [job.task for task in tasks.names() if (job := loop.maybe_train(space, task))]
    waiting = [job for job in jobs.every(space) if job.state not in jobs.ENDED]
    started = bool(waiting) and jobs.ensure_worker(space)
    said = f"queued a training of {', '.join(queued)}" if queued else "no training is due"
    return f"{said}; started the training process" if started else said


def automation(space: Workspace, name: str) -> str:
    """Measure the gate again; a change is written down."""
    del name
    return "unlocked" if gate.refresh(space)["unlocked"] else "locked"
