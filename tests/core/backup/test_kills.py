"""Backups beside others at work, and backups that are killed: what is there afterwards is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import backup
from core.backup import formats
from core.workspace import Workspace
from tests.core.backup.conftest import contents


@contextmanager
def child(*arguments: str) -> Generator[subprocess.Popen[str]]:
    """The child; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.core.backup.child", *arguments], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[3], env=os.environ,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def wait_for(process: subprocess.Popen[str], lines: int) -> str:
    assert process.stdout is not None
    line = ""
    for _ in range(lines):
        line = process.stdout.readline()
    assert line, "the child ended early"
    return line.strip()


@pytest.fixture
def large(filled: Workspace) -> Workspace:
    """With 40 MB more, so that packs are closed while files are still read."""
    for number in range(40):
        (filled.data / "videos" / f"{number:02d}.bin").write_bytes(os.urandom(1_000_000))
    return filled


@pytest.mark.parametrize("files", [1, 45])
def test_a_killed_backup_leaves_the_earlier_ones_whole_and_serves_the_next(
    large: Workspace, tmp_path: Path, files: int
) -> None:
    place = tmp_path / "disk"
    empty = large.data / "videos"
    aside = tmp_path / "aside"
    os.rename(empty, aside)
    empty.mkdir()
    first = backup.now(large, [str(place)])
    empty.rmdir()
    os.rename(aside, empty)
    with child("backup", str(large.root), str(place)) as process:
        wait_for(process, files)
    vault, newest = backup.pick(backup.of(large, [str(place)]), None)
    assert backup.verify(vault, first.id).ok
    assert newest == first.id or backup.verify(vault, newest).ok
    kept = sum(path.stat().st_size for path in (place / formats.PACKS).iterdir() if not path.name.startswith("."))
    made = backup.now(large, [str(place)])
    assert made.size - made.bytes >= kept - 1_000_000, "packs that were there already are used"
    assert backup.verify(vault).ok
    backup.restore(vault, made.id, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(large.root)


def test_a_backup_beside_a_writer_is_of_one_moment(filled: Workspace, tmp_path: Path) -> None:
    place = str(tmp_path / "disk")
    with child("write", str(filled.root)) as process:
        before = int(wait_for(process, 3))
        for _ in range(3):
            backup.now(filled, [place])
        after = int(wait_for(process, 1))
    vault, newest = backup.pick(backup.of(filled, [place]), None)
    for name in vault.backups():
        backup.restore(vault, name, tmp_path / name)
        lines = (tmp_path / name / "training_data" / "events.jsonl").read_bytes()
        assert lines.endswith(b"\n"), "no line is cut"
        ticks = [event["number"] for event in map(json.loads, lines.splitlines()) if event["kind"] == "tick"]
        assert ticks == list(range(len(ticks)))
        assert len(ticks) > before
        # A file is written after its line: all lines but the last have theirs.
        media = {path.name for path in (tmp_path / name / "training_data" / "videos").glob("tick*.bin")}
        assert {f"tick{number}.bin" for number in ticks[:-1]} <= media
    assert after >= before
    assert backup.drill(filled, vault, newest).ok


def test_a_killed_restore_leaves_nothing_in_place(large: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    backup.now(large, [str(place)])
    vault, name = backup.pick(backup.of(large, [str(place)]), None)
    code = (
        "import os, signal, sys; from pathlib import Path; from core import backup; from core.settings import load\n"
        "vault, name = backup.pick(backup.vaults(load(None).settings.backup, [sys.argv[1]]), None)\n"
        "die = lambda done, of: done == 20 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup.restore(vault, name, Path(sys.argv[2]), report=die)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(place), str(tmp_path / "back")], check=False)
    assert ended.returncode == -9
    assert not (tmp_path / "back").exists()
    assert [path.name for path in tmp_path.iterdir() if ".back.restoring" in path.name]
    backup.restore(vault, name, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(large.root)
    assert not [path.name for path in tmp_path.iterdir() if ".back.restoring" in path.name]
