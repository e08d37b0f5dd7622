"""Drawn frames and sounds for the media tests: smooth, so that lossy codecs keep them nearly as they are."""

from __future__ import annotations

import numpy as np

from core.media.clip import SOUND_RATE, Frames, Sound


def moving(count: int, width: int = 64, height: int = 48) -> Frames:
    """A bright disc that travels over a gradient: frame k of T has its centre at k / T of the width."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    frames = np.empty((count, height, width, 3), np.uint8)
    for k in range(count):
        disc = np.exp(-((x - (k + 0.5) / count * width) ** 2 + (y - height / 2) ** 2) / (2 * (height / 8) ** 2))
        frames[k, ..., 0] = 40 + 200 * disc
        frames[k, ..., 1] = 60 + 100 * x / width
        frames[k, ..., 2] = 60 + 100 * y / height
    return frames


def plain(count: int, colour: tuple[int, int, int], width: int = 64, height: int = 48) -> Frames:
    """One colour with a slight gradient that drifts, as in a quiet scene."""
    ramp = np.linspace(-12, 12, width, dtype=np.float32)[None, :, None]
    base = np.asarray(colour, np.float32)
    frames = [np.clip(base + np.roll(ramp, k, axis=1) + np.zeros((height, 1, 1)), 0, 255) for k in range(count)]
    return np.stack(frames).astype(np.uint8)


def tone(seconds: float, hertz: float = 440.0) -> Sound:
    """A sine of half loudness."""
    time = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return Sound((0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32))


def centres(frames: Frames) -> list[float]:
    """Where the disc of `moving` is in each frame, 0..1 of the width."""
    columns = frames[..., 0].astype(np.float32).max(axis=1)
    return [float(row.argmax()) / frames.shape[2] for row in columns]
