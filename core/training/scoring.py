"""Every metric of a kind of task as a function of case weights, so that thousands of resamples cost one matrix product.

What the metrics mean stays with the tasks: a weighted form counts only where it gives the task's own number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.store.records import Value
from core.tasks.base import Answer, Task
from core.tasks.ratings.metrics import BUCKETS, GOOD
from core.tasks.speech import text

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Table(ABC):
    """Cases as arrays."""

    @abstractmethod
    def take(self, rows: Indices) -> Table:
        """Some of the cases."""

    @abstractmethod
    def metrics(self, weights: Floats) -> dict[str, Floats]:
        """Each metric (R,) under weights (R, n): how often a case counts. NaN where it is not defined."""


def table_of(task: Task, truths: Sequence[Value], answers: Sequence[Answer]) -> Table:
    """The table of a task's kind; every answer has a value."""
    if task.kind == "label":
        return Labels.of([str(truth) for truth in truths], answers)
    if task.kind == "text":
        return Texts.of([str(truth) for truth in truths], [str(answer.value) for answer in answers])
    return Scores.of([float(truth) for truth in truths], [float(answer.value or 0.0) for answer in answers])


@dataclass(frozen=True, slots=True)
class Labels(Table):
    """`truth`, `found` (n,) as places in the sorted labels; `brier` (n,) or None where chances are not known."""

    truth: Indices
    found: Indices
    size: int
    brier: Floats | None

    @staticmethod
    def of(truths: Sequence[str], answers: Sequence[Answer]) -> Labels:
        """Labels of truths and answers."""
        found = [str(answer.value) for answer in answers]
        place = {label: index for index, label in enumerate(sorted({*truths, *found}))}
        chances = [answer.raw.get("probabilities") for answer in answers]
        brier = None
        if all(chances):
            brier = np.array([_brier(truth, chance or {}) for truth, chance in zip(truths, chances, strict=True)])
        return Labels(
            np.array([place[label] for label in truths], dtype=np.int64),
            np.array([place[label] for label in found], dtype=np.int64),
            len(place),
            brier,
        )

    def take(self, rows: Indices) -> Labels:
        """See `Table`."""
        brier = None if self.brier is None else self.brier[rows]
        return Labels(self.truth[rows], self.found[rows], self.size, brier)

    def metrics(self, weights: Floats) -> dict[str, Floats]:
        """accuracy, macro_f1 over the labels that occur, and brier (Brier 1950, 0..2)."""
        total = weights.sum(axis=1)
        hit = self.truth == self.found
        both = _per_label(weights, self.truth, self.size) + _per_label(weights, self.found, self.size)
        right = _per_label(weights * hit, self.truth, self.size)
        occurs = both > 0
        f1 = np.where(occurs, 2 * right / np.where(occurs, both, 1.0), 0.0)
        result = {"accuracy": weights @ hit / total, "macro_f1": f1.sum(axis=1) / occurs.sum(axis=1)}
        return result if self.brier is None else {**result, "brier": weights @ self.brier / total}


def _brier(truth: str, chances: dict[str, float]) -> float:
    off = sum((share - (label == truth)) ** 2 for label, share in chances.items())
    return off + (0.0 if truth in chances else 1.0)


def _per_label(weights: Floats, labels: Indices, size: int) -> Floats:
    """Weight of each label, (R, size)."""
    return weights @ np.eye(size)[labels]


@dataclass(frozen=True, slots=True)
class Texts(Table):
    """Counts (n, 5) of each case: word errors, words, character errors, characters, 1 if exact."""

    counts: Floats

    @staticmethod
    def of(truths: Sequence[str], found: Sequence[str]) -> Texts:
        """Texts in the normal form that speech compares."""
        rows: list[tuple[float, ...]] = []
        for said, read in zip(map(text.normal, truths), map(text.normal, found), strict=True):
            words = said.split()
            errors = (0, 0) if said == read else (text.distance(words, read.split()), text.distance(said, read))
            rows.append((errors[0], len(words), errors[1], len(said), said == read))
        return Texts(np.array(rows, dtype=np.float64).reshape(-1, 5))

    def take(self, rows: Indices) -> Texts:
        """See `Table`."""
        return Texts(self.counts[rows])

    def metrics(self, weights: Floats) -> dict[str, Floats]:
        """wer, cer (errors over length of all truths), exact."""
        sums = weights @ self.counts
        return {
            "wer": sums[:, 0] / np.maximum(sums[:, 1], 1.0),
            "cer": sums[:, 2] / np.maximum(sums[:, 3], 1.0),
            "exact": sums[:, 4] / weights.sum(axis=1),
        }


@dataclass(frozen=True, slots=True)
class Scores(Table):
    """`truth` and `found` (n,) on 0..1."""

    truth: Floats
    found: Floats

    @staticmethod
    def of(truths: Sequence[float], found: Sequence[float]) -> Scores:
        """Scores as they are."""
        return Scores(np.array(truths, dtype=np.float64), np.array(found, dtype=np.float64))

    def take(self, rows: Indices) -> Scores:
        """See `Table`."""
        return Scores(self.truth[rows], self.found[rows])

    def metrics(self, weights: Floats) -> dict[str, Floats]:
        """spearman, mae, rmse, bucket_error and auc, as `core.tasks.ratings.metrics` defines them."""
        total, error = weights.sum(axis=1), self.found - self.truth
        place = np.minimum((np.clip(self.found, 0.0, 1.0) * BUCKETS).astype(np.int64), BUCKETS - 1)
        off = np.abs(_per_label(weights * error, place, BUCKETS))
        return {
            "spearman": _correlation(_ranks(self.truth, weights), _ranks(self.found, weights), weights),
            "mae": weights @ np.abs(error) / total,
            "rmse": np.sqrt(weights @ (error * error) / total),
            "bucket_error": off.sum(axis=1) / total,
            "auc": _auc(self.truth >= GOOD, self.found, weights),
        }


def _by_value(values: Floats, weights: Floats) -> tuple[Indices, Floats]:
    """Which distinct value each case has (n,), ascending, and the weight of each distinct value (R, k)."""
    order = np.argsort(values, kind="stable")
    _, starts, inverse = np.unique(values, return_index=True, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(np.bincount(inverse, minlength=len(starts)))[:-1]])
    return inverse, np.add.reduceat(weights[:, order], starts, axis=1)


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Ranks (R, n) from 1 in the resampled lists; equal values share their mean rank."""
    inverse, counts = _by_value(values, weights)
    return (np.cumsum(counts, axis=1) - (counts - 1) / 2)[:, inverse]


def _correlation(left: Floats, right: Floats, weights: Floats) -> Floats:
    """Pearson's correlation per row; 0.0 where a side does not vary."""
    total = weights.sum(axis=1, keepdims=True)
    left = left - (weights * left).sum(axis=1, keepdims=True) / total
    right = right - (weights * right).sum(axis=1, keepdims=True) / total
    spread = np.sqrt((weights * left * left).sum(axis=1) * (weights * right * right).sum(axis=1))
    flat = spread < 1e-9
    return np.where(flat, 0.0, (weights * left * right).sum(axis=1) / np.where(flat, 1.0, spread))


def _auc(good: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    """Chance that a good one is scored above another (Mann-Whitney, ties count half); NaN without both kinds."""
    _, positive = _by_value(scores, weights * good)
    _, negative = _by_value(scores, weights * ~good)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return np.where(pairs > 0, (positive * below).sum(axis=1) / np.where(pairs > 0, pairs, 1.0), np.nan)
