"""One speaker's head, drawn once; then only what moves: the mouth, the jaw and the eyelids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.demo import paint
from core.demo.features import HEIGHT, MIDDLE, WIDTH, draw_still
from core.demo.mouth import PATCH, draw_mouth
from core.demo.speaker import Speaker
from core.media.clip import Image

__all__ = ["HEIGHT", "MIDDLE", "WIDTH", "Head"]

_EYES = slice(int(MIDDLE[1]) - 28, int(MIDDLE[1]) + 8), slice(int(MIDDLE[0]) - 44, int(MIDDLE[0]) + 44)


class Head:
    """One speaker's head, ready to be drawn with any mouth and eyelids. Making one takes about 30 ms."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        still = draw_still(speaker)
        self._image, self._shut, self._mask, self.wall = still.image, still.shut, still.mask, still.wall
        self._mouth = round(MIDDLE[0] + speaker.mouth_x), round(MIDDLE[1] + speaker.mouth_y)
        self._chin = round(MIDDLE[1] + speaker.face_height + 1)

    def draw(self, shape: NDArray[np.float32], lids: float = 0.0) -> tuple[Image, paint.Plane]:
        """The head (240, 320, 3) in the middle of the frame and its mask 0..1; lids 1 = eyes shut."""
        image = self._image.copy()
        if lids > 0.02:
            share = np.full(image[_EYES].shape[:2], min(lids, 1.0), np.float32)
            image[_EYES] = paint.mixed(image[_EYES], self._shut[_EYES], share)
        moved = np.asarray(np.clip(shape * np.float32(self.speaker.energy), -1.1, 1.15), np.float32)
        drop = round(float(moved[0]) * 0.5 * self.speaker.lips.opening)
        mask = self._mask
        if drop > 0:
            image, mask = self._lowered(image, drop), self._lowered(mask, drop)
        x, y = self._mouth[0] - PATCH[0] // 2, self._mouth[1] - PATCH[1] // 2
        spot = slice(y, y + PATCH[1]), slice(x, x + PATCH[0])
        brightness = self.speaker.brightness * (1.0 - 0.2 * self.speaker.contrast)
        image[spot] = draw_mouth(np.ascontiguousarray(image[spot]), self.speaker.lips, moved, brightness)
        return image, mask

    def _lowered(self, picture: paint.AnyPicture, drop: int) -> paint.AnyPicture:
        """The chin `drop` pixels lower: the skin above it stretched, the neck below it squeezed."""
        start, chin, end = self._mouth[1] + 2, self._chin, self._chin + 22
        out = picture.copy()
        out[start : chin + drop] = paint.resized(picture[start:chin], WIDTH, chin + drop - start)
        out[chin + drop : end] = paint.resized(picture[chin:end], WIDTH, end - chin - drop)
        return out
