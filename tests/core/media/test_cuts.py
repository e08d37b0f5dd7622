from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.errors import MediaError
from core.media.clip import Frames
from core.media.cuts import find_cuts, scenes, timestamp
from core.media.encode import write_image, write_video
from tests.core.media.drawn import moving, plain

RED, BLUE, GREEN = (170, 60, 50), (50, 70, 180), (60, 150, 60)


def written(path: Path, frames: Frames) -> Path:
    write_video(path, frames, 25)
    return path


def test_hard_cuts_are_found_to_the_frame(tmp_path: Path) -> None:
    frames = np.concatenate([plain(60, RED), plain(45, BLUE), plain(70, GREEN)])
    found = find_cuts(written(tmp_path / "a.mp4", frames))
    assert [scene.id for scene in found] == ["scene-1", "scene-2", "scene-3"]
    assert [round(scene.start_s * 25) for scene in found] == [0, 60, 105]
    assert found[-1].end_s == pytest.approx(7.0, abs=0.01)
    assert [scene.timestamp for scene in found] == ["0:00", "0:02", "0:04"]


def test_a_fade_through_black_is_one_cut_in_its_middle(tmp_path: Path) -> None:
    light = np.concatenate([np.ones(40), np.linspace(1, 0, 20), np.zeros(11), np.linspace(0, 1, 20), np.ones(40)])
    frames = (plain(131, RED) * light[:, None, None, None]).astype(np.uint8)
    found = find_cuts(written(tmp_path / "a.mp4", frames))
    assert len(found) == 2
    assert abs(found[1].start_s - 65 / 25) < 0.1


def test_motion_is_no_cut(tmp_path: Path) -> None:
    assert len(find_cuts(written(tmp_path / "a.mp4", moving(100)))) == 1


def test_the_fade_in_at_the_start_is_no_cut(tmp_path: Path) -> None:
    light = np.concatenate([np.linspace(0, 1, 50), np.ones(50)])
    frames = (plain(100, GREEN) * light[:, None, None, None]).astype(np.uint8)
    assert len(find_cuts(written(tmp_path / "a.mp4", frames))) == 1


def test_flashes_make_no_scenes_shorter_than_a_second(tmp_path: Path) -> None:
    frames = np.concatenate([plain(50, RED), plain(10, BLUE), plain(50, RED)])
    found = find_cuts(written(tmp_path / "a.mp4", frames))
    assert all(scene.end_s - scene.start_s >= 1.0 for scene in found)
    assert len(found) == 2


def test_a_truncated_video_has_no_scenes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.avi", moving(50))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(MediaError, match="cut short"):
        find_cuts(path)


def test_an_image_has_no_scenes(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", moving(1)[0])
    with pytest.raises(MediaError):
        find_cuts(tmp_path / "a.png")


def test_long_scenes_are_split_evenly_without_gaps() -> None:
    found = scenes([10.0], 100.0)
    assert [round(scene.start_s) for scene in found] == [0, 10, 40, 70]
    assert all(a.end_s == b.start_s for a, b in pairwise(found))
    assert len(scenes([], 30.0)) == 1
    assert [round(s.end_s - s.start_s, 2) for s in scenes([], 31.0)] == [15.5, 15.5]


def test_a_video_shorter_than_a_second_is_one_scene() -> None:
    assert [(s.start_s, s.end_s) for s in scenes([0.3], 0.6)] == [(0.0, 0.6)]


def test_timestamps_count_minutes() -> None:
    assert [timestamp(s) for s in (0, 59.99, 60, 754.2, 6000)] == ["0:00", "0:59", "1:00", "12:34", "100:00"]
