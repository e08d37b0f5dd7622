"""Answered samples beside what versions that had not learnt from them say: the base of every review of answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import registry, tasks
from core.pairing import unseen
from core.store.records import Answered, Correction, Rivals, Sample, Value
from core.tasks.base import Answer, Task
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

# A run made again after a loss may lack its labels: nobody knows what it learnt from.
_UNKNOWN = """SELECT r.model_version FROM model_training_runs r WHERE r.task = ? AND NOT EXISTS
    (SELECT 1 FROM model_training_snapshot_labels l WHERE l.training_run_id = r.id)"""
_SAID = """SELECT p.sample, p.version, p.value, p.confidence, p.runner_ups, p.raw FROM predictions p
    JOIN samples s ON s.task = p.task AND s.id = p.sample
    WHERE p.task = ? AND s.state = 'answered' AND p.kind <> 'llm' AND p.value IS NOT NULL ORDER BY p.line"""


@dataclass(frozen=True, slots=True)
class Said:
    """One version's newest answer on one sample it had not learnt from."""

    version: str
    value: Value
    confidence: float | None
    chances: dict[str, float]  # of labels, where it gave them


@dataclass(frozen=True, slots=True)
class Judged:
    """An answered sample and one version's answer.

    Attributes:
        loss: the task's distance: 0/1 for labels, word errors per word, absolute difference of scores (0..1).
        wrong: the two do not mean the same answer.
    """

    sample: Sample
    correction: Correction
    said: Said
    loss: float
    wrong: bool


def _silent(done: int, version: str) -> None:
    del done, version


def judged(space: Workspace, task: str) -> list[Judged]:
    """Every answered sample with every version's answer that counts as out of sample; in journal order, then by age.

    A version says nothing about what it, or a version it started from, has seen in training (`core.pairing`).
    """
    owner = tasks.get(task)
    space.store.refresh()
    unknown, rows = space.store.mirror.ask(
        lambda db: tuple(_rows(db, query, owner.name) for query in (_UNKNOWN, _SAID))
    )
    by_sample: dict[str, dict[str, Said]] = {}
    for sample, version, value, confidence, runner_ups, raw in rows:
        versions = by_sample.setdefault(sample, {})
        versions.pop(version, None)  # a newer answer moves to the end
        versions[version] = Said(version, value, confidence, _chances(owner.kind, value, confidence, runner_ups, raw))
    silent = {version.rpartition("/")[2] for (version,) in unknown}
    may_say = {version: _fresh(space, owner.name, version, silent) for said in by_sample.values() for version in said}
    return [
        _pair(owner, item, said)
        for item in space.store.answered(owner.name)
        for said in by_sample.get(item.sample.id, {}).values()
        if may_say[said.version](item)
    ]


def ask(space: Workspace, task: str, progress: Callable[[int, str], None] = _silent) -> int:
    """Let the champion, else the factory's version, answer what has nothing to be compared with; returns how many.

    Imported answers never were predicted. What is said now is kept as shadow predictions.

    Raises:
        ModelError: a version cannot be used.
    """
    from core.comparison import fill

    known = {row.sample.id for row in judged(space, task)}
    count = 0
    for version in dict.fromkeys((registry.pointer(space, task).champion, registry.FACTORY)):
        if registry.model_path(space, task, version).exists():
            may_say = _fresh(space, task, version, set())
            items = [item for item in space.store.answered(task, with_media=True) if item.sample.id not in known]
            said = fill(space, task, version, [item.sample for item in items if may_say(item)], progress)
            known |= {one.sample for one in said}
            count += len(said)
    return count


def _fresh(space: Workspace, task: str, version: str, silent: set[str]) -> Callable[[Answered], bool]:
    line = space.store.lineage(task, (version,))
    if silent & {*line.versions}:
        return _never
    fresh = unseen(space, task, line)
    return lambda item: fresh(
        Rivals(item.sample.id, item.sample.group, item.order, item.correction.value, item.correction.at, {})
    )


def newest(found: list[Judged], version: str | None = None) -> list[Judged]:
    """One row per sample: the given version's answer, else that of the version that answered last."""
    return list({row.sample.id: row for row in found if version in (None, row.said.version)}.values())


def _never(item: Answered) -> bool:
    del item
    return False


def _pair(owner: Task, item: Answered, said: Said) -> Judged:
    truth = item.correction.value
    loss = owner.loss_of(truth, Answer(said.value, said.confidence))
    return Judged(item.sample, item.correction, said, loss, not owner.equal(said.value, truth))


def _chances(kind: str, value: Value, confidence: float | None, runner_ups: str, raw: str) -> dict[str, float]:
    if kind != "label":
        return {}
    given: Any = json.loads(raw).get("probabilities")
    if isinstance(given, dict):
        return {str(label): float(chance) for label, chance in given.items()}
    listed = {str(label): float(chance) for label, chance in json.loads(runner_ups)}
    return listed | ({str(value): confidence} if confidence is not None else {})


def _rows(db: Database, query: str, task: str) -> list[Any]:
    return db.conn.execute(query, [task]).fetchall()
