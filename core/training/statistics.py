"""Small statistics with their sources: bootstrap intervals. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
