"""Draws a speaking face: a sentence's mouth track on a speaker's head that sways, blinks and sits in changing light."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.demo import paint
from core.demo.head import HEIGHT, MIDDLE, WIDTH, Head
from core.demo.speaker import Speaker, speaker_of_user
from core.demo.words import FPS, speak
from core.media.clip import Frames, Image

__all__ = ["Speaker", "draw_sentence", "placed", "speaker_of_user"]

Timing = tuple[int, int, str]  # first frame, frame after the last, word


@lru_cache(maxsize=4)
def _head(speaker: Speaker) -> Head:
    return Head(speaker)


def draw_sentence(speaker: Speaker, sentence: str, seed: int) -> tuple[Frames, list[Timing]]:
    """A clip of a speaker saying a sentence at 25 frames per second.

    Returns:
        (T, 240, 320, 3) uint8 RGB frames, and (first frame, frame after the last, word) for each word.

    Raises:
        RushesError: when the sentence is empty or has a word without letters.
    """
    rng = paint.rng_of(seed, 21)
    track = speak(sentence, rng, speaker.rate)
    count = len(track.shapes)
    head = _head(speaker)
    times = np.arange(count) / FPS
    moves = _moves(speaker, rng, times, track.shapes[:, 0])
    lids = _blinks(rng, count)
    gains = 1.0 + paint.sway(rng, times, speaker.flicker, 1.5)
    grain = paint.Grain(rng, HEIGHT, WIDTH, speaker.noise)
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    for index in range(count):
        image, mask = head.draw(track.shapes[index], float(lids[index]))
        frame = placed(image, mask, head.wall, moves[index])
        frames[index] = grain.over(paint.looked_up(frame, _tone(float(gains[index]), speaker.warmth)))
    return frames, list(track.words)


def placed(image: Image, mask: paint.Plane, wall: Image, move: NDArray[np.float64]) -> Image:
    """A head moved, turned and scaled in front of something.

    Args:
        move: (4,) middle x and y in pixels of `wall`, angle in degrees, scale.
    """
    height, width = wall.shape[:2]
    x, y, angle, scale = (float(part) for part in move)
    matrix = paint.turn(MIDDLE, (x, y), angle, scale)
    top = paint.warped(image, matrix, width, height)
    where = paint.warped(mask, matrix, width, height, empty=True)
    return paint.mixed(wall, top, where)


def _moves(
    speaker: Speaker, rng: np.random.Generator, times: NDArray[np.float64], opening: NDArray[np.float32]
) -> NDArray[np.float64]:
    motion = speaker.motion
    stand = rng.uniform((-14, -6), (14, 8))
    nod = 0.8 * motion * paint.sway(rng, times, 1.0, 1.2) * np.clip(opening + 0.3, 0, 1)
    return np.stack(
        [
            MIDDLE[0] + stand[0] + paint.sway(rng, times, 3.0 * motion),
            MIDDLE[1] + stand[1] + paint.sway(rng, times, 1.8 * motion) + nod,
            paint.sway(rng, times, 1.5 * motion),
            speaker.size * (1.0 + paint.sway(rng, times, 0.008 * motion)),
        ],
        axis=1,
    )


def _blinks(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """How far the lids are shut in each frame: a blink of 5 frames about every 2.5 s."""
    lids = np.zeros(count + 8)
    at = int(rng.integers(0, 50))
    while at < count:
        lids[at : at + 5] = (0.5, 1.0, 1.0, 0.7, 0.3)
        at += int(rng.integers(35, 90))
    return lids[:count]


def _tone(gain: float, warmth: float) -> NDArray[np.uint8]:
    """A lookup table for the light's strength and colour of one frame."""
    levels = np.arange(256, dtype=np.float64)[:, None] * gain * np.array([1.0 + warmth, 1.0, 1.0 - warmth])
    return np.clip(levels, 0, 255).astype(np.uint8)[None]
