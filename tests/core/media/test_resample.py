from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media.resample import steady

gaps = st.lists(st.floats(0.005, 0.6), min_size=1, max_size=60)


def test_a_steady_clip_is_left_as_it_is() -> None:
    np.testing.assert_array_equal(steady(np.arange(75) / 25, 25), np.arange(75))


def test_sixteen_a_second_become_twenty_five() -> None:
    shown = steady(np.arange(32) / 16, 25)
    assert len(shown) == 50
    assert set(shown) == set(range(32))


def test_one_frame_is_one_tick() -> None:
    np.testing.assert_array_equal(steady([3.0], 25), [0])


@settings(max_examples=60, deadline=None)
@given(gaps=gaps, fps=st.sampled_from([10.0, 25.0, 30.0]))
def test_every_tick_shows_the_nearest_frame(gaps: list[float], fps: float) -> None:
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    shown = steady(times, fps)
    assert (np.diff(shown) >= 0).all()
    ticks = np.arange(len(shown)) / fps
    nearest = np.abs(times[None, :] - ticks[:, None]).min(axis=1)
    np.testing.assert_allclose(np.abs(times[shown] - ticks), nearest, atol=1e-5)
