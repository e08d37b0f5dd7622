"""The torch half of a task: what the trainer needs to know of a network. Imported by the training process only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from core.store.records import Value
from core.tasks.base import Features, ModelSpec

Batch = dict[str, Tensor]


class Recipe(BaseModel):
    """The readable settings of one training run; kept in the run's record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "mobilenet_v3_small"
    weights: str = "factory"  # "factory", "imagenet" or "random"
    target: str = "regression"  # ratings: "regression" or "binary"
    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    patience: int = 8
    freeze: bool = True  # keep the lower layers as they are and cache what they say
    augment: bool = True
    class_weights: bool = True
    seed: int = 7
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """One training example: what the network reads, what it should say, and how much it counts."""

    features: Features
    truth: Value
    weight: float


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
