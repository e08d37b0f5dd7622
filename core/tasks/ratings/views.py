"""The pictures the ratings network looks at: the whole frame made small, and two pieces of it at its own resolution."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media.clip import Image

SIDE = 128  # pixels: side of every view
PIECES = 2  # the most textured piece and one of middling texture
STEP = 64  # pixels between candidate pieces

View = NDArray[np.uint8]  # (3, SIDE, SIDE)


def whole(image: Image) -> View:
    """The frame squeezed to a square; exposure and colour survive this, blur and noise do not."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))


def pieces(image: Image) -> NDArray[np.uint8]:
    """(PIECES, 3, SIDE, SIDE) at native resolution: scaling would hide what blur, noise and JPEG did."""
    below, beside = max(SIDE - image.shape[0], 0), max(SIDE - image.shape[1], 0)
    if below or beside:
        image = np.asarray(cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REFLECT), dtype=np.uint8)
    corners = _by_texture(image)
    chosen = (corners[0], corners[len(corners) // 2])
    cut = [image[y : y + SIDE, x : x + SIDE].transpose(2, 0, 1) for y, x in chosen]
    return np.ascontiguousarray(np.stack(cut))


def _by_texture(image: Image) -> list[tuple[int, int]]:
    """Top left corners of candidate pieces, most textured first."""
    # Noise must not pass for texture: look at a picture made four times smaller.
    size = (image.shape[1] // 4, image.shape[0] // 4)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    energy = np.asarray(cv2.boxFilter(np.abs(np.asarray(cv2.Laplacian(grey, cv2.CV_32F))), -1, (SIDE // 4, SIDE // 4)))
    found: list[tuple[float, int, int]] = []
    for y in range(0, image.shape[0] - SIDE + 1, STEP):
        for x in range(0, image.shape[1] - SIDE + 1, STEP):
            row = min((y + SIDE // 2) // 4, energy.shape[0] - 1)
            column = min((x + SIDE // 2) // 4, energy.shape[1] - 1)
            found.append((-float(energy[row, column]), y, x))
    return [(y, x) for _, y, x in sorted(found)]
