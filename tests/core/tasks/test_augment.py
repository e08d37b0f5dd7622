"""Varied pictures stay pictures, and all pictures of a clip change alike."""

from __future__ import annotations

import numpy as np
import torch

from core.tasks.augment import cropped, relit, varied
from core.tasks.learner import Recipe


def pictures(count: int = 6) -> torch.Tensor:
    """(count, 2, 3, 20, 30): two equal pictures per clip."""
    one = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (count, 1, 3, 20, 30), np.uint8))
    return one.repeat(1, 2, 1, 1, 1)


def test_all_pictures_of_a_clip_change_alike_and_clips_differ() -> None:
    given = pictures()
    found = varied({"frames": given}, Recipe(crop=0.2, jitter=0.2), np.random.default_rng(3))["frames"]
    assert (found.shape, found.dtype) == (given.shape, torch.uint8)
    assert found[:, 0].equal(found[:, 1])
    assert not any(found[row].equal(given[row]) for row in range(len(given)))
    assert given.equal(pictures())  # what was given is untouched


def test_what_is_switched_off_changes_nothing() -> None:
    given = pictures()
    off = Recipe(crop=0.0, flip=False, jitter=0.0)
    assert varied({"frames": given}, off, np.random.default_rng(0))["frames"].equal(given)


def test_a_flip_alone_mirrors_about_half() -> None:
    given = pictures(40)
    found = varied({"frames": given}, Recipe(crop=0.0, jitter=0.0), np.random.default_rng(0))["frames"]
    mirrored = [bool(found[row].equal(given[row].flip(-1))) for row in range(40)]
    same = [bool(found[row].equal(given[row])) for row in range(40)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 10 <= sum(mirrored) <= 30


def test_a_crop_keeps_the_corner_it_was_asked_for() -> None:
    picture = torch.zeros(3, 20, 30, dtype=torch.uint8)
    picture[:, :5, :5] = 200
    assert int(cropped(picture, 0.0, 0.0, 0.5)[0, 2, 2]) == 200
    assert int(cropped(picture, 1.0, 1.0, 0.5).max()) == 0


def test_light_and_colour_go_the_way_they_were_asked() -> None:
    picture = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    picture[0, :2] = 140
    assert relit(picture, 1.2, 1.0, 1.0).float().mean() > picture.float().mean()
    grey = relit(picture, 1.0, 1.0, 0.0)
    assert grey[0].equal(grey[1])
