"""A copy of a video or picture in which faces cannot be recognised, and in which nothing else names anybody.

Only pixels are written again, so what the source said about itself (camera, place, author, title) stays behind; so
does its sound, because a voice identifies as well as a face. Which clips need it is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from core.media.clip import Image
from core.media.container import is_image
from core.media.decode import probe, read_sound, stream_frames
from core.media.encode import write_image, write_video
from core.media.faces import CENTRE_DOWN, MOUTH_WIDE, Boxes, every_face
from core.media.images import read_image, shrink
from core.media.names import shown
from core.media.resample import Ticker

VIDEO_SIDE, PICTURE_SIDE = 480, 960  # longer side, pixels, at which faces are looked for
STRIDE = 3  # a face is looked for in every third frame; the frames between get the faces of both looks
MARGIN = 0.3  # of a face's width, on every side: hair, ears and chin lie outside the detector's box
GROWTH = 0.06  # of its width, per look, by which the last place of a lost face grows
HOLD = 25  # looks (3 s at 25 frames a second) for which a lost face's place is kept, before and after
BLOCKS = 7  # what is left of a face: so many pixels across; faces are matched down to about 16
MOUTH_MARGIN = 1.15  # times the region the lip reader cuts out
MOUTH_HOLD = 3  # looks without a frontal face over which the mouth is still followed


@dataclass(frozen=True, slots=True)
class _Look:
    """Faces of one frame looked at: what to blur and the mouth to leave, in shares of the picture's size."""

    faces: Boxes
    front: Boxes


def anonymise(path: Path, target: Path, *, keep_mouth: bool, keep_sound: bool = False) -> int:
    """Write a copy with blurred faces; the source is not touched.

    A face that is lost for some frames stays blurred where it was last and where it is found next, with growing
    edges. A clip of lips in which no face is found at all is refused, because where there is no face it is unknown
    which part of the picture is the mouth and which part shows who it is.

    Args:
        target: its suffix chooses the format.
        keep_mouth: leave the mouth of the largest frontal face readable (clips for lip reading).
        keep_sound: copy the sound too; a voice identifies.

    Returns:
        In how many frames (of a picture: 0 or 1) a face was blurred.

    Raises:
        MediaError: it cannot be read or written, or holds no face while its mouth is to be kept.
    """
    if is_image(path):
        image = read_image(path)
        looks = [_look(image, PICTURE_SIDE)]
        _require(path, looks, keep_mouth)
        count = int(len(looks[0].faces) > 0)
        write_image(target, _blurred(image, looks[0].faces, looks[0].front[:1] if keep_mouth else None))
        return count
    looks, frames = _looked(path)
    _require(path, looks, keep_mouth)
    places = _held(looks, len(looks) if keep_mouth else HOLD)
    mouths = _mouths(looks) if keep_mouth else [None] * len(looks)
    blurred = sum(1 for index in range(frames) if len(_between(places, index)))
    fps = probe(path).fps
    sound = read_sound(path) if keep_sound else None
    write_video(target, _steady(path, places, mouths, fps), fps, sound)
    return blurred


def _require(path: Path, looks: list[_Look], keep_mouth: bool) -> None:
    if keep_mouth and not any(len(look.front) for look in looks):
        raise MediaError(
            "no face was found, so it is unknown what to blur", where=shown(path), do="It was left out; nothing of it."
        )


def _look(image: Image, side: int) -> _Look:
    small = shrink(image, side)
    high, wide = small.shape[:2]
    front, rest = every_face(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8))
    size = np.array([wide, high, wide, high], dtype=np.float64)
    front = front[np.argsort(-front[:, 2])] if len(front) else front
    return _Look(np.concatenate([front, rest]) / size, front / size)


def _looked(path: Path) -> tuple[list[_Look], int]:
    """The faces of every third frame and of the last one, and how many frames there are."""
    looks: list[_Look] = []
    index, newest = -1, None
    for index, (_, image) in enumerate(stream_frames(path, max_side=VIDEO_SIDE)):
        newest = image
        if index % STRIDE == 0:
            looks.append(_look(image, VIDEO_SIDE))
    if newest is not None and index % STRIDE:
        looks.append(_look(newest, VIDEO_SIDE))
    return looks, index + 1


def _held(looks: list[_Look], hold: int) -> list[Boxes]:
    """What to blur at each look: its faces, and those lost since or found only later, grown by how long that is."""
    after = _carried([look.faces for look in looks], hold)
    before = _carried([look.faces for look in reversed(looks)], hold)[::-1]
    return [np.concatenate([one, other]) for one, other in zip(after, before, strict=True)]


def _carried(looks: list[Boxes], hold: int) -> list[Boxes]:
    kept: list[Boxes] = []
    lost: list[tuple[NDArray[np.float64], int]] = []  # last place, looks since
    for faces in looks:
        lost = [(box, age + 1) for box, age in lost if age < hold and not _seen(box, faces)]
        kept.append(np.array([*faces, *(_grown(box, GROWTH * age) for box, age in lost)]).reshape(-1, 4))
        lost += [(box, 0) for box in faces]
    return kept


def _seen(box: NDArray[np.float64], faces: Boxes) -> bool:
    """Whether one of the faces lies where this one was: its middle inside the box, and about as large."""
    middle = faces[:, :2] + faces[:, 2:] / 2
    inside = np.all((middle > box[:2]) & (middle < box[:2] + box[2:]), axis=1)
    return bool(np.any(inside & (faces[:, 2] > 0.6 * box[2])))


def _grown(box: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    more = box[2:] * share
    return np.concatenate([box[:2] - more, box[2:] + 2 * more])


def _mouths(looks: list[_Look]) -> list[Boxes | None]:
    """The face whose mouth stays readable, per look; none where it has been lost for longer than a blink or a nod."""
    usual = float(np.median([look.front[0, 2] for look in looks if len(look.front)]))
    # A box of another size is a pattern on a wall taken for a face: its "mouth" might show the eyes.
    good = [look.front[np.abs(look.front[:, 2] - usual) <= 0.35 * usual] for look in looks]
    found: list[Boxes | None] = [boxes[:1] if len(boxes) else None for boxes in good]
    known = [index for index, box in enumerate(found) if box is not None]
    for index in range(len(found)):
        nearest = min(known, key=lambda at: abs(at - index))
        found[index] = found[nearest] if 0 < abs(nearest - index) <= MOUTH_HOLD else found[index]
    return found


def _between(places: list[Boxes], index: int) -> Boxes:
    """The faces of the looks before and after a frame."""
    first = min(index // STRIDE, len(places) - 1)
    second = min(first + (index % STRIDE > 0), len(places) - 1)
    return places[first] if first == second else np.concatenate([places[first], places[second]])


def _steady(path: Path, places: list[Boxes], mouths: Sequence[Boxes | None], fps: float) -> Iterator[Image]:
    """The blurred frames at a steady rate."""
    ticker, newest = Ticker(fps), None
    for index, (time, image) in enumerate(stream_frames(path)):
        times = ticker.push(time)
        if newest is not None:
            yield from [newest] * times
        newest = _blurred(image, _between(places, index), _mouth_between(mouths, index))
    if newest is not None:
        yield from [newest] * ticker.finish()


def _mouth_between(mouths: Sequence[Boxes | None], index: int) -> Boxes | None:
    first = min(index // STRIDE, len(mouths) - 1)
    one, other = mouths[first], mouths[min(first + 1, len(mouths) - 1)]
    if one is None or other is None:
        return None
    part = (index % STRIDE) / STRIDE
    return one * (1 - part) + other * part


def _blurred(image: Image, faces: Boxes, mouth: Boxes | None) -> Image:
    """The picture with every face reduced to a few blocks, except the mouth of one."""
    high, wide = image.shape[:2]
    size = np.array([wide, high, wide, high], dtype=np.float64)
    blurred = image.copy()
    for face in faces:
        top, bottom, left, right = _inside(_grown(face * size, MARGIN), high, wide)
        if bottom > top and right > left:
            blurred[top:bottom, left:right] = _blocks(image[top:bottom, left:right])
    if mouth is not None and len(mouth):
        x, y, w, h = mouth[0] * size
        across = MOUTH_WIDE * w * MOUTH_MARGIN
        region = np.array([x + w / 2 - across / 2, y + CENTRE_DOWN * h - across / 4, across, across / 2])
        top, bottom, left, right = _inside(region, high, wide)
        blurred[top:bottom, left:right] = image[top:bottom, left:right]
    return blurred


def _inside(box: NDArray[np.float64], high: int, wide: int) -> tuple[int, int, int, int]:
    x, y, w, h = box
    return max(0, int(y)), min(high, int(np.ceil(y + h))), max(0, int(x)), min(wide, int(np.ceil(x + w)))


def _blocks(part: Image) -> Image:
    """Averaged over a few blocks, then smoothed: unlike a blur alone, this cannot be computed back."""
    high, wide = part.shape[:2]
    few = (max(1, min(wide, BLOCKS)), max(1, min(high, BLOCKS)))
    small = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
