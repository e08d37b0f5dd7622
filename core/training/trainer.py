"""The epoch loop, the same for every task: learn, validate each epoch, keep the best checkpoint, stop early."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import tasks
from core.errors import CancelledError
from core.tasks.base import Answer, Task
from core.tasks.learner import Batch, Item, Learner
from core.training import distributed

State = dict[str, Tensor]
Encoded = list[dict[str, Tensor]]
GRADIENT_NORM = 5.0
WARM_UP = 0.2  # share of the steps in which the step size grows
FEWEST_STEPS = 6  # that are planned for: of five, torch's schedule warms up in none and divides by it


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch showed. Epoch 0 is the warm start before anything was learnt."""

    number: int
    loss: float | None
    metrics: dict[str, float]
    seconds: float


@dataclass(slots=True)
class Timings:
    """Wall seconds by stage, added up."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start


@dataclass(slots=True)
class Fitted:
    """The best checkpoint and how it came about; `answers` has those on the validation side for every epoch."""

    best: int = 0
    answers: dict[int, list[Answer]] = field(default_factory=dict[int, list[Answer]])
    history: list[Epoch] = field(default_factory=list[Epoch])
    state: State = field(default_factory=dict[str, Tensor])


def encode(learner: Learner, items: Sequence[Item], stop: Callable[[], bool]) -> Encoded:
    """Run the frozen part once over all examples; what it said before is remembered.

    Raises:
        CancelledError: `stop` said so.
    """
    learner.module.eval()
    frozen = learner.frozen_as()
    rows: Encoded = []
    with torch.no_grad():
        for item in items:
            if stop():
                raise CancelledError("stopped")
            rows.append(learner.row(item, frozen))
    return rows


def answers(learner: Learner, rows: Encoded, *, batch_size: int = 32) -> list[Answer]:
    """What the network as it stands answers on encoded examples."""
    task = tasks.get(learner.spec.task)
    spec = learner.final_spec()
    found: list[Answer] = []
    learner.module.eval()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for start in range(0, len(rows), batch_size):
            batch = _placed(learner, learner.collate(rows[start : start + batch_size], train=False, rng=rng))
            found += task.decode(learner.numpy_outputs(learner.forward(batch)), spec)
    return found


def _placed(learner: Learner, batch: Batch) -> Batch:
    return {name: tensor.to(learner.device) for name, tensor in batch.items()}


def fit(
    learner: Learner,
    train: Sequence[Item],
    val: Sequence[Item],
    *,
    epochs: int,
    until: int | None = None,
    patient: bool = False,
    report: Callable[[Epoch], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    timings: Timings | None = None,
) -> Fitted:
    """Train for `epochs`; with `val` the best epoch by the task's primary metric wins, else the last.

    Args:
        until: end the schedule early, after this epoch; 0 leaves the warm start as it is.
        patient: run all epochs, also when validation no longer gets better.

    Raises:
        CancelledError: `stop` said so.
    """
    spent = timings or Timings()
    with spent.stage("encoding"):
        distributed.equalise(learner.module)
        learner.prepare(train)
        rows, val_rows = encode(learner, train, stop), encode(learner, val, stop)
    fitted = Fitted()
    with spent.stage("validating"):
        _consider(learner, fitted, Epoch(0, None, _validate(learner, fitted, 0, val, val_rows), 0.0), report)
    descent = _Descent(learner, train, rows, epochs)
    for number in range(1, (epochs if until is None else until) + 1):
        start = time.monotonic()
        with spent.stage("training"):
            loss = descent.epoch(number, stop)
        with spent.stage("validating"):
            metrics = _validate(learner, fitted, number, val, val_rows)
        _consider(learner, fitted, Epoch(number, loss, metrics, time.monotonic() - start), report)
        if not patient and number - fitted.best >= learner.recipe.patience:
            break
    learner.module.load_state_dict(fitted.state)
    return fitted


class _Descent:
    """Gradient descent over encoded examples: AdamW on a one-cycle schedule, in mixed precision on a GPU."""

    def __init__(self, learner: Learner, train: Sequence[Item], rows: Encoded, epochs: int) -> None:
        recipe = learner.recipe
        self.learner, self.train, self.rows = learner, train, rows
        self.parameters = learner.parameters()
        steps = epochs * max(1, -(-len(train) // recipe.batch_size))
        self.optimiser = torch.optim.AdamW(self.parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, recipe.learning_rate, total_steps=max(steps, FEWEST_STEPS), pct_start=WARM_UP
        )
        self.mixed = recipe.amp and learner.device.type == "cuda"
        self.half = torch.bfloat16 if self.mixed and torch.cuda.is_bf16_supported() else torch.float16
        # float16 loses small gradients unless they are scaled up; bfloat16 has float32's range.
        self.scaler = torch.GradScaler("cuda", enabled=self.mixed and self.half == torch.float16)

    def epoch(self, number: int, stop: Callable[[], bool]) -> float:
        """One look at every example in an order of the epoch's own; returns the mean loss."""
        self.learner.module.train()
        seed, size = self.learner.recipe.seed, self.learner.recipe.batch_size
        order = np.random.default_rng([seed, number]).permutation(len(self.train))
        rng = np.random.default_rng([seed, number, 1 + distributed.rank()])
        summed = 0.0
        for first in range(0, len(order), size):
            if distributed.any_of(stop()):
                raise CancelledError("stopped")
            picked = [int(index) for index in order[first : first + size]]
            summed += self._step(picked, rng) * len(picked)
        distributed.equalise(self.learner.module)
        return summed / len(order)

    def _step(self, picked: Sequence[int], rng: np.random.Generator) -> float:
        """One step on a batch, of which this process takes its share."""
        mine = distributed.share_of(picked)
        whole = sum(self.train[index].weight for index in picked)
        # Gradients are added up over processes, so each counts by its share of the batch's weight.
        part = sum(self.train[index].weight for index in mine) / whole if whole else 0.0
        self.optimiser.zero_grad(set_to_none=True)
        value = 0.0
        if mine:
            loss = self._loss(mine, rng) * part
            self.scaler.scale(loss).backward()
            value = float(loss.detach())
        distributed.add_up(self.parameters)
        self.scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self.parameters, GRADIENT_NORM)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.step()
        return distributed.total(value)

    def _loss(self, mine: Sequence[int], rng: np.random.Generator) -> Tensor:
        learner = self.learner
        batch = _placed(learner, learner.collate([self.rows[index] for index in mine], train=True, rng=rng))
        weights = torch.tensor([self.train[index].weight for index in mine], device=learner.device)
        with torch.autocast(learner.device.type, dtype=self.half, enabled=self.mixed):
            outputs = learner.forward(batch)
        outputs = tuple(output.float() for output in outputs)
        return learner.loss(outputs, batch, [self.train[index].truth for index in mine], weights)


def _validate(learner: Learner, fitted: Fitted, number: int, val: Sequence[Item], rows: Encoded) -> dict[str, float]:
    if not val:
        return {}
    fitted.answers[number] = answers(learner, rows)
    return tasks.get(learner.spec.task).score([item.truth for item in val], fitted.answers[number])


def better(task: Task, new: dict[str, float], old: dict[str, float]) -> bool:
    """Whether the primary metric got better; without metrics the newer one counts."""
    if not new or not old:
        return True
    gain = new[task.primary] - old[task.primary]
    return gain > 0 if task.higher_is_better else gain < 0


def _consider(learner: Learner, fitted: Fitted, epoch: Epoch, report: Callable[[Epoch], None]) -> None:
    best = next((past for past in fitted.history if past.number == fitted.best), None)
    fitted.history.append(epoch)
    if best is None or better(tasks.get(learner.spec.task), epoch.metrics, best.metrics):
        fitted.best = epoch.number
        fitted.state = copy.deepcopy(learner.module.state_dict())
    report(epoch)


def progress_line(epoch: Epoch, epochs: int) -> dict[str, Any]:
    """An epoch as the job's progress file keeps it."""
    return {"epoch": epoch.number, "epochs": epochs, "loss": epoch.loss, **epoch.metrics, "seconds": epoch.seconds}
