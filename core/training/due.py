"""When a training is queued by itself: enough was answered since the last one that learnt from the answers.

One that failed or was cancelled learnt nothing, so its answers stay counted; the same answers are tried again once a
day at most. Who asks for a training gets one at once.
"""

from __future__ import annotations

import time

from core.training import jobs
from core.training.jobs import Job
from core.workspace import Workspace

LOST = ("Failed", "Cancelled")
AGAIN_S = 86400.0  # so that a training which cannot succeed takes the machine once a day


def trigger(space: Workspace, task: str) -> Job | None:
    """Queue a training if one is due (DESIGN 7), else None."""
    settings = space.settings.train
    if not settings.automatic:
        return None
    count, known = space.store.count_answered(task), jobs.every(space, task=task)
    if count < settings.minimum or since(space, task, count, known) < settings.every:
        return None
    return None if held_back(space, count, known) else jobs.submit(space, task)


def since(space: Workspace, task: str, count: int, known: list[Job]) -> int:
    """How many of `count` answered samples came after the last training that is done, runs or waits.

    Args:
        known: the task's trainings, newest first.
    """
    live = [job for job in known if job.state not in LOST]
    last = max(map(_answered, live), default=0)
    if count >= last:
        return count - last
    # Some were cleared, undone or deleted since, so the number alone does not say which are new.
    return sum(item.correction.at > live[0].created_at for item in space.store.answered(task))


def held_back(space: Workspace, count: int, known: list[Job]) -> bool:
    """Whether the newest training failed or was cancelled, and it is too early to try again by itself."""
    if not known or known[0].state not in LOST:
        return False
    newest = known[0]
    if count - _answered(newest) >= space.settings.train.every:
        return False
    return time.time() - (newest.completed_at or newest.created_at) < AGAIN_S


def _answered(job: Job) -> int:
    return int(job.params.get("answered", 0))
