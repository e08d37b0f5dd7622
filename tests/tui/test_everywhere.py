"""What works on every screen: the user's own keys, the settings, copying."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input
from textual.widgets._toast import Toast  # Textual exports it nowhere

from core import loop, settings
from core.files import write_atomic
from tests.tui.conftest import notices, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.help import HelpScreen
from tui.screens.models import ModelsScreen
from tui.screens.settings import SettingsScreen


async def test_a_key_of_the_user_s_own_replaces_the_default(tmp_path: Path) -> None:
    loop.open_workspace(tmp_path / "ws").close()
    write_atomic(tmp_path / "ws" / "rushes.toml", '[keys]\n"app.help" = "f1"\n"app.nothing" = "z"\n')
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        assert "app.nothing" in notices(app)
        await pilot.press("question_mark")
        assert not isinstance(app.screen, HelpScreen)
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        assert "f1" in screen_text(app)


async def test_a_setting_is_changed_on_the_screen_and_stands_in_the_file(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("comma")
        assert isinstance(app.screen, SettingsScreen)
        names = list(app.screen.rows)
        await pilot.press(*["j"] * names.index("train.every"))
        assert "queue a training" in screen_text(app)
        await pilot.press("enter", "backspace", "backspace", "7", "5", "enter")
        await until(pilot, lambda: settings.load(tmp_path / "ws").settings.train.every == 75, "the new value")
        await until(pilot, lambda: "saved" in notices(app), "the notice")
        await pilot.press("enter", "x", "enter")
        await until(pilot, lambda: "! train.every: input should be a valid" in screen_text(app), "the refusal")
        assert settings.load(tmp_path / "ws").settings.train.every == 75
        await pilot.press("escape")
        assert "valid" not in screen_text(app)


async def test_settings_are_found_by_words_and_taken_back_to_their_default(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        before = (tmp_path / "ws" / "rushes.toml").read_bytes()
        await pilot.press("comma", "slash", *"theme colours", "enter")
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        await until(pilot, lambda: "screen.theme" in screen_text(app), "the setting")
        assert "train.every" not in screen_text(app)
        await pilot.press("enter", "enter")  # unchanged
        assert not screen.query_one("#value").display
        assert (tmp_path / "ws" / "rushes.toml").read_bytes() == before
        await pilot.press("enter")
        screen.query_one("#value", Input).value = "nord"
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "nord", "the colours, at once")
        await until(pilot, lambda: "it counts at once" in notices(app), "the notice")
        await pilot.press("d")
        await until(pilot, lambda: app.theme == "textual-dark", "the default")
        assert settings.load(tmp_path / "ws").origin.get("screen.theme") is None
        await pilot.press("d")
        await until(pilot, lambda: "! screen.theme is not set in this" in screen_text(app), "that there is none")
        await pilot.press("slash", *"nothingofthekind", "enter", "enter", "d")
        assert "No setting has these words." in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "capture.clip_seconds" in screen_text(app), "all settings")


async def test_settings_say_who_set_a_value_and_what_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSHES_TRAIN__EVERY", "30")
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("comma")
        assert isinstance(app.screen, SettingsScreen)
        await until(pilot, lambda: "* environment" in screen_text(app), "all of the origin")
        names = list(app.screen.rows)
        await pilot.press(*["j"] * names.index("train.auto_deploy"))
        assert "unless_revert | accept | always | never, default: unless_revert" in screen_text(app)
        assert "[0.0, 1.0]" in screen_text(app)
        assert "keep_confirmed          true" in screen_text(app)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)


async def test_a_place_saved_in_a_workspace_that_is_not_trusted_is_not_said_to_count(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("comma")
        assert isinstance(app.screen, SettingsScreen)
        names = list(app.screen.rows)
        await pilot.press(*["j"] * names.index("backup.destinations"), "enter")
        await pilot.press(*["backspace"] * 2, *'["/mnt/b"]', "enter")
        await until(pilot, lambda: "rushes config --trust" in notices(app), "what is lacking")
        await pilot.press(*["j"] * (names.index("sources") - names.index("backup.destinations")), "enter")
        assert "! sources is a section" in screen_text(app)
        assert not app.screen.query_one("#value").display


async def test_copying_says_where_the_text_went(tmp_path: Path, monkeypatch: Any) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+y")
        assert "Nothing is chosen" in notices(app)
        monkeypatch.setattr(app.screen, "copied", lambda: "bin blue at f two now", raising=False)
        await pilot.press("ctrl+y")
        assert "copied.txt" in notices(app)
        assert app.clipboard == "bin blue at f two now"
    kept = tmp_path / "ws" / "cache" / "copied.txt"
    assert kept.read_text() == "bin blue at f two now"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_every_action_is_listed_with_the_user_s_own_key(tmp_path: Path, rushes: Callable[..., Any]) -> None:
    write_atomic(tmp_path / "ws" / "rushes.toml", '[keys]\n"review.yes" = "enter"\n')
    rows = rushes("keys", "--json", "--workspace", tmp_path / "ws").json
    assert {"id": "review.yes", "keys": "enter", "default": "y"}.items() <= next(
        row for row in rows if row["id"] == "review.yes"
    ).items()
    assert len({row["id"] for row in rows}) == len(rows)
    assert json.dumps(rows)


async def test_the_palette_finds_what_is_done_on_another_screen_and_leads_there(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+p", *"models.deploy")
        await until(pilot, lambda: "On Models (D): Let the chosen version answer" in screen_text(app), "the command")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen), "the screen")


async def test_the_same_notice_stands_there_once(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await ready(pilot)
        for _ in range(3):
            await pilot.press("ctrl+y")
            await pilot.pause()
        await until(pilot, lambda: app.screen.query(Toast), "the notice")
        assert (len(app.screen.query(Toast)), notices(app).count("Nothing is chosen")) == (1, 1)
