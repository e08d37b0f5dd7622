"""What a scene looks like: light, colour, detail, cuts and faces, and how they change; and its sampled frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media import faces as faces_in
from core.media.clip import Frames

SAMPLED = 8  # frames the backbone sees
SIDE = 112  # pixels
SMALL = (64, 48)  # frames are squeezed to this before measuring
FACE_FRAMES = 3
FACE_WIDTH = 256  # pixels: all clips alike, or their size would show
CUT = 0.5  # histogram distance 0..1 between neighbours that is a cut

PER_FRAME = ("brightness", "contrast", "saturation", "edges", "warmth", "dark_share", "bright_share")
NAMES = (
    *(f"{name}_{how}" for name in PER_FRAME for how in ("mean", "spread", "trend")),
    "histogram_change",
    "histogram_change_most",
    "cuts",
    "faces",
    "face_size",
)


def sample(frames: Frames) -> NDArray[np.uint8]:
    """(8, 3, 112, 112): evenly spaced frames, squeezed to squares."""
    picked = np.linspace(0, len(frames) - 1, SAMPLED).round().astype(int)
    small = [cv2.resize(frames[i], (SIDE, SIDE), interpolation=cv2.INTER_AREA).transpose(2, 0, 1) for i in picked]
    return np.ascontiguousarray(np.stack(small), dtype=np.uint8)


def measure(frames: Frames) -> NDArray[np.float32]:
    """(len(NAMES),) float32 in the order of `NAMES`; all finite."""
    small = [np.asarray(cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA), dtype=np.uint8) for frame in frames]
    table = np.array([_frame(image) for image in small])
    place = np.linspace(-1, 1, len(table))
    trend = (table * place[:, None]).mean(axis=0)
    steps = _steps(small)
    found = [
        *np.stack([table.mean(0), table.std(0), trend], axis=1).ravel(),
        float(steps.mean()),
        float(steps.max()),
        float((steps > CUT).sum()),
        *faces(frames),
    ]
    return np.array(found, dtype=np.float32)


def _frame(image: NDArray[np.uint8]) -> list[float]:
    hsv = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), dtype=np.float32)
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    edges = np.abs(np.asarray(cv2.Laplacian(grey, cv2.CV_32F)))
    return [
        float(grey.mean()) / 255,
        float(grey.std()) / 255,
        float(hsv[..., 1].mean()) / 255,
        float(np.log1p(edges.mean())),
        float(image[..., 0].astype(np.float32).mean() - image[..., 2].astype(np.float32).mean()) / 255,
        float((grey < 40).mean()),
        float((grey > 215).mean()),
    ]


def _steps(small: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Half the L1 distance of neighbouring frames' colour histograms, 0..1; one zero for a single frame."""
    histograms: list[NDArray[np.float64]] = []
    for image in small:
        bins = (image // 64).reshape(-1, 3).astype(np.int64) @ np.array([16, 4, 1])
        histograms.append(np.bincount(bins, minlength=64) / len(bins))
    if len(histograms) < 2:
        return np.zeros(1)
    return 0.5 * np.abs(np.diff(np.array(histograms), axis=0)).sum(axis=1)


def faces(frames: Frames) -> tuple[float, float]:
    """Share of three frames with a face, and the mean width of the largest face over the picture's width."""
    picked = np.linspace(0, len(frames) - 1, FACE_FRAMES + 2).round().astype(int)[1:-1]
    widths: list[float] = []
    for index in picked:
        height = max(int(frames.shape[1] * FACE_WIDTH / frames.shape[2]), 32)
        grey = cv2.cvtColor(cv2.resize(frames[index], (FACE_WIDTH, height)), cv2.COLOR_RGB2GRAY)
        found = faces_in.detector().detectMultiScale(grey, 1.2, 4, minSize=(24, 24))
        widths.append(max((int(box[2]) for box in found), default=0) / FACE_WIDTH)
    return float(np.mean([width > 0 for width in widths])), float(np.mean(widths))
