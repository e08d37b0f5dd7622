"""Damage: more of it is worse, by the score and by the pixels; mixtures and wrong kinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.demo.degrade import KINDS, degrade, quality
from core.demo.frames import draw_picture
from core.errors import RushesError


@pytest.mark.parametrize("kind", KINDS)
def test_more_damage_changes_the_picture_more(kind: str) -> None:
    picture = draw_picture(3)
    away = [
        float(np.abs(degrade(picture, kind, amount, 1).astype(int) - picture.astype(int)).mean())
        for amount in (0.0, 0.2, 0.5, 1.0)
    ]
    assert away[0] == 0.0
    assert away == sorted(away)
    assert away[3] > away[1] > 0


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_score_falls_with_every_amount(kind: str, other: str, low: float, high: float, beside: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= quality(kind, high) <= quality(kind, low) <= 1
    assert quality(f"{kind}+{other}", (high, beside)) <= quality(f"{kind}+{other}", (low, beside))
    assert quality(f"{kind}+{other}", (low, beside)) <= quality(other, beside)


def test_an_untouched_picture_scores_one_and_keeps_its_size() -> None:
    picture = draw_picture(8)
    assert quality("blur", 0.0) == 1.0
    worn = degrade(picture, "dark+noise+small", (0.3, 0.4, 0.5), 2)
    assert worn.shape == picture.shape
    assert worn.dtype == np.uint8


@pytest.mark.parametrize(("kind", "amount"), [("rust", 0.5), ("blur", 1.5), ("blur", -0.1), ("blur+noise", (0.1,))])
def test_wrong_kinds_and_amounts_are_refused(kind: str, amount: float | tuple[float, ...]) -> None:
    with pytest.raises(RushesError):
        quality(kind, amount)


def test_pictures_differ_by_seed_and_stay_the_same_for_one() -> None:
    assert np.array_equal(draw_picture(1), draw_picture(1))
    sizes = {draw_picture(seed).shape for seed in range(12)}
    assert len(sizes) > 1
    assert all(240 <= height <= 480 and 320 <= width <= 640 for height, width, _ in sizes)
    assert all(float(draw_picture(seed).std()) > 8 for seed in range(12))
