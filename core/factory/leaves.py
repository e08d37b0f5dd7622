"""Pictures of nothing in particular: overlapping shapes of all sizes with cloud-like grain, as rich in edges as photos.

Lee, Mumford, Huang, "Occlusion models for natural images" (2001). What is learnt about blur, noise and compression on
them holds for photographs better than what is learnt on drawings alone.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media.clip import Image

Plane = NDArray[np.float32]

SIZES = ((320, 240), (480, 360), (500, 400), (640, 480), (360, 500), (800, 600), (960, 540))
SHAPES = (4, 400)  # fewest and most in a picture
RADII = (3.0, 220.0)  # pixels; as many small ones as large ones on a logarithmic scale


def draw_leaves(seed: int) -> Image:
    """One picture, 320 x 240 to 960 x 540; the same seed gives the same picture."""
    rng = np.random.default_rng((seed, 97))
    width, height = SIZES[int(rng.integers(len(SIZES)))]
    picture = _ground(rng, height, width)
    palette = np.clip(rng.normal(rng.uniform(60, 190, 3), rng.uniform(20, 70), (8, 3)), 0, 255)
    grains = [_cloud(rng, height, width, rng.uniform(0.6, 2.0)) for _ in range(3)]
    horizon = height * rng.uniform(0.2, 0.7) if rng.random() < 0.5 else 0.0
    count = int(_spread(rng, SHAPES, 1)[0])
    for radius in -np.sort(-_spread(rng, RADII, count)):
        centre = rng.uniform(0, width), rng.uniform(horizon, height)
        colour = palette[rng.integers(8)] + rng.normal(0, 12, 3)
        _leaf(picture, rng, centre, float(radius), colour, grains[int(rng.integers(3))])
    return _developed(picture, rng)


def _spread(rng: np.random.Generator, ends: tuple[float, float], count: int) -> NDArray[np.float64]:
    """Numbers between two ends, even on a logarithmic scale."""
    low, high = np.log(ends)
    return np.exp(rng.uniform(low, high, count))


def _cloud(rng: np.random.Generator, height: int, width: int, slope: float) -> Plane:
    """Noise whose amplitude falls with frequency to the power of `slope`; mean 0, deviation 1."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    radius[0, 0] = 1.0
    waves = (rng.normal(size=radius.shape) + 1j * rng.normal(size=radius.shape)) / radius**slope
    plane = np.fft.irfft2(waves, s=(height, width))
    return ((plane - plane.mean()) / plane.std()).astype(np.float32)


def _ground(rng: np.random.Generator, height: int, width: int) -> Plane:
    """(H, W, 3): a sky or a wall."""
    clouds = _cloud(rng, height, width, rng.uniform(1.0, 2.2))[..., None] * rng.uniform(3, 35)
    picture = rng.uniform(20, 235, 3) + clouds * (1 + 0.3 * rng.normal(0, 1, 3))
    if rng.random() < 0.5:
        picture = picture + np.linspace(-1, 1, height)[:, None, None] * rng.normal(0, 40, 3)
    return picture.astype(np.float32)


def _leaf(
    picture: Plane,
    rng: np.random.Generator,
    centre: tuple[float, float],
    radius: float,
    colour: NDArray[np.float64],
    grain: Plane,
) -> None:
    """One shape over what is there, soft-edged one time in four, lit from one side."""
    reach = int(radius * 1.3) + 14
    top, left = max(int(centre[1]) - reach, 0), max(int(centre[0]) - reach, 0)
    part = picture[top : int(centre[1]) + reach, left : int(centre[0]) + reach]
    if part.size == 0:
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    middle = (int(centre[0]) - left, int(centre[1]) - top)
    if rng.random() < 0.35:
        axes = (int(radius) + 1, int(radius * rng.uniform(0.3, 1.0)) + 1)
        cv2.ellipse(mask, middle, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        ends = radius * rng.uniform(0.5, 1.2, len(angles))
        points = np.stack([middle[0] + ends * np.cos(angles), middle[1] + ends * np.sin(angles)], axis=1)
        cv2.fillPoly(mask, [points.astype(np.int32)], (255,), cv2.LINE_AA)
    if rng.random() < 0.25:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.5, 5.0))), dtype=np.uint8)
    cover = (mask / np.float32(255))[..., None]
    rough = grain[: part.shape[0], : part.shape[1]] * rng.choice([0.5, 4.0, 12.0, 28.0])
    if rng.random() < 0.6:
        slope = rng.uniform(-50, 50, 2)
        y, x = np.mgrid[-1 : 1 : part.shape[0] * 1j, -1 : 1 : part.shape[1] * 1j]
        rough = rough + slope[0] * y + slope[1] * x
    part[:] = part * (1 - cover) + (colour + rough[..., None]) * cover


def _developed(picture: Plane, rng: np.random.Generator) -> Image:
    """What a camera does: a little softness, a tone range, a little grain, a good JPEG."""
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.35, 0.9))), dtype=np.float32)
    if rng.random() < 0.7:
        low, high = np.percentile(picture, (1, 99))
        picture = (picture - low) / (high - low + 1e-3) * rng.uniform(190, 250) + rng.uniform(0, 25)
    grey = picture.mean(axis=2, keepdims=True)
    # Little in nature is as colourful as colours drawn at random.
    picture = grey + (picture - grey) * rng.uniform(0.05, 0.8)
    grain = rng.standard_normal(picture.shape, dtype=np.float32) * rng.uniform(0, 2.5)
    plain = np.clip(picture + grain, 0, 255).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", plain, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(75, 98))])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
