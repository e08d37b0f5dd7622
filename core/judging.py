"""Looking at files without keeping anything: `predict` on files, `evaluate` on a manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import features, inference, manifest, registry
from core.capture import intake
from core.errors import RushesError
from core.inference import Predictor
from core.manifest import BadRow, Row
from core.store.records import Sample, Value
from core.tasks.base import Answer
from core.training import evaluation, report
from core.training.evaluation import Case, Evaluation
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Judged:
    """One file's answer, or why there is none."""

    path: Path
    task: str
    version: str
    answer: Answer | None
    latency_ms: float | None
    error: str | None = None

    @property
    def value(self) -> Value | None:
        return self.answer.value if self.answer else None

    @property
    def confidence(self) -> float | None:
        return self.answer.confidence if self.answer else None


def predictor(space: Workspace, task: str, model: str | None, *, warn: Callable[[str], None]) -> Predictor:
    """The champion, a named version, or a lone ONNX file.

    Raises:
        ModelError: it cannot be used.
    """
    if model is None:
        served = registry.serving(space, task)
        if served.problem:
            warn(f"! {served.problem}")
        return served.predictor
    if model.endswith(".onnx"):
        return inference.load(Path(model), task=task, threads=space.settings.inference.threads)
    return registry.load_version(space, task, model)


def judge_files(model: Predictor, files: Iterable[Path]) -> Iterator[Judged]:
    """Answers in the order of the files; a bad file costs only itself."""
    for path in files:
        yield _judged(model, path, None)


def _judged(model: Predictor, path: Path, scene_id: str | None) -> Judged:
    start = time.perf_counter()
    try:
        span = intake.span_of(path, model.task, scene_id) if scene_id else (0.0, None)
        answer = model.answer([features.of_file(path, model.task, *span)])[0]
    except RushesError as error:
        return Judged(path, model.task.name, model.version, None, None, error.sentence())
    return Judged(path, model.task.name, model.version, answer, round((time.perf_counter() - start) * 1000, 2))


@dataclass(slots=True)
class Scored:
    """What a model scored on a manifest."""

    version: str
    report: Evaluation
    failures: list[str] = field(default_factory=list[str])

    def to_json(self) -> dict[str, Any]:
        """`{"n","failed","model_version", metrics..., "intervals","report"}`."""
        known = {"n": self.report.n, "failed": len(self.failures), "model_version": self.version}
        whole = self.report.to_json()
        return {**known, **self.report.metrics, "intervals": whole["intervals"], "report": whole}

    def lines(self) -> list[str]:
        """The scores and what stands out, for people; a row that cannot be read has failed as much as any."""
        return report.lines(self.report.to_json() | {"failures": len(self.failures)})


def evaluate(
    model: Predictor,
    source: Path,
    renamed: Mapping[str, str],
    *,
    progress: Callable[[int, str], None],
    space: Workspace,
) -> Scored:
    """Score a model on the rows of a manifest; rows that cannot be judged are named and counted.

    Args:
        space: whose scale the scores are on, and where images named by address are kept.

    Raises:
        WrongUseError: the manifest cannot be read.
    """
    cases: list[Case] = []
    failures: list[str] = []
    asked = model.spec
    if model.task.kind == "score":
        asked = asked.model_copy(update={"scale": space.settings.ratings.scale})
    rows = list(manifest.read_manifest(source, model.task, renamed, root=space.root))
    other_scale = manifest.off_scale(rows, model.task, asked)
    for row in rows:
        if isinstance(row, BadRow) or other_scale:
            reason = row.reason if isinstance(row, BadRow) else manifest.OTHER_SCALE
            failures.append(f"row {row.number}: {reason}")
            continue
        try:
            # The truth of a foreign label is still a truth: the model is simply wrong about it.
            labels = (*model.spec.labels, row.value) if model.task.kind == "label" else ()
            truth = manifest.value_of(row, model.task, asked.model_copy(update={"labels": labels}))
            path = row.local(space)
        except RushesError as error:
            failures.append(f"row {row.number}: {error.sentence()}")
            continue
        judged = _judged(model, path, row.scene_id)
        answer = judged.answer or Answer(None, None, {"error": judged.error})
        if evaluation.failed(answer):
            failures.append(f"row {row.number}: {judged.error or 'no answer'}")
        cases.append(Case(truth, answer, _sample(model.task.name, row)))
        progress(row.number, row.path.name)
    return Scored(model.version, evaluation.evaluate(model.task, model.spec, cases), failures)


def _sample(task: str, row: Row) -> Sample:
    """What the manifest says of a row, for the slices; without a group each file is its own, as when it is imported."""
    about = row.about
    return Sample(
        id=f"row {row.number}",
        task=task,
        group=about.group or str(row.path),
        source=about.source,
        region=about.region,
        speaker=about.speaker,
        context=about.context,
        captured_at=about.captured_at,
        phase=about.phase,
        rating_count=about.rating_count,
    )


def write_page(path: Path, scored: Scored, facts: Mapping[str, Any]) -> None:
    """Write the report as one HTML page.

    Raises:
        RushesError: it cannot be written there.
    """
    title = f"{scored.report.task} {scored.version}, judged on a manifest"
    report.write(path, report.html(scored.report.to_json(), title, facts))
