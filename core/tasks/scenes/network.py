"""The scenes network: eight frames and the measures of motion, looks and sound become one logit per label."""

from __future__ import annotations

import torch
from torch import Tensor

from core.tasks.scenes import motion
from core.tasks.scenes.task import LABELS, MEASURED
from core.tasks.solved import SolvedNetwork

# Ratios of motion hold across cameras; most other measures also tell one camera from the next.
TRUSTED = 6.0
EXPERT = LABELS  # what the factory's expert was asked: a logit for each default label


class ScenesNetwork(SolvedNetwork):
    """`frames` and `measured` as in `Scenes.inputs` -> `logits` (B, C)."""

    def __init__(self, backbone: str, weights: str, labels: int) -> None:
        emphasis = [TRUSTED if name in motion.MANNER else 1.0 for name in MEASURED]
        super().__init__(backbone, weights, 2, emphasis, len(EXPERT), labels)

    def forward(self, frames: Tensor, measured: Tensor) -> tuple[Tensor]:
        return (self.judge(self.look(frames), measured),)

    def look(self, *pictures: Tensor) -> Tensor:
        """(B, 2 * size): mean and largest answer of the backbone over the frames."""
        (frames,) = pictures
        each = self.backbone(frames.flatten(0, 1)).unflatten(0, (-1, frames.shape[1]))
        return torch.cat([each.mean(dim=1), each.amax(dim=1)], dim=1)
