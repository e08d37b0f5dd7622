"""How the ratings network learns a user's scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.store.records import Value
from core.tasks.base import ModelSpec
from core.tasks.kernel import Solved, stretch
from core.tasks.learner import Batch, Recipe
from core.tasks.ratings.network import RatingsNetwork
from core.tasks.solved import SolvedLearner, weighted_mean

# The solved head needs no epochs; a dozen are enough to see whether the adapter helps.
# Light and sharpness are part of what is rated, so pictures are varied less than for scenes.
RECIPE: dict[str, Any] = {"epochs": 12, "patience": 4, "learning_rate": 3e-4, "crop": 0.05, "jitter": 0.03}
SMALLEST_SPREAD = 0.02  # of 0..1


class RatingsLearner(SolvedLearner):
    """Squared error on 0..1, or for a binary target the cross-entropy of "good"."""

    input_names = ("image", "pieces", "measured")
    output_names = ("score",)
    pictures = ("image", "pieces")

    def __init__(self, spec: ModelSpec, recipe: Recipe) -> None:
        params = {**spec.params, "target": recipe.target}
        super().__init__(
            spec.model_copy(update={"params": params}), recipe, RatingsNetwork(recipe.backbone, recipe.weights)
        )
        self.binary = recipe.target == "binary"

    def targets(self, truths: Sequence[Value]) -> Tensor:
        """The scores, or plus and minus a half for good and not good."""
        scores = torch.tensor([[float(truth)] for truth in truths], dtype=torch.float32)
        return (scores >= self.spec.threshold).float() - 0.5 if self.binary else scores

    def settle(self, found: Solved, targets: Tensor, weights: Tensor) -> None:
        """Keep how far off scores are on held-out folds; stretch a binary answer to the best logit."""
        if self.binary:
            stretch(self.network.head, found.held, targets, weights)
            return
        spread = max(found.loss**0.5, SMALLEST_SPREAD)
        self.spec = self.spec.model_copy(update={"params": {**self.spec.params, "spread": round(spread, 4)}})

    def same_question(self, base: ModelSpec) -> bool:
        """Scores and chances of "good" are different questions."""
        return base.params.get("target", "regression") == self.recipe.target

    def loss(self, outputs: tuple[Tensor, ...], batch: Batch, truths: Sequence[Value], weights: Tensor) -> Tensor:
        """Weighted mean over the batch."""
        del batch
        targets = self.targets(truths).to(outputs[0].device)
        if self.binary:
            each = nn.functional.binary_cross_entropy_with_logits(outputs[0], targets + 0.5, reduction="none")
        else:
            each = (outputs[0] - targets).square()
        return weighted_mean(each[:, 0], weights)
