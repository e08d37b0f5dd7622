"""Scenes: each kind shows and sounds like itself on the whole, varies within, and comes back the same by seed."""

from __future__ import annotations

import numpy as np
import pytest

from core.demo.scenes import LABELS, draw_scene, scene_parameters
from core.errors import RushesError
from core.media.clip import SOUND_RATE


@pytest.mark.parametrize("label", LABELS)
def test_a_scene_is_two_to_four_seconds_and_the_same_for_its_seed(label: str) -> None:
    frames, fps, sound = draw_scene(label, 6)
    again, _, _ = draw_scene(label, 6)
    assert frames.dtype == np.uint8
    assert 12 <= fps <= 25
    assert 1.9 <= len(frames) / fps <= 4.1
    assert np.array_equal(frames, again)
    if sound is not None:
        assert sound.rate == SOUND_RATE
        assert abs(len(sound.samples) / SOUND_RATE - len(frames) / fps) < 0.1
        assert 0 < float(np.abs(sound.samples).max()) <= 1


def test_kinds_do_not_share_a_backdrop_for_the_same_seed() -> None:
    first = {label: draw_scene(label, 2)[0][0].mean() for label in LABELS}
    assert len(set(first.values())) == len(LABELS)


def test_action_moves_more_than_suspense() -> None:
    def movement(label: str) -> float:
        found: list[float] = []
        for seed in range(6):
            frames, fps, _ = draw_scene(label, seed)
            blocks = frames[:, :112, :160].reshape(len(frames), 14, 8, 20, 8, 3).mean(axis=(2, 4))  # without grain
            found.append(float(np.abs(np.diff(blocks, axis=0)).mean() * fps))
        return float(np.median(found))

    assert movement("action") > 3 * movement("suspense")


def test_scenes_of_one_kind_vary_and_some_are_silent() -> None:
    scenes = [scene_parameters("atmosphere", seed) for seed in range(200)]
    assert {scene.dark for scene in scenes} == {True, False}
    assert {scene.music for scene in scenes} == {True, False}
    assert len({scene.camera for scene in scenes}) >= 3
    assert 0.05 < np.mean([scene.sound == "none" for scene in scenes]) < 0.3
    assert not any(0.4 < scene.darkness < 0.55 for scene in scenes)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(RushesError, match="comedy"):
        scene_parameters("comedy", 1)
