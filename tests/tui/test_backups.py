"""Backups as a person uses it: what is due is run by a key, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import loop, schedule
from core.files import write_atomic
from core.schedule import state
from core.workspace import Workspace
from tests.tui.conftest import PATIENCE_S, notices, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.backups import BackupsScreen


def backups(app: RushesApp) -> BackupsScreen:
    assert isinstance(app.screen, BackupsScreen)
    return app.screen


def done(app: RushesApp, name: str) -> bool:
    """Whether the row of that name says so."""
    return any("✓ done" in line and name in line for line in screen_text(app).splitlines())


async def free(space: Workspace) -> None:
    """Wait until nobody runs the schedule."""
    end = time.monotonic() + PATIENCE_S
    while schedule.status(space)["owner"] is not None:
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_a_check_is_run_now_and_its_result_is_on_the_screen(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "training check" in screen_text(app), "the schedule")
        assert "· not yet" in screen_text(app)
        await pilot.press("j")
        await until(pilot, lambda: "Looks whether clips may still" in screen_text(app), "what it does")
        await pilot.press("b")
        assert "Running automation gate…" in notices(app)
        await pilot.press("b")
        assert "automation gate runs already" in notices(app)
        await until(pilot, lambda: "✓ automation gate: locked" in notices(app), "the result")
        await until(pilot, lambda: "✓ done" in screen_text(app), "the state")
        assert app.space is not None
        known = state.read(app.space)
        assert known.keys() == {"automation gate"}
        assert known["automation gate"].pid not in (None, os.getpid())
        await pilot.press("ctrl+y")
        assert app.clipboard.startswith("automation gate: every 10m\n")


async def test_a_run_that_fails_says_why(tmp_path: Path, own_home: Path) -> None:
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[sources.pier]\nurl = "/nowhere/pier.mp4"\n')
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "source pier" in screen_text(app), "the source")
        await pilot.press("j", "j", "j", "j", "b")
        await until(pilot, lambda: "✗ source pier" in notices(app), "the result")
        assert "does not exist" in notices(app)
        await until(pilot, lambda: "✗ the last run failed: " in screen_text(app), "the reason")
        await until(pilot, lambda: "✗ failed" in screen_text(app), "the state")


async def test_a_backup_is_made_by_a_key_and_its_age_is_on_the_screen(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "No backup was made yet" in screen_text(app), "the advice")
        assert "No restore was ever proven" in screen_text(app)
        await pilot.press("j", "j", "j", "b")
        await until(pilot, lambda: "✓ weekly backup and export: backed up" in notices(app), "the result")
        await until(pilot, lambda: "✓ Last backup 20" in screen_text(app), "its age")


async def test_the_screens_run_the_schedule_while_they_are_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.CLOCK_AFTER_S", 0.0)
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "These screens run the schedule" in screen_text(app), "the owner")
        for name in ("training check", "automation gate"):
            await until(pilot, lambda name=name: done(app, name), name)
        assert app.space is not None
        assert schedule.status(app.space)["owner"] == os.getpid()
    space = loop.open_workspace(tmp_path / "ws")
    await free(space)
    space.close()


async def test_a_crash_of_the_screens_ends_what_they_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.app.CLOCK_AFTER_S", 0.0)
    app = RushesApp(tmp_path / "ws", None, "ratings")
    space = loop.open_workspace(tmp_path / "ws")

    async def crash() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await ready(pilot)
            await until(pilot, lambda: schedule.status(space)["owner"] == os.getpid(), "the owner")
            app.call_later(lambda: 1 / 0)
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await crash()
    await free(space)
    space.close()


OTHER = """
import sys
import time
from pathlib import Path
from core import loop
from core.schedule import state
from core.workspace import Workspace
with state.owning(loop.open_workspace(Path(sys.argv[1]))):
    print("owns", flush=True)
    sys.stdin.read()
"""


async def test_another_scheduler_goes_on_and_the_screens_stand_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.CLOCK_AFTER_S", 0.0)
    command = [sys.executable, "-c", OTHER, str(tmp_path / "ws")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "owns\n"
        app = RushesApp(tmp_path / "ws", None, "ratings")
        async with app.run_test(size=(80, 24)) as pilot:
            await ready(pilot)
            await pilot.press("6")
            words = f"Process {other.pid} runs the schedule; these screens stand by."
            await until(pilot, lambda: words in screen_text(app), "the owner")
            assert app.space is not None
            assert state.read(app.space) == {}
        other.stdin.close()


async def test_with_in_app_off_nothing_runs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.app.CLOCK_AFTER_S", 0.0)
    loop.open_workspace(tmp_path / "ws").close()
    write_atomic(tmp_path / "ws" / "rushes.toml", "[schedule]\nin_app = false\n")
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "Nobody runs the schedule" in screen_text(app), "the owner")
        assert backups(app).data is not None
        assert app.space is not None
        assert state.read(app.space) == {}
