"""Motion is measured alike whatever the size and frame rate of the file."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.demo.frames import draw_picture
from core.media.clip import Frames, Image
from core.tasks.scenes import motion


def resized(image: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


WORLD = resized(draw_picture(5), 960, 480)


def panning(speed: float, *, fps: float = 12.5, seconds: float = 2.0) -> tuple[Frames, NDArray[np.float64]]:
    """A window of 320 x 240 that moves over a picture, `speed` window widths a second."""
    times = np.arange(int(seconds * fps)) / fps
    lefts = (100 + times * speed * 320).astype(int)
    return np.stack([WORLD[100:340, left : left + 320] for left in lefts]), times


def value(found: NDArray[np.float32], name: str) -> float:
    return float(found[motion.NAMES.index(name)])


def test_a_faster_camera_is_measured_as_faster() -> None:
    slow, fast = (value(motion.measure(*panning(speed)), "camera_speed_mean") for speed in (0.1, 0.4))
    assert abs(np.exp(fast) / np.exp(slow) - 4) < 1.2


def test_a_pan_is_the_cameras_and_not_the_things() -> None:
    found = motion.measure(*panning(0.3))
    assert value(found, "local_mean_mean") < value(found, "camera_speed_mean") - 1


def test_the_size_of_the_file_does_not_show() -> None:
    frames, times = panning(0.3)
    large = np.stack([resized(frame, 640, 480) for frame in frames])
    found, other = motion.measure(frames, times), motion.measure(large, times)
    assert abs(value(found, "speed_mean_mean") - value(other, "speed_mean_mean")) < 0.1


def test_repeated_frames_of_a_slow_camera_do_not_show() -> None:
    frames, times = panning(0.2, fps=6.25)
    doubled = np.repeat(frames, 2, axis=0)
    found = motion.measure(frames, times)
    other = motion.measure(doubled, np.arange(len(doubled)) / 12.5)
    np.testing.assert_allclose(found, other, atol=0.02)


def test_a_still_scene_has_no_motion() -> None:
    frames = np.repeat(WORLD[None, :240, :320], 10, axis=0)
    assert not motion.measure(frames, np.arange(10) / 12.5).any()


def test_shaking_is_less_coherent_than_panning() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (24, 30, 40, 3)).astype(np.uint8)
    jumble = np.stack([resized(frame, 320, 240) for frame in noise])
    wild = motion.measure(jumble, np.arange(24) / 12.5)
    calm = motion.measure(*panning(0.2))
    assert value(wild, "roughness") > value(calm, "roughness")
    assert value(wild, "unexplained_mean") > value(calm, "unexplained_mean")
