"""What a report says beyond the metrics, by kind of task: confusion and curves, words, buckets and errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.store.records import Value
from core.tasks.base import Answer, ModelSpec
from core.tasks.ratings.metrics import BUCKETS
from core.training import curves

Json = dict[str, Any]
LISTED = 10  # pairs most confused, errors that are worst


def share(part: float, whole: float) -> float | None:
    """A share; None of nothing."""
    return part / whole if whole else None


def prf(true: float, found: float, both: float) -> Json:
    """Precision, recall and F1 from what there is, what was found and what is both; None where undefined."""
    return {
        "precision": share(both, found),
        "recall": share(both, true),
        "f1": share(2 * both, true + found),
    }


def of_labels(spec: ModelSpec, truths: Sequence[Value], answers: Sequence[Answer]) -> Json:
    """Confusion (rows: truth), per-label scores with ROC and precision-recall one against rest, most confused pairs."""
    true, found = [str(truth) for truth in truths], [str(answer.value) for answer in answers]
    occurring = {*true, *found}
    labels = [label for label in spec.labels if label in occurring]
    labels += sorted(occurring.difference(labels))
    place = {label: index for index, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, ([place[label] for label in true], [place[label] for label in found]), 1)
    chances = _chances(labels, answers)
    at = np.array([place[label] for label in true])
    rows: list[Json] = []
    for index, label in enumerate(labels):
        row = confusion[index].sum(), confusion[:, index].sum(), confusion[index, index]
        known: Json = {"label": label, "n": int(row[0]), "found": int(row[1]), **prf(*map(float, row))}
        scores = None if chances is None else chances[:, index]
        known["roc"] = None if scores is None else curves.roc(at == index, scores)
        known["pr"] = None if scores is None else curves.precision_recall(at == index, scores)
        rows.append(known)
    return {"labels": rows, "confusion": confusion.tolist(), "confused": _confused(labels, confusion)}


def _chances(labels: Sequence[str], answers: Sequence[Answer]) -> NDArray[np.float64] | None:
    """Probability of each label (n, L) where every answer names more than its own; a label not named has none."""
    known: list[dict[str, float]] = []
    for answer in answers:
        ranked = {str(label): chance for label, chance in answer.runner_ups}
        own = {} if answer.confidence is None else {str(answer.value): answer.confidence}
        known.append(answer.raw.get("probabilities") or (ranked | own if ranked else {}))
    if not all(known):
        return None
    return np.array([[chances.get(label, 0.0) for label in labels] for chances in known], dtype=np.float64)


def _confused(labels: Sequence[str], confusion: NDArray[np.int64]) -> list[Json]:
    off = confusion.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:LISTED]
    pairs = [divmod(int(index), len(labels)) for index in order if off.flat[index]]
    return [
        {"truth": labels[i], "found": labels[j], "n": int(off[i, j]), "share": float(off[i, j] / confusion[i].sum())}
        for i, j in pairs
    ]


def of_scores(spec: ModelSpec, truths: Sequence[Value], answers: Sequence[Answer], names: Sequence[str | None]) -> Json:
    """Calibration by bucket, "good" at the threshold with its curves, and the worst errors."""
    true = np.array([float(truth) for truth in truths], dtype=np.float64)
    found = np.array([float(answer.value or 0.0) for answer in answers], dtype=np.float64)
    good, called = true >= spec.threshold, found >= spec.threshold
    error = np.abs(found - true)
    worst = np.argsort(-error, kind="stable")[:LISTED]
    return {
        "buckets": curves.buckets(true, found, BUCKETS),
        "good": {
            "threshold": spec.threshold,
            "n": int(good.sum()),
            "found": int(called.sum()),
            **prf(float(good.sum()), float(called.sum()), float((good & called).sum())),
            "roc": curves.roc(good, found),
            "pr": curves.precision_recall(good, found),
        },
        "worst": [
            {"sample": names[row], "truth": float(true[row]), "found": float(found[row]), "error": float(error[row])}
            for row in worst
            if error[row] > 0
        ],
    }
