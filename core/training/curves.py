"""The curves of a report: ROC, precision-recall, reliability and calibration by bucket. NumPy alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.shares import Z95, wilson

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Json = dict[str, Any]

MOST_POINTS = 120  # of a curve: more cannot be seen on a page
BINS = 10


def _steps(positive: Flags, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Thresholds from high to low with the true and false positives at or above each."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # equal scores are passed together
    true = np.cumsum(hits)[last]
    return ranked[last], true, last + 1 - true


def _thinned(*columns: Floats) -> list[list[float]]:
    """Rows of the columns, at most `MOST_POINTS`, both ends kept."""
    size = len(columns[0])
    picked = np.unique(np.linspace(0, size - 1, min(size, MOST_POINTS)).round().astype(np.int64))
    return [[float(column[index]) for column in columns] for index in picked]


def roc(positive: Flags, scores: Floats) -> Json | None:
    """`{"area", "points": [[false positive rate, true positive rate], ...]}`; None without both kinds.

    The area is the chance that a positive is scored above a negative (Mann-Whitney, ties count half).
    """
    there, absent = int(positive.sum()), int((~positive).sum())
    if not there or not absent:
        return None
    _, true, false = _steps(positive, scores)
    rate, alarm = np.append(0.0, true / there), np.append(0.0, false / absent)
    area = float((np.diff(alarm) * (rate[1:] + rate[:-1]) / 2).sum())
    return {"area": area, "points": _thinned(alarm, rate)}


def precision_recall(positive: Flags, scores: Floats) -> Json | None:
    """`{"area", "share", "points": [[recall, precision], ...]}`; None without both kinds.

    The area is the average precision, the sum of precision over steps of recall; `share` of positives is chance level.
    """
    there = int(positive.sum())
    if not there or there == len(positive):
        return None
    _, true, false = _steps(positive, scores)
    recall, precision = true / there, true / (true + false)
    area = float((np.diff(np.append(0.0, recall)) * precision).sum())
    return {"area": area, "share": there / len(positive), "points": _thinned(recall, precision)}


def reliability(confidence: Floats, right: Flags) -> Json:
    """How often answers of a confidence are right: `{"n", "brier", "bins"}`, ten bins over 0..1, empty ones left out.

    No mean gap (ECE) is given: of a perfectly calibrated model it is still 0.13 at n = 50.
    """
    place = np.minimum((np.clip(confidence, 0.0, 1.0) * BINS).astype(np.int64), BINS - 1)
    bins: list[Json] = []
    for number in np.unique(place):
        inside = place == number
        n, hits = int(inside.sum()), int(right[inside].sum())
        bins.append(
            {"low": number / BINS, "high": (number + 1) / BINS, "n": n, "confidence": float(confidence[inside].mean()),
             "right": hits / n, "band": list(wilson(hits, n))}
        )  # fmt: skip
    return {"n": len(right), "brier": float(((confidence - right) ** 2).mean()), "bins": bins}


def buckets(truths: Floats, scores: Floats, count: int) -> list[Json]:
    """Mean score against mean truth in equal buckets of score, with a 95 % band of the mean truth from three on."""
    place = np.minimum((np.clip(scores, 0.0, 1.0) * count).astype(np.int64), count - 1)
    found: list[Json] = []
    for number in range(count):
        inside = truths[place == number]
        row: Json = {"low": number / count, "high": (number + 1) / count, "n": len(inside)}
        row |= {"predicted": None, "true": None, "band": None}
        if len(inside):
            row |= {"predicted": float(scores[place == number].mean()), "true": float(inside.mean())}
        if len(inside) > 2:
            half = Z95 * float(inside.std(ddof=1)) / math.sqrt(len(inside))
            row["band"] = [max(0.0, float(inside.mean()) - half), min(1.0, float(inside.mean()) + half)]
        found.append(row)
    return found
