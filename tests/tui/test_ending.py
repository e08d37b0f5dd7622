"""A dialog that ends by itself while help, the palette or another screen lies on it: only the dialog goes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from textual.app import App
from textual.command import CommandPalette

from core import backup, loop
from tests.tui.conftest import held, notices, opened, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.backups import BackupsScreen
from tui.screens.capture import CaptureScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.correct import CorrectScreen
from tui.screens.ending import EndingScreen
from tui.screens.help import HelpScreen
from tui.screens.recall import RecallScreen


@pytest.mark.parametrize(("key", "on_top"), [("question_mark", HelpScreen), ("ctrl+p", CommandPalette)])
async def test_what_lies_on_a_dialog_stays_when_the_answer_is_saved(
    tmp_path: Path, media: Path, key: str, on_top: type
) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "photo.png"), "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.rows and app.snapshot.rows[0].prediction, "the answer")
        with held(opened(app), "annotations.jsonl"):
            app.simulate_key("e")  # not by the pilot, which waits until the work in the other thread has ended
            app.simulate_key("y")
            while not (isinstance(app.screen, CorrectScreen) and app.screen.stage == "saving"):
                await asyncio.sleep(0)
            assert "Was this correct? (y/n)" in screen_text(app)
            assert "Enter the correct score" not in screen_text(app)
            app.simulate_key(key)
            while not isinstance(app.screen, on_top):
                await asyncio.sleep(0)
        await until(pilot, lambda: "✓ Marked as correct" in notices(app), "the saved answer")
        assert isinstance(app.screen, on_top)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CaptureScreen), "the end of the dialog")
        await pilot.press("e")
        assert isinstance(app.screen, CorrectScreen)
        assert opened(app).store.count_answered("ratings") == 1


async def test_help_on_a_drill_that_is_stopped_stays(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    (space.kept("clip") / "long.avi").write_bytes(os.urandom(60_000_000))  # what takes long enough to be stopped
    backup.now(space)
    app = RushesApp(space.root, None, "ratings")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("6")
        await until(pilot, lambda: getattr(app.screen, "data", None), "the reading")
        await pilot.press("d")
        await until(pilot, lambda: "Which one?" in screen_text(app), "the dialog")
        dialog = app.screen
        assert isinstance(dialog, RecallScreen)
        for key in ("enter", "escape", "question_mark"):
            app.simulate_key(key)
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help")
        await until(
            pilot, lambda: all(one.is_finished for one in app.workers if one.group == "recall"), "the end of the drill"
        )
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BackupsScreen), "the end of the dialog")
        await pilot.press("escape", "1")
        assert isinstance(app.screen, CaptureScreen)


async def test_a_dialog_that_ended_goes_once_all_that_lay_on_it_is_gone() -> None:
    given: list[str | None] = []
    app: App[None] = App()
    async with app.run_test() as pilot:
        dialog = EndingScreen[str]()
        await app.push_screen(dialog, given.append)
        await app.push_screen(ConfirmScreen("One", []))
        await app.push_screen(ConfirmScreen("Two", []))
        dialog.end("saved")
        await pilot.press("n")
        assert given == []
        await pilot.press("n")
        await until(pilot, lambda: given == ["saved"], "its result")
        assert app.screen.id == "_default"
        dialog.end("saved")  # as when a second key was on its way
        await pilot.pause()
        assert given == ["saved"]
        assert app.screen.id == "_default"
