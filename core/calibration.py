"""Calibration at run time: what a version measured of itself, applied to its answers. NumPy alone.

`core.training.calibration` fits it; `Predictor.answer` applies it, after the task has decoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from core.tasks.base import Answer, ModelSpec

ISOTONIC = "isotonic"  # in spec.params: {"x": confidences, "y": shares of right answers}
MAPPING = "mapping"  # in spec.params: {"kind": "linear" | "isotonic", "x": scores, "y": scores}, all on 0..1
THRESHOLD_POLICY = "threshold_policy"  # in spec.params: "fixed", spec.threshold is what the settings said
OURS = (ISOTONIC, MAPPING, THRESHOLD_POLICY)


def _through(table: Mapping[str, Any] | None, value: float) -> float:
    """The value on the table's broken line, flat beyond its ends; unchanged without a table."""
    return value if not table else float(np.interp(value, table["x"], table["y"]))


def confidence(spec: ModelSpec, raw: float | None) -> float | None:
    """The chance of being right that a decoded confidence stands for, 0..1."""
    return None if raw is None else _through(spec.params.get(ISOTONIC), raw)


def mapped(spec: ModelSpec, score: float) -> float:
    """The score on 0..1 that a network's own score stands for."""
    return _through(spec.params.get(MAPPING), score)


def applied(spec: ModelSpec, answer: Answer) -> Answer:
    """The answer as users see it; `raw` keeps the network's own, and no answer stays none.

    Runner-ups share what the best answer's chance leaves, in their old proportion.
    """
    if answer.value is None or not any(name in spec.params for name in (ISOTONIC, MAPPING)):
        return answer
    value = mapped(spec, answer.value) if isinstance(answer.value, float) else answer.value
    sure, others = confidence(spec, answer.confidence), answer.runner_ups
    if others and sure is not None and answer.confidence is not None and answer.confidence < 1.0:
        left = (1.0 - sure) / (1.0 - answer.confidence)
        others = tuple((one, chance * left) for one, chance in others)
    return replace(answer, value=value, confidence=sure, runner_ups=others)
