from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.errors import StoreError
from core.files import copy_private, inside, locked, read_regular, replacing, sha256_file, write_atomic


def test_a_written_file_is_private_and_whole(tmp_path: Path):
    target = tmp_path / "deep" / "card.json"
    write_atomic(target, "old")
    write_atomic(target, "new")
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700
    assert os.listdir(target.parent) == ["card.json"]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path):
    target = tmp_path / "model.onnx"
    write_atomic(target, "good")

    def write_half() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "good"
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_a_copy_tells_its_hash(tmp_path: Path):
    source = tmp_path / "clip.avi"
    source.write_bytes(os.urandom(3_000_000))
    assert copy_private(source, tmp_path / "kept.avi") == sha256_file(source) == sha256_file(tmp_path / "kept.avi")


@pytest.mark.parametrize("bad", ["/etc/passwd", "../outside", "a/../../outside", "", "a\0b"])
def test_paths_that_leave_the_workspace_are_refused(tmp_path: Path, bad: str):
    with pytest.raises(StoreError, match="leaves the workspace"):
        inside(tmp_path, bad)


def test_a_link_out_of_the_workspace_is_refused(tmp_path: Path):
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "videos").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="through a link"):
        inside(tmp_path / "space", "videos/secret.avi")


def test_only_a_regular_file_of_bounded_size_is_read(tmp_path: Path):
    (tmp_path / "kept").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    assert read_regular(tmp_path / "kept", 5) == read_regular(tmp_path / "link", 5) == b"12345"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    refused = {"kept": "more than 4 bytes", "pipe": "not a regular", "device": "not a regular", ".": "Is a directory"}
    for name, why in refused.items():
        with pytest.raises(OSError, match=why):
            read_regular(tmp_path / name, 4)


def test_a_lock_is_held_by_one(tmp_path: Path):
    with locked(tmp_path / "lock"), pytest.raises(BlockingIOError), locked(tmp_path / "lock", blocking=False):
        pass
