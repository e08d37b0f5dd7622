"""The torch half of a task: what the trainer needs to know of a network. Imported by the training process only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.store.records import Value
from core.tasks.base import Features, ModelSpec
from core.tasks.memory import MEMORY
from core.tasks.recipe import Recipe

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Item:
    """One training example: what the network reads, what it should say, how much it counts, and its sample's id."""

    features: Features
    truth: Value
    weight: float
    sample: str | None = None


class Learner(ABC):
    """A network and how it learns.

    Args:
        spec: labels, alphabet, scale: what the outputs mean.
        recipe: the run's settings.
    """

    module: nn.Module  # whole network; `forward(**inputs)` takes Task.inputs as tensors, returns a tuple of outputs
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def __init__(self, spec: ModelSpec, recipe: Recipe) -> None:
        self.spec = spec
        self.recipe = recipe
        self.device = torch.device("cpu")

    def move(self, device: torch.device) -> None:
        """Put the network on a device, in the memory layout the recipe wants."""
        self.device = device
        self.module.to(device)
        self._lay_out(torch.channels_last if self.recipe.channels_last else torch.contiguous_format)

    def settle_down(self) -> None:
        """Back to the CPU and the plain layout, as export needs it."""
        self.device = torch.device("cpu")
        self.module.to(self.device)
        self._lay_out(torch.contiguous_format)

    def _lay_out(self, layout: torch.memory_format) -> None:
        for parameter in self.module.parameters():
            if parameter.dim() == 4:  # pictures; other tensors know no such layout
                parameter.data = parameter.data.contiguous(memory_format=layout)

    @abstractmethod
    def adopt(self, weights: Mapping[str, Tensor], base: ModelSpec) -> list[str]:
        """Warm start from another version's weights; rows of a head whose labels differ are matched by name.

        Returns:
            Notes for the log: what could not be taken over and starts fresh.
        """

    @abstractmethod
    def prepare(self, items: Sequence[Item]) -> None:
        """Look at the training side once before the first epoch (standardise inputs, fix lexica). May do nothing."""

    @abstractmethod
    def encode(self, features: Features) -> dict[str, Tensor]:
        """What is kept in memory per example: the frozen layers' output where `recipe.freeze`, else the features."""

    def frozen_as(self) -> str | None:
        """Digest of the layers whose output `encode` gives (`memory.digest_of`); None = it runs no layer."""
        return None

    def row(self, item: Item, frozen: str | None) -> dict[str, Tensor]:
        """`encode`, remembered; `frozen` is what `frozen_as` says now, asked once for many items."""
        if frozen is None:
            return self.encode(item.features)
        return MEMORY.recall(frozen, item.sample, item.features, lambda: self.encode(item.features))

    @abstractmethod
    def collate(self, rows: Sequence[dict[str, Tensor]], *, train: bool, rng: np.random.Generator) -> Batch:
        """Pad and stack encoded examples; `train` allows augmentation, drawn from `rng`."""

    @abstractmethod
    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """The outputs named by `output_names`, from encoded rows."""

    @abstractmethod
    def loss(self, outputs: tuple[Tensor, ...], batch: Batch, truths: Sequence[Value], weights: Tensor) -> Tensor:
        """Scalar loss, the weighted mean over the batch; `weights` is (B,) float32."""

    @abstractmethod
    def parameters(self) -> list[Tensor]:
        """What the optimiser may change."""

    @abstractmethod
    def dynamic_shapes(self) -> dict[str, dict[int, str]]:
        """For export: per input, dimension -> name ("batch", "time") of the dimensions that vary."""

    def final_spec(self) -> ModelSpec:
        """The spec with what training froze into it (lexicon, n-gram); the trainer adds temperature and version."""
        return self.spec

    def numpy_outputs(self, outputs: tuple[Tensor, ...]) -> dict[str, NDArray[np.float32]]:
        """The outputs as `Task.decode` reads them."""
        return {
            name: tensor.detach().float().cpu().numpy() for name, tensor in zip(self.output_names, outputs, strict=True)
        }


def seed_everything(seed: int) -> None:
    """Fix torch's and NumPy's global generators; loaders draw from their own."""
    torch.manual_seed(seed)
    np.random.seed(seed)


def training_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
