"""Natural scene statistics of a picture: how its locally normalised brightness is distributed.

Formulae: Mittal, Moorthy, Bovik, "No-Reference Image Quality Assessment in the Spatial Domain" (BRISQUE, 2012).
"""

from __future__ import annotations

from functools import cache
from math import gamma

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]  # (H, W), 0..255

SCALES = (1, 2)  # native and half size
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # right, down, both diagonals

NAMES = tuple(
    f"mscn_{part}_{scale}"
    for scale in SCALES
    for part in (
        "shape",
        "variance",
        *(f"{d}_{p}" for d in ("h", "v", "d1", "d2") for p in ("shape", "mean", "left", "right")),
    )
)


def mscn(plane: Plane) -> Plane:
    """Mean-subtracted, contrast-normalised brightness (7 x 7 Gaussian, sigma 7/6), same shape."""
    mean = cv2.GaussianBlur(plane, (7, 7), 7 / 6)
    square = cv2.GaussianBlur(plane * plane, (7, 7), 7 / 6)
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return np.asarray((plane - mean) / (spread + 1.0), dtype=np.float32)


@cache
def _shapes() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Candidate shape parameters and the moment ratios they imply, symmetric and asymmetric."""
    shapes = np.arange(0.2, 10.0, 0.005)
    one, two, three = (np.array([gamma(k / s) for s in shapes]) for k in (1, 2, 3))
    return shapes, one * three / two**2, two**2 / (one * three)


def symmetric(values: Plane) -> tuple[float, float]:
    """Shape and variance of the generalised Gaussian that fits best by moments."""
    shapes, ratios, _ = _shapes()
    variance = float(np.mean(values * values))
    ratio = variance / (float(np.mean(np.abs(values))) ** 2 + 1e-12)
    return float(shapes[np.argmin(np.abs(ratios - ratio))]), variance


def asymmetric(values: Plane) -> tuple[float, float, float, float]:
    """Shape, mean, left and right variance of the asymmetric generalised Gaussian that fits best by moments."""
    shapes, _, ratios = _shapes()
    squares = values * values
    negative = values < 0
    n_left = int(np.count_nonzero(negative))
    left = float(np.sum(squares, where=negative)) / max(n_left, 1)
    right = float(np.sum(squares, where=~negative)) / max(values.size - n_left, 1)
    gamma_hat = (left / (right + 1e-12)) ** 0.5 + 1e-9
    r_hat = float(np.mean(np.abs(values))) ** 2 / (float(np.mean(squares)) + 1e-12)
    wanted = r_hat * (gamma_hat**3 + 1) * (gamma_hat + 1) / (gamma_hat**2 + 1) ** 2
    shape = float(shapes[np.argmin(np.abs(ratios - wanted))])
    factor = (gamma(1 / shape) / gamma(3 / shape)) ** 0.5
    mean = (right**0.5 - left**0.5) * gamma(2 / shape) / gamma(1 / shape) * factor
    return shape, mean, left, right


def natural(plane: Plane) -> list[float]:
    """The 36 statistics named by `NAMES`."""
    found: list[float] = []
    for scale in SCALES:
        small = plane
        if scale > 1:
            size = (max(plane.shape[1] // scale, 8), max(plane.shape[0] // scale, 8))
            small = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        norm = mscn(small)
        found.extend(symmetric(norm))
        for down, across in DIRECTIONS:
            moved = np.roll(norm, (down, across), axis=(0, 1))
            found.extend(asymmetric((norm * moved)[1:-1, 1:-1]))
    return found
