"""What the Training screen shows: the queue, past trainings, and one of them with its curves, log and analysis.

Reads the jobs' progress files, whoever runs them; torch is never loaded here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from core.tasks.base import Task
    from core.training.analysis import Analysis
    from core.training.jobs import Job
    from core.training.preflight import Preflight
    from core.workspace import Workspace

Better = Literal["↑", "↓", ""]
MOST_STEPS = 200  # lines of one log; a training of 10,000 clips writes as many lines of measuring alone
REPORT = "report.html"
LARGEST = 1e11  # of any number in a progress line; calendars end before


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a log: an epoch, or a stage with the percentage it has come to.

    Attributes:
        at: UTC seconds.
        epoch, epochs: which of how many; None where the line tells of no epoch.
        score: the task's primary metric on the validation side.
    """

    at: float
    progress: float
    stage: str
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    score: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """Values by epoch, and what they are of."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One measure over the epochs.

    Attributes:
        now: of the newest stage that has values, or the mean of all folds once they are done; None before any value.
        before: the mean of the folds of a cross-validation that came before; None where there were none.
        better: which way is better, where that has to be said.
        epochs: planned, the right end of the axis.
    """

    title: str
    better: Better
    now: Trace | None
    before: Trace | None
    epochs: int


@dataclass(frozen=True, slots=True)
class Detail:
    """One training.

    Attributes:
        metric: the task's primary metric.
        charts: training loss, and the metric on the validation side.
        report: where the page with the scores lies, relative to the workspace; None where there is none.
    """

    job: Job
    metric: str
    steps: tuple[Step, ...]
    charts: tuple[Chart, Chart]
    analysis: Analysis | None
    report: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """Everything the screen shows.

    Attributes:
        task: the task that is worked on; the jobs are of all tasks.
        jobs: what runs, then what waits in the order in which it will run, then what has ended, newest first.
        detail: the chosen training; None where there are none.
        answered, minimum: how many samples of the task are answered, and how many a training needs.
        worker: whether a training process lives that takes what waits.
        at: when this was read, UTC seconds.
    """

    task: str
    jobs: tuple[Job, ...]
    detail: Detail | None
    answered: int
    minimum: int
    worker: bool
    at: float

    @property
    def running(self) -> Job | None:
        return next((job for job in self.jobs if job.state == "Running"), None)

    @property
    def waiting(self) -> int:
        return sum(job.state == "Queued" for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Checked:
    """A preflight.

    Attributes:
        seconds: what a training on `answered` samples would take; None where it was never measured here.
    """

    task: str
    found: Preflight
    answered: int
    seconds: float | None


def take(space: Workspace, task: str, chosen: str | None = None) -> Training:
    """Read everything; takes milliseconds, but call it from a thread.

    Args:
        chosen: the training to show; by default what runs, else the newest.
    """
    from core.training import control, jobs

    space.store.refresh()
    jobs.notice_dead(space)
    listed = in_order(jobs.every(space))
    picked = next((job for job in listed if job.job_id == chosen), listed[0] if listed else None)
    return Training(
        task=task,
        jobs=listed,
        detail=None if picked is None else detail(space, picked),
        answered=space.store.count_answered(task),
        minimum=space.settings.train.minimum,
        worker=control.held(space.jobs / jobs.WORKER_LOCK),
        at=time.time(),
    )


def in_order(listed: Sequence[Job]) -> tuple[Job, ...]:
    """What runs, what waits (most urgent first, then oldest), what has ended (newest first)."""
    running = [job for job in listed if job.state == "Running"]
    waiting = [job for job in listed if job.state == "Queued"]
    ended = [job for job in listed if job.state not in ("Running", "Queued")]
    waiting.sort(key=lambda job: (-job.priority, job.created_at, job.job_id))
    ended.sort(key=lambda job: job.completed_at or job.created_at, reverse=True)
    return (*running, *waiting, *ended)


def detail(space: Workspace, job: Job) -> Detail:
    """One training with its curves, its log, and what it was worth once it has completed."""
    from core import tasks
    from core.training import analysis, jobs, progress

    owner, folder = tasks.get(job.task), jobs.folder(space, job.job_id)
    told = _steps(folder, progress.stamp(folder), owner.primary)
    report = folder / REPORT
    return Detail(
        job=job,
        metric=owner.primary,
        steps=shortened(told),
        charts=charts(owner, told),
        analysis=analysis.analyse(space, job.job_id) if job.state == "Completed" else None,
        report=str(report.relative_to(space.root)) if report.exists() else None,
    )


def check(space: Workspace, task: str) -> Checked:
    """Look at what a training of the task needs; without the GPU, which only the training process may look for."""
    from core.training import estimate, preflight

    answered = space.store.count_answered(task)
    found = preflight.check(space, task, gpu=False)
    return Checked(task, found, answered, estimate.seconds(space, task, max(answered, space.settings.train.minimum)))


@lru_cache(maxsize=8)  # a running training is looked at every second, and most of its lines were there before
def _steps(folder: Path, stamp: tuple[int, ...], metric: str) -> tuple[Step, ...]:
    """All lines of a progress file; `stamp` is the file's, so that a longer file is read again."""
    from core.training import progress

    del stamp
    return tuple(step(line, metric) for line in progress.lines(folder))


def step(line: dict[str, Any], metric: str) -> Step:
    """A progress line; what is missing or of another kind in it is None."""
    notes = line.get("notes")
    epoch, epochs = _number(line.get("epoch")), _number(line.get("epochs"))
    return Step(
        at=_number(line.get("at")) or 0.0,
        progress=_number(line.get("progress")) or 0.0,
        stage=str(line.get("stage") or ""),
        epoch=None if epoch is None else int(epoch),
        epochs=None if epochs is None else int(epochs),
        loss=_number(line.get("loss")),
        score=_number(line.get(metric)),
        notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
    )


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > LARGEST:
        return None
    return None if math.isnan(value) else float(value)


def shortened(told: Sequence[Step]) -> tuple[Step, ...]:
    """The log's lines: of lines in a row that only count on one stage the newest, and the newest few hundred in all."""
    kept: list[Step] = []
    for one in told:
        counts_on = kept and kept[-1].stage == one.stage and kept[-1].epoch is None and not kept[-1].notes
        if counts_on and one.epoch is None:
            kept[-1] = one
        else:
            kept.append(one)
    return tuple(kept[-MOST_STEPS:])


def charts(owner: Task, told: Sequence[Step]) -> tuple[Chart, Chart]:
    """Training loss and validation metric over the epochs of each stage."""
    stages: dict[str, list[Step]] = {}
    for one in told:
        if one.epoch is not None:
            stages.setdefault(one.stage, []).append(one)
    epochs = max((one.epochs or one.epoch or 0 for steps in stages.values() for one in steps), default=0)
    better = "↑" if owner.higher_is_better else "↓"
    losses = [_trace(stage, [(one.epoch, one.loss) for one in steps]) for stage, steps in stages.items()]
    scores = [_trace(stage, [(one.epoch, one.score) for one in steps]) for stage, steps in stages.items()]
    return _chart("training loss", "", losses, epochs), _chart(f"validation {owner.primary}", better, scores, epochs)


def short(stage: str) -> str:
    """A stage's name where there is little room, such as "fold 3/4"."""
    if stage == "training on everything":
        return "all answers"
    return stage.replace("cross-validation", "fold").replace(" of ", "/")


def _trace(stage: str, values: Sequence[tuple[int | None, float | None]]) -> Trace:
    return Trace(short(stage), tuple((float(epoch or 0), value) for epoch, value in values if value is not None))


def _chart(title: str, better: Better, traces: Sequence[Trace], epochs: int) -> Chart:
    told = [trace for trace in traces if trace.points]
    if not told:
        return Chart(title, better, None, None, epochs)
    if len(told) > 1 and not traces[-1].points:  # the folds are done; what came after them is not held out
        return Chart(title, better, _mean(told), None, epochs)
    *before, now = told
    return Chart(title, better, now, _mean(before) if before else None, epochs)


def _mean(traces: Sequence[Trace]) -> Trace:
    """Per epoch the mean of the traces that have it."""
    values: dict[float, list[float]] = {}
    for trace in traces:
        for epoch, value in trace.points:
            values.setdefault(epoch, []).append(value)
    count = len(traces)
    return Trace(f"{count} fold{'s' * (count > 1)}", tuple((x, sum(y) / len(y)) for x, y in sorted(values.items())))
