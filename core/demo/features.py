"""Draws the part of a face that holds still: hair, skin, eyes, brows, nose, beard, glasses, shoulders, light.

Everything is in units of a frame's pixels times `_SCALE`, because the still head is drawn twice as large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.demo import paint
from core.demo.paint import Colour, pick
from core.demo.speaker import Speaker
from core.media.clip import Image

WIDTH, HEIGHT = 320, 240  # of a frame
MIDDLE = (160.0, 108.0)  # of the face in it
_SCALE = 2
_W, _H = WIDTH * _SCALE, HEIGHT * _SCALE
_X, _Y = MIDDLE[0] * _SCALE, MIDDLE[1] * _SCALE


@dataclass(frozen=True, slots=True)
class Still:
    """What never moves: the head with open eyes, the same with shut eyes, its mask 0..1, and the wall behind it."""

    image: Image
    shut: Image
    mask: paint.Plane
    wall: Image


def draw_still(speaker: Speaker) -> Still:
    """The still parts of one sitting, all 240x320."""
    rng = paint.rng_of(speaker.texture, 11)
    wall = _wall(speaker, rng)
    image = wall.copy()
    mask: paint.Mask = np.zeros((_H, _W), np.uint8)
    _hair_behind(image, mask, speaker)
    _shoulders(image, mask, speaker)
    face = _face_outline(speaker)
    _skin(image, mask, speaker, face, rng)
    image = _soft_parts(image, speaker)
    _brows_and_nose(image, speaker)
    image = _beard(image, speaker, rng)
    _fringe(image, mask, speaker, rng)
    light = _light(speaker, mask)
    opened, shut = image.copy(), image
    for canvas, lids in ((opened, False), (shut, True)):
        for side in (-1.0, 1.0):
            _eye(canvas, speaker, side, lids)
        if speaker.glasses:
            _glasses(canvas, speaker)
    soft = paint.blurred(paint.resized(mask, WIDTH, HEIGHT), 0.8).astype(np.float32) / 255.0
    return Still(
        _finish(opened, light, speaker), _finish(shut, light, speaker), soft, paint.resized(wall, WIDTH, HEIGHT)
    )


def _finish(image: Image, light: paint.Plane, speaker: Speaker) -> Image:
    return paint.blurred(paint.resized(paint.lit(image, light), WIDTH, HEIGHT), speaker.blur)


def _wall(speaker: Speaker, rng: np.random.Generator) -> Image:
    """What is behind the head: a soft wall with a few out-of-focus things."""
    image = paint.gradient(HEIGHT, WIDTH, paint.shade(speaker.wall, pick(rng, 0.9, 1.2)), speaker.wall)
    for _ in range(int(rng.integers(0, 5))):
        colour = paint.shade(speaker.wall, pick(rng, 0.6, 1.3), pick(rng, -20, 20))
        x, y = pick(rng, -40, WIDTH), pick(rng, -40, HEIGHT)
        paint.rectangle(image, x, y, pick(rng, 20, 110), pick(rng, 30, 160), colour)
    image = paint.lit(paint.blurred(image, 3.5), 0.9 + 0.2 * paint.fractal(rng, HEIGHT, WIDTH, 3, 5))
    return paint.resized(image, _W, _H)


def _shoulders(image: Image, mask: paint.Mask, speaker: Speaker) -> None:
    chin = _Y + speaker.face_height * _SCALE
    for picture, colour in ((image, speaker.shirt), (mask, 255.0)):
        paint.ellipse(picture, _X, chin + 150, 2.4 * speaker.face_width * _SCALE, 115, colour)
    width = 0.56 * speaker.face_width * _SCALE
    neck = np.array(
        [(_X - width, chin - 60), (_X + width, chin - 60), (_X + width, chin + 62), (_X - width, chin + 62)]
    )
    paint.polygon(image, neck, paint.shade(speaker.skin, 0.66))
    paint.polygon(mask, neck, 255.0)
    paint.ellipse(image, _X, chin + 60, width, 16, paint.shade(speaker.skin, 0.72))


def _hair_behind(image: Image, mask: paint.Mask, speaker: Speaker) -> None:
    width, height = speaker.face_width * _SCALE, speaker.face_height * _SCALE
    if speaker.haircut == 2:
        return
    dark = paint.shade(speaker.hair, 0.8)
    for picture, colour in ((image, dark), (mask, 255.0)):
        paint.ellipse(picture, _X, _Y - 0.22 * height, 1.13 * width, 0.95 * height, colour)
        if speaker.haircut == 1:
            for side in (-1.0, 1.0):
                paint.ellipse(picture, _X + side * 0.72 * width, _Y + 0.55 * height, 0.62 * width, 1.0 * height, colour)


def _face_outline(speaker: Speaker) -> paint.Points:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    down = np.sin(angle)
    taper = 1.0 - speaker.jaw * np.clip(down, 0, 1) ** 1.6
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.86 * taper * speaker.face_width * _SCALE
    return np.stack([_X + x, _Y + down * speaker.face_height * _SCALE], axis=1)


def _skin(image: Image, mask: paint.Mask, speaker: Speaker, face: paint.Points, rng: np.random.Generator) -> None:
    for side in (-1.0, 1.0):
        x, y = _X + side * speaker.face_width * _SCALE * 1.01, _Y + 4
        for picture, colour in ((image, paint.shade(speaker.skin, 0.84)), (mask, 255.0)):
            paint.ellipse(picture, x, y, 13, 26, colour, side * 8)
    tone = np.full((_H, _W, 3), np.asarray(speaker.skin, np.float32))
    grain = 0.93 + 0.12 * paint.fractal(rng, HEIGHT, WIDTH, 10, 4)
    tone *= paint.resized(grain, _W, _H)[:, :, None]
    inside: paint.Mask = np.zeros((_H, _W), np.uint8)
    paint.polygon(inside, face, 255.0)
    image[:] = paint.mixed(image, np.clip(tone, 0, 255).astype(np.uint8), inside.astype(np.float32) / 255.0)
    np.maximum(mask, inside, out=mask)


def _soft(image: Image, spots: list[tuple[float, float, float, float, float]], sigma: float, colour: Colour) -> Image:
    """Blurred ellipses (x, y, rx, ry, strength 0..1) of one colour."""
    mask: paint.Mask = np.zeros((_H // 2, _W // 2), np.uint8)
    for x, y, rx, ry, strength in spots:
        paint.ellipse(mask, x / 2, y / 2, rx / 2, ry / 2, 255.0 * strength)
    soft = paint.blurred(mask, sigma / 2).astype(np.float32) / 255.0
    return paint.mixed(image, colour, paint.resized(soft, _W, _H))


def _soft_parts(image: Image, speaker: Speaker) -> Image:
    """Eye sockets, the shadow beside the nose and under the cheekbones; the bright bridge, cheeks and forehead."""
    gap, nose = speaker.eye_gap * _SCALE, speaker.nose_width * _SCALE
    dark, bright = paint.shade(speaker.skin, 0.5), paint.shade(speaker.skin, 1.14, 10)
    side = -1.0 if speaker.light[0] > 0 else 1.0
    eyes = _Y - 24
    sockets = [(_X + s * gap, eyes, 24.0, 15.0, 0.55) for s in (-1.0, 1.0)]
    folds = [(_X + s * (nose + 16), _Y + 52, 4.0, 20.0, 0.22) for s in (-1.0, 1.0)]
    nose_parts = [(_X + side * nose * 0.8, _Y + 10, 5.0, 28.0, 0.35), (_X, _Y + 38, nose * 1.1, 5.0, 0.6)]
    hollows = [(_X + s * speaker.face_width * 1.75, _Y + 42, 14.0, 34.0, 0.28) for s in (-1.0, 1.0)]
    image = _soft(image, sockets + folds + nose_parts + hollows, 6.0, dark)
    cheeks = [(_X + s * (gap + 4), _Y + 14, 22.0, 16.0, 0.4) for s in (-1.0, 1.0)]
    centre = [(_X, _Y - 6, 6.0, 36.0, 0.5), (_X, _Y + 26, nose * 0.7, 8.0, 0.5), (_X, _Y - 78, 48.0, 22.0, 0.35)]
    chin = [(_X, _Y + speaker.face_height * 1.78, 22.0, 10.0, 0.3)]
    return _soft(image, cheeks + centre + chin, 8.0, bright)


def _brows_and_nose(image: Image, speaker: Speaker) -> None:
    gap, nose = speaker.eye_gap * _SCALE, speaker.nose_width * _SCALE
    # Never lighter than the skin: the cascade takes a face for one by its dark brows and eyes.
    red, green, blue = (min(0.75 * h, 0.55 * k) for h, k in zip(speaker.hair, speaker.skin, strict=True))
    colour: Colour = (red, green, blue)
    for side in (-1.0, 1.0):
        across = np.linspace(-1, 1, 12)
        x = _X + side * gap + across * 24
        y = _Y - 48 - 6 * (1 - across**2) + side * across * 2
        thick = speaker.brow * (1.15 - 0.5 * (across * side + 1) / 2)
        outline = np.concatenate([np.stack([x, y - thick], 1), np.stack([x, y + thick], 1)[::-1]])
        paint.polygon(image, outline, colour)
        paint.ellipse(image, _X + side * nose * 0.55, _Y + 35, 4.2, 2.8, paint.shade(speaker.skin, 0.36))
        wing = np.array(
            [(_X + side * nose * 0.95, _Y + 24), (_X + side * nose * 1.08, _Y + 31), (_X + side * nose * 0.9, _Y + 37)]
        )
        paint.polyline(image, wing, paint.shade(speaker.skin, 0.62), 2)


def _beard(image: Image, speaker: Speaker, rng: np.random.Generator) -> Image:
    """Stubble over jaw and upper lip, as thick as `speaker.beard` says."""
    if speaker.beard <= 0:
        return image
    area: paint.Mask = np.zeros((_H, _W), np.uint8)
    outline = _face_outline(speaker)
    paint.polygon(area, outline * 0.985 + np.array([_X, _Y]) * 0.015, 255.0)
    area[: int(_Y + 44)] = 0
    strands = 0.55 + 0.45 * paint.resized(paint.fractal(rng, HEIGHT, WIDTH, 48, 2), _W, _H)
    strength = paint.blurred(area, 9.0).astype(np.float32) / 255.0 * strands * speaker.beard
    return paint.mixed(image, paint.shade(speaker.hair, 0.8), np.asarray(strength, np.float32))


def _fringe(image: Image, mask: paint.Mask, speaker: Speaker, rng: np.random.Generator) -> None:
    if speaker.haircut == 2:
        return
    width, height = speaker.face_width * _SCALE, speaker.face_height * _SCALE
    angle = np.linspace(np.pi, 2 * np.pi, 30)
    top = np.stack([_X + np.cos(angle) * width * 1.08, _Y - 0.30 * height + np.sin(angle) * height * 0.84], 1)
    across = np.linspace(1, -1, 16)
    line = 0.60 + 0.06 * pick(rng, -1, 1) + 0.05 * np.sin(across * pick(rng, 3, 9)) - 0.28 * np.abs(across) ** 3
    bottom = np.stack([_X + across * width * 1.06, _Y - height * line], 1)
    outline = np.concatenate([top, bottom])
    hair: paint.Mask = np.zeros((_H, _W), np.uint8)
    paint.polygon(hair, outline, 255.0)
    strands = paint.resized(paint.fractal(rng, 12, WIDTH, 6, 3), _W, _H)
    tone = np.asarray(speaker.hair, np.float32) * (0.75 + 0.5 * strands)[:, :, None]
    image[:] = paint.mixed(
        image, np.clip(tone, 0, 255).astype(np.uint8), paint.blurred(hair, 1.5).astype(np.float32) / 255.0
    )
    np.maximum(mask, hair, out=mask)


def _eye(image: Image, speaker: Speaker, side: float, shut: bool) -> None:
    x, y, size = _X + side * speaker.eye_gap * _SCALE, _Y - 24.0, speaker.eye_size * _SCALE
    across = np.linspace(-1, 1, 15)
    upper, lower = -0.48 * size * (1 - across**2), 0.32 * size * (1 - across**2)
    lid = paint.shade(speaker.skin, 0.42)
    if shut:
        fold = np.stack([x + across * size, y + lower], 1)
        whole = np.concatenate([np.stack([x + across * size, y + upper - 3], 1), fold[::-1]])
        paint.polygon(image, whole, paint.shade(speaker.skin, 0.82))
        paint.polyline(image, fold, lid, 3)
        return
    outline = np.concatenate(
        [np.stack([x + across * size, y + upper], 1), np.stack([x + across * size, y + lower], 1)[::-1]]
    )
    ball = paint.canvas(_H, _W, paint.shade((226.0, 222.0, 216.0), 0.55 + 0.45 * speaker.skin[0] / 236.0))[
        : int(size * 2), : int(size * 3)
    ]
    left, top = int(x - size * 1.5), int(y - size)
    spot = slice(top, top + ball.shape[0]), slice(left, left + ball.shape[1])
    paint.ellipse(ball, x - left, y - top - 0.05 * size, 0.46 * size, 0.46 * size, paint.shade(speaker.iris, 0.8))
    paint.ellipse(ball, x - left, y - top - 0.05 * size, 0.22 * size, 0.22 * size, (12, 10, 10))
    paint.ellipse(ball, x - left - 0.15 * size, y - top - 0.2 * size, 1.8, 1.8, (250, 250, 250))
    hole: paint.Mask = np.zeros(ball.shape[:2], np.uint8)
    paint.polygon(hole, outline - np.array([left, top]), 255.0)
    image[spot] = paint.mixed(np.ascontiguousarray(image[spot]), ball, hole.astype(np.float32) / 255.0)
    paint.polyline(image, np.stack([x + across * size * 1.05, y + upper], 1), lid, 3)
    paint.polyline(image, np.stack([x + across * size, y + lower], 1), paint.shade(speaker.skin, 0.66), 1)


def _glasses(image: Image, speaker: Speaker) -> None:
    frame: Colour = (48.0, 40.0, 38.0)
    gap = speaker.eye_gap * _SCALE
    angle: NDArray[np.float64] = np.linspace(0, 2 * np.pi, 40)
    for side in (-1.0, 1.0):
        rim = np.stack([_X + side * gap + 28 * np.cos(angle), _Y - 22 + 21 * np.sin(angle)], 1)
        paint.polyline(image, rim, frame, 2, closed=True)
        arm = np.array([(_X + side * (gap + 28), _Y - 26), (_X + side * speaker.face_width * _SCALE, _Y - 30)])
        paint.polyline(image, arm, frame, 2)
    paint.polyline(image, np.array([(_X - gap + 28, _Y - 26), (_X, _Y - 29), (_X + gap - 28, _Y - 26)]), frame, 2)


def _light(speaker: Speaker, mask: paint.Mask) -> paint.Plane:
    """How bright each pixel is: Lambert's law on an egg, softened, for the head; 1 for the wall."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    nx = (x - MIDDLE[0]) / (speaker.face_width * 1.25)
    ny = (y - MIDDLE[1]) / (speaker.face_height * 1.25)
    nz = np.sqrt(np.clip(1.0 - nx**2 - ny**2, 0.02, 1.0))
    towards = np.array([speaker.light[0], speaker.light[1], 0.9])
    towards /= np.linalg.norm(towards)
    facing = np.clip(nx * towards[0] + ny * towards[1] + nz * towards[2], 0.0, 1.0)
    bright = (1.0 - speaker.contrast) + speaker.contrast * 1.25 * facing
    small = np.asarray(paint.blurred(np.asarray(bright, np.float32), 4.0) * speaker.brightness, np.float32)
    weight = mask.astype(np.float32) / 255.0
    return np.asarray(weight * paint.resized(small, _W, _H) + (1.0 - weight) * speaker.brightness, np.float32)
