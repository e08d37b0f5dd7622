"""How good scores are: rank correlation, errors, area under the curve, bucket calibration. NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GOOD = 0.8  # 4.0 of 5 on 0..1 (seed 004)
BUCKETS = 5

Numbers = NDArray[np.float64]


def ranks(values: Numbers) -> Numbers:
    """Ranks from 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def spearman(truths: Numbers, scores: Numbers) -> float:
    """Correlation of ranks; 0.0 where either side does not vary."""
    left, right = ranks(truths), ranks(scores)
    if left.std() == 0 or right.std() == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def auc(truths: Numbers, scores: Numbers, threshold: float = GOOD) -> float | None:
    """Chance that a good one is scored above one that is not (ties count half); None without both kinds."""
    good = truths >= threshold
    positive, negative = int(good.sum()), int((~good).sum())
    if not positive or not negative:
        return None
    return float((ranks(scores)[good].sum() - positive * (positive + 1) / 2) / (positive * negative))


def bucket_error(truths: Numbers, scores: Numbers) -> float:
    """Mean distance between mean score and mean truth over five equal buckets of score, weighted by their size."""
    bucket = np.minimum((np.clip(scores, 0.0, 1.0) * BUCKETS).astype(np.int64), BUCKETS - 1)
    off = [abs(float((scores - truths)[bucket == b].sum())) for b in range(BUCKETS)]
    return sum(off) / len(truths)


def all_metrics(truths: Numbers, scores: Numbers) -> dict[str, float]:
    """Every metric of the ratings task; `auc` is left out where it is not defined."""
    error = scores - truths
    found = {
        "spearman": spearman(truths, scores),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error * error).mean())),
        "bucket_error": bucket_error(truths, scores),
    }
    area = auc(truths, scores)
    return found if area is None else {**found, "auc": area}
