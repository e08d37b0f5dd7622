"""A copy of a video or picture in which faces cannot be recognised, and in which nothing else names anybody.

Only pixels are written again, so what the source said about itself (camera, place, author, title) stays behind; so
does its sound, because a voice identifies as well as a face. Which clips need it is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from core.media.faces import Boxes
from core.media.following import VIDEO_SIDE, Follower, Look, look, of_one
from core.media.images import read_image
from core.media.mouths import SMOOTHING, Track, note, steady_track
from core.media.names import shown
from core.media.resample import Ticker

PICTURE_SIDE = 960  # longer side, pixels, at which faces are looked for in a single picture
STRIDE = 3  # every third frame is looked at; the frames between get the faces of both looks
MARGIN = 0.3  # of a face's width, on every side: hair, ears and chin lie outside the detector's box
GROWTH = 0.06  # of its width, per look, by which the last place of a lost face grows
HOLD = 25  # looks (3 s at 25 frames a second) for which a lost face's place is kept, before and after
BLOCKS = 7  # what is left of a face: so many pixels across; faces are matched down to about 16
MOUTH_MARGIN = 1.15  # times the region the lip reader cuts out
MOUTH_HOLD = 3  # looks without a frontal face over which the mouth is still followed
MOUTH_FOUND = 1 / 3  # of the looks must show the face, or it is not known well enough where the mouth is
LOWER = 0.58  # of a face's height: nothing above it is left readable, however the mouth's track runs


@dataclass(frozen=True, slots=True)
class _Mouth:
    """The mouth that stays readable.

    Attributes:
        times: (N,) seconds of the looks.
        track: (N, 3) where the mouth is at each, in shares of the picture.
        faces: the face it belongs to at each look; none where it has been lost for longer than a blink or a nod.
        seen: in how many looks it was found.
    """

    times: NDArray[np.float64]
    track: Track
    faces: list[Boxes | None]
    seen: int

    def note(self, fps: float) -> str:
        """What the copy says of it, so that a lip reader finds it."""
        every = STRIDE / fps
        ticks = np.arange(0.0, self.times[-1] + every, every)
        return note(every, np.stack([np.interp(ticks, self.times, axis) for axis in self.track.T], axis=1))

    def region(self, index: int, time: float) -> NDArray[np.float64] | None:
        """What is left readable of a frame: left, top, right and bottom in shares of the picture."""
        first = min(index // STRIDE, len(self.faces) - 1)
        one, other = self.faces[first], self.faces[min(first + (index % STRIDE > 0), len(self.faces) - 1)]
        if one is None or other is None:
            return None
        x, y, wide = (float(np.interp(time, self.times, axis)) for axis in self.track.T)
        # Half as high as wide, in pixels; a face's box is square, so it says how the shares relate.
        across, down = wide * MOUTH_MARGIN / 2, wide * MOUTH_MARGIN / 4 * float(one[0, 3] / one[0, 2])
        top = max(y - down, *(float(box[0, 1] + LOWER * box[0, 3]) for box in (one, other)))
        return np.array([x - across, top, x + across, y + down])


def anonymise(path: Path, target: Path, *, keep_mouth: bool, keep_sound: bool = False) -> int:
    """Write a copy with blurred faces; the source is not touched.

    A face that is lost for some frames stays blurred where it was last and where it is found next, with growing
    edges. A clip of lips in which no face is found at all is refused, because where there is no face it is unknown
    which part of the picture is the mouth and which part shows who it is.

    Args:
        target: its suffix chooses the format.
        keep_mouth: leave the mouth of one face seen from the front readable (clips for lip reading).
        keep_sound: copy the sound too; a voice identifies.

    Returns:
        In how many frames (of a picture: 0 or 1) a face was blurred.

    Raises:
        MediaError: it cannot be read or written, or holds no face while its mouth is to be kept.
    """
    if is_image(path):
        image = read_image(path)
        seen = look(image, PICTURE_SIDE)
        _require(path, [seen], keep_mouth)
        mouth = _mouth([seen], 1.0).region(0, 0.0) if keep_mouth else None
        write_image(target, blurred(image, seen.faces, mouth))
        return int(len(seen.faces) > 0)
    looks, frames = _looked(path, close=keep_mouth)
    _require(path, looks, keep_mouth)
    places = _held(looks, len(looks) if keep_mouth else HOLD)
    count = sum(1 for index in range(frames) if len(_between(places, index)))
    fps = probe(path).fps
    kept = _mouth(looks, fps) if keep_mouth else None
    known = kept is not None and kept.seen >= MOUTH_FOUND * len(looks)
    sound = read_sound(path) if keep_sound else None
    comment = kept.note(fps) if kept and known else None
    write_video(target, _steady(path, places, kept, fps), fps, sound, comment=comment)
    return count


def _require(path: Path, looks: list[Look], keep_mouth: bool) -> None:
    if keep_mouth and not any(len(one.front) for one in looks):
        raise MediaError(
            "no face was found, so it is unknown what to blur", where=shown(path), do="It was left out; nothing of it."
        )


def _looked(path: Path, *, close: bool) -> tuple[list[Look], int]:
    """The faces of every third frame, and how many frames there are."""
    follower, index = Follower(close=close), -1
    last: tuple[float, Image] | None = None
    for index, (time, image) in enumerate(stream_frames(path, max_side=VIDEO_SIDE)):
        last = None if index % STRIDE == 0 else (time, image)
        if last is None:
            follower.see(time, image)
    if last is not None:
        follower.see(*last)
    follower.finish()
    return follower.looks(), index + 1


def _held(looks: list[Look], hold: int) -> list[Boxes]:
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


def _mouth(looks: list[Look], fps: float) -> _Mouth:
    times = np.array([one.time for one in looks])
    fronts = of_one(looks)
    seen = [index for index, front in enumerate(fronts) if len(front)]
    boxes = np.concatenate(fronts)
    track = steady_track(times[seen], boxes, times, max(1, round(SMOOTHING * fps / STRIDE)))
    return _Mouth(times, track, _faces(fronts, float(np.median(boxes[:, 2]))), len(seen))


def _faces(fronts: list[Boxes], usual: float) -> list[Boxes | None]:
    """The face whose mouth stays readable, per look; for a blink or a nod the nearest look's."""
    # A box of another size is a pattern on a wall taken for a face: its "mouth" might show the eyes.
    good = [front[np.abs(front[:, 2] - usual) <= 0.35 * usual] for front in fronts]
    known = [index for index, boxes in enumerate(good) if len(boxes)]
    found: list[Boxes | None] = []
    for index in range(len(good)):
        nearest = min(known, key=lambda at: abs(at - index))
        found.append(good[nearest] if abs(nearest - index) <= MOUTH_HOLD else None)
    return found


def _between(places: list[Boxes], index: int) -> Boxes:
    """The faces of the looks before and after a frame."""
    first = min(index // STRIDE, len(places) - 1)
    second = min(first + (index % STRIDE > 0), len(places) - 1)
    return places[first] if first == second else np.concatenate([places[first], places[second]])


def _steady(path: Path, places: list[Boxes], mouth: _Mouth | None, fps: float) -> Iterator[Image]:
    """The blurred frames at a steady rate."""
    ticker, newest = Ticker(fps), None
    for index, (time, image) in enumerate(stream_frames(path)):
        times = ticker.push(time)
        if newest is not None:
            yield from [newest] * times
        newest = blurred(image, _between(places, index), mouth.region(index, time) if mouth else None)
    if newest is not None:
        yield from [newest] * ticker.finish()


def blurred(image: Image, faces: Boxes, mouth: NDArray[np.float64] | None) -> Image:
    """The picture with every face reduced to a few blocks, except the mouth of one."""
    high, wide = image.shape[:2]
    size = np.array([wide, high, wide, high], dtype=np.float64)
    made = image.copy()
    # The largest last: blocks of a small box on a large face would be fine enough to tell who it is.
    for face in faces[np.argsort(faces[:, 2])]:
        grown = _grown(face * size, MARGIN)
        top, bottom, left, right = _inside(grown[:2], grown[:2] + grown[2:], high, wide)
        if bottom > top and right > left:
            made[top:bottom, left:right] = _blocks(image[top:bottom, left:right])
    if mouth is not None:
        top, bottom, left, right = _inside(mouth[:2] * size[:2], mouth[2:] * size[2:], high, wide)
        made[top:bottom, left:right] = image[top:bottom, left:right]
    return made


def _inside(start: NDArray[np.float64], end: NDArray[np.float64], high: int, wide: int) -> tuple[int, int, int, int]:
    return (
        max(0, int(start[1])),
        min(high, int(np.ceil(end[1]))),
        max(0, int(start[0])),
        min(wide, int(np.ceil(end[0]))),
    )


def _blocks(part: Image) -> Image:
    """Averaged over a few blocks, then smoothed: unlike a blur alone, this cannot be computed back."""
    high, wide = part.shape[:2]
    few = (max(1, min(wide, BLOCKS)), max(1, min(high, BLOCKS)))
    small = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
