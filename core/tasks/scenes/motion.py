"""How things move in a scene: optical flow made into numbers that depend on neither picture size nor frame rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media.clip import Frames

Plane = NDArray[np.float32]
Flow = NDArray[np.float32]  # (H, W, 2), picture widths a second

SIZE = (160, 120)  # every frame is squeezed to this, whatever its shape
GRID = (80, 60)  # the flow's own size: it is smooth, and half the points say the same
MOST_PAIRS = 120  # a 30 s scene is looked at in places
SAME = 0.05  # grey levels of mean difference: a frame repeated by a low frame rate
MOVING = 0.05  # picture widths a second
LITTLE = 0.01  # added before logarithms and divisions, so that stillness is a number
DIRECTIONS = 8

PER_PAIR = (
    "speed_mean",
    "speed_spread",
    "speed_p90",
    "moving_share",
    "camera_speed",
    "camera_zoom",
    "local_mean",
    "local_p99",
    "direction_entropy",
    "place_entropy",
    "shear",
    "difference",
    "unexplained",
)
PLAIN = ("direction_entropy", "place_entropy")  # these stay as they are; the rest are taken as logarithms
OVER_TIME = ("mean", "p90", "jerk")
# Ratios, which say how things move whatever the distance, the lens and the light.
MANNER = (
    "roughness",
    "incoherence",
    "change_to_contrast",
    "unexplained_to_contrast",
    "unexplained_share",
    "acceleration",
    "starts_and_stops",
    "unsteadiness",
)
EXTRA = ("bursts", "rhythm", "stillness", "reversal")
NAMES = (*(f"{name}_{how}" for name in PER_PAIR for how in OVER_TIME), *MANNER, *EXTRA)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two neighbouring frames.

    Attributes:
        numbers: as `PER_PAIR`.
        ratios: roughness, incoherence and the three that follow in `MANNER`.
        local: (H, W, 2) what moves against the camera, picture widths a second.
    """

    numbers: list[float]
    ratios: list[float]
    local: Flow


def measure(frames: Frames, times: NDArray[np.float64]) -> NDArray[np.float32]:
    """(len(NAMES),) float32 in the order of `NAMES`; all finite, zeros for a still."""
    planes, when = _distinct(frames, times)
    if len(planes) < 2:
        return np.zeros(len(NAMES), dtype=np.float32)
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    starts = np.unique(np.linspace(0, len(planes) - 2, min(len(planes) - 1, MOST_PAIRS)).astype(int))
    pairs: list[_Pair] = []
    for start in starts:
        before, after = planes[start], planes[start + 1]
        pixels = np.asarray(finder.calc(before, after, np.zeros((SIZE[1], SIZE[0], 2), np.float32)), dtype=np.float32)
        pairs.append(_pair(before, after, pixels, when[start + 1] - when[start]))
    table = np.array([pair.numbers for pair in pairs], dtype=np.float64)
    found = [*_over_time(table), *_manner(pairs), *_extra(table, pairs)]
    return np.nan_to_num(np.array(found, dtype=np.float32))


def _distinct(frames: Frames, times: NDArray[np.float64]) -> tuple[list[NDArray[np.uint8]], list[float]]:
    """Small grey frames without repeats, so that a slow camera does not look like a jerky one."""
    planes: list[NDArray[np.uint8]] = []
    when: list[float] = []
    for frame, time in zip(frames, times, strict=True):
        grey = cv2.cvtColor(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        plane = np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), dtype=np.uint8)
        if planes and float(cv2.absdiff(plane, planes[-1]).mean()) < SAME:
            continue
        planes.append(plane)
        when.append(float(time))
    return planes, when


def _pair(before: NDArray[np.uint8], after: NDArray[np.uint8], pixels: Flow, seconds: float) -> _Pair:
    coarse = np.asarray(cv2.resize(pixels, GRID, interpolation=cv2.INTER_AREA), dtype=np.float32)
    camera, fit = _camera(coarse)
    flow, local = coarse / (SIZE[0] * seconds), (coarse - camera) / (SIZE[0] * seconds)
    speed, own = _length(flow), _length(local)
    across, down = np.gradient(flow[..., 0]), np.gradient(flow[..., 1])
    grid = own.reshape(4, GRID[1] // 4, 4, GRID[0] // 4).mean(axis=(1, 3))
    change = float(cv2.absdiff(before, after).mean()) / 255
    unexplained = _unexplained(before, after, pixels)
    contrast = float(before.std()) / 255 + 0.01
    smooth = np.asarray(cv2.GaussianBlur(local, (0, 0), 3.0), dtype=np.float32)
    numbers = [
        float(speed.mean()),
        float(speed.std()),
        float(np.percentile(speed, 90)),
        float((speed > MOVING).mean()),
        float(np.hypot(fit[0, 2], fit[1, 2])) / (SIZE[0] * seconds),
        abs(float(fit[0, 0] + fit[1, 1])) / (2 * seconds),
        float(own.mean()),
        float(np.percentile(own, 99)),
        _directions(local, own),
        _entropy(grid.ravel()),
        float(np.abs(across[0]).mean() + np.abs(down[1]).mean()),
        change,
        unexplained,
    ]
    ratios = [
        float(_length(local - smooth).mean()) / (float(own.mean()) + LITTLE),
        _incoherence(local, own),
        change / contrast,
        unexplained / contrast,
        unexplained / (change + 0.002),
    ]
    return _Pair(numbers, ratios, local)


def _length(vectors: Flow) -> Plane:
    return np.hypot(vectors[..., 0], vectors[..., 1])


def _incoherence(local: Flow, own: Plane) -> float:
    """0 when the fastest tenth of the picture moves one way, 1 when its movements cancel out or nothing moves."""
    fast = own > max(MOVING, float(np.percentile(own, 90)))
    if not fast.any():
        return 0.0
    return 1.0 - float(np.hypot(*local[fast].sum(axis=0))) / float(own[fast].sum())


@cache
def _places() -> NDArray[np.float32]:
    """(GRID height, GRID width, 3): x and y from the middle, -0.5..0.5, and 1."""
    y, x = np.mgrid[0 : GRID[1], 0 : GRID[0]].astype(np.float32)
    return np.stack([(x + 0.5) / GRID[0] - 0.5, (y + 0.5) / GRID[1] - 0.5, np.ones_like(x)], axis=2)


def _camera(flow: Flow) -> tuple[Flow, NDArray[np.float64]]:
    """The affine flow that the calmer half of the picture agrees on: pan, zoom, roll; and its (2, 3) matrix."""
    places = _places()[::4, ::4].reshape(-1, 3).astype(np.float64)
    moves = flow[::4, ::4].reshape(-1, 2).astype(np.float64)
    kept = np.ones(len(moves), dtype=bool)
    fit = np.zeros((3, 2))
    for _ in range(3):
        fit = np.linalg.lstsq(places[kept], moves[kept], rcond=None)[0]
        away = np.hypot(*(moves - places @ fit).T)
        kept = away <= np.median(away)
    scale = np.array([[1 / SIZE[0]], [1 / SIZE[1]], [1.0]])
    return (_places() @ fit.astype(np.float32)), np.asarray((fit * scale).T, dtype=np.float64)


def _directions(local: Flow, own: Plane) -> float:
    """Entropy of the directions things move in, weighted by speed; 1 = all alike."""
    angle = np.arctan2(local[..., 1], local[..., 0])
    bins = ((angle + np.pi) / (2 * np.pi) * DIRECTIONS).astype(np.int64) % DIRECTIONS
    return _entropy(np.bincount(bins.ravel(), weights=own.ravel(), minlength=DIRECTIONS))


def _entropy(weights: NDArray[Any]) -> float:
    """0..1: entropy of weights over its maximum."""
    share = weights / (weights.sum() + 1e-9)
    used = share[share > 0]
    return float(-(used * np.log(used)).sum() / np.log(len(share)))


def _unexplained(before: NDArray[np.uint8], after: NDArray[np.uint8], pixels: Flow) -> float:
    """Mean difference, 0..1, that remains after moving the later frame back along the flow: flashes, cuts, clutter."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    moved = cv2.remap(after, x + pixels[..., 0], y + pixels[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(cv2.absdiff(before, np.asarray(moved, dtype=np.uint8)).mean()) / 255


def _over_time(table: NDArray[np.float64]) -> list[float]:
    """`OVER_TIME` of every column, column by column; speeds as logarithms, since they span decades."""
    plain = [PER_PAIR.index(name) for name in PLAIN]
    logs = np.log(np.abs(table) + LITTLE)
    logs[:, plain] = table[:, plain]
    jerk = np.abs(np.diff(logs, axis=0)).mean(axis=0) if len(logs) > 1 else np.zeros(logs.shape[1])
    return [float(v) for v in np.stack([logs.mean(0), np.percentile(logs, 90, axis=0), jerk], axis=1).ravel()]


def _manner(pairs: list[_Pair]) -> list[float]:
    """`MANNER`: means of the ratios, then how velocities change from one pair to the next, relative to the speed.

    Changes of flow tell violence from bustle: Hassner, Itcher, Kliper-Gross, "Violent flows" (2012).
    """
    ratios = np.array([pair.ratios for pair in pairs], dtype=np.float64).mean(axis=0)
    ratios[2:4] = np.log(ratios[2:4] + LITTLE)
    local = np.array([pair.local for pair in pairs])
    own = np.hypot(local[..., 0], local[..., 1])
    usual, course = float(own.mean()) + LITTLE, own.mean(axis=(1, 2))
    if len(pairs) < 2:
        return [*ratios.tolist(), 0.0, 0.0, 0.0]
    turned = float(_length(np.diff(local, axis=0)).mean()) / usual
    started = float(np.abs(np.diff(own, axis=0)).mean()) / usual
    return [*ratios.tolist(), turned, started, float(course.std()) / usual]


def _extra(table: NDArray[np.float64], pairs: list[_Pair]) -> list[float]:
    """Bursts a pair, how regular the motion is, share of calm pairs, how often movements turn back on a 4 x 4 grid."""
    local = table[:, PER_PAIR.index("local_mean")]
    centred = local - local.mean()
    power = float((centred * centred).sum())
    rhythm = float((centred[2:] * centred[:-2]).sum()) / power if len(local) > 3 and power > 0 else 0.0
    way = np.array([p.local.reshape(4, GRID[1] // 4, 4, GRID[0] // 4, 2).mean(axis=(1, 3)).ravel() for p in pairs])
    turned = float((way[1:] * way[:-1] < 0).mean()) if len(way) > 1 else 0.0
    burst = float((local > 1.5 * np.median(local) + 1e-3).mean())
    return [burst, rhythm, float((local < 0.01).mean()), turned]
