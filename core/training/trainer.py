"""The epoch loop, the same for every task: learn, validate each epoch, keep the best checkpoint, stop early."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import tasks
from core.errors import CancelledError
from core.tasks.base import Answer, Task
from core.tasks.learner import Item, Learner

State = dict[str, Tensor]
Encoded = list[dict[str, Tensor]]
GRADIENT_NORM = 5.0


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch showed. Epoch 0 is the warm start before anything was learnt."""

    number: int
    loss: float | None
    metrics: dict[str, float]
    seconds: float


@dataclass(slots=True)
class Fitted:
    """The best checkpoint and how it came about; `answers` has those on the validation side for every epoch."""

    best: int = 0
    answers: dict[int, list[Answer]] = field(default_factory=dict[int, list[Answer]])
    history: list[Epoch] = field(default_factory=list[Epoch])
    state: State = field(default_factory=dict[str, Tensor])


def encode(learner: Learner, items: Sequence[Item], stop: Callable[[], bool]) -> Encoded:
    """Run the frozen part once over all examples.

    Raises:
        CancelledError: `stop` said so.
    """
    learner.module.eval()
    rows: Encoded = []
    with torch.no_grad():
        for item in items:
            if stop():
                raise CancelledError("stopped")
            rows.append(learner.encode(item.features))
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
            batch = learner.collate(rows[start : start + batch_size], train=False, rng=rng)
            found += task.decode(learner.numpy_outputs(learner.forward(batch)), spec)
    return found


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
) -> Fitted:
    """Train for `epochs`; with `val` the best epoch by the task's primary metric wins, else the last.

    Args:
        until: end the schedule early, after this epoch; 0 leaves the warm start as it is.
        patient: run all epochs, also when validation no longer gets better.

    Raises:
        CancelledError: `stop` said so.
    """
    learner.prepare(train)
    rows, val_rows = encode(learner, train, stop), encode(learner, val, stop)
    fitted = Fitted()
    _consider(learner, fitted, Epoch(0, None, _validate(learner, fitted, 0, val, val_rows), 0.0), report)
    optimiser = torch.optim.AdamW(
        learner.parameters(), lr=learner.recipe.learning_rate, weight_decay=learner.recipe.weight_decay
    )
    steps = max(1, -(-len(train) // learner.recipe.batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learner.recipe.learning_rate, total_steps=epochs * steps, pct_start=0.2
    )
    rng = np.random.default_rng(learner.recipe.seed)
    for number in range(1, (epochs if until is None else until) + 1):
        start = time.monotonic()
        loss = _epoch(learner, train, rows, rng, optimiser, schedule, stop)
        metrics = _validate(learner, fitted, number, val, val_rows)
        _consider(learner, fitted, Epoch(number, loss, metrics, time.monotonic() - start), report)
        if not patient and number - fitted.best >= learner.recipe.patience:
            break
    learner.module.load_state_dict(fitted.state)
    return fitted


def _epoch(
    learner: Learner,
    train: Sequence[Item],
    rows: Encoded,
    rng: np.random.Generator,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    stop: Callable[[], bool],
) -> float:
    learner.module.train()
    order = rng.permutation(len(train))
    size, total = learner.recipe.batch_size, 0.0
    for first in range(0, len(order), size):
        if stop():
            raise CancelledError("stopped")
        picked = order[first : first + size]
        batch = learner.collate([rows[index] for index in picked], train=True, rng=rng)
        truths = [train[index].truth for index in picked]
        shares = torch.tensor([train[index].weight for index in picked], dtype=torch.float32)
        loss = learner.loss(learner.forward(batch), batch, truths, shares)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), GRADIENT_NORM)
        optimiser.step()
        schedule.step()
        total += float(loss.detach()) * len(picked)
    return total / len(order)


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
