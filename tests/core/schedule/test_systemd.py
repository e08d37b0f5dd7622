"""The unit that `rushes scheduler install` writes."""

from __future__ import annotations

import configparser
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.schedule.systemd import quoted
from tests.conftest import Ran


def parsed(text: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - systemd's names have capitals
    found.read_string(text)
    return found


def test_the_unit_names_this_python_and_this_workspace(
    rushes: Callable[..., Ran], own_home: Path, tmp_path: Path
) -> None:
    root = tmp_path / 'my "50 %" clips'
    found = rushes("scheduler", "install", "-w", root, "--json").json
    path = own_home / "config" / "systemd" / "user" / found["unit"]
    assert found["path"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    unit = parsed(path.read_text())
    command = unit["Service"]["ExecStart"]
    assert command.startswith(f'"{sys.executable}" "-P" "-m" "tui.cli" "scheduler" "run" "--workspace" ')
    assert command.endswith(str(root).replace('"', '\\"').replace("%", "%%") + '"')
    assert unit["Service"]["WorkingDirectory"] == str(root).replace("%", "%%")
    assert unit["Service"]["Restart"] == "on-failure"
    assert unit["Service"]["KillMode"] == "process", "a training outlives the scheduler"
    assert unit["Install"]["WantedBy"] == "default.target"
    assert found["commands"][-1] == ["systemctl", "--user", "enable", "--now", found["unit"]]


def test_print_writes_nothing(rushes: Callable[..., Ran], own_home: Path, tmp_path: Path) -> None:
    ran = rushes("scheduler", "install", "--print", "-w", tmp_path)
    assert parsed(ran.out)["Service"]["Type"] == "exec"
    assert not (own_home / "config" / "systemd").exists()


def test_without_systemd_it_says_so_and_enabling_fails(
    rushes: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = rushes("scheduler", "install", "-w", tmp_path)
    assert (ran.code, "There is no systemd here" in ran.err) == (0, True)
    assert rushes("scheduler", "install", "--enable", "-w", tmp_path).code == 1


def test_enable_runs_the_two_commands(
    rushes: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "systemctl"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/bin:/usr/bin")
    found = rushes("scheduler", "install", "--enable", "-w", tmp_path / "w", "--json").json
    assert found["enabled"] is True
    assert (tmp_path / "said").read_text().splitlines() == [
        "--user daemon-reload", f"--user enable --now {found['unit']}"]  # fmt: skip


def test_signs_that_mean_something_to_systemd_mean_themselves() -> None:
    assert quoted('a "b" $HOME 5% \\') == '"a \\"b\\" $$HOME 5%% \\\\"'


def test_a_path_that_would_break_the_unit_is_refused(rushes: Callable[..., Ran], tmp_path: Path) -> None:
    assert rushes("scheduler", "install", "-w", tmp_path / "a\nExecStartPre=evil").code == 2
