"""What a model scored on answered samples: every number of the report, from (truth, answer) pairs to JSON.

Drawing is `core.training.report`'s; what a metric means is the task's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.files import write_atomic
from core.store.records import Sample, Value
from core.tasks.base import Answer, ModelSpec, Task
from core.training import curves, details, words
from core.training.patterns import Everything, Pattern, Suspect, patterns
from core.training.resampling import Interval, Scorer
from core.training.scoring import Indices
from core.training.slices import Slice, places, rows_by_part, slices

Json = dict[str, Any]
SCHEMA = "evaluation/1"
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Case:
    """One sample with the truth and a model's answer; `sample` tells the slices, where it is known."""

    truth: Value
    answer: Answer
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All scores.

    Attributes:
        n: cases scored; `failures` had no answer and are in no metric.
        groups: independent ones among the scored cases; intervals resample these.
        intervals: 95 % bootstrap interval of each metric; none where all cases are one group.
        reliability: see `curves.reliability`; None where answers carry no confidence.
        details: what only this kind of task has, see `core.training.details` and `core.training.words`.
        notes: what a reader should know before trusting the numbers.
    """

    n: int
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict[str, Interval])
    failures: int = 0
    groups: int = 0
    task: str = ""
    kind: str = ""
    version: str = ""
    primary: str = ""
    higher_is_better: bool = True
    reliability: Json | None = None
    details: Json = field(default_factory=dict[str, Any])
    slices: tuple[Slice, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """The whole as plain JSON values, rounded to six digits; a number that is none becomes null."""
        return _plain({"schema": SCHEMA, **asdict(self)})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def failed(answer: Answer) -> bool:
    """Whether there is no answer: none was given, or a number that is none."""
    return answer.value is None or (isinstance(answer.value, float) and not math.isfinite(answer.value))


def evaluate(task: Task, spec: ModelSpec, cases: Sequence[Case]) -> Evaluation:
    """Score cases, in whatever order they come; those without an answer are counted, never scored."""
    ordered = sorted(cases, key=_key)
    usable = [case for case in ordered if not failed(case.answer)]
    lost = [case for case in ordered if failed(case.answer)]
    known: Json = {
        "failures": len(lost), "task": task.name, "kind": task.kind, "version": spec.version,
        "primary": task.primary, "higher_is_better": task.higher_is_better,
    }  # fmt: skip
    where, where_lost = ([places(case.sample) for case in side] for side in (usable, lost))
    if not usable:
        return Evaluation(0, {}, notes=("no sample was answered",), **known)
    truths, answers, groups = [one.truth for one in usable], [one.answer for one in usable], _groups(usable)
    scorer = Scorer(task, truths, answers, groups)
    losses = np.array([task.loss_of(truth, answer) for truth, answer in zip(truths, answers, strict=True)])
    every = Everything(losses, groups)
    found, suspects = _details(task, spec, usable, every)
    suspects += [Suspect(*part, rows, every) for part, rows in rows_by_part(where).items()]
    return Evaluation(
        len(usable),
        scorer.metrics,
        scorer.intervals(list(scorer.metrics)),
        groups=int(groups.max()) + 1,
        reliability=_reliability(task, truths, answers),
        details=found,
        slices=tuple(slices(scorer, where, where_lost)),
        patterns=tuple(patterns(suspects, task.kind)),
        notes=tuple(_notes(task, spec, usable, groups)),
        **known,
    )


def _key(case: Case) -> tuple[str, ...]:
    """Equal sets of cases give equal sums and equal resamples, whatever order they were gathered in."""
    sample = case.sample
    return (sample.group if sample else "", sample.id if sample else "", str(case.truth), repr(case.answer))


def _groups(cases: Sequence[Case]) -> Indices:
    """A number for each independent group (n,); a case of unknown origin is its own."""
    names: list[tuple[str, int]] = [
        (case.sample.group, -1) if case.sample else ("", row) for row, case in enumerate(cases)
    ]
    place = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.array([place[name] for name in names], dtype=np.int64)


def _details(task: Task, spec: ModelSpec, cases: Sequence[Case], every: Everything) -> tuple[Json, list[Suspect]]:
    truths, answers = [case.truth for case in cases], [case.answer for case in cases]
    if task.kind == "score":
        return details.of_scores(spec, truths, answers, [case.sample.id if case.sample else None for case in cases]), []
    if task.kind == "label":
        labels = np.array([str(truth) for truth in truths], dtype=object)
        each = [Suspect("label", str(one), np.flatnonzero(labels == one), every) for one in sorted({*labels})]
        return details.of_labels(spec, truths, answers), each
    slips = words.slips([str(truth) for truth in truths], [str(answer.value) for answer in answers])
    return slips.to_json(), _words(slips, every.groups)


def _words(slips: words.Slips, groups: Indices) -> list[Suspect]:
    wrong = np.array([loss for _, _, loss in slips.said], dtype=np.float64)
    theirs = groups[np.array([case for case, _, _ in slips.said], dtype=np.int64)]
    every, rows = Everything(wrong, theirs), dict[str, list[int]]()
    for row, (_, word, _) in enumerate(slips.said):
        rows.setdefault(word, []).append(row)
    return [Suspect("word", word, np.array(found), every) for word, found in sorted(rows.items())]


def _reliability(task: Task, truths: Sequence[Value], answers: Sequence[Answer]) -> Json | None:
    known = [
        (answer.confidence, answer.value is not None and task.equal(answer.value, truth))
        for truth, answer in zip(truths, answers, strict=True)
        if answer.confidence is not None
    ]
    if not known:
        return None
    return curves.reliability(np.array([sure for sure, _ in known]), np.array([right for _, right in known]))


def _notes(task: Task, spec: ModelSpec, cases: Sequence[Case], groups: Indices) -> list[str]:
    notes: list[str] = []
    if int(groups.max()) == 0:
        notes.append("all samples are of one group: no interval can be given")
    if spec.temperature is None:
        notes.append("confidence is the network's own, before calibration")
    if task.kind == "label" and (foreign := sorted({str(case.truth) for case in cases} - {*spec.labels})):
        notes.append(f"labels the model does not know: {', '.join(foreign)}")
    return notes


def save(folder: Path, evaluation: Evaluation, title: str, facts: Json) -> None:
    """Write `report.json` (with `title` and `facts`) and `report.html`, each whole and for the owner only."""
    from core.training.report import html

    known = _plain({**evaluation.to_json(), "title": title, "facts": facts})
    write_atomic(folder / "report.json", json.dumps(known, indent=1, default=str))
    write_atomic(folder / "report.html", html(evaluation.to_json(), title, facts))
