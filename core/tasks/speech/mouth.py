"""Mouth crops ("mouth/1"): a face box per clip moment, a steady track of the mouth, small grey pictures of it.

Knows frames only; decoding onto a steady 25 fps is the decoder's work.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from core.media import faces
from core.media.clip import Frames
from core.media.mouths import SMOOTHING, Track, steady_track

Crops = NDArray[np.uint8]  # (T, HEIGHT, WIDTH), grey

HEIGHT, WIDTH = 32, 64  # pixels of one crop
STRIDE = 3  # a face is looked for in every third frame: 25 looks in 3 s, about 5 ms each
DETECT_SIDE = 360  # longer side, pixels, at which faces are looked for
SMALLEST_FACE = 0.14  # of the picture's shorter side
FOUND_SHARE = 1 / 3  # of the frames looked at must hold a face


def crops(frames: Frames, fps: float = 25.0, *, spread: float = 1.0, track: Track | None = None) -> Crops:
    """The mouth in every frame.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        fps: frames per second, for the smoothing only.
        spread: how much wider and higher than the mouth region to cut; the crop grows with it.
        track: (T, 3) where the mouth is, in shares of the picture, where that is known already.

    Returns:
        (T, 32 * spread, 64 * spread) uint8 grey.

    Raises:
        MediaError: no face was found, or in too few frames to follow it.
    """
    grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    high, wide = grey.shape[1:]
    track = mouth_track(grey, fps) if track is None else track * np.array([wide, high, wide], dtype=np.float64)
    size = (round(WIDTH * spread), round(HEIGHT * spread))
    return np.stack([_cut(image, mouth, size) for image, mouth in zip(grey, track, strict=True)])


def mouth_track(grey: NDArray[np.uint8], fps: float = 25.0) -> NDArray[np.float64]:
    """Where the mouth is: (T, 3) float64, centre x, centre y and width in pixels; the width is the clip's median.

    Raises:
        MediaError: as for `crops`.
    """
    looked = np.arange(0, len(grey), STRIDE)
    found: list[tuple[int, NDArray[np.float64]]] = []
    for index in looked:
        near = found[-1][1] if found else None
        # Looking where the face just was takes a fifth of the time of a whole picture.
        box = None if near is None else face_box(grey[index], near)
        box = face_box(grey[index]) if box is None else box
        if box is not None:
            found.append((int(index), box))
    if len(found) < max(1.0, FOUND_SHARE * len(looked)):
        raise MediaError(
            f"no face was found (in {len(looked) - len(found)} of {len(looked)} frames looked at)",
            do="Face the camera, with light on the face.",
        )
    at = np.array([index for index, _ in found], dtype=np.float64)
    boxes, ticks = np.stack([box for _, box in found]), np.arange(len(grey), dtype=np.float64)
    return steady_track(at, boxes, ticks, max(1, round(SMOOTHING * fps / STRIDE)))


def face_box(grey: NDArray[np.uint8], near: NDArray[np.float64] | None = None) -> NDArray[np.float64] | None:
    """The largest frontal face in a grey picture as x, y, w, h in its pixels, or None.

    Args:
        near: an earlier box of the clip; only its surroundings are searched, for a face of about its size.
    """
    high, wide = grey.shape
    scale = min(1.0, DETECT_SIDE / max(high, wide))
    smallest, largest, left, top = SMALLEST_FACE * min(high, wide), float(max(high, wide)), 0, 0
    if near is not None:
        x, y, size, _ = near
        left, top = max(0, int(x - 0.4 * size)), max(0, int(y - 0.4 * size))
        grey = grey[top : int(y + 1.4 * size), left : int(x + 1.4 * size)]
        smallest, largest = 0.75 * size, 1.35 * size
    if scale < 1.0:
        grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    low, up = round(smallest * scale), round(largest * scale)
    found = faces.detector().detectMultiScale(grey, 1.1, 4, minSize=(low, low), maxSize=(up, up))
    boxes = np.asarray(found, dtype=np.float64).reshape(-1, 4)
    if not len(boxes):
        return None
    return boxes[np.argmax(boxes[:, 2])] / scale + np.array([left, top, 0.0, 0.0])


def _cut(image: NDArray[np.uint8], mouth: NDArray[np.float64], size: tuple[int, int]) -> Crops:
    x, y, wide = mouth
    scale = WIDTH / wide  # crop pixels per picture pixel, the same both ways: the region is half as high as wide
    if scale < 0.5:  # warpAffine does not average while shrinking
        blur = 0.5 / scale
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur * 0.7), dtype=np.uint8)
    shift = np.array([[scale, 0.0, size[0] / 2 - scale * x], [0.0, scale, size[1] / 2 - scale * y]])
    cut = cv2.warpAffine(image, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, dtype=np.uint8)


def pictures(cut: Crops) -> NDArray[np.float32]:
    """What the network reads: (T, 32, 64) float32, mean 0 and deviation 1 over the clip; wider crops lose their rim."""
    high, wide = cut.shape[1:]
    top, left = (high - HEIGHT) // 2, (wide - WIDTH) // 2
    values = cut[:, top : top + HEIGHT, left : left + WIDTH].astype(np.float32)
    return (values - values.mean()) / (values.std() + 4.0)  # 4 grey levels: an even picture is not blown up to noise
