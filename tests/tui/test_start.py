"""Starting the screens: what a plain start is, and that nothing of the commands is loaded for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tui.start import Start, plain


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("", Start()),
        ("-w ws", Start(workspace="ws")),
        ("--workspace=ws --source 0 -t speech", Start("ws", "0", "speech")),
        ("--source=clip=1.avi", Start(source="clip=1.avi")),
    ],
)
def test_a_plain_start_is_read(line: str, start: Start) -> None:
    assert plain(line.split()) == start


@pytest.mark.parametrize(
    "line", ["train", "--help", "-w", "-w ws train", "--version", "--source -t", "-w=ws", "--", "x"]
)
def test_everything_else_is_left_to_the_commands(line: str) -> None:
    assert plain(line.split()) is None


def test_a_plain_start_loads_no_commands_and_no_settings() -> None:
    code = "import sys, tui.cli, core.root, tui.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    slow = {"typer", "pydantic", "pydantic_settings", "numpy", "cv2", "sqlite3", "sqlite_utils", "onnxruntime", "torch"}
    assert not slow & set(loaded)


def test_wrong_use_is_told_as_before() -> None:
    command = [sys.executable, "-m", "tui.cli", "--wrong"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--wrong" in ended.stderr
    assert "Traceback" not in ended.stderr
