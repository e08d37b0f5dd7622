"""Makes pictures worse by a known amount, so that the truth about their quality is known.

Amounts run from 0 (untouched) to 1 and mean about the same visible damage for every kind: the tables below were set
so that sqrt(1 - MS-SSIM) plus the change of colour grows about evenly (0.14 a quarter) on drawn pictures and
photographs, then by eye, because exposure and fading leave the detail in place and noise hides less than it measures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from core.demo import paint
from core.errors import RushesError
from core.media.clip import Image

_KNOTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_STRENGTHS: dict[str, tuple[float, ...]] = {
    "blur": (0.0, 0.0037, 0.0075, 0.0135, 0.022),  # sigma, share of the shorter side
    "motion": (0.0, 0.015, 0.032, 0.058, 0.105),  # length of the smear, share of the shorter side
    "noise": (0.0, 6.0, 14.0, 26.0, 45.0),  # standard deviation, grey levels
    "jpeg": (95.0, 35.0, 14.0, 7.0, 3.0),  # quality of the encoder
    "dark": (1.0, 0.72, 0.48, 0.30, 0.16),  # gain
    "bright": (1.0, 1.25, 1.6, 2.3, 3.6),  # gain, clipped
    "faded": (1.0, 0.70, 0.45, 0.22, 0.08),  # contrast and colour that are left
    "small": (1.0, 2.2, 4.4, 7.0, 12.0),  # times smaller, then enlarged again
}
KINDS = tuple(_STRENGTHS)
Amounts = float | Sequence[float]


def parts(kind: str, amounts: Amounts) -> tuple[tuple[str, float], ...]:
    """(kind, amount) pairs of a mixture such as "dark+noise"; one amount stands for all of them.

    Raises:
        RushesError: for an unknown kind, an amount outside of 0..1, or a wrong number of amounts.
    """
    kinds = kind.split("+")
    values = [float(amounts)] * len(kinds) if isinstance(amounts, int | float) else [float(a) for a in amounts]
    unknown = [name for name in kinds if name not in _STRENGTHS]
    if unknown:
        raise RushesError(f"there is no damage called {unknown[0]!r}", do=f"Use one of {', '.join(KINDS)}.")
    if len(values) != len(kinds) or not all(0.0 <= value <= 1.0 for value in values):
        raise RushesError("amounts are one number from 0 to 1 for each kind", where=kind)
    return tuple(zip(kinds, values, strict=True))


def quality(kind: str, amounts: Amounts) -> float:
    """The truth about a picture degraded so: 1 = untouched, 0 = ruined; falls with every amount."""
    total = float(np.sqrt(sum(amount**2 for _, amount in parts(kind, amounts))))
    return max(1.0 - total, 0.0)


def degrade(image: Image, kind: str, amount: Amounts, seed: int) -> Image:
    """A damaged copy of a picture.

    Args:
        kind: one of `KINDS`, or several joined by "+"; they are applied from left to right.
        amount: 0..1, or one such number for each kind.
        seed: decides the grain of the noise and the direction of the smear.
    """
    rng = paint.rng_of(seed, 41)
    for name, value in parts(kind, amount):
        strength = float(np.interp(value, _KNOTS, _STRENGTHS[name]))
        if value > 0:
            image = _DAMAGES[name](image, strength, rng)
    return image


def _blur(image: Image, strength: float, rng: np.random.Generator) -> Image:
    del rng
    return paint.blurred(image, strength * min(image.shape[:2]))


def _motion(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """A smear along a straight line: the mean of the picture shifted along it."""
    length = strength * min(image.shape[:2])
    size = int(length) + 3 | 1
    kernel: NDArray[np.float32] = np.zeros((size, size), np.float32)
    angle, middle = rng.uniform(0, np.pi), (size - 1) / 2
    for at in np.linspace(-length / 2, length / 2, max(4 * int(length), 9)):
        x, y = middle + at * np.cos(angle), middle + at * np.sin(angle)
        left, top = int(x), int(y)
        for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
            if column < size and row < size:
                kernel[row, column] += (1 - abs(x - column)) * (1 - abs(y - row))
    return cast("Image", cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT))


def _noise(image: Image, strength: float, rng: np.random.Generator) -> Image:
    grain = rng.standard_normal(image.shape, dtype=np.float32) * strength
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _jpeg(image: Image, strength: float, rng: np.random.Generator) -> Image:
    del rng
    _, packed = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(strength)])
    return np.ascontiguousarray(cast("Image", cv2.imdecode(packed, cv2.IMREAD_COLOR))[:, :, ::-1])


def _gain(image: Image, strength: float, rng: np.random.Generator) -> Image:
    del rng
    return cast("Image", cv2.convertScaleAbs(image, alpha=strength))


def _faded(image: Image, strength: float, rng: np.random.Generator) -> Image:
    del rng
    mean = float(image.mean())
    return np.clip((image.astype(np.float32) - mean) * strength + mean, 0, 255).astype(np.uint8)


def _small(image: Image, strength: float, rng: np.random.Generator) -> Image:
    del rng
    height, width = image.shape[:2]
    tiny = paint.resized(image, max(round(width / strength), 2), max(round(height / strength), 2))
    return paint.resized(tiny, width, height)


_DAMAGES: dict[str, Callable[[Image, float, np.random.Generator], Image]] = {
    "blur": _blur, "motion": _motion, "noise": _noise, "jpeg": _jpeg, "dark": _gain, "bright": _gain,
    "faded": _faded, "small": _small,
}  # fmt: skip


def draw_damage(rng: np.random.Generator) -> tuple[str, tuple[float, ...]]:
    """A random kind, one in four times a mixture of two, with its amounts; one in ten pictures stays as it is."""
    count = 2 if rng.random() < 0.25 else 1
    chosen = sorted(rng.choice(len(KINDS), size=count, replace=False))
    worst = 0.0 if rng.random() < 0.1 else 1.0
    amounts = tuple(round(worst * float(rng.uniform(0.03, 1.0 if count == 1 else 0.75)), 3) for _ in chosen)
    return "+".join(KINDS[int(index)] for index in chosen), amounts
