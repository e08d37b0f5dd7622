from __future__ import annotations

from pathlib import Path

import pytest

from core import loop, settings
from core.errors import RushesError
from core.files import write_atomic


def origin(root: Path, name: str) -> tuple[object, str]:
    row = next(row for row in settings.describe(settings.load(root)) if row.name == name)
    return row.value, row.origin


def test_environment_beats_workspace_beats_user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert origin(tmp_path, "train.every") == (50, "default")
    write_atomic(settings.user_file(), "[train]\nevery = 60\nminimum = 25\n")
    assert origin(tmp_path, "train.every") == (60, "user")
    write_atomic(tmp_path / "rushes.toml", "[train]\nevery = 70\n")
    assert origin(tmp_path, "train.every") == (70, "workspace")
    monkeypatch.setenv("RUSHES_TRAIN__EVERY", "80")
    assert origin(tmp_path, "train.every") == (80, "environment")
    assert origin(tmp_path, "train.minimum") == (25, "user")
    assert settings.load(tmp_path, {"train": {"every": 90}}).settings.train.every == 90


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train]\nevery = 'often'", "train.every"),
        ("[train\n", "not valid TOML"),
        ("[train]\nevrey = 5", "train.evrey"),
        ("train = 5", "must be a section"),
    ],
)
def test_a_wrong_file_is_named_with_its_field(tmp_path: Path, text: str, words: str):
    write_atomic(tmp_path / "rushes.toml", text)
    with pytest.raises(RushesError, match=words):
        settings.load(tmp_path)


def test_a_foreign_workspace_cannot_name_an_address_until_it_is_trusted(tmp_path: Path):
    write_atomic(tmp_path / "rushes.toml", "[llm]\nenabled = true\nurl = 'http://elsewhere/v1'\n")
    loaded = settings.load(tmp_path)
    assert not loaded.settings.llm.enabled
    assert "--trust" in loaded.notes[0]
    settings.trust(tmp_path)
    assert settings.load(tmp_path).settings.llm.url == "http://elsewhere/v1"


def test_writing_a_setting_keeps_comments_and_refuses_nonsense(tmp_path: Path):
    write_atomic(tmp_path / "rushes.toml", "# mine\n[train]\nevery = 70 # often\n")
    settings.write(tmp_path, "train.minimum", "30")
    settings.write(tmp_path, "llm.model", "qwen3:8b")
    text = (tmp_path / "rushes.toml").read_text()
    assert "# mine" in text
    assert "every = 70 # often" in text
    assert settings.load(tmp_path).settings.train.minimum == 30
    for name, value in [("train.minimum", "many"), ("train.nothing", "1")]:
        with pytest.raises(RushesError):
            settings.write(tmp_path, name, value)
    assert (tmp_path / "rushes.toml").read_text() == text


def test_a_folder_with_only_a_settings_file_is_a_workspace_that_can_be_written(tmp_path: Path):
    write_atomic(tmp_path / "rushes.toml", "[train]\nevery = 70\n")
    space = loop.open_workspace(tmp_path)
    space.require_writable()
    assert space.settings.train.every == 70
    assert (tmp_path / "rushes.toml").read_text() == "[train]\nevery = 70\n"
    space.close()
