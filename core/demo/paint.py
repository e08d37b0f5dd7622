"""The drawing room's tools: typed wrappers around OpenCV, noise textures, polygons with sub-pixel corners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media.clip import Image

Mask = NDArray[np.uint8]  # (H, W), 0..255
Plane = NDArray[np.float32]  # (H, W)
Points = NDArray[np.float64]  # (N, 2), x and y in pixels
Colour = tuple[float, float, float]  # RGB, 0..255
AnyPicture = TypeVar("AnyPicture", bound=NDArray[Any])  # Image, Mask or Plane
_BITS = 4  # corners are given to OpenCV in 1/16 pixel


def rng_of(*keys: int) -> np.random.Generator:
    """A generator for exactly these keys; other keys give an independent one."""
    # Fixed width, so that no two lists of keys run together.
    words = [key >> shift & 0xFFFFFFFF for key in keys for shift in (0, 32)]
    return np.random.default_rng(np.random.SeedSequence(words))


def pick(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between low and high."""
    return float(rng.uniform(low, high))


def canvas(height: int, width: int, colour: Colour = (0.0, 0.0, 0.0)) -> Image:
    """A picture of one colour."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.clip(colour, 0, 255).astype(np.uint8)
    return image


def shade(colour: Colour, factor: float, add: float = 0.0) -> Colour:
    """A colour made darker (factor < 1) or lighter, clipped to 0..255."""
    red, green, blue = (min(max(part * factor + add, 0.0), 255.0) for part in colour)
    return red, green, blue


def polygon(image: Image | Mask, points: Points, colour: Colour | float) -> None:
    """Fills a polygon in place, smooth at the edge."""
    corners = np.round(np.asarray(points) * (1 << _BITS)).astype(np.int32)
    cv2.fillPoly(image, [corners], _scalar(colour), cv2.LINE_AA, _BITS)


def polyline(image: Image | Mask, points: Points, colour: Colour | float, thickness: int, closed: bool = False) -> None:
    """Draws a line through points in place."""
    corners = np.round(np.asarray(points) * (1 << _BITS)).astype(np.int32)
    cv2.polylines(image, [corners], closed, _scalar(colour), max(thickness, 1), cv2.LINE_AA, _BITS)


def ellipse(
    image: Image | Mask, x: float, y: float, rx: float, ry: float, colour: Colour | float, angle: float = 0.0
) -> None:
    """Fills an ellipse in place; centre and radii in pixels, angle in degrees."""
    scale = 1 << _BITS
    centre, axes = (round(x * scale), round(y * scale)), (max(round(rx * scale), 1), max(round(ry * scale), 1))
    cv2.ellipse(image, centre, axes, angle, 0.0, 360.0, _scalar(colour), -1, cv2.LINE_AA, _BITS)


def rectangle(image: Image | Mask, x: float, y: float, width: float, height: float, colour: Colour | float) -> None:
    """Fills an upright rectangle in place."""
    polygon(image, np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]), colour)


def _scalar(colour: Colour | float) -> tuple[float, ...]:
    return colour if isinstance(colour, tuple) else (float(colour),)


def blurred(image: AnyPicture, sigma: float) -> AnyPicture:
    """Gaussian blur; sigma in pixels."""
    return cast("AnyPicture", cv2.GaussianBlur(image, (0, 0), sigma)) if sigma > 0.05 else image


def resized(image: AnyPicture, width: int, height: int) -> AnyPicture:
    """Another size: averaged when smaller, interpolated when larger."""
    smaller = width * height < image.shape[0] * image.shape[1]
    return cast(
        "AnyPicture", cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    )


def mixed(below: Image, above: Image | Colour, mask: Plane) -> Image:
    """`above` laid over `below` where mask (0..1) says so."""
    top = canvas(below.shape[0], below.shape[1], above) if isinstance(above, tuple) else above
    return cast("Image", cv2.blendLinear(top, below, mask, 1.0 - mask))


def lit(image: Image, light: Plane) -> Image:
    """A picture multiplied by a light map (1 = unchanged)."""
    return cast("Image", cv2.multiply(image, cv2.merge([light, light, light]), dtype=cv2.CV_8U))


def fractal(rng: np.random.Generator, height: int, width: int, coarse: int = 4, octaves: int = 4) -> Plane:
    """Cloud-like noise 0..1: octaves of smoothed random grids, each half as strong as the one before."""
    total = np.zeros((height, width), np.float32)
    strength = 1.0
    cells = coarse
    for _ in range(octaves):
        grid = rng.random((max(cells, 2), max(cells * width // max(height, 1), 2)), dtype=np.float32)
        total += strength * cast("Plane", cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC))
        strength *= 0.5
        cells *= 2
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), dtype=np.float32)


def gradient(height: int, width: int, top: Colour, bottom: Colour) -> Image:
    """A picture that goes from one colour at the top to another at the bottom."""
    ramp = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    rows = (1.0 - ramp) * np.asarray(top, np.float32) + ramp * np.asarray(bottom, np.float32)
    return np.broadcast_to(np.clip(rows, 0, 255).astype(np.uint8)[:, None, :], (height, width, 3)).copy()


class Grain:
    """Sensor noise: one large tile, shown from another corner for every frame (0.1 ms instead of 5)."""

    def __init__(self, rng: np.random.Generator, height: int, width: int, sigma: float) -> None:
        self._rng = rng
        self._size = (height, width)
        self._sigma = sigma
        tile = rng.standard_normal((height + 48, width + 48), dtype=np.float32) * sigma
        self._tile = np.repeat(np.asarray(np.round(tile), np.int16)[:, :, None], 3, axis=2)

    def over(self, image: Image) -> Image:
        """The picture with fresh noise on it."""
        if self._sigma < 0.3:
            return image
        y, x = (int(v) for v in self._rng.integers(0, 48, 2))
        height, width = self._size
        return cast("Image", cv2.add(image, self._tile[y : y + height, x : x + width], dtype=cv2.CV_8U))


def curve(values: Sequence[float], count: int) -> NDArray[np.float64]:
    """Smooth numbers through the given ones, `count` of them."""
    knots = np.linspace(0.0, 1.0, len(values))
    at = np.linspace(0.0, 1.0, count)
    ease = at * (len(values) - 1) % 1.0
    eased = np.clip((np.floor(at * (len(values) - 1)) + ease * ease * (3 - 2 * ease)) / (len(values) - 1), 0.0, 1.0)
    return np.interp(eased, knots, np.asarray(values, np.float64))


def sway(
    rng: np.random.Generator, times: NDArray[np.float64], size: float, slowest_s: float = 3.0
) -> NDArray[np.float64]:
    """A slow wander around 0 whose standard deviation is about `size`: three sines of random speed."""
    total = np.zeros(len(times))
    for part in (1.0, 0.5, 0.3):
        hertz = pick(rng, 0.8, 1.8) / (slowest_s * part)
        total += part * np.sin(2 * np.pi * (hertz * times + rng.random()))
    return total * (size / 0.83)


def looked_up(image: Image, levels: NDArray[np.uint8]) -> Image:
    """Every pixel replaced by its entry in a table of 256 levels (or (1, 256, 3), one table per colour)."""
    return cast("Image", cv2.LUT(image, levels))


def written(image: Image, text: str, x: float, y: float, size: float, colour: Colour, thickness: int) -> None:
    """Text in place; x and y of its lower left corner, size 1 = about 22 pixels tall."""
    cv2.putText(image, text, (round(x), round(y)), cv2.FONT_HERSHEY_DUPLEX, size, colour, thickness, cv2.LINE_AA)


def warped(
    picture: AnyPicture, matrix: NDArray[np.float64], width: int, height: int, *, empty: bool = False
) -> AnyPicture:
    """A picture moved by a 2x3 matrix (source to target); outside lies its mirror image, or 0 where `empty`."""
    border = cv2.BORDER_CONSTANT if empty else cv2.BORDER_REFLECT
    return cast("AnyPicture", cv2.warpAffine(picture, matrix, (width, height), borderMode=border))


def turn(middle: tuple[float, float], to: tuple[float, float], angle: float, scale: float) -> NDArray[np.float64]:
    """The 2x3 matrix that turns (degrees) and scales about `middle` and puts it at `to`."""
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, angle, scale), np.float64)
    matrix[0, 2] += to[0] - middle[0]
    matrix[1, 2] += to[1] - middle[1]
    return matrix


def smeared(image: Image, length: float) -> Image:
    """A horizontal smear, as of a fast turn of the camera; length in pixels."""
    return cast("Image", cv2.blur(image, (max(int(length), 1), 1)))
