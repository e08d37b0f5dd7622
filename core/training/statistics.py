"""Small statistics with their sources: temperature scaling and paired bootstrap intervals. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.tasks.base import Answer

# Below this many out-of-fold answers a temperature says little (facts.md: ECE of a perfect model is 0.13 at n = 50).
FEWEST_TO_CALIBRATE = 50
TEMPERATURES = np.geomspace(0.2, 8.0, 60)


def confidence_at(scores: Sequence[float], temperature: float) -> float:
    """Largest softmax probability of unnormalised log scores at a temperature."""
    shifted = np.asarray(scores, dtype=np.float64) / temperature
    shifted -= shifted.max()
    return float(1.0 / np.exp(shifted).sum())


def fit_temperature(answers: Sequence[Answer], right: Sequence[bool]) -> float | None:
    """The temperature that makes "confidence = chance of being right" most likely (Guo et al. 2017, on the top answer).

    Answers carry their log scores in `raw["log_scores"]`; None when there are too few answers or no scores.
    """
    scored = [(answer.raw["log_scores"], hit) for answer, hit in zip(answers, right, strict=True)
              if answer.raw.get("log_scores")]  # fmt: skip
    if len(scored) < FEWEST_TO_CALIBRATE:
        return None
    hits = np.array([hit for _, hit in scored])

    def surprise(temperature: float) -> float:
        sure = np.clip([confidence_at(scores, temperature) for scores, _ in scored], 1e-6, 1 - 1e-6)
        return float(-np.mean(np.where(hits, np.log(sure), np.log1p(-sure))))

    return float(min(TEMPERATURES, key=surprise))


def bootstrap(
    values: Sequence[Any],
    statistic: Callable[[Sequence[Any]], float],
    *,
    level: float = 0.95,
    rounds: int = 1000,
    seed: int = 7,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic over resampled items (Efron 1979); seeded.

    For a paired comparison each item holds both models' results on one sample.
    """
    rng = np.random.default_rng(seed)
    drawn: NDArray[np.float64] = np.array(
        [statistic([values[index] for index in rng.integers(0, len(values), len(values))]) for _ in range(rounds)]
    )
    edge = (1 - level) / 2
    low, high = np.quantile(drawn[np.isfinite(drawn)], [edge, 1 - edge]) if np.isfinite(drawn).any() else (0.0, 0.0)
    return float(low), float(high)
