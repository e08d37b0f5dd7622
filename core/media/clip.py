"""What decoding yields: frames with the times they were shown at, and the sound beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3), RGB
Frames = NDArray[np.uint8]  # (T, H, W, 3), RGB

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})
VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})
SOUND_RATE = 16_000  # Hz; every decoded sound is mono at this rate


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono sound.

    Attributes:
        samples: (N,) float32 in -1..1.
        rate: samples per second.
    """

    samples: NDArray[np.float32]
    rate: int = SOUND_RATE


@dataclass(frozen=True, slots=True)
class Clip:
    """A decoded piece of video, or one image (T = 1).

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, possibly scaled down while decoding.
        times: (T,) float64, seconds from the first frame as measured by the container, strictly increasing.
        sound: the sound of the same span, or None where the file has none.
        native: (width, height) of the file before scaling.
        mouth: (T, 3) centre x, centre y and width of the mouth in shares of the picture, where the file says it
            (an anonymised one does) and the task asks for it.
    """

    frames: Frames
    times: NDArray[np.float64]
    sound: Sound | None
    native: tuple[int, int]
    mouth: NDArray[np.float64] | None = None

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last; 0 for an image."""
        if len(self.times) < 2:
            return 0.0
        span = float(self.times[-1] - self.times[0])
        return span * len(self.times) / (len(self.times) - 1)

    @property
    def fps(self) -> float:
        """Mean measured frames per second; 0 for an image."""
        return len(self.times) / self.duration if self.duration > 0 else 0.0


@dataclass(frozen=True, slots=True)
class DecodeSpec:
    """What a task asks of the decoder, so that a 4K file never fills memory.

    Attributes:
        max_side: longer side after scaling down, pixels; None keeps the native size.
        fps: resample onto this steady rate by nearest measured time; None keeps the measured frames.
        sound: whether to decode sound at all.
        still: take the middle frame only (T = 1).
        mouth: whether to read where the file says the mouth is.
    """

    max_side: int | None = None
    fps: float | None = None
    sound: bool = False
    still: bool = False
    mouth: bool = False


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file's header says, before anything is decoded.

    `frames` and `duration` (seconds) are the container's claims and may be 0 when it makes none.
    """

    kind: Literal["video", "image"]
    width: int
    height: int
    fps: float
    frames: int
    duration: float
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a live source.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        time: seconds on the source's own clock, strictly increasing.
    """

    image: Image
    time: float
