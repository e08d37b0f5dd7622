"""Draws lips, teeth and tongue for one mouth shape of `core.demo.words` onto a patch of face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.demo import paint
from core.demo.paint import Colour
from core.media.clip import Image

PATCH = (76, 60)  # width and height of the patch in face pixels; the mouth's middle lies at its centre
_SCALE = 2  # drawn twice as large, then averaged down
_ACROSS: NDArray[np.float64] = np.linspace(-1.0, 1.0, 29)
_ROOF: NDArray[np.float64] = 1.0 - _ACROSS**2


@dataclass(frozen=True, slots=True)
class Lips:
    """A speaker's mouth at rest, in face pixels.

    Attributes:
        width: half the width.
        upper, lower: thickness of the lips.
        opening: how far the jaw lets the lips part at most.
        bow: depth of the notch of the upper lip, 0..1.
        crooked: how much one corner hangs, pixels.
    """

    colour: Colour
    width: float = 20.0
    upper: float = 4.5
    lower: float = 6.0
    opening: float = 15.0
    bow: float = 0.35
    crooked: float = 0.0
    teeth: Colour = (228.0, 222.0, 205.0)


@dataclass(frozen=True, slots=True)
class _Edges:
    """The four lip lines, y per point of `_ACROSS` scaled by the half width; y grows downwards, 0 = mouth line."""

    x: NDArray[np.float64]
    top: NDArray[np.float64]
    upper: NDArray[np.float64]
    lower: NDArray[np.float64]
    bottom: NDArray[np.float64]


def _edges(lips: Lips, shape: NDArray[np.float32]) -> _Edges:
    opening, spread, rounding, tuck, _, _ = (float(part) for part in shape)
    half = lips.width * (1.0 + 0.20 * max(spread, 0.0) + 0.16 * min(spread, 0.0) - 0.26 * rounding - 0.06 * opening)
    gap = lips.opening * opening * (1.0 - 0.25 * rounding)
    power = 0.85 - 0.35 * min(opening + rounding, 1.0)
    arch = _ROOF**power
    press = min(opening / 0.12, 1.0) * 0.35 + 0.65  # pressed lips are thinner
    thick = press * (1.0 + 0.35 * rounding - 0.12 * max(spread, 0.0))
    notch = 1.0 - lips.bow * np.exp(-((_ACROSS / 0.2) ** 2))
    upper = -(0.32 * gap + 1.6 * tuck) * arch
    lower = (0.68 * gap * (1.0 - 0.55 * tuck) + 0.6 * tuck) * arch
    top = upper - lips.upper * thick * _ROOF**0.6 * notch
    bottom = lower + lips.lower * thick * _ROOF**0.55 * (1.0 - 0.4 * tuck)
    tilt = lips.crooked * np.abs(_ACROSS) ** 2 * np.sign(_ACROSS)
    droop = 1.2 * np.abs(_ACROSS) ** 3 - 1.6 * max(spread, 0.0) * np.abs(_ACROSS) ** 2
    bend = tilt + droop
    return _Edges(_ACROSS * half, top + bend, upper + bend, lower + bend, bottom + bend)


def _between(x: NDArray[np.float64], above: NDArray[np.float64], below: NDArray[np.float64]) -> paint.Points:
    """The area between two lines, in patch pixels at drawing scale."""
    width, height = PATCH
    across = np.concatenate([x, x[::-1]]) + width / 2
    down = np.concatenate([above, below[::-1]]) + height / 2
    return np.stack([across, down], axis=1) * _SCALE


def draw_mouth(patch: Image, lips: Lips, shape: NDArray[np.float32], brightness: float = 1.0) -> Image:
    """The patch (60, 76, 3) of bare skin with the mouth on it; `shape` holds the six numbers of a mouth."""
    width, height = PATCH
    edges = _edges(lips, shape)
    big = paint.resized(patch, width * _SCALE, height * _SCALE)
    mouth = _between(edges.x, edges.top, edges.bottom)
    colour = paint.shade(lips.colour, brightness)
    big = _shadow_below(big, edges)
    paint.polygon(big, mouth, paint.shade(colour, 0.94))
    low = _between(edges.x, edges.lower, edges.bottom)
    paint.polygon(big, low, paint.shade(colour, 1.06))
    middle = 0.5 * (edges.lower + edges.bottom)
    gleam = _between(edges.x[9:20], middle[9:20] - 0.7, middle[9:20] + 0.5)
    paint.polygon(big, gleam, paint.shade(colour, 1.16, 12))
    _inside(big, lips, edges, shape, brightness)
    line = np.stack([edges.x + width / 2, 0.5 * (edges.upper + edges.lower) + height / 2], axis=1) * _SCALE
    if float(shape[0]) < 0.1 and float(shape[3]) < 0.3:
        paint.polyline(big, line, paint.shade(colour, 0.42), 2)
    for corner in (0, -1):
        paint.ellipse(big, line[corner, 0], line[corner, 1], 2.4, 2.0, paint.shade(colour, 0.5))
    return paint.resized(big, width, height)


def _shadow_below(big: Image, edges: _Edges) -> Image:
    """The dent under the lower lip, which is what a detector at a distance sees of the chin."""
    width, height = PATCH
    mask: paint.Plane = np.zeros(big.shape[:2], np.float32)
    y = float(edges.bottom[14]) + height / 2 + 3.0
    mask_u8: paint.Mask = np.zeros(big.shape[:2], np.uint8)
    paint.ellipse(mask_u8, width / 2 * _SCALE, y * _SCALE, float(edges.x[-1]) * 1.15, 5.0, 80.0)
    mask = paint.blurred(mask_u8, 3.0).astype(np.float32) / 255.0
    return paint.mixed(big, (60.0, 30.0, 25.0), mask)


def _inside(big: Image, lips: Lips, edges: _Edges, shape: NDArray[np.float32], brightness: float) -> None:
    opening, _, rounding, tuck, tongue, teeth = (float(part) for part in shape)
    if opening < 0.04 and tuck < 0.3:
        return
    narrow = 0.86
    x = edges.x * narrow
    hole = _between(x, edges.upper, edges.lower)
    inner = paint.canvas(big.shape[0], big.shape[1], paint.shade((58.0, 18.0, 22.0), brightness))
    white = paint.shade(lips.teeth, brightness * 0.92)
    gap = float(edges.lower[14] - edges.upper[14])
    shown = (1.0 - 0.75 * rounding) * min(0.55 * gap + 2.0 * tuck, 4.2)
    if shown > 0.4:
        paint.polygon(inner, _between(x * 0.92, edges.upper - 1, edges.upper + shown), white)
    if teeth > 0.3 and rounding < 0.9:  # the lower row meets the upper one in s, z, sh
        below = min(0.55 * gap, 3.5) * teeth
        paint.polygon(inner, _between(x * 0.8, edges.lower - below, edges.lower + 1), paint.shade(white, 0.93))
    pink = paint.shade((205.0, 96.0, 98.0), brightness)
    width, height = PATCH
    rest = float(edges.lower[14]) - 0.10 * gap
    raised = rest + tongue * (float(edges.upper[14]) + 0.45 * gap - rest)
    if gap > 2.0 and (tongue > 0.25 or opening > 0.45):
        y = (raised + height / 2) * _SCALE
        rx = float(edges.x[-1]) * (0.55 + 0.1 * tongue) * _SCALE
        paint.ellipse(inner, width / 2 * _SCALE, y, rx, (0.22 + 0.2 * tongue) * gap * _SCALE + 1.0, pink)
    mask: paint.Mask = np.zeros(big.shape[:2], np.uint8)
    paint.polygon(mask, hole, 255.0)
    big[:] = paint.mixed(big, inner, mask.astype(np.float32) / 255.0)
