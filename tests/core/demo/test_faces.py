"""Faces: the ordinary detector finds them, the mouth really moves, and the user looks unlike the factory's people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from core.demo import paint
from core.demo.faces import draw_sentence
from core.demo.head import MIDDLE, Head
from core.demo.speaker import Speaker, speaker_of_user
from core.demo.words import GRID_GRAMMAR, USER_GRAMMAR, make_sentence, speak
from core.media.clip import Frames


def _found(frames: Frames) -> float:
    cascades = Path(cv2.__file__).parent / "data"
    detector = cv2.CascadeClassifier(str(cascades / "haarcascade_frontalface_alt2.xml"))
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return float(np.mean([len(detector.detectMultiScale(image, 1.1, 4, minSize=(60, 60))) == 1 for image in grey]))


def test_the_detector_finds_twenty_speakers_on_95_percent_of_frames() -> None:
    shares: list[float] = []
    for number in range(20):
        rng = paint.rng_of(501, number)
        frames, _ = draw_sentence(Speaker.random(rng), make_sentence(GRID_GRAMMAR, rng), number)
        shares.append(_found(frames[::12]))
    assert np.mean(shares) >= 0.95


def test_the_detector_finds_the_user_in_every_sitting() -> None:
    rng = np.random.default_rng(4)
    for sitting in range(4):
        frames, _ = draw_sentence(speaker_of_user(sitting), make_sentence(USER_GRAMMAR, rng), sitting)
        assert _found(frames[::10]) >= 0.95


def test_the_same_seed_draws_the_same_clip_and_another_one_another() -> None:
    speaker = Speaker.random(np.random.default_rng(0))
    first, timings = draw_sentence(speaker, "set blue at c nine soon", 5)
    again, _ = draw_sentence(speaker, "set blue at c nine soon", 5)
    other, _ = draw_sentence(speaker, "set blue at c nine soon", 6)
    assert first.dtype == np.uint8
    assert first.shape[1:] == (240, 320, 3)
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
    assert [word for _, _, word in timings] == ["set", "blue", "at", "c", "nine", "soon"]


def test_each_mouth_shape_changes_the_mouth_and_nothing_above_the_nose() -> None:
    head = Head(Speaker.random(np.random.default_rng(1)))
    shapes = [speak(word, np.random.default_rng(0)).shapes for word in ("my", "far", "four", "we")]
    rest, _ = head.draw(shapes[0][0])
    y, x = int(MIDDLE[1] + head.speaker.mouth_y), int(MIDDLE[0])
    for track in shapes:
        widest = track[int(np.abs(track - track[0]).sum(axis=1).argmax())]
        image, mask = head.draw(widest)
        change = np.abs(image.astype(int) - rest.astype(int))
        assert change[y - 12 : y + 16, x - 25 : x + 25].mean() > 4
        assert change[: y - 32].max() == 0
        assert mask.max() <= 1


def test_the_user_lies_outside_of_the_factory_range() -> None:
    user = speaker_of_user(0)
    people = [Speaker.random(paint.rng_of(9, number)) for number in range(300)]
    assert user.lips.width > max(person.lips.width for person in people)
    assert user.mouth_y > max(person.mouth_y for person in people)
    assert user.beard > max(person.beard for person in people)
    other = speaker_of_user(1)
    assert other.wall != user.wall
    assert other.lips == user.lips
