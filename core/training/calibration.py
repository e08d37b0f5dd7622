"""How a version's confidence is made to mean "chance of being right", and its scores the user's scale.

Both are fitted on answers the network was not trained on and frozen into the version; `core.calibration` applies them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import calibration
from core.store.records import Value
from core.tasks.base import Answer, ModelSpec, Task
from core.tasks.ratings.task import confidence as chance_within

Floats = NDArray[np.float64]
Json = dict[str, Any]

# Below this many out-of-fold answers a temperature says little (facts.md: ECE of a perfect model is 0.13 at n = 50).
FEWEST_TO_CALIBRATE = 50
FEWEST_FOR_ISOTONIC = 1000
TEMPERATURES = np.geomspace(0.2, 8.0, 60)
SPREADS = np.geomspace(0.02, 0.6, 40)  # of 0..1: standard deviations of a score's error
MOST_POINTS = 64  # of a frozen line
FOLDS = 5
SLOPE = 0.01  # least slope of a score mapping: order is kept, so Spearman is
SMALLEST_GAIN = 0.005  # of 0..1 in cross-validated MAE: a line that helps less is noise


def confidence_at(scores: Sequence[float], temperature: float) -> float:
    """Largest softmax probability of unnormalised log scores at a temperature."""
    shifted = np.asarray(scores, dtype=np.float64) / temperature
    shifted -= shifted.max()
    return float(1.0 / np.exp(shifted).sum())


def _surprise(sure: Floats, hits: NDArray[np.bool_]) -> float:
    """Mean negative log-likelihood of right and wrong answers."""
    sure = np.clip(sure, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(hits, np.log(sure), np.log1p(-sure))))


def log_scores(answer: Answer) -> Sequence[float] | None:
    """What a temperature divides: a label's or text's log scores, or the logit of a yes or no."""
    if "good" in answer.raw:
        return [answer.raw["score"], 0.0]
    return answer.raw.get("log_scores") or None


def fit_temperature(answers: Sequence[Answer], right: Sequence[bool]) -> float | None:
    """The temperature that makes "confidence = chance of being right" most likely (Guo et al. 2017, on the top answer).

    None when too few answers carry log scores.
    """
    scored = [(found, hit) for answer, hit in zip(answers, right, strict=True) if (found := log_scores(answer))]
    if len(scored) < FEWEST_TO_CALIBRATE:
        return None
    hits = np.array([hit for _, hit in scored])
    table = np.full((len(scored), max(len(found) for found, _ in scored)), -np.inf)
    for row, (found, _) in enumerate(scored):
        table[row, : len(found)] = found
    table -= table.max(axis=1, keepdims=True)
    return float(min(TEMPERATURES, key=lambda at: _surprise(1.0 / np.exp(table / at).sum(axis=1), hits)))


def fit_spread(values: Sequence[float], right: Sequence[bool]) -> float:
    """The standard deviation of scores' errors that makes "confidence = chance of being right" most likely."""
    hits = np.array(right)
    # 101 steps of score are 0.01 apart: finer ones change no chance by 0.001, and 10,000 answers cost no more.
    steps = np.round(np.asarray(values) * 100).astype(np.int64)

    def surprise(spread: float) -> float:
        known = np.array([chance_within(step / 100, spread) for step in range(101)])
        return _surprise(known[steps], hits)

    return float(min(SPREADS, key=surprise))


def isotonic(found: Floats, wanted: Floats) -> Json:
    """The non-decreasing line closest to what was wanted (`{"x", "y"}`, at most 64 points)."""
    from sklearn.isotonic import IsotonicRegression  # 1 s, only with a thousand answers

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(found, wanted)
    x, y = np.asarray(fitted.X_thresholds_), np.asarray(fitted.y_thresholds_)
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(np.int64))
    return {"x": [round(float(v), 6) for v in x[kept]], "y": [round(float(v), 6) for v in y[kept]]}


def linear(found: Floats, wanted: Floats) -> Json:
    """The straight line of least squares from 0..1 into 0..1, rising by at least `SLOPE`."""
    slope = float(np.cov(found, wanted, bias=True)[0, 1] / max(float(found.var()), 1e-9))
    start = float(wanted.mean() - slope * found.mean())
    low = min(max(start, 0.0), 1.0 - SLOPE)
    return {
        "kind": "linear",
        "x": [0.0, 1.0],
        "y": [round(low, 6), round(min(max(start + slope, low + SLOPE), 1.0), 6)],
    }


def bent(found: Floats, wanted: Floats) -> Json:
    """The isotonic line from 0 to 1, made to rise by at least `SLOPE` everywhere: two scores never become one."""
    line = isotonic(found, wanted)
    x = np.unique([0.0, *line["x"], 1.0])
    y = (1 - SLOPE) * np.interp(x, line["x"], line["y"]) + SLOPE * x
    return {"kind": "isotonic", "x": [float(v) for v in x], "y": [float(v) for v in y]}


def fit_mapping(found: Floats, wanted: Floats) -> Json | None:
    """A rising line raw score -> score, where it lowers MAE on scores it was not fitted on; else None.

    A straight one from 50 answers, an isotonic one is tried too from 1,000.
    """
    if len(found) < FEWEST_TO_CALIBRATE:
        return None
    best, least = None, float(np.abs(found - wanted).mean()) - SMALLEST_GAIN
    shapes: tuple[Callable[[Floats, Floats], Json], ...] = (linear, bent)
    for shape in shapes if len(found) >= FEWEST_FOR_ISOTONIC else shapes[:1]:
        off = _cross_validated(shape, found, wanted)
        if off < least:
            best, least = shape, off
    return best(found, wanted) if best else None


def _cross_validated(shape: Callable[[Floats, Floats], Json], found: Floats, wanted: Floats) -> float:
    """Mean absolute error over blocks of neighbours in the order given, so that most of a group stays together."""
    fold, total = np.arange(len(found)) * FOLDS // len(found), 0.0
    for number in range(FOLDS):
        out = fold == number
        line = shape(found[~out], wanted[~out])
        total += float(np.abs(np.interp(found[out], line["x"], line["y"]) - wanted[out]).sum())
    return total / len(found)


def calibrated(task: Task, spec: ModelSpec, pairs: Sequence[tuple[Value, Answer]]) -> ModelSpec:
    """The spec with its calibration frozen in, fitted on (truth, out-of-sample answer) pairs as the task decodes them.

    Nothing of an earlier version's is kept. Below 50 answers the spec says "not calibrated" (`temperature` None).
    """
    params = {name: value for name, value in spec.params.items() if name not in calibration.OURS}
    if task.kind == "score":
        # Which threshold is "good" is the user's to say: it is frozen, never tuned to the answers.
        params[calibration.THRESHOLD_POLICY] = "fixed"
    plain = spec.model_copy(update={"temperature": None, "calibration_n": 0, "params": params})
    known = [(truth, answer) for truth, answer in pairs if answer.value is not None]
    if len(known) < FEWEST_TO_CALIBRATE:
        return plain
    fit = _calibrated_scores if task.kind == "score" and "good" not in known[0][1].raw else _calibrated_choices
    return fit(task, plain, known)


def _calibrated_choices(task: Task, spec: ModelSpec, known: Sequence[tuple[Value, Answer]]) -> ModelSpec:
    """Temperature, then isotonic: for labels, texts, and the yes or no of a binary target."""
    answers = [answer for _, answer in known]
    right = [_right(task, spec, truth, answer) for truth, answer in known]
    temperature = fit_temperature(answers, right)
    if temperature is None:
        return spec
    rows = [(found, hit) for answer, hit in zip(answers, right, strict=True) if (found := log_scores(answer))]
    sure = np.array([confidence_at(found, temperature) for found, _ in rows])
    params = dict(spec.params)
    if len(rows) >= FEWEST_FOR_ISOTONIC:
        params[calibration.ISOTONIC] = isotonic(sure, np.array([hit for _, hit in rows], dtype=np.float64))
    return spec.model_copy(update={"temperature": temperature, "calibration_n": len(rows), "params": params})


def _right(task: Task, spec: ModelSpec, truth: Value, answer: Answer) -> bool:
    if "good" in answer.raw:
        return (float(truth) >= spec.threshold) == (answer.raw["score"] >= 0)
    return answer.value is not None and task.equal(answer.value, truth)


def _calibrated_scores(task: Task, spec: ModelSpec, known: Sequence[tuple[Value, Answer]]) -> ModelSpec:
    """The mapping, the spread that confidence follows from, then isotonic. No temperature is fitted: it is 1."""
    values = np.array([float(answer.value or 0.0) for _, answer in known])
    line = fit_mapping(values, np.array([float(truth) for truth, _ in known]))
    params = spec.params | ({calibration.MAPPING: line} if line else {})
    found = spec.model_copy(update={"temperature": 1.0, "calibration_n": len(known), "params": params})
    right = [
        task.equal(calibration.mapped(found, float(value)), truth)
        for value, (truth, _) in zip(values, known, strict=True)
    ]
    spread = round(fit_spread(list(values), right), 4)
    params = params | {"spread": spread}
    if len(known) >= FEWEST_FOR_ISOTONIC:
        sure = np.array([chance_within(float(value), spread) for value in values])
        params[calibration.ISOTONIC] = isotonic(sure, np.array(right, dtype=np.float64))
    return found.model_copy(update={"params": params})


def out_of_fold(
    task: Task, spec: ModelSpec, judged: Sequence[tuple[str, Value, Answer]], more: Sequence[tuple[str, Value, Answer]]
) -> list[Answer]:
    """Judged answers as a calibrated version would give them: each group's by a calibration that has not seen it.

    Args:
        judged: (group, truth, answer as decoded) of the samples that judge.
        more: further out-of-sample answers that calibrations may be fitted on.
    """
    names = sorted({group for group, _, _ in (*judged, *more)})
    fold = {name: number % FOLDS for number, name in enumerate(names)}
    fitted = [
        calibrated(task, spec, [(truth, answer) for group, truth, answer in (*more, *judged) if fold[group] != number])
        for number in range(FOLDS)
    ]
    return [_as(fitted[fold[group]], answer) for group, _, answer in judged]


def _as(spec: ModelSpec, answer: Answer) -> Answer:
    scores = log_scores(answer)
    if spec.temperature is not None and scores and answer.confidence is not None:
        answer = replace(answer, confidence=confidence_at(scores, spec.temperature))
    return calibration.applied(spec, answer)
