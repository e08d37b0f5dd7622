"""Variations of a talking mouth for training: mirrored, shifted, turned, faster, slower, darker, partly hidden."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.tasks.speech.mouth import HEIGHT, WIDTH, Crops

SHIFT, ZOOM, TURN = 3.0, 0.10, 4.0  # pixels of the crop, share, degrees: what the face box wobbles between clips
SPEED = 0.18  # share by which speech may be faster or slower
HIDDEN_TICKS = 6  # frames in a row that may be hidden


def varied(cut: Crops, rng: np.random.Generator) -> tuple[Crops, NDArray[np.int64]]:
    """One random variation.

    Args:
        cut: (T, h, w) uint8, at least 32 x 64; a rim around that is used instead of repeated edges.
        rng: where the choices come from.

    Returns:
        (T', 32, 64) uint8, and for each of its frames the number of the frame it came from.
    """
    ticks = paced(len(cut), rng)
    return _hidden(moved(cut, rng)[ticks], rng), ticks


def moved(cut: Crops, rng: np.random.Generator) -> Crops:
    """The clip mirrored or not, shifted, turned, zoomed and lit differently, at its own pace: (T, 32, 64) uint8."""
    return _lit(_turned(cut, rng), rng)


def paced(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Frame numbers of the clip at another pace that itself wanders a little."""
    wanted = max(2, round(count * (1.0 + rng.uniform(-SPEED, SPEED))))
    bends = np.cumsum(np.interp(np.linspace(0, 4, wanted), np.arange(5), rng.uniform(0.8, 1.2, 5)))
    spread = (bends - bends[0]) / (bends[-1] - bends[0]) * (count - 1)
    return np.rint(spread).astype(np.int64)


def _turned(cut: Crops, rng: np.random.Generator) -> Crops:
    high, wide = cut.shape[1:]
    turn = np.deg2rad(rng.uniform(-TURN, TURN))
    zoom = 1.0 + rng.uniform(-ZOOM, ZOOM)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    move = np.array([[flip * cos, -sin], [flip * sin, cos]])
    target = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2]) + rng.uniform(-SHIFT, SHIFT, 2)
    offset = target - move @ np.array([(wide - 1) / 2, (high - 1) / 2])
    affine = np.concatenate([move, offset[:, None]], axis=1)
    size = (WIDTH, HEIGHT)
    edge = cv2.BORDER_REPLICATE
    return np.stack([np.asarray(cv2.warpAffine(image, affine, size, borderMode=edge), np.uint8) for image in cut])


def _lit(cut: Crops, rng: np.random.Generator) -> Crops:
    """Another brightness curve, light from one side, some grain."""
    gamma = np.exp(rng.uniform(-0.4, 0.4))
    curve = np.linspace(0.0, 1.0, 256) ** gamma * 255.0
    side = 1.0 + rng.uniform(-0.2, 0.2) * np.linspace(-1.0, 1.0, WIDTH)
    values = curve[cut] * side[None, None, :] + rng.uniform(-20, 20)
    grain = rng.uniform(0.0, 4.0)
    if rng.random() < 0.5:
        values = values + rng.standard_normal(values.shape, dtype=np.float32) * grain
    return np.clip(values, 0, 255).astype(np.uint8)


def _hidden(cut: Crops, rng: np.random.Generator) -> Crops:
    """Up to two boxes hidden through the clip, and up to two short spans hidden whole."""
    level = np.uint8(cut.mean())
    for _ in range(rng.integers(0, 3)):
        high, wide = rng.integers(4, 13), rng.integers(6, 21)
        top, left = rng.integers(0, HEIGHT - high), rng.integers(0, WIDTH - wide)
        cut[:, top : top + high, left : left + wide] = level
    for _ in range(rng.integers(0, 3)):
        span = int(rng.integers(1, HIDDEN_TICKS + 1))
        start = int(rng.integers(0, max(1, len(cut) - span)))
        cut[start : start + span] = cut[max(0, start - 1)]  # the picture freezes
    return cut
