"""Where a video changes its scene: hard cuts by colour, fades through black by brightness, in one low-resolution pass.

The measures follow the well-known HSV content difference with an adaptive threshold (a cut stands out from its
neighbours, a fast pan does not) and a luminance threshold for fades.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from core.media.clip import Image
from core.media.decode import stream_frames
from core.media.names import shown

SHORTEST, LONGEST = 1.0, 30.0  # seconds of a scene
SIDE = 96  # pixels: enough for colour statistics, 50 times less work than 720p
WINDOW = 2  # frames on each side that a cut must stand out from
RATIO = 3.0  # times the mean of those neighbours
LEAST = 12.0  # mean change of hue, saturation and value per pixel, of 255
DARK = 12.0  # mean of red, green and blue below which a frame counts as black, of 255


@dataclass(frozen=True, slots=True)
class Scene:
    """A part of a video, in seconds from its first frame.

    Attributes:
        id: "scene-1" and on, in order.
        timestamp: its start as "m:ss".
    """

    id: str
    start_s: float
    end_s: float
    timestamp: str


def find_cuts(path: Path) -> list[Scene]:
    """The scenes of a video, without gaps; each 1..30 s long, but a video shorter than 1 s is one scene.

    Raises:
        MediaError: the file cannot be decoded whole.
    """
    cuts, end = detect(stream_frames(path, max_side=SIDE))
    if end <= 0:
        raise MediaError("is a single frame, not a video", where=shown(path))
    return scenes(cuts, end)


def scenes(cuts: Iterable[float], end: float) -> list[Scene]:
    """Scenes between cuts: too short ones joined to the one before, too long ones split evenly."""
    edges = [0.0]
    for cut in sorted(cuts):
        if cut - edges[-1] >= SHORTEST and end - cut >= SHORTEST:
            edges.append(cut)
    edges.append(end)
    spans: list[tuple[float, float]] = []
    for start, stop in itertools.pairwise(edges):
        parts = max(1, math.ceil((stop - start) / LONGEST - 1e-9))
        step = (stop - start) / parts
        inner = [start + k * step for k in range(parts)]
        spans += zip(inner, [*inner[1:], stop], strict=True)
    return [Scene(f"scene-{n}", start, stop, timestamp(start)) for n, (start, stop) in enumerate(spans, 1)]


def timestamp(seconds: float) -> str:
    """Seconds as "m:ss", rounded down; minutes go on past 59."""
    whole = int(seconds + 1e-6)
    return f"{whole // 60}:{whole % 60:02d}"


def detect(frames: Iterable[tuple[float, Image]]) -> tuple[list[float], float]:
    """(times of all cuts and fade middles, ascending; the time the last frame ends), for (time, RGB image) pairs."""
    hard, fades = _HardCuts(), _Fades()
    count, first, last = 0, 0.0, 0.0
    for time, image in frames:
        first = time if count == 0 else first
        last, count = time, count + 1
        small = shrunk(image)
        hard.push(time, small)
        fades.push(time, float(small.mean()))
    end = last + (last - first) / (count - 1) if count > 1 else 0.0
    return sorted({*hard.finish(), *fades.found}), end


def shrunk(image: Image) -> Image:
    """At most 96 pixels on the longer side."""
    height, width = image.shape[:2]
    if max(height, width) <= SIDE:
        return image
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cast("Image", cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def content_change(before: NDArray[np.int16], after: NDArray[np.int16]) -> float:
    """Mean absolute difference of hue (0..180, round its circle), saturation and value (0..255), each (H, W, 3).

    Hue and saturation count as much as the darker of the two pixels is bright: in black both are noise.
    """
    change = np.abs(after - before).astype(np.float32)
    change[..., 0] = np.minimum(change[..., 0], 180 - change[..., 0])
    change[..., :2] *= np.minimum(before[..., 2:], after[..., 2:]) / np.float32(255)
    return float(change.mean())


class _HardCuts:
    """Keeps 2 x WINDOW + 1 scores; a cut is known WINDOW frames after it happened."""

    def __init__(self) -> None:
        self.before: NDArray[np.int16] | None = None
        self.scores: deque[tuple[float, float]] = deque([(-1.0, 0.0)] * WINDOW, maxlen=2 * WINDOW + 1)
        self.found: list[float] = []

    def push(self, time: float, image: Image) -> None:
        after = cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_RGB2HSV)).astype(np.int16)
        if self.before is not None and self.before.shape == after.shape:
            self._score(time, content_change(self.before, after))
        self.before = after

    def finish(self) -> list[float]:
        for _ in range(WINDOW):
            self._score(-1.0, 0.0)
        return self.found

    def _score(self, time: float, score: float) -> None:
        self.scores.append((time, score))
        if len(self.scores) < 2 * WINDOW + 1:
            return
        middle_time, middle = self.scores[WINDOW]
        around = [s for k, (t, s) in enumerate(self.scores) if k != WINDOW and t >= 0]
        usual = sum(around) / len(around) if around else 0.0
        if middle_time >= 0 and middle >= LEAST and middle >= RATIO * usual:
            self.found.append(middle_time)


class _Fades:
    """A fade is a dark stretch between two bright ones; the cut lies in its middle."""

    def __init__(self) -> None:
        self.dark_since: float | None = None
        self.seen_light = False
        self.found: list[float] = []

    def push(self, time: float, brightness: float) -> None:
        if brightness < DARK:
            if self.dark_since is None:
                self.dark_since = time
            return
        if self.dark_since is not None and self.seen_light:
            self.found.append((self.dark_since + time) / 2)
        self.dark_since, self.seen_light = None, True
