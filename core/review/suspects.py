"""Answers that look wrong: versions that had not learnt from a sample are sure of something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import fsum
from statistics import median
from typing import Any

from core import registry, tasks
from core.review.judged import Judged, judged, newest
from core.review.triage import states
from core.store.records import Value
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace

FEWEST = 10  # answers below which nothing can be called unusual
SPREADS = 3.0  # robust standard deviations
TO_SIGMA = 1.4826  # median absolute deviation -> standard deviation of a normal distribution
SURE_TEXT = 0.6  # a text read with less says little against the user's
FAR_TEXT = 0.5  # word errors per word: below it is likely the model's own slip
LIKELY = 0.5  # least probability of the other label


@dataclass(frozen=True, slots=True)
class Suspect:
    """One answer to look at again; `strength` ranks them within a task (not a probability)."""

    sample_id: str
    reason: str
    answer: Value
    predicted: Value
    confidence: float | None
    strength: float
    version: str
    media: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def suspects(space: Workspace, task: str, limit: int = 20) -> list[Suspect]:
    """The likeliest wrong answers, strongest first; none that triage dismissed, none below 10 comparable answers."""
    owner = tasks.get(task)
    rows = newest(judged(space, owner.name))
    if len(rows) < FEWEST:
        return []
    spec = registry.current_spec(space, owner)
    looked_at = {sample for sample, state in states(space, owner.name).items() if state == "dismissed"}
    found = [one for one in FINDERS[owner.kind](owner, spec, rows) if one.sample_id not in looked_at]
    return sorted(found, key=lambda one: (-one.strength, one.sample_id))[:limit]


def _labels(owner: Task, spec: ModelSpec, rows: Sequence[Judged]) -> list[Suspect]:
    """Confident learning (Northcutt et al. 2021): another label reaches the mean probability that it has among the
    samples that bear it.
    """
    del owner
    own: dict[str, list[float]] = {}
    for row in rows:
        given = str(row.correction.value)
        own.setdefault(given, []).append(row.said.chances.get(given, 0.0))
    usual = {label: fsum(chances) / len(chances) for label, chances in own.items()}
    found: list[Suspect] = []
    for row in rows:
        given, other = str(row.correction.value), str(row.said.value)
        chance, kept = row.said.chances.get(other, row.said.confidence or 0.0), row.said.chances.get(given, 0.0)
        # A version may know labels that are none here; it says nothing then.
        if row.wrong and other in {*spec.labels, *usual} and chance >= max(usual.get(other, LIKELY), LIKELY):
            reason = f"{row.said.version} says {other} {chance:.2f}; the answer {given} gets {kept:.2f}"
            found.append(_suspect(row, reason, chance - kept))
    return found


def _scores(owner: Task, spec: ModelSpec, rows: Sequence[Judged]) -> list[Suspect]:
    """The difference from the model is more than three robust standard deviations from the version's usual one."""
    by_version: dict[str, list[Judged]] = {}
    for row in rows:
        by_version.setdefault(row.said.version, []).append(row)
    return [one for theirs in by_version.values() if len(theirs) >= FEWEST for one in _far_off(owner, spec, theirs)]


def _far_off(owner: Task, spec: ModelSpec, rows: Sequence[Judged]) -> list[Suspect]:
    off = [float(row.correction.value) - float(row.said.value) for row in rows]
    usual = median(off)
    sigma = max(TO_SIGMA * median(abs(one - usual) for one in off), 1e-3)
    low, high = spec.scale

    def shown(value: Value) -> str:
        return f"{low + float(value) * (high - low):.{1 if high - low > 2 else 2}f}"

    found: list[Suspect] = []
    for row, one in zip(rows, off, strict=True):
        far = abs(one - usual) / sigma
        if far > SPREADS and not owner.equal(row.correction.value, min(max(float(row.said.value) + usual, 0.0), 1.0)):
            both = f"{row.said.version} says {shown(row.said.value)}, the answer is {shown(row.correction.value)}"
            found.append(_suspect(row, f"{both}: {far:.1f} times the usual spread", far))
    return found


def _texts(owner: Task, spec: ModelSpec, rows: Sequence[Judged]) -> list[Suspect]:
    """At least half of the words differ although the model was sure."""
    del owner, spec
    found: list[Suspect] = []
    for row in rows:
        sure = row.said.confidence or 0.0
        if row.wrong and sure >= SURE_TEXT and row.loss >= FAR_TEXT:
            reason = f"{row.said.version} reads {row.said.value!r} {sure:.2f}; {row.loss:.0%} of the words differ"
            found.append(_suspect(row, reason, sure * min(row.loss, 1.0)))
    return found


def _suspect(row: Judged, reason: str, strength: float) -> Suspect:
    answer, said = row.correction.value, row.said
    return Suspect(
        row.sample.id, reason, answer, said.value, said.confidence, round(strength, 6), said.version, row.sample.media
    )


FINDERS: dict[str, Callable[[Task, ModelSpec, Sequence[Judged]], list[Suspect]]] = {
    "label": _labels,
    "score": _scores,
    "text": _texts,
}
