"""What is measured of a picture moves the way the damage does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.demo.degrade import degrade
from core.demo.frames import draw_picture
from core.tasks.ratings import measures, views

PICTURES = [draw_picture(seed) for seed in range(4)]


def rising(kind: str, name: str) -> bool:
    """Whether a measure grows with the amount of a damage, on the mean of four pictures."""
    where = measures.NAMES.index(name)
    means = [
        np.mean([measures.measure(degrade(picture, kind, amount, 1))[where] for picture in PICTURES])
        for amount in (0.0, 0.4, 0.9)
    ]
    return bool(means[0] < means[1] < means[2])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("blur", "reblur_h"),
        ("blur", "edge_width"),
        ("noise", "noise_flat"),
        ("noise", "noise_all"),
        ("jpeg", "block_h"),
        ("jpeg", "block_zeros"),
        ("bright", "clipped_high"),
        ("bright", "luma_mean"),
    ],
)
def test_a_measure_rises_with_the_damage_it_is_for(kind: str, name: str) -> None:
    assert rising(kind, name)


@settings(max_examples=12, deadline=None)
@given(st.integers(32, 90), st.integers(32, 90), st.sampled_from(["black", "white", "noise"]))
def test_every_picture_large_enough_gives_finite_measures_and_whole_views(height: int, width: int, kind: str) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    if kind == "white":
        image[:] = 255
    if kind == "noise":
        image[:] = np.random.default_rng(0).integers(0, 256, image.shape)
    found = measures.measure(image)
    assert found.shape == (len(measures.NAMES),)
    assert np.isfinite(found).all()
    assert views.whole(image).shape == (3, views.SIDE, views.SIDE)
    assert views.pieces(image).shape == (views.PIECES, 3, views.SIDE, views.SIDE)


def test_names_are_unique() -> None:
    assert len(set(measures.NAMES)) == len(measures.NAMES)


def test_pieces_are_cut_at_native_resolution() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    piece = views.pieces(picture)[0].transpose(1, 2, 0)
    starts = np.argwhere((picture[:-127, :-127] == piece[0, 0]).all(axis=2))
    assert any((picture[y : y + 128, x : x + 128] == piece).all() for y, x in starts)
