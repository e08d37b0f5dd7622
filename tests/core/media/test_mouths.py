"""The note of a mouth in a clip's header: what was written is read, and nothing else is believed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media import mouths
from core.media.encode import write_video
from tests.core.media.drawn import moving

WRONG = [
    "", "filmed by hand", "{}", "[]", "null", '{"every":0.12}', '{"every":0.12,"track":[]}', '{"every":0.12,"track":7}',
    '{"every":0,"track":[[1,2,3]]}', '{"every":NaN,"track":[[1,2,3]]}', '{"every":0.12,"track":[[1,2]]}',
    '{"every":0.12,"track":[[1,2,3],[1]]}', '{"every":0.12,"track":[[NaN,2,300]]}',
    '{"every":0.12,"track":[["a",2,3]]}', '{"every":0.12,"track":[[1e300,2,300]]}',
    '{"every":0.12,"track":[[5000,5000,0]]}', "[" * 100_000, '{"every":0.12,"track":[[5000,5000,10001]]}',
    '{"every":0.12,"track":[[10001,5000,2000]]}', '{"every":0.12,"track":[[5000,5000,2000],[5000,-1,2000]]}',
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm", ".mov"])
def test_what_was_noted_is_read(tmp_path: Path, suffix: str) -> None:
    track = np.array([[0.5, 0.6, 0.2], [0.6, 0.6, 0.2], [0.7, 0.5, 0.2]])
    write_video(tmp_path / f"a{suffix}", moving(12), 25, comment=mouths.note(0.12, track))
    found = mouths.noted(tmp_path / f"a{suffix}", [0.0, 0.06, 0.24, 9.0])
    assert found is not None
    assert np.allclose(found, [[0.5, 0.6, 0.2], [0.55, 0.6, 0.2], [0.7, 0.5, 0.2], [0.7, 0.5, 0.2]], atol=1e-4)


@pytest.mark.parametrize("said", WRONG)
def test_a_note_that_is_none_is_passed_by(said: str) -> None:
    times = np.array([0.0, 1.0])
    assert mouths.read_note(said, times) is None
    assert mouths.read_note(mouths.NOTE + said, times) is None


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["every", "track"]), inner),
        max_leaves=12,
    )
)
def test_any_note_is_a_track_or_none(said: object) -> None:
    found = mouths.read_note(mouths.NOTE + json.dumps(said), np.array([0.0, 1.0]))
    assert found is None or (found.shape == (2, 3) and np.isfinite(found).all())


def test_a_mouth_is_noted_inside_the_picture_though_its_smoothed_track_runs_out_of_it() -> None:
    found = mouths.read_note(mouths.note(0.12, np.array([[-0.01, 1.02, 0.2], [0.1, 0.9, 0.2]])), np.array([0.0, 0.12]))
    assert found is not None
    assert np.allclose(found, [[0.0, 1.0, 0.2], [0.1, 0.9, 0.2]])


def test_a_file_without_a_note_has_none(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", moving(12), 25)
    assert mouths.noted(tmp_path / "a.mp4", [0.0]) is None
