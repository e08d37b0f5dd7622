"""What a screen shows of one task at one moment, and a cheap stamp that says whether to look again.

Screens never read the store: they ask here, once, from a thread, and draw what they got. The records' types that they
name come from here too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from core.store.records import Correction, Prediction, Sample, SampleState, Value

if TYPE_CHECKING:
    from core.tasks.base import ModelSpec
    from core.training.jobs import Job
    from core.workspace import Workspace

Kind = Literal["label", "text", "score"]
LlmState = Literal["off", "waiting", "failed", "done"]
Stamp = tuple[object, ...]
MOST_OVER = 20  # trainings of all tasks: more do not end between two looks


@dataclass(frozen=True, slots=True)
class Row:
    """One recent clip: what it is, what the model said, what the language model made of it, what the user said."""

    sample: Sample
    state: SampleState
    prediction: Prediction | None
    llm: Prediction | None
    llm_state: LlmState
    correction: Correction | None

    @property
    def name(self) -> str:
        """The file it came from, as the user knows it."""
        return named(self.sample)

    @property
    def suggestion(self) -> Value | None:
        """The text, label or score the user is asked about: the language model's where there is one."""
        if self.llm is not None and self.llm.value is not None:
            return self.llm.value
        return self.prediction.value if self.prediction is not None else None


def named(sample: Sample) -> str:
    """The file a clip came from, as the user knows it."""
    return str(sample.extra.get("file") or sample.media or sample.id)


class Over(NamedTuple):
    """A training that has ended, and who answers its task."""

    job: Job
    champion: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One task of a workspace at one moment.

    Attributes:
        rows: recent clips, newest first.
        answered, pending: how many samples have an answer, and how many wait for one.
        since: answered since the last training that did not fail; `every` of them queue the next (None: never by
            itself).
        champion: the version that should answer, by its pointer.
        spec: what answers are checked against: the workspace's labels and scale.
        job: the training that is queued or running; else None.
        ended: the newest training of the task that has ended.
        consent_missing: the task keeps faces and nobody has agreed yet.
        held_back: enough was answered, but the last training failed or was cancelled; see `core.training.due`.
        over: the newest trainings of all tasks that have ended.
    """

    task: str
    kind: Kind
    rows: tuple[Row, ...]
    answered: int
    pending: int
    since: int
    every: int | None
    champion: str
    spec: ModelSpec
    job: Job | None
    ended: Job | None
    consent_missing: bool
    held_back: bool = False
    over: tuple[Over, ...] = ()

    def row(self, sample: str | None) -> Row | None:
        """The row of a sample, if it is among the recent ones."""
        return next((row for row in self.rows if row.sample.id == sample), None)


def take(space: Workspace, task: str, *, limit: int = 200) -> Snapshot:
    """Read everything the screen shows of a task; takes milliseconds, but call it from a thread."""
    from core import registry, tasks
    from core.capture.consent import has_consent
    from core.training import due, jobs

    space.store.refresh()
    owner = tasks.get(task)
    trainings = jobs.every(space, task=task)
    answered = space.store.count_answered(task)
    settings = space.settings.train
    return Snapshot(
        task=task,
        kind=owner.kind,
        rows=_rows(space, task, owner.kind, limit),
        answered=answered,
        pending=space.store.count(task, "pending"),
        since=due.since(space, task, answered, trainings),
        every=settings.every if settings.automatic else None,
        champion=registry.pointer(space, task).champion,
        spec=registry.current_spec(space, owner),
        job=next((job for job in reversed(trainings) if job.state not in jobs.ENDED), None),
        ended=next((job for job in trainings if job.state in jobs.ENDED), None),
        consent_missing=owner.keeps_face and not has_consent(space, task),
        held_back=due.held_back(space, answered, trainings),
        over=_over(space),
    )


def newest_task(space: Workspace) -> str | None:
    """The task of the newest clip: what the user worked on last."""
    return space.store.newest_task()


def _rows(space: Workspace, task: str, kind: Kind, limit: int) -> tuple[Row, ...]:
    rows: list[Row] = []
    for found in space.store.samples(task, limit=limit):
        llm = space.store.latest(found.sample.id, kind="llm") if kind == "text" else None
        state = llm_state(space, kind, found.prediction, llm)
        rows.append(Row(found.sample, found.state, found.prediction, llm, state, found.correction))
    return tuple(rows)


def llm_state(space: Workspace, kind: Kind, said: Prediction | None, llm: Prediction | None) -> LlmState:
    """How far the language model is with a clip, `said` being what the model itself made of it."""
    if said is not None and llm is not None and llm.at >= said.at:
        return "failed" if llm.value is None else "done"
    settings = space.settings.llm
    if kind != "text" or not settings.enabled or said is None or said.value is None:
        return "off"
    # Whoever asked gives up after three time-outs; what is older was never asked, or by a process that is gone.
    return "waiting" if time.time() - said.at < 3 * settings.timeout_s else "off"


def _over(space: Workspace) -> tuple[Over, ...]:
    from core import registry
    from core.training import jobs

    ended = [job for job in jobs.every(space, limit=MOST_OVER) if job.state in jobs.ENDED]
    champions = {task: registry.pointer(space, task).champion for task in {job.task for job in ended}}
    return tuple(Over(job, champions[job.task]) for job in ended)


def stamp(space: Workspace, task: str, job: str | None) -> Stamp:
    """Changes when the workspace did: by another process, a deployment, or progress of `job`.

    Compare stamps of one thread only: SQLite counts what the asking connection did not do itself.
    """
    version = space.store.catalog.version()
    watched = [space.models / task / "active.json"]
    if job:
        watched.append(space.jobs / job / "progress.jsonl")
    return (version, *(_seen(path) for path in watched))


def _seen(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
