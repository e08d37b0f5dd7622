"""Where the mouth is in a source that is being watched: the region a recording would be read from, as it happens."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media.faces import CENTRE_DOWN, MOUTH_WIDE
from core.tasks.speech.mouth import DETECT_SIDE, face_box

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares 0..1 of width and height

PAUSE_S = 0.2  # between two looks: five a second cost 1.4 % of a core with a face, 7 % without
REST_S = 1.0  # where there is no face: five looks a second for nothing cost 14 % of a core
KEPT = 2  # looks for which a box outlives its face, so that a blink of the detector is not seen
GONE = 5  # looks in a row without a face, a second, before it is said


class LiveMouth:
    """Follows the mouth through pictures of one source.

    Attributes:
        box: where it is; None where no face is found.
        seen: whether a face is there; None while it is too early to tell.
    """

    def __init__(self) -> None:
        self.box: Box | None = None
        self.seen: bool | None = None
        self._face: NDArray[np.float64] | None = None
        self._misses = 0
        self._due = 0.0

    def look(self, image: NDArray[np.uint8], now: float) -> None:
        """Take a new picture into account, if it is time to.

        Args:
            image: (H, W, 3) uint8 RGB.
            now: seconds of a steady clock.
        """
        if now < self._due:
            return
        self._due = now + (REST_S if self.seen is False else PAUSE_S)
        grey = _small(image)
        face = None if self._face is None else face_box(grey, self._face)
        self._face = face_box(grey) if face is None else face
        if self._face is None:
            self._missed()
        else:
            self._misses, self.seen = 0, True
            self.box = _mouth(self._face, grey.shape[1], grey.shape[0])

    def _missed(self) -> None:
        self._misses += 1
        if self._misses > KEPT:
            self.box = None
        if self._misses >= GONE:
            self.seen = False


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, at the size at which faces are looked for."""
    scale = min(1.0, DETECT_SIDE / max(image.shape[:2]))
    if scale < 1.0:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _mouth(face: NDArray[np.float64], width: int, height: int) -> Box:
    left, top, wide, high = (float(part) for part in face)
    x, y, half = left + wide / 2, top + CENTRE_DOWN * high, MOUTH_WIDE * wide / 2
    # Half as high as wide, as the crops are.
    edges = (x - half) / width, (y - half / 2) / height, (x + half) / width, (y + half / 2) / height
    return tuple(min(1.0, max(0.0, edge)) for edge in edges)  # pyright: ignore[reportReturnType]  # four of them
