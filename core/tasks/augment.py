"""Light variations of pictures for training: a crop, a mirror image, other light and colour. Scenes and ratings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.tasks.learner import Recipe

GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue in brightness (ITU-R BT.601)


def varied(fields: Mapping[str, Tensor], recipe: Recipe, rng: np.random.Generator) -> dict[str, Tensor]:
    """New pictures, varied by `recipe.crop`, `flip` and `jitter`.

    Args:
        fields: uint8 pictures (B, ..., 3, H, W) by input name; row b of every field is of one clip and changes alike.
    """
    found = {name: pictures.clone() for name, pictures in fields.items()}
    for row in range(len(next(iter(found.values())))):
        down, right = rng.uniform(0.0, 1.0, 2)
        share = rng.uniform(0.0, recipe.crop)
        mirrored = recipe.flip and rng.random() < 0.5
        brightness, contrast, colour = 1.0 + recipe.jitter * rng.uniform(-1.0, 1.0, 3)
        for pictures in found.values():
            one = pictures[row]
            one = cropped(one, down, right, share) if recipe.crop else one
            one = relit(one, brightness, contrast, colour) if recipe.jitter else one
            pictures[row] = one.flip(-1) if mirrored else one
    return found


def cropped(pictures: Tensor, down: float, right: float, share: float) -> Tensor:
    """(..., 3, H, W) uint8 with `share` of both sides cut away, resized to H x W; 0 and 1 are the corners."""
    high, wide = pictures.shape[-2:]
    tall, broad = max(1, round(high * (1 - share))), max(1, round(wide * (1 - share)))
    top, left = round(down * (high - tall)), round(right * (wide - broad))
    cut = pictures[..., top : top + tall, left : left + broad].reshape(-1, 3, tall, broad).float()
    grown = functional.interpolate(cut, (high, wide), mode="bilinear", align_corners=False)
    return _bytes(grown.reshape(pictures.shape))


def relit(pictures: Tensor, brightness: float, contrast: float, colour: float) -> Tensor:
    """(..., 3, H, W) uint8 with brightness, contrast and saturation multiplied by about 1."""
    values = pictures.float() * brightness
    values = (values - values.mean()) * contrast + values.mean()
    weights = torch.tensor(GREY).view(3, 1, 1)
    grey = (values * weights).sum(dim=-3, keepdim=True)
    return _bytes(grey + (values - grey) * colour)


def _bytes(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)
