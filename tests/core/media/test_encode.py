from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import MediaError
from core.media.clip import DecodeSpec
from core.media.decode import read_clip
from core.media.encode import write_image, write_video
from tests.core.media.drawn import moving


def test_mkv_is_lossless(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 255, (4, 31, 45, 3), dtype=np.uint8)
    write_video(tmp_path / "a.mkv", iter(frames), 25)
    np.testing.assert_array_equal(read_clip(tmp_path / "a.mkv", DecodeSpec()).frames, frames)


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mpg", ".webm"])
def test_odd_sizes_are_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_video(path, moving(5, 61, 45), 25)
    assert read_clip(path, DecodeSpec()).frames.shape[:1] == (5,)


def test_a_fractional_rate_keeps_its_times(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", moving(31), 30000 / 1001)
    assert read_clip(tmp_path / "a.mp4", DecodeSpec()).times[-1] == pytest.approx(1.001, abs=0.001)


def test_nothing_is_left_when_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no frames to write"):
        write_video(tmp_path / "a.mp4", [], 25)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    write_video(path, moving(3), 25)
    before = path.read_bytes()

    def breaks():
        yield moving(1)[0]
        raise RuntimeError("the caller's own failure")

    with pytest.raises(RuntimeError):
        write_video(path, breaks(), 25)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.avi"]


def test_an_unknown_suffix_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="suffix"):
        write_video(tmp_path / "a.xyz", moving(2), 25)
    with pytest.raises(MediaError, match="suffix"):
        write_image(tmp_path / "a.xyz", moving(1)[0])


def test_jpeg_quality_counts(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    write_image(tmp_path / "low.jpg", image, quality=10)
    write_image(tmp_path / "high.jpg", image, quality=95)
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size / 2
