"""Looking at files without keeping anything: `predict` on files, `evaluate` on a manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import features, inference, manifest, registry
from core.errors import RushesError
from core.inference import Predictor
from core.manifest import BadRow
from core.store.records import Value
from core.tasks.base import Answer
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
        start = time.perf_counter()
        try:
            answer = model.answer([features.of_file(path, model.task)])[0]
        except RushesError as error:
            yield Judged(path, model.task.name, model.version, None, None, error.sentence())
        else:
            yield Judged(path, model.task.name, model.version, answer, round((time.perf_counter() - start) * 1000, 2))


@dataclass(slots=True)
class Scored:
    """What a model scored on a manifest."""

    version: str
    pairs: list[tuple[Value, Answer]] = field(default_factory=list[tuple[Value, Answer]])
    failures: list[str] = field(default_factory=list[str])
    metrics: dict[str, float] = field(default_factory=dict[str, float])

    def to_json(self) -> dict[str, Any]:
        """`{"n","failed","model_version", metrics...}`."""
        return {"n": len(self.pairs), "failed": len(self.failures), "model_version": self.version, **self.metrics}


def evaluate(
    model: Predictor,
    source: Path,
    renamed: Mapping[str, str],
    *,
    progress: Callable[[int, str], None],
) -> Scored:
    """Score a model on the rows of a manifest; rows that cannot be judged are named and counted.

    Raises:
        WrongUseError: the manifest cannot be read.
    """
    result = Scored(model.version)
    for row in manifest.read_manifest(source, model.task, renamed):
        if isinstance(row, BadRow):
            result.failures.append(f"row {row.number}: {row.reason}")
            continue
        try:
            # The truth of a foreign label is still a truth: the model is simply wrong about it.
            labels = (*model.spec.labels, row.value) if model.task.kind == "label" else ()
            truth = model.task.parse(row.value, model.spec.model_copy(update={"labels": labels}))
        except RushesError as error:
            result.failures.append(f"row {row.number}: {error.what}")
            continue
        judged = next(judge_files(model, [row.path]))
        if judged.answer is None or judged.answer.value is None:
            result.failures.append(f"row {row.number}: {judged.error or 'no answer'}")
        else:
            result.pairs.append((truth, judged.answer))
        progress(row.number, row.path.name)
    if result.pairs:
        result.metrics = model.task.score([truth for truth, _ in result.pairs], [answer for _, answer in result.pairs])
    return result
