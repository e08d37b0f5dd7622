"""A plain drawn face whose mouth moves, and small crops for tests that need no face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.media.clip import Clip, Frames


def face(time: float, shift: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.uint8]:
    """A 320x240 picture of a face; its mouth opens once a second, at (160, 161) when not shifted."""
    image = np.full((240, 320, 3), (150, 155, 160), np.uint8)
    x, y = 160 + shift[0], 120 + shift[1]

    def oval(dx: float, dy: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        cv2.ellipse(image, (round(x + dx), round(y + dy)), (round(rx), round(ry)), 0, 0, 360, colour, -1, cv2.LINE_AA)

    oval(0, 0, 52, 72, (205, 158, 124))
    oval(0, -55, 54, 28, (60, 42, 30))
    for side in (-22, 22):
        oval(side, -16, 14, 10, (160, 116, 92))
        oval(side, -26, 13, 3, (60, 42, 30))
        oval(side, -16, 9, 5, (235, 235, 235))
        oval(side, -16, 4, 4, (40, 30, 25))
    oval(0, 8, 7, 14, (190, 142, 110))
    oval(0, 20, 9, 4, (120, 80, 64))
    oval(0, 41, 20, 5 + 6 * abs(np.sin(np.pi * time)), (140, 60, 60))
    oval(0, 41, 14, 1 + 5 * abs(np.sin(np.pi * time)), (50, 15, 20))
    noise = np.random.default_rng(round(time * 1000)).normal(0, 3, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1.4) + noise, 0, 255).astype(np.uint8)


def clip_of(frames: Frames, fps: float = 25.0) -> Clip:
    """A clip of frames measured at a steady rate."""
    return Clip(frames, np.arange(len(frames)) / fps, None, (frames.shape[2], frames.shape[1]))


@pytest.fixture(scope="session")
def talking() -> Frames:
    """One second and a half of the face, swaying a little."""
    return np.stack([face(i / 25, (3 * np.sin(i / 12), 1.5 * np.cos(i / 9))) for i in range(38)])


def moving_crops(seed: int, count: int = 24) -> NDArray[np.uint8]:
    """(count, 32, 64) crops of a dark oval on grey that opens and closes in a way the seed says."""
    rng = np.random.default_rng(seed)
    opened = np.interp(np.arange(count), np.linspace(0, count, 6), rng.uniform(1, 10, 6))
    crops = np.full((count, 32, 64), 150, np.uint8)
    for crop, height in zip(crops, opened, strict=True):
        cv2.ellipse(crop, (32, 16), (18, round(height)), 0, 0, 360, 60, -1)
    return crops
