"""A backup called back at the screen: proven, restored, refused and stopped, by keys alone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core import backup, loop
from core.workspace import Workspace
from tests.tui.conftest import opened, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.backups import BackupsScreen
from tui.screens.recall import RecallScreen

SIZE = (100, 30)


@pytest.fixture
def backed_up(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A trained workspace with two backups in its own folder; the folder around it is the current one."""
    monkeypatch.chdir(tmp_path)
    space = loop.open_workspace(trained)
    backup.now(space)
    backup.now(space)
    return space


async def asked(pilot: Pilot[Any], key: str, words: str) -> RushesApp:
    app = await ready(pilot)
    await pilot.press("6")
    await until(pilot, lambda: getattr(app.screen, "data", None), "the reading")
    await pilot.press(key)
    await until(pilot, lambda: words in screen_text(app), "the dialog")
    return app


def said(app: RushesApp) -> str:
    """What the dialog says, however it is wrapped."""
    return app.screen.copied() if isinstance(app.screen, RecallScreen) else ""


def scratches(space: Workspace) -> list[Path]:
    return [*space.root.parent.glob(".*restoring*"), *(space.cache / "backup").glob("drill-*")]


@pytest.mark.parametrize("key", ["d", "R"])
async def test_without_backups_it_says_how_to_make_one(tmp_path: Path, key: str) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await asked(pilot, key, "There is no backup yet. Choose the weekly one on Backups, press b.")
        await pilot.press("escape")
        assert isinstance(app.screen, BackupsScreen)


async def test_a_chosen_backup_is_proven_and_the_list_says_so(backed_up: Workspace) -> None:
    older, _ = backup.listing(backed_up)
    app = RushesApp(backed_up.root, None, "ratings")
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, "d", "Which one?")
        assert screen_text(app).count("· not yet") >= 2
        await pilot.press("j", "enter")
        await until(pilot, lambda: f"✓ {older.id}: proven" in screen_text(app), "the proof")
        assert "✓ hashes" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "✓ Last proven restore: 20" in screen_text(app), "its age")
        await pilot.press("d")
        await until(pilot, lambda: "✓ yes" in screen_text(app), "the mark in the list")
        assert backup.trials(opened(app)) == {(older.id, older.where): True}
    assert scratches(backed_up) == []


async def test_a_backup_becomes_a_workspace_in_the_folder_that_was_typed(backed_up: Workspace, tmp_path: Path) -> None:
    app = RushesApp(backed_up.root, None, "ratings")
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, "R", "Which one?")
        await pilot.press("enter")
        await until(pilot, lambda: "Into which folder?" in screen_text(app), "the question")
        assert app.screen.query_one("#folder", Input).value == f"{backed_up.root}-restored"
        await pilot.press("ctrl+u", *"new", "enter")
        await until(pilot, lambda: "Open it: rushes -w" in screen_text(app), "the end")
    back = loop.open_workspace(tmp_path / "new", create=False)
    assert back.store.count_answered("ratings") == backed_up.store.count_answered("ratings") == 54
    assert scratches(backed_up) == []


async def test_a_folder_with_something_in_it_is_left_alone(backed_up: Workspace, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letters.txt").write_text("somebody's own files")
    app = RushesApp(backed_up.root, None, "ratings")
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, "R", "Which one?")
        await pilot.press("enter", "ctrl+u", *"full", "enter")
        await until(pilot, lambda: "the folder is not empty and not a workspace" in said(app), "the refusal")
        assert (app.screen.query_one("#folder", Input).value, app.screen.query_one("#folder").has_focus) == (
            "full",
            True,
        )
        await pilot.press("escape")
        assert isinstance(app.screen, BackupsScreen)
    assert [path.name for path in full.iterdir()] == ["letters.txt"]


async def test_of_a_long_folder_name_the_end_is_shown_where_it_is_edited(trained: Path, tmp_path: Path) -> None:
    trained.rename(root := tmp_path / ("home-" * 16 + "end"))
    backup.now(loop.open_workspace(root))
    app = RushesApp(root, None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await asked(pilot, "R", "Which one?")
        await pilot.press("enter")
        await until(pilot, lambda: "home-end-restored" in screen_text(app), "the end of the path")


@pytest.mark.parametrize("key", ["d", "R"])
async def test_esc_stops_and_nothing_half_made_stays(backed_up: Workspace, tmp_path: Path, key: str) -> None:
    (backed_up.kept("clip") / "long.avi").write_bytes(os.urandom(60_000_000))  # what takes long enough to be stopped
    backup.now(backed_up)
    app = RushesApp(backed_up.root, None, "ratings")
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, key, "Which one?")
        if key == "R":
            await pilot.press("enter", "ctrl+u", *"new")
        app.simulate_key("enter")  # not by the pilot, which waits until the work in the other thread has ended
        while "Reading" not in said(app) and "parts restored" not in said(app):
            await asyncio.sleep(0)
        app.simulate_key("escape")
        await until(pilot, lambda: isinstance(app.screen, BackupsScreen), "the screen below")
    assert scratches(backed_up) == []
    assert backup.trials(backed_up) == {}
    assert not (tmp_path / "new").exists()
