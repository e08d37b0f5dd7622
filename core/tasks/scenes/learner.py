"""How the scenes network learns a user's labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.store.records import Value
from core.tasks.base import ModelSpec
from core.tasks.kernel import Solved, stretch
from core.tasks.learner import Batch, Recipe
from core.tasks.scenes.network import ScenesNetwork
from core.tasks.solved import SolvedLearner, weighted_mean

# The solved head needs no epochs; a dozen are enough to see whether the adapter helps.
RECIPE: dict[str, Any] = {"epochs": 12, "patience": 4, "learning_rate": 3e-4}
SMOOTHING = 0.05
BY_LABEL = ("head.weights", "head.bias", "adapter.4.weight", "adapter.4.bias")  # one column or row per label


class ScenesLearner(SolvedLearner):
    """Cross-entropy over the labels; the solved head answers one-hot targets, stretched to the best logits."""

    input_names = ("frames", "measured")
    output_names = ("logits",)
    pictures = ("frames",)

    def __init__(self, spec: ModelSpec, recipe: Recipe) -> None:
        super().__init__(spec, recipe, ScenesNetwork(recipe.backbone, recipe.weights, len(spec.labels)))

    def targets(self, truths: Sequence[Value]) -> Tensor:
        """One-hot, moved so that a label counts against the others' mean."""
        index = torch.tensor([self.spec.labels.index(str(truth)) for truth in truths])
        return nn.functional.one_hot(index, len(self.spec.labels)).float() - 1 / len(self.spec.labels)

    def balanced(self, truths: Sequence[Value], weights: Tensor) -> Tensor:
        """Rare labels count more, by the root of their rarity: the full inverse would cost accuracy."""
        if not self.recipe.class_weights:
            return weights
        counts = Counter(truths)
        return weights * torch.tensor([counts[truth] ** -0.5 for truth in truths], device=weights.device)

    def settle(self, found: Solved, targets: Tensor, weights: Tensor) -> None:
        """Least squares answers near 0 and 1 are no logits yet."""
        stretch(self.network.head, found.held, targets, weights)

    def adopt(self, weights: Mapping[str, Tensor], base: ModelSpec) -> list[str]:
        """As `SolvedLearner`; a label's column is found by its name, new labels start at nothing."""
        moved = dict(weights)
        places = [base.labels.index(label) if label in base.labels else -1 for label in self.spec.labels]
        for name in BY_LABEL:
            if name in moved and len(base.labels) in moved[name].shape:
                moved[name] = _reordered(moved[name], places, -1 if name.startswith("head") else 0)
        new = [label for label in self.spec.labels if label not in base.labels]
        return [*super().adopt(moved, base), *(f"label {label} is new" for label in new)]

    def same_question(self, base: ModelSpec) -> bool:
        """Labels are matched by name, so any base may help."""
        return bool(set(base.labels) & set(self.spec.labels))

    def loss(self, outputs: tuple[Tensor, ...], batch: Batch, truths: Sequence[Value], weights: Tensor) -> Tensor:
        """Weighted mean over the batch, with a little label smoothing: corrections are not always right."""
        del batch
        index = torch.tensor([self.spec.labels.index(str(truth)) for truth in truths], device=outputs[0].device)
        each = nn.functional.cross_entropy(outputs[0], index, reduction="none", label_smoothing=SMOOTHING)
        return weighted_mean(each, self.balanced(truths, weights))


def _reordered(tensor: Tensor, places: Sequence[int], axis: int) -> Tensor:
    columns = tensor.movedim(axis, 0)
    fresh = torch.zeros_like(columns[0])
    return torch.stack([columns[place] if place >= 0 else fresh for place in places]).movedim(0, axis)
