"""The torchvision network that looks at pictures, without its classifier. Shared by scenes and ratings; needs torch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision import models

from core.errors import ModelError, WrongUseError

SIZES = {"mobilenet_v3_small": 576, "resnet18": 512}  # numbers per picture
MEAN = (0.485, 0.456, 0.406)  # ImageNet's, which torchvision's weights expect
STD = (0.229, 0.224, 0.225)

log = logging.getLogger(__name__)


class Backbone(nn.Module):
    """uint8 pictures (N, 3, H, W) to (N, size) float32: what torchvision's network pools before its classifier.

    Args:
        name: "mobilenet_v3_small" or "resnet18".
        weights: "imagenet" downloads torchvision's; anything else starts at random and waits for `adopt`.

    Raises:
        WrongUseError: a backbone nobody knows.
        ModelError: torchvision's weights cannot be downloaded.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str) -> None:
        super().__init__()
        if name not in SIZES:
            raise WrongUseError(f"there is no backbone called {name!r}", do=f"Choose {' or '.join(SIZES)}.")
        self.size = SIZES[name]
        self.layers = _layers(name, weights == "imagenet")
        # Few samples make poor batch statistics: those that came with the weights are kept.
        self.keep_statistics = weights != "random"
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        scaled = (pictures.float() / 255.0 - self.mean) / self.std
        return self.layers(scaled).mean(dim=(2, 3))

    def train(self, mode: bool = True) -> Backbone:
        return super().train(mode and not self.keep_statistics)


def _layers(name: str, imagenet: bool) -> nn.Module:
    if name == "resnet18":
        full = models.resnet18()
        if imagenet:
            full.load_state_dict(_download(models.ResNet18_Weights.IMAGENET1K_V1))
        return nn.Sequential(*list(full.children())[:-2])
    small = models.mobilenet_v3_small()
    if imagenet:
        small.load_state_dict(_download(models.MobileNet_V3_Small_Weights.IMAGENET1K_V1))
    return small.features


def _download(weights: models.WeightsEnum) -> Mapping[str, Tensor]:
    url = str(weights.url)
    log.info("using torchvision's ImageNet weights, downloaded once from %s", url)
    try:
        # weights_only: a downloaded file must not be able to run code.
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as problem:
        raise ModelError(
            f"torchvision's ImageNet weights could not be downloaded ({problem})",
            where=url,
            do='Connect to the network once, or set weights = "factory".',
        ) from problem


def take_over(module: nn.Module, weights: Mapping[str, Tensor], skip: Sequence[str] = ()) -> list[str]:
    """Copy every tensor whose name and shape agree; names that start with one of `skip` are left alone.

    Returns:
        Names of the top-level parts that could not be taken over whole.
    """
    own: dict[str, Tensor] = module.state_dict()
    fresh: set[str] = set()
    for name, tensor in own.items():
        if name.startswith(tuple(skip)):
            continue
        given = weights.get(name)
        if given is None or given.shape != tensor.shape:
            fresh.add(name.split(".")[0])
        else:
            tensor.copy_(given.to(tensor.dtype))
    return sorted(fresh)
