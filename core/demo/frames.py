"""Draws still pictures: landscapes, towns, portraits, pages, things on a table, woven and grown textures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.demo import paint
from core.demo.faces import placed
from core.demo.head import Head
from core.demo.paint import Colour, pick
from core.demo.speaker import Speaker
from core.demo.words import GRID_GRAMMAR, USER_GRAMMAR, make_sentence, speak, vocabulary
from core.media.clip import Image

_SIZES = ((320, 240), (400, 300), (360, 360), (480, 320), (480, 360), (640, 480))
_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((70, 120, 200), (190, 215, 240)), ((40, 50, 110), (250, 160, 90)), ((150, 160, 170), (215, 215, 210)),
    ((20, 24, 60), (90, 70, 110)), ((90, 150, 190), (240, 225, 190)),
)  # fmt: skip

Painter = Callable[[np.random.Generator, int, int], Image]


def draw_picture(seed: int) -> Image:
    """A clean drawn picture, 320x240 to 640x480 pixels; the same seed gives the same pixels."""
    rng = paint.rng_of(seed, 31)
    names = tuple(_PAINTERS)
    width, height = _SIZES[int(rng.integers(len(_SIZES)))]
    image = _PAINTERS[names[int(rng.integers(len(names)))]](rng, height, width)
    levels = np.clip(np.arange(256) * pick(rng, 0.82, 1.12) + pick(rng, -8, 14), 0, 255).astype(np.uint8)
    return paint.Grain(rng, height, width, pick(rng, 0.5, 2.0)).over(paint.looked_up(image, levels))


def landscape(rng: np.random.Generator, height: int, width: int) -> Image:
    """Sky, sun or moon, clouds, ridges one behind the other, a textured foreground with trees or water."""
    top, low = _SKIES[int(rng.integers(len(_SKIES)))]
    image = paint.gradient(height, width, top, low)
    sun = pick(rng, 0.1, 0.9) * width, pick(rng, 0.1, 0.4) * height, pick(rng, 0.03, 0.08) * height
    paint.ellipse(image, sun[0], sun[1], sun[2], sun[2], (255, 246, 214))
    clouds = np.clip(paint.fractal(rng, height, width, 3, 6) * 2.2 - 1.1, 0, 0.85).astype(np.float32)
    image = paint.mixed(image, paint.shade(low, 1.1, 20), clouds)
    ground: Colour = (pick(rng, 40, 120), pick(rng, 70, 130), pick(rng, 40, 90))
    layers = int(rng.integers(2, 5))
    for layer in range(layers):
        near = (layer + 1) / layers
        rows = 4 if near == 1 and rng.random() < 0.5 else 96  # 4 makes a spiky line: grass
        ridge = paint.fractal(rng, rows, width, 2, 6)[rows // 2] * height * 0.3 + height * (0.28 + 0.42 * near)
        outline = np.concatenate([np.stack([np.arange(width), ridge], 1), [(width, height), (0, height)]])
        mask: paint.Mask = np.zeros((height, width), np.uint8)
        paint.polygon(mask, outline, 255.0)
        colour = tuple(near * g + (1 - near) * s for g, s in zip(ground, low, strict=True))
        rough = 0.75 + 0.5 * paint.fractal(rng, height, width, 24, 4)
        hill = paint.lit(paint.canvas(height, width, (colour[0], colour[1], colour[2])), np.asarray(rough, np.float32))
        image = paint.mixed(image, hill, mask.astype(np.float32) / 255.0)
    for _ in range(int(rng.integers(0, 12))):
        _tree(image, rng, pick(rng, 0, width), pick(rng, 0.72, 1.0) * height, pick(rng, 0.08, 0.3) * height)
    return image


def _tree(image: Image, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    paint.rectangle(image, x - size * 0.05, y - size * 0.5, size * 0.1, size * 0.5, (70, 48, 32))
    green: Colour = (pick(rng, 20, 70), pick(rng, 70, 120), pick(rng, 20, 60))
    for _ in range(14):
        dx, dy = rng.normal(0, 0.16, 2) * size
        paint.ellipse(
            image, x + dx, y - size * 0.7 + dy, size * 0.12, size * 0.12, paint.shade(green, pick(rng, 0.7, 1.4))
        )


def town(rng: np.random.Generator, height: int, width: int) -> Image:
    """Houses with rows of windows under a sky, a street in front."""
    top, low = _SKIES[int(rng.integers(len(_SKIES)))]
    image = paint.gradient(height, width, top, low)
    x = -20.0
    street = height * pick(rng, 0.82, 0.94)
    while x < width:
        wide, tall = pick(rng, 0.1, 0.24) * width, pick(rng, 0.3, 0.75) * height
        wall = _colour(rng, 60, 200)
        paint.rectangle(image, x, street - tall, wide, tall, wall)
        glass = paint.shade(wall, 0.45) if rng.random() < 0.6 else (250.0, 230.0, 150.0)
        step_x, step_y = wide / int(rng.integers(3, 7)), tall / int(rng.integers(5, 11))
        for row in np.arange(street - tall + step_y * 0.4, street - step_y, step_y):
            for column in np.arange(x + step_x * 0.25, x + wide - step_x * 0.4, step_x):
                paint.rectangle(
                    image, column, float(row), step_x * 0.5, step_y * 0.55, paint.shade(glass, pick(rng, 0.8, 1.2))
                )
        x += wide + pick(rng, -4, 12)
    paint.rectangle(image, 0, street, width, height - street, (86, 86, 90))
    for mark in np.arange(pick(rng, 0, 30), width, 60):
        paint.rectangle(image, float(mark), (street + height) / 2, 28, 3, (220, 216, 200))
    return paint.lit(image, np.asarray(0.86 + 0.28 * paint.fractal(rng, height, width, 40, 3), np.float32))


def portrait(rng: np.random.Generator, height: int, width: int) -> Image:
    """One drawn face, looking at the camera."""
    head = Head(Speaker.random(rng))
    track = speak(make_sentence(GRID_GRAMMAR, rng), rng)
    face, mask = head.draw(track.shapes[int(rng.integers(len(track.shapes)))])
    wall = paint.resized(head.wall, width, height)
    size = height / 240 * pick(rng, 0.95, 1.25)
    return placed(face, mask, wall, np.array([width * pick(rng, 0.4, 0.6), height * 0.48, pick(rng, -6, 6), size]))


def page(rng: np.random.Generator, height: int, width: int) -> Image:
    """A printed page with a headline, lines of words and perhaps a ruled table."""
    paper = _colour(rng, 215, 250)
    ink = paint.shade(_colour(rng, 0, 70), 1.0)
    image = paint.canvas(height, width, paper)
    words = vocabulary(GRID_GRAMMAR)[12:] + vocabulary(USER_GRAMMAR)
    paint.written(
        image, make_sentence(USER_GRAMMAR, rng).capitalize(), width * 0.06, height * 0.14, width / 330, ink, 2
    )
    y, size = height * 0.24, pick(rng, 0.35, 0.55) * width / 400
    while y < height * 0.97:
        line = " ".join(words[int(i)] for i in rng.integers(0, len(words), 16))
        paint.written(image, line, width * 0.06, y, size, ink, 1)
        y += size * 34
    image[:, int(width * 0.94) :] = np.asarray(paper, np.uint8)
    if rng.random() < 0.5:
        paint.rectangle(image, width * 0.55, height * 0.55, width * 0.36, height * 0.36, _colour(rng, 60, 220))
        paint.ellipse(image, width * 0.73, height * 0.73, width * 0.1, height * 0.12, _colour(rng, 60, 220))
    return paint.lit(image, np.asarray(0.9 + 0.14 * paint.fractal(rng, height, width, 2, 2), np.float32))


def table(rng: np.random.Generator, height: int, width: int) -> Image:
    """Balls, boxes and bottles on a grained table top, lit from one side."""
    image = paint.gradient(height, width, _colour(rng, 90, 200), _colour(rng, 60, 160))
    grain = 0.7 + 0.5 * paint.resized(paint.fractal(rng, height, 24, 60, 3), width, height)
    edge = int(height * pick(rng, 0.45, 0.6))
    wood = paint.lit(paint.canvas(height, width, (156, 112, 72)), np.asarray(grain, np.float32))
    image[edge:] = wood[edge:]
    light = pick(rng, -0.4, 0.4)
    for y in np.sort(rng.uniform(edge + 0.1 * height, height * 0.92, int(rng.integers(3, 8)))):
        _thing(image, rng, pick(rng, 0.08, 0.92) * width, float(y), pick(rng, 0.07, 0.16) * height, light)
    return image


def _thing(image: Image, rng: np.random.Generator, x: float, y: float, size: float, light: float) -> None:
    colour = _colour(rng, 30, 235)
    paint.ellipse(image, x - light * size, y + size * 0.9, size * 1.2, size * 0.25, (52, 38, 28))
    kind = int(rng.integers(3))
    if kind == 0:
        for part in np.linspace(1.0, 0.1, 9):
            shift = (1 - part) * 0.55 * size
            paint.ellipse(
                image, x + light * shift, y - shift, size * part, size * part, paint.shade(colour, 1.35 - 0.75 * part)
            )
        return
    tall = size * (2.4 if kind == 2 else 1.6)
    paint.rectangle(image, x - size * 0.7, y + size * 0.9 - tall, size * 1.4, tall, colour)
    for stripe in range(4):
        factor = 1.2 - 0.17 * (stripe if light < 0 else 3 - stripe)
        left = x - size * 0.7 + stripe * size * 0.35
        paint.rectangle(image, left, y + size * 0.9 - tall, size * 0.35, tall, paint.shade(colour, factor))
    label = paint.shade(colour, 0.5, 120)
    paint.rectangle(image, x - size * 0.5, y, size, size * 0.5, label)
    paint.written(
        image, "rushes"[: int(rng.integers(2, 7))], x - size * 0.45, y + size * 0.35, size / 60, (30, 30, 30), 1
    )


def texture(rng: np.random.Generator, height: int, width: int) -> Image:
    """Cloth, leaves or stone that fills the frame."""
    base = _colour(rng, 50, 200)
    rough = paint.fractal(rng, height, width, int(rng.integers(6, 40)), 6)
    image = paint.lit(paint.canvas(height, width, base), np.asarray(0.5 + rough, np.float32))
    if rng.random() < 0.5:
        step = pick(rng, 5, 14)
        for x in np.arange(0, width + height, step):
            ends = np.array([(x, 0), (x - height * pick(rng, 0.2, 0.24), height)])
            paint.polyline(image, ends, paint.shade(base, pick(rng, 0.6, 1.35)), 1)
        return image
    for _ in range(220):
        x, y, size = pick(rng, 0, width), pick(rng, 0, height), pick(rng, 4, 18)
        paint.ellipse(image, x, y, size, size * 0.4, paint.shade(base, pick(rng, 0.5, 1.5)), pick(rng, 0, 180))
    return image


def _colour(rng: np.random.Generator, low: float, high: float) -> Colour:
    red, green, blue = (float(part) for part in rng.uniform(low, high, 3))
    return red, green, blue


_PAINTERS: dict[str, Painter] = {
    "landscape": landscape, "town": town, "portrait": portrait, "page": page, "table": table, "texture": texture,
}  # fmt: skip
