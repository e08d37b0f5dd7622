"""The network scenes and ratings share: a backbone looks, an expert advises, a solved head decides.

What the pictures are, what is asked of them and how answers are scored is theirs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from core.store.records import Value
from core.tasks import kernel
from core.tasks.augment import varied
from core.tasks.backbone import Backbone, take_over
from core.tasks.base import Features, ModelSpec
from core.tasks.kernel import KernelHead, Solved, standardised
from core.tasks.learner import Batch, Item, Learner, Recipe
from core.tasks.memory import MEMORY, digest_of

HIDDEN = 32


class Expert(nn.Module):
    """Trained once, at the factory, on drawn material; afterwards it only advises, whatever the user's labels are.

    Args:
        seen: numbers the backbone gives.
        measured: numbers that were measured; NaN where they could not be.
        says: numbers it gives.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, seen: int, measured: int, says: int) -> None:
        super().__init__()
        self.says = says
        self.register_buffer("centre", torch.zeros(measured))
        self.register_buffer("scale", torch.ones(measured))
        self.look = nn.Sequential(nn.LayerNorm(seen), nn.Linear(seen, HIDDEN), nn.Hardswish())
        self.read = nn.Sequential(nn.Linear(measured, 2 * HIDDEN), nn.Hardswish())
        self.say = nn.Sequential(nn.Dropout(0.1), nn.Linear(3 * HIDDEN, says))

    def forward(self, seen: Tensor, measured: Tensor) -> Tensor:
        z = standardised(measured, self.centre, self.scale)
        return self.say(torch.cat([self.look(seen), self.read(z)], dim=1))


class SolvedNetwork(nn.Module):
    """The solved head carries the task; the adapter, which starts at zero, is what gradient descent may add from the
    backbone's view where validation shows that it helps.
    """

    def __init__(
        self, backbone: str, weights: str, views: int, emphasis: Sequence[float], says: int, outputs: int
    ) -> None:
        super().__init__()
        self.emphasis = torch.tensor(emphasis)  # one number per measure
        self.backbone = Backbone(backbone, weights)
        seen = views * self.backbone.size
        self.expert = Expert(seen, len(emphasis), says)
        self.head = KernelHead(len(emphasis) + says, outputs)
        last = nn.Linear(HIDDEN // 2, outputs)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.adapter = nn.Sequential(
            nn.LayerNorm(seen), nn.Linear(seen, HIDDEN // 2), nn.Hardswish(), nn.Dropout(0.5), last
        )

    @abstractmethod
    def look(self, *pictures: Tensor) -> Tensor:
        """(B, seen): what the backbone makes of the pictures."""

    def numbers(self, seen: Tensor, measured: Tensor) -> Tensor:
        """(B, measured + says): what the solved head reads."""
        return torch.cat([measured, self.expert(seen, measured)], dim=1)

    def judge(self, seen: Tensor, measured: Tensor) -> Tensor:
        """(B, outputs)."""
        return self.head(self.numbers(seen, measured)) + self.adapter(seen)


class SolvedLearner(Learner):
    """See `Learner`. With `recipe.freeze` only the adapter descends; else the backbone too, under the solved head."""

    network: SolvedNetwork
    pictures: tuple[str, ...]  # those of `input_names` that the backbone looks at

    def __init__(self, spec: ModelSpec, recipe: Recipe, network: SolvedNetwork) -> None:
        params = {**spec.params, "backbone": recipe.backbone, "weights": recipe.weights}
        super().__init__(spec.model_copy(update={"params": params}), recipe)
        self.network = self.module = network
        # An expert nobody taught has no advice to keep.
        network.expert.requires_grad_(recipe.weights == "random" and not recipe.freeze)
        network.backbone.requires_grad_(not recipe.freeze)

    @abstractmethod
    def targets(self, truths: Sequence[Value]) -> Tensor:
        """(B, outputs) float32: what the solved head should answer."""

    @abstractmethod
    def settle(self, found: Solved, targets: Tensor, weights: Tensor) -> None:
        """Make use of the answers on held-out folds: a spread, a scale."""

    def balanced(self, truths: Sequence[Value], weights: Tensor) -> Tensor:
        """Sample weights, perhaps with rare answers lifted."""
        del truths
        return weights

    def adopt(self, weights: Mapping[str, Tensor], base: ModelSpec) -> list[str]:
        """Every tensor of equal name and shape; heads are left alone where `base` answered another question."""
        skip = () if self.same_question(base) else ("head.", "adapter.")
        fresh = take_over(self.network, weights, skip)
        return [f"{part} starts fresh" for part in (*fresh, *(name.rstrip(".") for name in skip))]

    @abstractmethod
    def same_question(self, base: ModelSpec) -> bool:
        """Whether outputs mean the same as those of `base`."""

    def prepare(self, items: Sequence[Item]) -> None:
        """Solve the head on these items; on the CPU, where the small decomposition in float64 is at home."""
        if not items:
            return
        network = self.network
        network.eval()
        rows = self._seen_of(items)
        truths = [item.truth for item in items]
        weights = self.balanced(truths, torch.tensor([item.weight for item in items], dtype=torch.float32))
        targets = self.targets(truths)
        network.expert.cpu()
        network.head.cpu()
        with torch.no_grad():
            numbers = network.numbers(stacked(rows, "seen"), stacked(rows, "measured"))
            found = kernel.solve(network.head, numbers, targets, weights, network.emphasis, network.expert.says)
            newest = slice(len(items) - len(found.held), None)
            self.settle(found, targets[newest], weights[newest])
        network.to(self.device)

    def _seen_of(self, items: Sequence[Item]) -> list[Batch]:
        """ "seen" and "measured" of each item under the weights of now, also where the backbone will descend."""
        digest = self._digest()
        return [
            MEMORY.recall(digest, item.sample, item.features, lambda item=item: self._look_at(item.features))
            for item in items
        ]

    def _digest(self) -> str:
        about = {"features": self.spec.features, "recipe": self.recipe.backbone, "layout": self.recipe.channels_last}
        return digest_of(self.spec.task, about, self.network.backbone)

    def _look_at(self, features: Features) -> Batch:
        pictures = [torch.from_numpy(features[name])[None].to(self.device) for name in self.pictures]
        return {"seen": self.network.look(*pictures)[0], "measured": torch.from_numpy(features["measured"])}

    def frozen_as(self) -> str | None:
        """The backbone's weights, where it is frozen."""
        return self._digest() if self.recipe.freeze else None

    def encode(self, features: Features) -> dict[str, Tensor]:
        """`seen` and `measured` where the backbone is frozen, else the features as tensors."""
        if self.recipe.freeze:
            return self._look_at(features)
        return {name: torch.from_numpy(features[name]) for name in self.input_names}

    def collate(self, rows: Sequence[dict[str, Tensor]], *, train: bool, rng: np.random.Generator) -> Batch:
        """Stack; in training pictures are varied, all of one clip alike. What frozen layers saw stays as it is."""
        batch = {name: stacked(rows, name) for name in rows[0]}
        if train and self.recipe.augment and "seen" not in batch:
            batch.update(varied({name: batch[name] for name in self.pictures}, self.recipe, rng))
        return batch

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """The one output, (B, outputs)."""
        if "seen" in batch:
            return (self.network.judge(batch["seen"], batch["measured"]),)
        return self.network(**batch)

    def parameters(self) -> list[Tensor]:
        """The adapter, and what else is not frozen."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def dynamic_shapes(self) -> dict[str, dict[int, str]]:
        """Only the batch varies."""
        return {name: {0: "batch"} for name in self.input_names}


def stacked(rows: Sequence[Mapping[str, Tensor]], name: str) -> Tensor:
    """One field of all rows, with a batch dimension."""
    return torch.stack([row[name] for row in rows])


def weighted_mean(each: Tensor, weights: Tensor) -> Tensor:
    """Scalar mean of (B,) losses."""
    return (each * weights).sum() / weights.sum().clamp(min=1e-9)
