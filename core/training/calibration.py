"""How a version's confidence is made to mean "chance of being right", from answers it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.store.records import Value
from core.tasks.base import Answer, ModelSpec, Task

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


def calibrated(task: Task, spec: ModelSpec, pairs: Sequence[tuple[Value, Answer]]) -> ModelSpec:
    """The spec with its calibration frozen in, fitted on (truth, out-of-sample answer) pairs."""
    right = [answer.value is not None and task.equal(answer.value, truth) for truth, answer in pairs]
    temperature = fit_temperature([answer for _, answer in pairs], right)
    return spec.model_copy(
        update={"temperature": temperature, "calibration_n": len(pairs) if temperature else 0},
    )
