"""Bootstrap intervals of a task's metrics, resampled by group: clips of one session are not independent evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.store.records import Value
from core.tasks.base import Answer, Task
from core.training.scoring import Floats, Indices, table_of

ROUNDS = 1000
LEVEL = 0.95
SEED = 7
BLOCK = 2_000_000  # weights held at a time: 16 MB
SCORED_ALONE = 100_000  # cases scored in all when a metric has no weighted form: a few seconds
Interval = tuple[float, float]


class Scorer:
    """A task's metrics over cases and their intervals, of all cases or of some."""

    def __init__(self, task: Task, truths: Sequence[Value], answers: Sequence[Answer], groups: Indices) -> None:
        self.task, self.truths, self.answers, self.groups = task, truths, answers, groups
        self.metrics = task.score(truths, answers)
        self._table = table_of(task, truths, answers)
        ours = self._table.metrics(np.ones((1, len(truths))))
        # A task of our own kinds may score in its own way; then its function is called on each resample.
        self._weighted = {
            name for name, value in self.metrics.items() if name in ours and np.isclose(ours[name][0], value, atol=1e-9)
        }

    def value(self, name: str, rows: Indices) -> float | None:
        """A metric of some cases; None where it is not defined."""
        if name in self._weighted:
            found = float(self._table.take(rows).metrics(np.ones((1, len(rows))))[name][0])
        else:
            found = self._score(rows).get(name, np.nan)
        return found if np.isfinite(found) else None

    def _score(self, rows: Indices) -> dict[str, float]:
        return self.task.score([self.truths[row] for row in rows], [self.answers[row] for row in rows])

    def intervals(self, names: Sequence[str], rows: Indices | None = None, rounds: int = ROUNDS) -> dict[str, Interval]:
        """95 % percentile intervals (Efron 1979) over resampled groups; none from a single group."""
        rows = np.arange(len(self.truths)) if rows is None else rows
        _, groups = np.unique(self.groups[rows], return_inverse=True)
        count = int(groups.max()) + 1
        if count < 2:
            return {}
        counts = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=rounds)
        weighted = [name for name in names if name in self._weighted]
        found = self._weighted_draws(weighted, rows, groups, counts) if weighted else {}
        found |= self._scored_draws([name for name in names if name not in self._weighted], rows, groups, counts)
        return {name: _edges(values) for name, values in found.items() if np.isfinite(values).any()}

    def _weighted_draws(
        self, names: Sequence[str], rows: Indices, groups: Indices, counts: Indices
    ) -> dict[str, Floats]:
        table, step = self._table.take(rows), max(1, BLOCK // len(rows))
        blocks = [
            table.metrics(counts[start : start + step][:, groups].astype(np.float64))
            for start in range(0, len(counts), step)
        ]
        return {name: np.concatenate([block[name] for block in blocks]) for name in names}

    def _scored_draws(self, names: Sequence[str], rows: Indices, groups: Indices, counts: Indices) -> dict[str, Floats]:
        if not names:
            return {}
        bounded = counts[: max(50, SCORED_ALONE // len(rows))]
        scored = [self._score(np.repeat(rows, drawn[groups])) for drawn in bounded]
        return {name: np.array([one.get(name, np.nan) for one in scored]) for name in names}


def _edges(values: Floats) -> Interval:
    edge = (1 - LEVEL) / 2
    low, high = np.quantile(values[np.isfinite(values)], [edge, 1 - edge])
    return float(low), float(high)
