"""`rushes config`: what is written is checked first, the user's own keys and recipes too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import loop, one_setting, settings
from core.files import write_atomic
from tests.tui.conftest import notices, ready
from tui import actions, keymap
from tui.app import RushesApp


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    loop.open_workspace(tmp_path / "ws").close()
    return tmp_path / "ws"


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("keys.review.yes", "enter", "enter"),
        ("keys.capture.record", "F5", "f5"),
        ("keys.app.help", "?, f1", "question_mark,f1"),
        ("keys.app.capture", "0", "0"),
        ("recipe.speech.epochs", "5", 5),
        ("train.every", "60", 60),
    ],
)
def test_a_setting_is_written_and_shown(
    ws: Path, rushes: Callable[..., Any], name: str, value: str, kept: object
) -> None:
    done = rushes("config", name, value, "--json", "-w", ws)
    assert (done.code, done.err) == (0, "")
    assert [(row["name"], row["value"], row["origin"]) for row in done.json] == [(name, kept, "workspace")]
    assert rushes("config", name, "--json", "-w", ws).json == done.json


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("keys.review.nonsense", "q", "there is no action 'review.nonsense'. Did you mean review."),
        ("keys.app.help", "spcae", "'spcae' is no key. Did you mean space?"),
        ("keys.review.yes", "q", "q is the key of app.quit"),
        ("keys.review.yes", "j", "j is the key of list.cursor_down"),
        ("keys.app.help", "y", "y is the key of correct.yes"),
        ("keys.models.deploy", "escape", "escape is for going back"),
        ("recipe.speech.epohs", "5", "epohs: there is no such field"),
        ("recipe.speech.epochs", "many", "epochs: input should be a valid integer"),
        ("recipe.speach.epochs", "5", "there is no task 'speach'"),
        ("recipe.speech", "5", "there is no setting 'recipe.speech'"),
        ("train.nothing", "5", "there is no setting 'train.nothing'"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(
    ws: Path, rushes: Callable[..., Any], name: str, value: str, words: str
) -> None:
    before = (ws / "rushes.toml").read_bytes()
    done = rushes("config", name, value, "-w", ws)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert (ws / "rushes.toml").read_bytes() == before


def test_a_change_that_does_not_count_says_so(
    ws: Path, rushes: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = rushes("config", "sources.harbour.url", "http://x/y", "-w", ws)
    assert done.code == 0
    assert "sources.harbour.url is saved, but this workspace's is ignored until" in done.err
    monkeypatch.setenv("RUSHES_TRAIN__EVERY", "30")
    assert "the environment sets it and wins" in rushes("config", "train.every", "60", "-w", ws).err


def test_no_default_key_is_taken_twice() -> None:
    defaults = {action.id: action.keys for action in actions.ACTIONS}
    assert keymap.sound(defaults)[1] == []


def test_two_actions_may_swap_their_keys() -> None:
    swapped = {"review.yes": "n", "review.skip": "y"}
    assert keymap.sound(swapped) == (swapped, [])


async def test_a_file_that_takes_a_key_away_is_told_and_the_key_still_does_what_it_did(ws: Path) -> None:
    write_atomic(ws / "rushes.toml", '[keys]\n"review.yes" = "q"\n"capture.source" = "F55"\n"app.help" = "F1"\n')
    app = RushesApp(ws, None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        assert "q is the key of app.quit (Quit): review.yes keeps y." in notices(app)
        assert "capture.source: 'F55' is no key. Did you mean f5?" in notices(app)
        assert app.own_keys == {"app.help": "f1"}
        await pilot.press("2", "q")
    assert app.return_code == 0


def test_taking_a_setting_back_lets_the_default_count_again(tmp_path: Path) -> None:
    write_atomic(tmp_path / "rushes.toml", '# mine\n[train]\nevery = 70 # often\n[keys]\n"app.help" = "f1"\n')
    assert one_setting.reset(tmp_path, "train.every")
    assert not one_setting.reset(tmp_path, "train.every")
    assert one_setting.reset(tmp_path, "keys.app.help")
    assert settings.load(tmp_path).settings.train.every == 50
    assert "# mine" in (tmp_path / "rushes.toml").read_text()
