"""Draws a `Scene` frame by frame: backdrop through a moving camera, clouds, things, faces, cut, light, grain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.demo import frames as pictures
from core.demo import paint
from core.demo.faces import placed
from core.demo.head import Head
from core.demo.paint import Colour, pick
from core.demo.scenes import LABELS, Scene
from core.demo.sounds import make_sound
from core.demo.speaker import Speaker
from core.demo.words import FPS, GRID_GRAMMAR, make_sentence, speak
from core.media.clip import Frames, Image, Sound

_MARGIN = 1.5  # the backdrop is this much larger than the frame, room for the camera


def draw(scene: Scene) -> tuple[Frames, float, Sound | None]:
    """Frames (T, H, W, 3) uint8 RGB, frames per second, and the sound or None."""
    rng = paint.rng_of(scene.seed, LABELS.index(scene.label), 52)
    width, height = scene.size
    count = max(round(scene.seconds * scene.fps), 2)
    times = np.arange(count) / scene.fps
    sets = [_set(scene, rng) for _ in range(1 if scene.cut == "none" else 2)]
    path = _camera(scene, rng, times)
    clouds = _Clouds(rng, height, width) if scene.clouds else None
    things = [_Thing.random(scene, rng) for _ in range(scene.things)]
    actors = _Actors(scene, rng) if scene.faces else None
    light = _vignette(height, width, 0.5 if scene.dark else 0.12)
    grain = paint.Grain(rng, height, width, scene.noise)
    wipe_down = bool(rng.random() < 0.4)
    out = np.empty((count, height, width, 3), np.uint8)
    for index in range(count):
        late = _late(scene, float(times[index]))
        picture = _seen(sets, path[index], late, (width, height), wipe_down, scene)
        if clouds is not None:
            picture = clouds.over(picture, float(times[index]), scene.speed)
        for thing in things:
            thing.draw(picture, float(times[index]), path[index])
        if actors is not None:
            picture = actors.over(picture, float(times[index]), path[index])
        gain = _fade(scene, float(times[index])) * (1.0 - scene.darkness)
        tint = np.asarray(scene.tint) * (np.array([0.85, 0.95, 1.2]) if scene.dark else 1.0)
        levels = np.clip(np.arange(256)[:, None] * gain * tint, 0, 255).astype(np.uint8)[None]
        out[index] = grain.over(paint.looked_up(paint.lit(picture, light), levels))
    sound = make_sound(scene.sound, scene.music, scene.loudness, scene.seconds, rng, scene.cut_s)
    return out, scene.fps, sound


def _set(scene: Scene, rng: np.random.Generator) -> Image:
    width, height = (int(side * _MARGIN) for side in scene.size)
    makers = {
        "landscape": pictures.landscape, "town": pictures.town, "table": pictures.table, "texture": pictures.texture,
        "room": _room,
    }  # fmt: skip
    return makers[scene.place](rng, height, width)


def _room(rng: np.random.Generator, height: int, width: int) -> Image:
    """A wall with a window, a picture and furniture."""
    wall: Colour = (pick(rng, 90, 210), pick(rng, 90, 200), pick(rng, 80, 190))
    image = paint.gradient(height, width, paint.shade(wall, 1.1), paint.shade(wall, 0.8))
    floor = height * pick(rng, 0.7, 0.85)
    paint.rectangle(image, 0, floor, width, height - floor, (110, 80, 58))
    x = pick(rng, 0.1, 0.6) * width
    paint.rectangle(image, x, height * 0.15, width * 0.25, height * 0.35, (232, 226, 214))
    paint.rectangle(image, x + 3, height * 0.15 + 3, width * 0.25 - 6, height * 0.35 - 6, (160, 196, 226))
    for _ in range(int(rng.integers(2, 5))):
        tone = paint.shade(wall, pick(rng, 0.4, 0.9), pick(rng, -15, 25))
        tall = pick(rng, 0.1, 0.4) * height
        paint.rectangle(image, pick(rng, 0, 0.9) * width, floor - tall, pick(rng, 0.08, 0.25) * width, tall * 1.2, tone)
    return paint.blurred(image, 0.8)


def _camera(scene: Scene, rng: np.random.Generator, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 4): how far the view is moved right and down (frame widths), turned (degrees) and enlarged."""
    count = len(times)
    path = np.zeros((count, 4))
    path[:, 3] = 1.02
    speed = scene.camera_speed
    direction = 1.0 if rng.random() < 0.5 else -1.0
    if scene.camera == "push":
        path[:, 3] += speed * 1.4 * times
    elif scene.camera in ("pan", "drift"):
        slow = 1.0 if scene.camera == "pan" else 0.5
        path[:, 0] = direction * speed * slow * (times - times[-1] / 2)
        path[:, 3] += 0.02 * times * (scene.camera == "drift")
    elif scene.camera == "shake":
        for column, size in ((0, 0.05), (1, 0.05), (2, 3.5)):
            path[:, column] = paint.sway(rng, times, size * speed, 0.5)
        path[:, :2] += rng.normal(0, 0.012 * speed, (count, 2))
        path[:, 3] = 1.12
    elif scene.camera == "whip":
        turn = (times - scene.cut_s) / (0.22 / speed)
        path[:, 0] = direction * 1.1 * np.where(turn < 0, 1.0, -1.0) * np.exp(-(np.abs(turn) ** 1.5))
    return path


def _late(scene: Scene, time: float) -> float:
    """How much of the second set is seen, 0..1."""
    if scene.cut == "none":
        return 0.0
    if scene.cut in ("whip", "fade", "black"):
        return float(time >= scene.cut_s)
    span = 0.5 if scene.cut == "wipe" else 0.9
    return float(np.clip((time - scene.cut_s) / span + 0.5, 0.0, 1.0))


def _fade(scene: Scene, time: float) -> float:
    """The light of a fade through black or a stay in it."""
    if scene.cut == "fade":
        return float(np.clip(abs(time - scene.cut_s) / 0.6, 0.0, 1.0))
    if scene.cut == "black":
        return float(not scene.cut_s - 0.3 < time < scene.cut_s + 0.2)
    return 1.0


def _seen(
    sets: list[Image], view: NDArray[np.float64], late: float, size: tuple[int, int], wipe_down: bool, scene: Scene
) -> Image:
    width, height = size
    if scene.cut not in ("wipe", "dissolve") or late in (0.0, 1.0):
        return _looked(sets[-1] if late >= 1.0 else sets[0], view, size, scene)
    first, second = (_looked(backdrop, view, size, scene) for backdrop in sets)
    if scene.cut == "dissolve":
        return paint.mixed(first, second, np.full((height, width), late, np.float32))
    if wipe_down:
        first[: int(late * height)] = second[: int(late * height)]
    else:
        first[:, : int(late * width)] = second[:, : int(late * width)]
    return first


def _looked(backdrop: Image, view: NDArray[np.float64], size: tuple[int, int], scene: Scene) -> Image:
    width, height = size
    middle = backdrop.shape[1] / 2, backdrop.shape[0] / 2
    x, y, angle, zoom = (float(part) for part in view)
    matrix = paint.turn(middle, (width / 2 - x * width, height / 2 - y * width), angle, zoom)
    picture = paint.warped(backdrop, matrix, width, height)
    return paint.smeared(picture, abs(x) * width * 0.12) if scene.camera == "whip" and abs(x) > 0.1 else picture


def _vignette(height: int, width: int, depth: float) -> paint.Plane:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(1.0 - depth * np.clip(x**2 + y**2, 0, 2) / 2, np.float32)


class _Clouds:
    """Two layers of haze drifting over the picture, or the glitter of water."""

    def __init__(self, rng: np.random.Generator, height: int, width: int) -> None:
        self._size = (height, width)
        haze = paint.fractal(rng, height, width * 2, 3, 4)
        self._haze = np.asarray(np.clip(haze * 1.6 - 0.6, 0, 0.75), np.float32)
        self._slope = np.linspace(1.0, pick(rng, 0.1, 0.6), height, dtype=np.float32)[:, None]
        self._colour: Colour = (pick(rng, 190, 250), pick(rng, 200, 240), pick(rng, 200, 250))
        self._direction = 1.0 if rng.random() < 0.5 else -1.0

    def over(self, picture: Image, time: float, speed: float) -> Image:
        height, width = self._size
        shift = int(self._direction * time * max(speed, 0.06) * width) % width
        return paint.mixed(picture, self._colour, self._haze[:, shift : shift + width] * self._slope[:height])


@dataclass(frozen=True, slots=True)
class _Thing:
    """Something that crosses the frame on a bouncing path."""

    start: tuple[float, float]
    velocity: tuple[float, float]
    size: float
    colour: Colour
    corners: int
    spin: float

    @staticmethod
    def random(scene: Scene, rng: np.random.Generator) -> _Thing:
        angle = pick(rng, -0.6, 0.6) + (np.pi if rng.random() < 0.5 else 0.0)
        speed = scene.speed * pick(rng, 0.7, 1.3)
        red, green, blue = (float(part) for part in rng.uniform(20, 250, 3))
        return _Thing(
            start=(pick(rng, 0, 1), pick(rng, 0.15, 0.9)), velocity=(speed * np.cos(angle), speed * np.sin(angle)),
            size=pick(rng, 0.03, 0.10 if scene.speed < 0.5 else 0.16), colour=(red, green, blue),
            corners=int(rng.integers(2, 7)), spin=pick(rng, -3, 3) * scene.speed,
        )  # fmt: skip

    def draw(self, picture: Image, time: float, view: NDArray[np.float64]) -> None:
        height, width = picture.shape[:2]
        x = (_bounced(self.start[0] + self.velocity[0] * time) - float(view[0])) * width
        y = (_bounced(self.start[1] + self.velocity[1] * time) - float(view[1])) * height
        size = self.size * width
        if self.corners == 2:
            paint.ellipse(picture, x, y, size, size * 0.7, self.colour, 57.3 * self.spin * time)
            return
        angle = np.linspace(0, 2 * np.pi, self.corners + 1)[:-1] + self.spin * time
        outline = np.stack([x + size * np.cos(angle), y + size * np.sin(angle)], axis=1)
        paint.polygon(picture, outline, self.colour)
        paint.polygon(picture, outline * 0.5 + np.array([x, y]) * 0.5, paint.shade(self.colour, 0.6))


def _bounced(value: float) -> float:
    return 1.0 - abs(1.0 - value % 2.0)


class _Actors:
    """One or two heads; in dialogue they take turns to speak, elsewhere they only look."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        self._heads = [Head(Speaker.random(rng)) for _ in range(scene.faces)]
        self._talking = scene.label == "dialogue"
        self._turn_s = pick(rng, 0.8, 1.6)
        sentences = (speak(make_sentence(GRID_GRAMMAR, rng), rng).shapes for _ in range(3))
        self._shapes = np.concatenate(list(sentences))
        self._rest = self._shapes[0]
        self._still = [head.draw(self._rest) for head in self._heads]
        size = scene.size[1] / 240 * pick(rng, 1.0, 1.25) * (1.0 if scene.faces == 1 else 0.85)
        spots = [pick(rng, 0.35, 0.65)] if scene.faces == 1 else [pick(rng, 0.24, 0.32), pick(rng, 0.68, 0.76)]
        self._spots = [(spot, pick(rng, 0.46, 0.56), pick(rng, -5, 5), size) for spot in spots]
        self._phase = pick(rng, 0, 6)

    def over(self, picture: Image, time: float, view: NDArray[np.float64]) -> Image:
        height, width = picture.shape[:2]
        turn = int(time / self._turn_s) % len(self._heads)
        for number, (head, spot) in enumerate(zip(self._heads, self._spots, strict=True)):
            speaks = self._talking and number == turn
            shape = self._shapes[int(time * FPS) % len(self._shapes)]
            face, mask = head.draw(shape) if speaks else self._still[number]
            nod = 2.0 * np.sin(2.2 * time + self._phase + number)
            x, y = (spot[0] - float(view[0])) * width, (spot[1] - float(view[1])) * height + nod * height / 240
            where = np.array([x, y, spot[2] + float(view[2]) + nod, spot[3] * float(view[3])])
            picture = placed(face, mask, picture, where)
        return picture
