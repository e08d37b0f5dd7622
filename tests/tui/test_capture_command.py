"""`rushes capture` on what holds nothing, and on recordings that were left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from core import loop
from core.capture.intake import recording
from tests.conftest import Ran

Rushes = Callable[..., Ran]


def test_a_folder_of_folders_is_wrong_use_and_names_them(rushes: Rushes, media: Path, tmp_path: Path) -> None:
    (day := tmp_path / "clips" / "monday").mkdir(parents=True)
    shutil.copy(media / "photo.png", day)
    ran = rushes("capture", day.parent, "-t", "ratings", "-w", tmp_path / "ws")
    assert ran.code == 2
    assert "clips: holds no clip or picture itself. There are some in: monday" in ran.err


def test_a_recording_that_was_left_is_taken_in_for_its_own_task(rushes: Rushes, media: Path, tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    left = recording(space, "scenes")
    left.write_bytes((media / "move.avi").read_bytes())
    os.utime(left, (1e9, 1e9))
    space.close()
    other = rushes("capture", media / "photo.png", "-t", "ratings", "-w", tmp_path / "ws")
    assert (other.code, left.exists()) == (0, True)
    ran = rushes("capture", media / "move.avi", "-t", "scenes", "-w", tmp_path / "ws")
    assert "taking in 1 recording left from the last time" in ran.err
    assert (ran.code, left.exists()) == (0, False)
