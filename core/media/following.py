"""Following faces through a clip: the whole picture is searched now and then, the places of known faces every time.

A face that turns up is followed back to where it came from as well. What becomes of the places is the caller's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media.clip import Image
from core.media.faces import Boxes, every_face, found, sides
from core.media.images import shrink

Grey = NDArray[np.uint8]
Box = NDArray[np.float64]  # (4,): x, y, w, h

VIDEO_SIDE = 480  # longer side, pixels, at which faces are looked for; 20 pixels there are the smallest face
# Looks between two searches of the whole picture. Of 360 x 288 pixels one takes 30 ms from the front and 110 ms from
# the sides (30 at half the size); a search around a known face takes 1 to 5 ms.
CLOSE, FAR = (4, 8), (2, 2)  # from the front, from the sides
ALL_EVERY = 40
NEAR = 0.5  # of a face's width: how far around its last place it is searched, on every side
SEARCHED = 100  # pixels across that a face is searched at near its last place
BACK = 8  # looks over which a face that turns up is followed to where it came from
LOST = 8  # looks for which a lost face is searched where it was
SAME = 0.1  # of a box's width: one that reaches out of another by less is the same face


@dataclass(slots=True)
class Look:
    """Faces of one frame looked at, in shares of the picture's width and height.

    Attributes:
        time: seconds from the first frame.
        faces: all of them.
        front: those seen from the front, the largest first.
    """

    time: float
    faces: Boxes
    front: Boxes


@dataclass(slots=True)
class _Found:
    """One look's faces, in pixels of what was searched."""

    front: list[Box]
    rest: list[Box]

    @property
    def every(self) -> list[Box]:
        return [*self.front, *self.rest]

    def add(self, front: list[Box], rest: list[Box]) -> None:
        """Take boxes in that are not there yet."""
        for box in front:
            if not any(_within(box, known) for known in self.front):
                self.front.append(box)
        for box in rest:
            if not any(_within(box, known) for known in self.every):
                self.rest.append(box)


class Follower:
    """Looks at frames of one clip in their order.

    Args:
        close: somebody sits before the camera, and once found is followed: the whole picture is then searched less
            often, and for faces from the side at half the size. Small faces of a scene are found once in a while.
    """

    def __init__(self, *, close: bool = False) -> None:
        self._close, (self._front_every, self._sides_every) = close, CLOSE if close else FAR
        self._times: list[float] = []
        self._found: list[_Found] = []
        self._recent: deque[Grey] = deque(maxlen=BACK + 1)
        self._lost: list[tuple[Box, int]] = []  # last place, looks since
        self._size = np.ones(4)

    def see(self, time: float, image: Image) -> None:
        """Look at one frame, at most VIDEO_SIDE pixels wide and high."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        high, wide = grey.shape
        self._size = np.array([wide, high, wide, high], dtype=np.float64)
        here = _Found([], [])
        before = self._found[-1].every if self._found else []
        sought = [(box, 0) for box in before] + self._lost
        self._lost = []
        for box, age in sought:
            front, rest = near(grey, box)
            here.add(front, rest)
            if not front and not rest and age < LOST:
                self._lost.append((box, age + 1))
        self._times.append(time)
        self._found.append(here)
        self._recent.append(grey)
        number = len(self._found) - 1
        every = number % ALL_EVERY == 0
        if every or number % self._front_every == 0:
            self._take(list(found("frontalface_alt2", grey, 20)), [])
        if every:
            self._take([], list(sides(grey, 20)))
        elif number % self._sides_every == self._front_every // 2:
            self._take([], self._sides(grey))

    def finish(self) -> None:
        """The last frame seen was the clip's last: a face that came after the last search shall not slip out."""
        if self._found:
            self._take(list(found("frontalface_alt2", self._recent[-1], 20)), self._sides(self._recent[-1]))

    def looks(self) -> list[Look]:
        """What was seen."""
        return [
            Look(time, _shares(one.every, self._size), _shares(sorted(one.front, key=_wider), self._size))
            for time, one in zip(self._times, self._found, strict=True)
        ]

    def _sides(self, grey: Grey) -> list[Box]:
        if not self._close:
            return list(sides(grey, 20))
        return [box * 2 for box in sides(_smaller(grey, 0.5), 20)]

    def _take(self, front: list[Box], rest: list[Box]) -> None:
        """Faces of a search of the whole last picture; those that are news are followed back."""
        here = self._found[-1]
        for box in (*front, *rest):
            if not any(_within(box, known) for known in here.every):
                self._back(box)
        here.add(front, rest)

    def _back(self, box: Box) -> None:
        """Follow a face back through the looks at hand, until it is lost or was known."""
        for steps in range(1, len(self._recent)):
            there, grey = self._found[-1 - steps], self._recent[-1 - steps]
            front, rest = near(grey, box)
            if not front and not rest:
                return
            fresh = not any(_within(one, known) for one in (*front, *rest) for known in there.every)
            there.add(front, rest)
            if not fresh:
                return
            box = (*front, *rest)[0]


def look(image: Image, side: int) -> Look:
    """The faces of a single picture, searched at `side` pixels."""
    small = shrink(image, side)
    high, wide = small.shape[:2]
    front, rest = every_face(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8))
    size = np.array([wide, high, wide, high], dtype=np.float64)
    return Look(0.0, np.concatenate([front, rest]) / size, _shares(sorted(front, key=_wider), size))


def of_one(looks: list[Look]) -> list[Boxes]:
    """The face seen from the front that a clip is about, one or none per look: the largest, and most often there.

    Another one's counts only where this one is not there at all: of two people as near as each other, now one and now
    the other is the larger.
    """
    chains: list[list[tuple[int, Box]]] = []
    for index, one in enumerate(looks):
        waiting = [chain for chain in chains if index - chain[-1][0] <= LOST]
        for box in one.front:
            mine = next((chain for chain in waiting if _is_same(box, chain[-1][1])), None)
            if mine is None:
                chains.append([(index, box)])
            else:
                mine.append((index, box))
                waiting.remove(mine)
    found: list[Boxes] = [np.empty((0, 4))] * len(looks)
    taken = np.zeros(len(looks), dtype=bool)
    for chain in sorted(chains, key=lambda chain: -sum(float(box[2]) for _, box in chain)):
        span = slice(chain[0][0], chain[-1][0] + 1)
        if not taken[span].any():
            taken[span] = True
            for index, box in chain:
                found[index] = box[None]
    return found


def _is_same(box: Box, before: Box) -> bool:
    """Whether a face is where one was a moment ago, and about as large."""
    away = np.abs(box[:2] + box[2:] / 2 - before[:2] - before[2:] / 2)
    return bool((away < before[2:] / 2).all()) and 0.6 < box[2] / before[2] < 1.6


def near(grey: Grey, box: Box) -> tuple[list[Box], list[Box]]:
    """The face around a place it had, of about its size: seen from the front, and else from the sides.

    Two neighbouring hits are enough, because a face is known to be thereabouts.
    """
    x, y, w, h = box
    left, top = max(0, int(x - NEAR * w)), max(0, int(y - NEAR * h))
    part = grey[top : int(y + (1 + NEAR) * h) + 1, left : int(x + (1 + NEAR) * w) + 1]
    if not part.size:
        return [], []
    scale = min(1.0, SEARCHED / w)
    if scale < 1.0:
        part = _smaller(part, scale)
    low, up = max(20, round(0.7 * w * scale)), max(24, round(1.4 * w * scale))
    corner = np.array([left, top, 0.0, 0.0])
    front = found("frontalface_alt2", part, low, up, neighbours=2)
    if len(front):
        return [_widest(front) / scale + corner], []
    rest = sides(part, low, up, neighbours=2)
    return [], [_widest(rest) / scale + corner] if len(rest) else []


def _smaller(grey: Grey, scale: float) -> Grey:
    """A grey picture, smaller; never empty."""
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _within(box: Box, known: Box) -> bool:
    """Whether a box is as good as inside another, and not a small thing on a large face."""
    room = SAME * known[2:] + 1
    inside = np.all(box[:2] >= known[:2] - room) and np.all(box[:2] + box[2:] <= known[:2] + known[2:] + room)
    return bool(inside) and box[2] > 0.5 * known[2]


def _widest(boxes: Boxes) -> Box:
    return boxes[np.argmax(boxes[:, 2])]


def _wider(box: Box) -> float:
    return -float(box[2])


def _shares(boxes: list[Box], size: NDArray[np.float64]) -> Boxes:
    return np.array(boxes, dtype=np.float64).reshape(-1, 4) / size
