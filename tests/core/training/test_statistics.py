from __future__ import annotations

import numpy as np

from core.tasks.base import Answer
from core.training.calibration import confidence_at, fit_temperature
from core.training.statistics import bootstrap


def test_an_overconfident_model_gets_a_temperature_that_makes_it_honest():
    rng = np.random.default_rng(3)
    truths, answers = [], []
    for _ in range(2000):
        logits = rng.normal(0, 1, 4)
        chances = np.exp(logits) / np.exp(logits).sum()
        truth = rng.choice(4, p=chances)
        answers.append(Answer(str(logits.argmax()), None, {"log_scores": list(logits * 3)}))
        truths.append(bool(truth == logits.argmax()))
    temperature = fit_temperature(answers, truths)
    assert temperature is not None
    assert 2.4 < temperature < 3.7
    sure = np.mean([confidence_at(answer.raw["log_scores"], temperature) for answer in answers])
    assert abs(sure - np.mean(truths)) < 0.03


def test_few_answers_are_not_calibrated():
    assert fit_temperature([Answer("a", None, {"log_scores": [1.0, 0.0]})] * 49, [True] * 49) is None


def test_the_interval_of_a_mean_covers_it_as_often_as_promised():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(150):
        low, high = bootstrap(list(rng.normal(1.0, 1.0, 40)), lambda values: float(np.mean(values)), rounds=200)
        hits += low <= 1.0 <= high
    assert 0.87 <= hits / 150 <= 0.99
