"""One training from answered samples to a judged network: what `loop.train` and `loop.evaluate` do, in this order.

Progress follows seed 002's bands: 0-10 loading, 10-20 preparing, 20-80 training, 80-100 deployment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch
from pydantic import ValidationError

from core import tasks
from core.errors import RushesError
from core.store.records import Value
from core.tasks.base import Answer, ModelSpec, Task
from core.tasks.learner import Item, Learner, Recipe, seed_everything, training_device
from core.tasks.memory import MEMORY
from core.tasks.recipe import complaint
from core.training import dataset, distributed, start, trainer
from core.training.calibration import calibrated, out_of_fold
from core.training.dataset import Dataset, Example
from core.training.request import Request
from core.training.trainer import Epoch, Timings
from core.workspace import Workspace

Report = Callable[..., None]  # (progress 0..100, stage, **more)


@dataclass(slots=True)
class Trained:
    """A trained network before it is a version.

    Attributes:
        base: the version it started from, or "random" or "imagenet".
        recipe: what held in the end: the request's fields, the epochs planned, the threads used.
        judged: out-of-sample examples (test side, or out-of-fold when cross-validated) with the new network's answers,
            calibrated by other groups' answers: what the finished version would say.
        calibration: out-of-sample examples with its answers as decoded, to calibrate the version on.
        timings: seconds of loading, encoding, training, validating, judging.
    """

    learner: Learner
    data: Dataset
    base: str
    recipe: Recipe
    history: list[Epoch]
    judged: list[tuple[Example, Answer]] = field(default_factory=list[tuple[Example, Answer]])
    calibration: list[tuple[Example, Answer]] = field(default_factory=list[tuple[Example, Answer]])
    notes: list[str] = field(default_factory=list[str])
    request: Request = field(default_factory=Request)
    timings: dict[str, float] = field(default_factory=dict[str, float])


def make_learner(task: Task, spec: ModelSpec, recipe: Recipe) -> Learner:
    """The task's learner, found by the name it declares."""
    module, attribute = task.learner.split(":")
    return getattr(import_module(module), attribute)(spec, recipe)


def recipe_for(space: Workspace, task: Task, request: Request | None = None) -> Recipe:
    """The task's recipe: its learner's own defaults, then the workspace's settings, then what the request wants.

    Raises:
        RushesError: a field is unknown or wrong.
    """
    module, _ = task.learner.split(":")
    defaults: dict[str, Any] = getattr(import_module(module), "RECIPE", {})
    wanted = request.recipe if request else {}
    try:
        return Recipe.model_validate({**defaults, **space.settings.recipe.get(task.name, {}), **wanted})
    except ValidationError as error:
        asked = error.errors()[0]["loc"][0] in wanted
        where = "the recipe asked for" if asked else f"[recipe.{task.name}] in the settings"
        raise RushesError(complaint(error), where=where) from None


def threads_for(space: Workspace, recipe: Recipe | None = None) -> int:
    """Training threads: half of the cores by default, so that a screen beside it never waits."""
    asked = recipe.threads if recipe else 0
    return asked or space.settings.train.threads or max(1, (os.cpu_count() or 2) // 2)


def train(
    space: Workspace, task_name: str, *, report: Report, stop: Callable[[], bool], request: Request | None = None
) -> Trained:
    """Learn from everything answered so far, or from what the request names.

    On a CPU, equal data, recipe (with its threads) and base give equal weights.

    Raises:
        RushesError: there is too little to learn from, or the recipe is wrong.
        CancelledError: `stop` said so.
    """
    task, wanted, timings = tasks.get(task_name), request or Request(), Timings()
    recipe = recipe_for(space, task, wanted)
    recipe = recipe.model_copy(update={"threads": threads_for(space, recipe)})
    torch.set_num_threads(recipe.threads)
    distributed.announce(task_name, wanted)
    with timings.stage("loading"):
        data = _load(space, task, wanted, report, stop)
    MEMORY.folder = space.cache / "encoded"
    MEMORY.sweep()
    with _repeatable(recipe):
        result = _started(space, data, recipe, wanted)
        if data.cross_validated:
            _cross_validate(space, result, report, stop, timings)
        else:
            _hold_out(result, report, stop, timings)
    result.judged = _as_calibrated(result)
    result.timings = {name: round(seconds, 2) for name, seconds in timings.seconds.items()}
    return result


def _load(space: Workspace, task: Task, wanted: Request, report: Report, stop: Callable[[], bool]) -> Dataset:
    report(1, "loading corrections")
    with distributed.leader_first():
        data = dataset.gather(
            space, task, wanted, progress=lambda part: report(1 + 14 * part, "measuring features"), stop=stop
        )
        refuse_too_few(space, len(data.examples))
        if wanted.folder:
            dataset.write_manifests(data, wanted.folder)
    return data


def refuse_too_few(space: Workspace, count: int) -> None:
    """Seed 002: at least 20 annotations.

    Raises:
        RushesError: there are fewer.
    """
    minimum = space.settings.train.minimum
    if count < minimum:
        raise RushesError(
            f"{count} usable corrections are too few to train on", do=f"At least {minimum} are needed; answer more."
        )


@contextmanager
def _repeatable(recipe: Recipe) -> Generator[None]:
    """Seeds fixed, and on a CPU only operations that give equal results each time."""
    seed_everything(recipe.seed)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(training_device().type == "cpu", warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _started(space: Workspace, data: Dataset, recipe: Recipe, wanted: Request) -> Trained:
    """A learner with the weights to start from, and the epochs planned for it."""
    spec = start.new_spec(space, data.task, wanted.speaker)
    learner = make_learner(data.task, spec, recipe)
    found = start.warm(space, learner, data, wanted.speaker)
    clips = len(data.examples if data.cross_validated else data.on("train"))
    learner.recipe = recipe.model_copy(update={"epochs": recipe.planned(clips, own=found.own)})
    learner.move(training_device())
    return Trained(learner, data, found.base, learner.recipe, [], notes=found.notes, request=wanted)


def _noter(report: Report, band: tuple[float, float], epochs: int, stage: str) -> Callable[[Epoch], None]:
    low, high = band

    def note(epoch: Epoch) -> None:
        report(low + (high - low) * epoch.number / epochs, stage, **trainer.progress_line(epoch, epochs))

    return note


def _items(examples: Sequence[Example]) -> list[Item]:
    return [Item(example.features, example.truth, example.weight, example.answered.sample.id) for example in examples]


def _judge(learner: Learner, examples: Sequence[Example], stop: Callable[[], bool]) -> list[tuple[Example, Answer]]:
    rows = trainer.encode(learner, _items(examples), stop)
    return list(zip(examples, trainer.answers(learner, rows), strict=True))


def _hold_out(result: Trained, report: Report, stop: Callable[[], bool], timings: Timings) -> None:
    data, learner, epochs = result.data, result.learner, result.recipe.epochs
    fitted = trainer.fit(
        learner,
        _items(data.on("train")),
        _items(data.on("val")),
        epochs=epochs,
        report=_noter(report, (20, 80), epochs, "training"),
        stop=stop,
        timings=timings,
    )
    result.history = fitted.history
    with timings.stage("judging"):
        result.judged = _judge(learner, data.on("test"), stop)
        result.calibration = [*_judge(learner, data.on("val"), stop), *result.judged]


def _cross_validate(
    space: Workspace, result: Trained, report: Report, stop: Callable[[], bool], timings: Timings
) -> None:
    """Grouped folds judge; the version itself learns from everything, for the number of epochs best over all folds.

    One number is chosen on the folds that also judge; over a few dozen epochs that flatters little, and it is noted.
    """
    task, epochs = result.data.task, result.recipe.epochs
    first = {name: value.clone() for name, value in result.learner.module.state_dict().items()}
    curve: dict[int, list[tuple[Example, Answer]]] = {}
    folds = _folds(space, result.data)
    for position, (inside, outside) in enumerate(folds):
        learner = _again(result, first)
        band = (20 + 45 * position / len(folds), 20 + 45 * (position + 1) / len(folds))
        note = _noter(report, band, epochs, f"cross-validation {position + 1} of {len(folds)}")
        fitted = trainer.fit(
            learner,
            _items(inside),
            _items(outside),
            epochs=epochs,
            patient=True,
            report=note,
            stop=stop,
            timings=timings,
        )
        for number, found in fitted.answers.items():
            curve.setdefault(number, []).extend(zip(outside, found, strict=True))
    best = 0
    for number in sorted(curve):
        if trainer.better(task, scores(task, curve[number]), scores(task, curve[best])):
            best = number
    fitted = trainer.fit(
        result.learner,
        _items(result.data.examples),
        [],
        epochs=epochs,
        until=best,
        patient=True,
        report=_noter(report, (65, 80), epochs, "training on everything"),
        stop=stop,
        timings=timings,
    )
    result.history = fitted.history
    result.judged = result.calibration = curve[best]
    result.notes.append(f"cross-validated in {len(folds)} grouped folds, {best} epochs chosen on the same folds")


def _as_calibrated(result: Trained) -> list[tuple[Example, Answer]]:
    def row(example: Example, answer: Answer) -> tuple[str, Value, Answer]:
        return example.group, example.truth, answer

    known = {example.answered.sample.id for example, _ in result.judged}
    more = [row(example, answer) for example, answer in result.calibration if example.answered.sample.id not in known]
    judged = [row(example, answer) for example, answer in result.judged]
    found = out_of_fold(result.data.task, result.learner.final_spec(), judged, more)
    return [(example, answer) for (example, _), answer in zip(result.judged, found, strict=True)]


def _again(result: Trained, first: dict[str, torch.Tensor]) -> Learner:
    """Another learner at the same start."""
    learner = make_learner(result.data.task, result.learner.spec, result.recipe)
    learner.module.load_state_dict(first)
    learner.move(result.learner.device)
    return learner


def _folds(space: Workspace, data: Dataset) -> list[tuple[list[Example], list[Example]]]:
    settings = space.settings.train
    where = [dataset.fold_of(example.group, settings.split_seed, settings.folds) for example in data.examples]
    pairs = [
        (
            [example for example, at in zip(data.examples, where, strict=True) if at != number],
            [example for example, at in zip(data.examples, where, strict=True) if at == number],
        )
        for number in sorted(set(where))
    ]
    if not all(inside for inside, _ in pairs):
        raise RushesError(
            "all corrections belong to one group, so nothing can be held out",
            do="Answer clips of other videos or sessions too.",
        )
    return pairs


def scores(task: Task, judged: Sequence[tuple[Example, Answer]]) -> dict[str, float]:
    """The task's metrics over out-of-sample answers; {} when there is none with a value."""
    usable = [(example.truth, answer) for example, answer in judged if answer.value is not None]
    if not usable:
        return {}
    return task.score([truth for truth, _ in usable], [answer for _, answer in usable])


def finished_spec(result: Trained, version: str) -> ModelSpec:
    """The spec with version and calibration frozen in."""
    pairs = [(example.truth, answer) for example, answer in result.calibration]
    spec = result.learner.final_spec().model_copy(update={"version": version})
    return calibrated(result.data.task, spec, pairs)
