"""Real clips drawn for the screens, the factory's models, and waiting for what a user would see."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

os.environ["COLORTERM"] = "truecolor"
os.environ["TERM"] = "xterm-256color"

from core.demo import faces, frames, speaker
from core.media.encode import write_image, write_video
from core.workspace import Workspace
from tui.app import RushesApp
from tui.screens.capture import CaptureScreen

PATIENCE_S = 180.0  # a loaded machine with one core is slow; nothing waits longer than it must
SAID: WeakKeyDictionary[App[Any], list[str]] = WeakKeyDictionary()


async def until(pilot: Pilot[Any], seen: Callable[[], object], what: str) -> None:
    """Let the app go on until something is there; fails with its name when it does not come."""
    end = time.monotonic() + PATIENCE_S
    while not seen():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")  # pytest.fail is no Exception: a snapshot's app would run on
        await asyncio.sleep(0.01)
        await pilot.pause()


async def ready(pilot: Pilot[Any]) -> RushesApp:
    """The app with its workspace and model loaded."""
    app = pilot.app
    assert isinstance(app, RushesApp)
    await until(pilot, lambda: app.problem or (app.snapshot is not None and app.serving is not None), "the workspace")
    return app


def opened(app: RushesApp) -> Workspace:
    """The workspace that the app has loaded."""
    assert app.space is not None
    return app.space


def capture(app: RushesApp) -> CaptureScreen:
    """The capture screen, which lies below all others."""
    screen = app.screen_stack[0]
    assert isinstance(screen, CaptureScreen)
    return screen


def screen_text(app: RushesApp) -> str:
    """All that the top screen shows, without colours."""
    rows = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]  # Textual offers only SVG
    return "\n".join("".join(segment.text for strip in row for segment in [strip]).rstrip() for row in rows)


def flowed(app: RushesApp) -> str:
    """What the top screen shows as one line: how long a path is decides where a sentence with one is broken."""
    return " ".join(screen_text(app).split())


def length(app: RushesApp, mark: str = "REC") -> int:
    """The seconds beside the mark of a recording; -1 without one. A loaded machine may show no single one of them."""
    found = re.search(rf"● {mark} (\d+) s", screen_text(app))
    return int(found[1]) if found else -1


def notices(app: RushesApp) -> str:
    """The notices since they were cleared, those on the screen last: a loaded machine is slower than one lasts."""
    shown = [notice.message for notice in app._notifications]  # pyright: ignore[reportPrivateUsage]
    return "\n".join([*dict.fromkeys(words for words in SAID.get(app, []) if words not in shown), *shown])


@contextmanager
def held(space: Workspace, journal: str) -> Generator[None]:
    """Nobody else can write to a journal meanwhile, as while another process does."""
    with (space.data / journal).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an app has said stays known to `notices` when it has left the screen."""
    say, clear = App.notify, App.clear_notifications

    def notify(app: App[Any], message: str, **more: Any) -> None:
        SAID.setdefault(app, []).append(message)
        say(app, message, **more)

    def cleared(app: App[Any]) -> None:
        SAID.pop(app, None)
        clear(app)

    monkeypatch.setattr(App, "notify", notify)
    monkeypatch.setattr(App, "clear_notifications", cleared)


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor of a line does not blink: a picture of it looks the same however late it is taken."""

    def stays(line: Input) -> None:
        del line

    monkeypatch.setattr(Input, "_toggle_cursor", stays)


@pytest.fixture(autouse=True)
def unscheduled(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a test takes on a loaded machine, nothing that is due begins beside it, unless the test asks."""
    monkeypatch.setattr("tui.app.CLOCK_AFTER_S", 3600.0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The current folder is the test's own, so that messages name its workspace as `ws`; clocks show UTC."""
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photo.png, a folder `photos` with one unusable file, talk.avi with a face, move.avi."""
    folder = tmp_path_factory.mktemp("media")
    write_image(folder / "photo.png", frames.draw_picture(1))
    (folder / "photos").mkdir()
    for number in (2, 3):
        write_image(folder / "photos" / f"{number}.png", frames.draw_picture(number))
    (folder / "photos" / "words.jpg").write_text("not a picture")
    talk, _ = faces.draw_sentence(speaker.speaker_of_user(1), "bin blue at f two now", 1)
    write_video(folder / "talk.avi", talk[:40], 25.0)
    rng = np.random.default_rng(1)
    moving = [np.roll(frames.draw_picture(4), int(rng.integers(1, 9)), axis=1)[:120, :160] for _ in range(40)]
    write_video(folder / "move.avi", moving, 25.0)
    return folder
