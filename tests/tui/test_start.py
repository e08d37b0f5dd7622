"""Starting the screens: what a plain start is, and that nothing of the commands is loaded for it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("line", [[], ["-w", "ws"], ["--workspace=ws"]])
def test_without_a_terminal_nothing_is_drawn(line: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui.cli", *line]
    where = os.environ | {"PYTHONPATH": os.getcwd()}
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=tmp_path, env=where)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "✗ the screens need a terminal. What they do exists as commands too: rushes --help\n"
    assert list(tmp_path.iterdir()) == []


def in_terminal(code: str, *arguments: str) -> tuple[int, str]:
    """What Python code ends with, and what it draws, in a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", code, *arguments]
    drawn = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        try:
            while part := os.read(ours, 4096):
                drawn += part
        except OSError:  # EIO: the other side is closed
            pass
    os.close(ours)
    return process.returncode, drawn.decode(errors="replace")


def test_a_task_that_is_not_there_opens_no_screens(tmp_path: Path) -> None:
    code, drawn = in_terminal("import tui.cli; tui.cli.main()", "-w", str(tmp_path / "ws"), "-t", "bogus")
    assert (code, drawn.strip()) == (2, "✗ there is no task called 'bogus'. Tasks are ratings, scenes, speech.")
    assert not (tmp_path / "ws").exists()


CRASHING = """
import tui.cli, tui.app
def broken(self):
    raise ZeroDivisionError
tui.app.RushesApp._painted = broken
tui.cli.main()
"""


def test_a_crash_within_the_screens_is_no_success(tmp_path: Path) -> None:
    code, drawn = in_terminal(CRASHING, "-w", str(tmp_path / "ws"))
    assert "An unexpected error" in drawn
    assert code == 1
