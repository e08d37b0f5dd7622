"""One training from answered samples to a judged network: what `loop.train` and `loop.evaluate` do, in this order.

Progress follows seed 002's bands: 0-10 loading, 10-20 preparing, 20-80 training, 80-100 deployment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from core import registry, tasks
from core.errors import ModelError, RushesError
from core.tasks.base import Answer, ModelSpec, Task
from core.tasks.learner import Item, Learner, Recipe, seed_everything
from core.training import dataset, trainer
from core.training.calibration import calibrated
from core.training.dataset import Dataset, Example
from core.training.request import Request
from core.training.trainer import Epoch
from core.workspace import Workspace

Report = Callable[..., None]  # (progress 0..100, stage, **more)


@dataclass(slots=True)
class Trained:
    """A trained network before it is a version.

    Attributes:
        judged: out-of-sample examples with the new network's answers: test side, or out-of-fold when cross-validated.
    """

    learner: Learner
    data: Dataset
    base: str
    recipe: Recipe
    history: list[Epoch]
    judged: list[tuple[Example, Answer]] = field(default_factory=list[tuple[Example, Answer]])
    calibration: list[tuple[Example, Answer]] = field(default_factory=list[tuple[Example, Answer]])
    notes: list[str] = field(default_factory=list[str])


def make_learner(task: Task, spec: ModelSpec, recipe: Recipe) -> Learner:
    """The task's learner, found by the name it declares."""
    module, attribute = task.learner.split(":")
    return getattr(import_module(module), attribute)(spec, recipe)


def recipe_for(space: Workspace, task: Task) -> Recipe:
    """The task's recipe: its learner's own defaults, then the workspace's settings.

    Raises:
        RushesError: a field of [recipe.<task>] is unknown or wrong.
    """
    module, _ = task.learner.split(":")
    defaults: dict[str, Any] = getattr(import_module(module), "RECIPE", {})
    try:
        return Recipe.model_validate({**defaults, **space.settings.recipe.get(task.name, {})})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise RushesError(f"{name}: {first['msg'].lower()}", where=f"[recipe.{task.name}] in the settings") from None


def threads_for(space: Workspace) -> int:
    """Training threads: half of the cores by default, so that a screen beside it never waits."""
    return space.settings.train.threads or max(1, (os.cpu_count() or 2) // 2)


def train(
    space: Workspace, task_name: str, *, report: Report, stop: Callable[[], bool], request: Request | None = None
) -> Trained:
    """Learn from everything answered so far, or from what the request names.

    Raises:
        RushesError: there is too little to learn from.
        CancelledError: `stop` said so.
    """
    task = tasks.get(task_name)
    torch.set_num_threads(threads_for(space))
    report(1, "loading corrections")
    wanted = request or Request()
    data = dataset.gather(
        space, task, wanted, progress=lambda part: report(1 + 14 * part, "measuring features"), stop=stop
    )
    refuse_too_few(space, len(data.examples))
    if wanted.folder:
        dataset.write_manifests(data, wanted.folder)
    recipe = recipe_for(space, task)
    seed_everything(recipe.seed)
    base, learner, notes = warm_start(space, task, recipe)
    result = Trained(learner, data, base, recipe, [], notes=notes)
    if data.cross_validated:
        _cross_validate(space, result, report, stop)
    else:
        _hold_out(result, report, stop)
    return result


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


def new_spec(space: Workspace, task: Task) -> ModelSpec:
    """What the next version's outputs mean: the workspace's labels and scale, not calibrated yet."""
    spec = registry.current_spec(space, task)
    return spec.model_copy(update={"version": "untrained", "temperature": None, "calibration_n": 0})


def warm_start(space: Workspace, task: Task, recipe: Recipe) -> tuple[str, Learner, list[str]]:
    """A learner that starts from the champion's weights (or random ones, by recipe); with its base and notes."""
    learner = make_learner(task, new_spec(space, task), recipe)
    if recipe.weights != "factory":
        return recipe.weights, learner, []
    if not registry.has_model(space, task.name):
        return "random", learner, [f"{task.name} has no model yet: started from random weights"]
    predictor = registry.serving(space, task.name).predictor
    base = predictor.spec
    path = registry.model_path(space, task.name, predictor.version, ".safetensors")
    try:
        loaded = load_file(path)
    except Exception as error:  # safetensors raises its own error type for a damaged header
        raise ModelError(f"the weights cannot be read ({type(error).__name__})", where=path) from None
    weights = {name: value.float() if value.is_floating_point() else value for name, value in loaded.items()}
    return predictor.version, learner, learner.adopt(weights, base)


def _noter(report: Report, band: tuple[float, float], epochs: int, stage: str) -> Callable[[Epoch], None]:
    low, high = band

    def note(epoch: Epoch) -> None:
        report(low + (high - low) * epoch.number / epochs, stage, **trainer.progress_line(epoch, epochs))

    return note


def _items(examples: Sequence[Example]) -> list[Item]:
    return [Item(example.features, example.truth, example.weight) for example in examples]


def _judge(learner: Learner, examples: Sequence[Example], stop: Callable[[], bool]) -> list[tuple[Example, Answer]]:
    rows = trainer.encode(learner, _items(examples), stop)
    return list(zip(examples, trainer.answers(learner, rows), strict=True))


def _hold_out(result: Trained, report: Report, stop: Callable[[], bool]) -> None:
    data, learner, epochs = result.data, result.learner, result.recipe.epochs
    fitted = trainer.fit(
        learner,
        _items(data.on("train")),
        _items(data.on("val")),
        epochs=epochs,
        report=_noter(report, (20, 80), epochs, "training"),
        stop=stop,
    )
    result.history = fitted.history
    result.judged = _judge(learner, data.on("test"), stop)
    result.calibration = [*_judge(learner, data.on("val"), stop), *result.judged]


def _cross_validate(space: Workspace, result: Trained, report: Report, stop: Callable[[], bool]) -> None:
    """Grouped folds judge; the version itself learns from everything, for the number of epochs best over all folds.

    One number is chosen on the folds that also judge; over a few dozen epochs that flatters little, and it is noted.
    """
    task, epochs = result.data.task, result.recipe.epochs
    start = {name: value.clone() for name, value in result.learner.module.state_dict().items()}
    curve: dict[int, list[tuple[Example, Answer]]] = {}
    folds = _folds(space, result.data)
    for position, (inside, outside) in enumerate(folds):
        learner = make_learner(task, result.learner.spec, result.recipe)
        learner.module.load_state_dict(start)
        band = (20 + 45 * position / len(folds), 20 + 45 * (position + 1) / len(folds))
        note = _noter(report, band, epochs, f"cross-validation {position + 1} of {len(folds)}")
        fitted = trainer.fit(
            learner, _items(inside), _items(outside), epochs=epochs, patient=True, report=note, stop=stop
        )
        for number, found in fitted.answers.items():
            curve.setdefault(number, []).extend(zip(outside, found, strict=True))
    best = 0
    for number in sorted(curve):
        if trainer.better(task, scores(task, curve[number]), scores(task, curve[best])):
            best = number
    note = _noter(report, (65, 80), epochs, "training on everything")
    fitted = trainer.fit(
        result.learner,
        _items(result.data.examples),
        [],
        epochs=epochs,
        until=best,
        patient=True,
        report=note,
        stop=stop,
    )
    result.history = fitted.history
    result.judged = result.calibration = curve[best]
    result.notes.append(f"cross-validated in {len(folds)} grouped folds, {best} epochs chosen on the same folds")


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
