"""Two versions beside each other, on answered samples that neither has seen in training.

`core.pairing` says what may be paired and in which order, `core.evidence` weighs it. A version never changes, so what
one has not answered yet can be answered now and says the same as it would have then.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import evidence, features, registry, tasks
from core.errors import RushesError
from core.evidence import Decision, Evidence
from core.inference import Predictor
from core.log import logger
from core.pairing import Pair, judged, observations, paired, unseen
from core.store.identity import new_id
from core.store.records import Prediction, Sample
from core.tasks.base import Answer
from core.workspace import Workspace

METRICS = {"label": "accuracy", "text": "wer", "score": "mae"}  # by kind of task: the mean loss as people know it
MEDIA = {"clip": "clips", "image": "pictures"}
BATCH = 16  # samples answered at once
Progress = Callable[[int, str], None]  # samples answered, version


def _silent(done: int, name: str) -> None:
    del done, name


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known of b against a.

    Attributes:
        a, b: the versions.
        losses: mean loss of a and of b over the observations, each group weighing the same; None without any.
        n: pairs in the observations; `better` and `worse` of them went to b and to a, the others were equal.
        found: the evidence; its differences are positive where b is better.
    """

    task: str
    a: str
    b: str
    losses: tuple[float, float] | None
    n: int
    better: int
    worse: int
    found: Evidence

    @property
    def verdict(self) -> Decision:
        """Accept: b is shown to be better. Revert: a is."""
        return self.found.decision

    @property
    def metric(self) -> str:
        return METRICS[tasks.get(self.task).kind]

    @property
    def values(self) -> tuple[float, float] | None:
        """The metric of a and of b."""
        if self.losses is None or self.metric != "accuracy":
            return self.losses
        return 1 - self.losses[0], 1 - self.losses[1]

    @property
    def more_corrections(self) -> int | None:
        """How many more corrections would settle a caution, if they come in groups as large as those so far."""
        if self.found.more is None:
            return None
        return math.ceil(self.found.more * self.n / self.found.n)

    def to_json(self) -> dict[str, Any]:
        """Numbers for scripts; `difference` and `interval` are positive where b is better, whatever the metric."""
        a, b = self.values or (None, None)
        return {
            "task": self.task,
            "versions": [self.a, self.b],
            "metric": self.metric,
            "a": a,
            "b": b,
            "difference": self.found.mean if self.found.n else None,
            "interval": [self.found.low, self.found.high] if self.found.n else None,
            "verdict": self.verdict,
            "more_corrections": self.more_corrections,
            "n": self.n,
            "groups": self.found.n,
        }

    def sentence(self) -> str:
        """The same for people."""
        if self.values is None:
            return f"{self.b} and {self.a} cannot be compared yet: no answers that neither was trained on"
        clips = MEDIA[tasks.get(self.task).medium]
        of = f" of {self.found.n} videos or sessions" if self.found.n < self.n else ""
        numbers = (
            f"{self.metric} {self.values[0]:.2f} -> {self.values[1]:.2f} on {self.n} new {clips}{of}, better on "
            f"{self.better} and worse on {self.worse}, interval {self.found.low:+.2f}..{self.found.high:+.2f}"
        )
        if self.verdict == "caution":
            return f"{self.b} against {self.a} is open: {numbers}; {self._outlook()}"
        return f"{self.b} is {'better' if self.verdict == 'accept' else 'worse'} than {self.a}: {numbers}"

    def _outlook(self) -> str:
        if self.more_corrections is not None:
            return f"about {self.more_corrections} more corrections would settle it"
        if self.found.n < evidence.FEWEST:
            return "too few to say how many more would settle it"
        return "too alike for more corrections to settle it soon"


def compare(
    space: Workspace,
    task: str,
    a: str,
    b: str,
    *,
    fill: bool = True,
    progress: Progress = _silent,
) -> Comparison:
    """Version b against version a on everything that neither has seen in training.

    Args:
        fill: let both answer now what they have not answered yet; else only what is stored counts.

    Raises:
        ModelError: a version that has to answer cannot be used.
        WrongUseError: there is no such version.
    """
    if fill:
        for version in (a, b):
            registry.require(space, task, version)
        fill_in(space, task, (a, b), progress)
    rows = space.store.rivals(task, (a, b))
    seen = space.store.lineage(task, (a, b))
    held = judged(space, seen, a, b, {row.sample for row in rows})
    known = {pair.sample for pair in held}
    later = [pair for pair in paired(space, task, rows, seen, a, b) if pair.sample not in known]
    return weigh(task, a, b, held, later)


def weigh(task: str, a: str, b: str, held: Sequence[Pair], later: Sequence[Pair]) -> Comparison:
    """The comparison that follows from pairs a training judged and from those answered since."""
    found = observations(held, later)
    used = [pair for one in found for pair in one.pairs]
    losses = None
    if found:
        losses = (
            math.fsum(one.loss_a for one in found) / len(found),
            math.fsum(one.loss_b for one in found) / len(found),
        )
    return Comparison(
        task, a, b, losses, len(used),
        sum(pair.loss_b < pair.loss_a for pair in used),
        sum(pair.loss_b > pair.loss_a for pair in used),
        evidence.weigh([one.difference for one in found]),
    )  # fmt: skip


def fill_in(space: Workspace, task: str, versions: Sequence[str], progress: Progress) -> None:
    """Let versions answer what can be paired and they have not answered; kept as shadow predictions.

    Raises:
        ModelError: a version cannot be used.
    """
    fresh = unseen(space, task, space.store.lineage(task, versions))
    rows = [row for row in space.store.rivals(task, versions) if fresh(row)]
    missing = {version: {row.sample for row in rows if version not in row.said} for version in versions}
    if any(missing.values()):
        known = {item.sample.id: item.sample for item in space.store.answered(task)}
        for version, wanted in missing.items():
            samples = [sample for name, sample in known.items() if name in wanted]
            fill(space, task, version, samples, progress)


def fill(
    space: Workspace,
    task: str,
    version: str,
    samples: Sequence[Sample],
    progress: Progress = _silent,
) -> list[Prediction]:
    """Let a version answer samples now; answers are kept, samples that cannot be measured are passed over.

    Raises:
        ModelError: the version cannot be used.
    """
    kept: list[Prediction] = []
    if not samples:
        return kept
    predictor = registry.load_version(space, task, version)
    for said in answers(space, predictor, samples):
        kept += [prediction for prediction in said if prediction.error is None]
        space.store.add_predictions([prediction for prediction in said if prediction.error is None])
        progress(len(kept), version)
    if len(kept) < len(samples):
        logger.info("%s %s could not answer %d of %d samples", task, version, len(samples) - len(kept), len(samples))
    return kept


def answers(space: Workspace, predictor: Predictor, samples: Sequence[Sample]) -> Iterator[list[Prediction]]:
    """Shadow predictions batch by batch, not stored; a sample that cannot be measured gets one with its error."""
    for start in range(0, len(samples), BATCH):
        measured: list[tuple[Sample, Any]] = []
        found: list[Prediction] = []
        for sample in samples[start : start + BATCH]:
            try:
                measured.append((sample, features.of_sample(space, predictor.task, sample)))
            except RushesError as error:
                found.append(_prediction(predictor, sample, Answer(None, None), 0.0, error.sentence()))
        before = time.perf_counter()
        said = predictor.answer([one for _, one in measured]) if measured else []
        each = round((time.perf_counter() - before) * 1000 / max(1, len(said)), 2)
        found += [
            _prediction(predictor, sample, answer, each) for (sample, _), answer in zip(measured, said, strict=True)
        ]
        yield found


def _prediction(
    predictor: Predictor, sample: Sample, answer: Answer, latency_ms: float, error: str | None = None
) -> Prediction:
    return Prediction(
        id=new_id(), sample=sample.id, task=sample.task, version=predictor.version, kind="shadow", value=answer.value,
        confidence=answer.confidence, calibrated=predictor.spec.temperature is not None, raw=answer.raw,
        runner_ups=answer.runner_ups, latency_ms=latency_ms, at=time.time(), error=error,
    )  # fmt: skip
