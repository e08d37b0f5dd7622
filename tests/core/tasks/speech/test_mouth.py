"""Finding the mouth."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import MediaError
from core.media.clip import Frames
from core.tasks.speech import augment, mouth
from tests.core.tasks.speech.conftest import face, moving_crops


def test_the_crops_hold_the_mouth_and_show_it_move(talking: Frames) -> None:
    crops = mouth.crops(talking)
    assert crops.shape == (38, 32, 64)
    assert crops.dtype == np.uint8
    middle = crops[:, 10:26, 20:44].astype(float).mean(axis=(1, 2))
    assert middle.max() - middle.min() > 10  # open is darker than shut


def test_the_same_clip_always_gives_the_same_crops(talking: Frames) -> None:
    assert np.array_equal(mouth.crops(talking), mouth.crops(talking))


def test_the_mouth_is_found_in_a_large_picture_and_in_one_with_the_face_at_the_edge() -> None:
    small = np.stack([face(i / 25, (70, 20)) for i in range(6)])
    large = small.repeat(3, axis=1).repeat(3, axis=2)
    track = mouth.mouth_track(small[..., 1])
    assert np.abs(track[:, :2] - (230, 181)).max() < 12
    assert np.abs(mouth.mouth_track(large[..., 1]) / 3 - track).max() < 6


def test_the_track_follows_a_head_that_moves_across() -> None:
    walk = np.stack([face(i / 25, (-50 + 2 * i, 0)) for i in range(50)])
    track = mouth.mouth_track(walk[..., 1])
    assert np.abs(track[10:-10, 0] - (110 + 2 * np.arange(10, 40))).max() < 6
    assert np.abs(np.diff(track[:, 0])).max() < 6  # no jumps


def test_a_clip_without_a_face_is_refused_with_the_number_of_frames() -> None:
    wall = np.full((12, 120, 160, 3), 128, np.uint8)
    with pytest.raises(MediaError, match=r"no face was found \(in 4 of 4 frames looked at\)"):
        mouth.crops(wall)


def test_a_face_in_a_few_frames_only_is_refused_too(talking: Frames) -> None:
    mostly_wall = np.concatenate([talking[:4], np.full((50, 240, 320, 3), 128, np.uint8)])
    with pytest.raises(MediaError, match="no face was found"):
        mouth.crops(mostly_wall)


def test_brighter_and_darker_pictures_look_alike_to_the_network() -> None:
    crops = moving_crops(1)
    darker = (crops * 0.6 + 20).astype(np.uint8)
    assert np.abs(mouth.pictures(crops) - mouth.pictures(darker)).mean() < 0.05
    assert np.isfinite(mouth.pictures(np.zeros((3, 32, 64), np.uint8))).all()


def test_variations_stay_crops_and_say_which_frame_each_came_from() -> None:
    wide = np.pad(moving_crops(2, 40), ((0, 0), (4, 4), (8, 8)), mode="edge")
    for seed in range(8):
        varied, ticks = augment.varied(wide, np.random.default_rng(seed))
        assert varied.shape == (len(ticks), 32, 64)
        assert varied.dtype == np.uint8
        assert (np.diff(ticks) >= 0).all()
        assert (ticks[0], ticks[-1]) == (0, 39)
        assert 0.8 * 40 <= len(ticks) <= 1.2 * 40
