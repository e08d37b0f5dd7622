"""The epoch loop at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from core.tasks.learner import Item, Recipe
from core.tasks.ratings.learner import RatingsLearner
from core.tasks.ratings.task import TASK
from core.training import trainer


@pytest.mark.parametrize("epochs", range(1, 8))
def test_a_training_of_very_few_steps_learns(epochs: int) -> None:
    learner = RatingsLearner(TASK.default_spec(), Recipe(weights="random", freeze=False, epochs=epochs))
    golden = {name: value[0] for name, value in TASK.golden(TASK.default_spec()).items()}
    items = [Item(golden, score, 1.0) for score in (0.2, 0.8)]
    before = [value.detach().clone() for value in learner.parameters()]
    fitted = trainer.fit(learner, items, [], epochs=epochs)
    assert [epoch.number for epoch in fitted.history] == list(range(epochs + 1))
    assert any(
        not np.allclose(old.numpy(), new.detach().numpy())
        for old, new in zip(before, learner.parameters(), strict=True)
    )
