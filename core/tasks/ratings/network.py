"""The ratings network: the whole frame, two pieces at native resolution and the measures become one score."""

from __future__ import annotations

import torch
from torch import Tensor

from core.tasks.ratings import measures
from core.tasks.solved import SolvedNetwork

# What the factory's expert says of a picture: its quality and how much was done to it, each about 0..1.
EXPERT = ("quality", "blur", "motion", "small", "noise", "jpeg", "dark", "bright", "faded")


class RatingsNetwork(SolvedNetwork):
    """`image`, `pieces`, `measured` as in `Ratings.inputs` -> `score` (B, 1); for a binary target a logit."""

    def __init__(self, backbone: str, weights: str) -> None:
        super().__init__(backbone, weights, 2, [1.0] * len(measures.NAMES), len(EXPERT), 1)

    def forward(self, image: Tensor, pieces: Tensor, measured: Tensor) -> tuple[Tensor]:
        return (self.judge(self.look(image, pieces), measured),)

    def look(self, *pictures: Tensor) -> Tensor:
        """(B, 2 * size): the whole frame beside the mean of its pieces."""
        image, pieces = pictures
        whole = self.backbone(image)
        parts = self.backbone(pieces.flatten(0, 1)).unflatten(0, (-1, pieces.shape[1])).mean(dim=1)
        return torch.cat([whole, parts], dim=1)
