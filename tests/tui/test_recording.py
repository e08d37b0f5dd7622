"""What the title says while something is recorded: how long, how loud, or that there is no sound."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from core.capture.microphone import Microphone
from core.demo.frames import draw_picture
from core.settings import ScreenSettings
from tests.core.capture.camera import camera
from tests.tui.conftest import length, notices, opened, ready, screen_text, until
from tui import wording
from tui.app import RushesApp
from tui.feed import Feed
from tui.screens.capture import CaptureScreen
from tui.widgets.preview import frames_per_second

PICTURES = np.stack([np.roll(draw_picture(4), 5 * step, axis=1)[:120, :160] for step in range(10)])


def sound_card() -> ModuleType:
    """A stand-in for the sound card, which no test machine has: it hears half of the loudest."""
    module: Any = ModuleType("sounddevice")

    class InputStream:
        def __init__(self, **options: Any) -> None:
            self.heard = options["callback"]

        def start(self) -> None:
            self.heard(np.full((1600, 1), 0.5, np.float32), 1600, None, None)

        def stop(self) -> None: ...
        def close(self) -> None: ...

    module.PortAudioError = OSError
    module.InputStream = InputStream
    return module


async def shown_feed(pilot: Any, app: RushesApp, address: str) -> Feed:
    screen = app.screen
    assert isinstance(screen, CaptureScreen)
    screen.open_source(address)
    await until(pilot, lambda: "▀" in screen_text(app), "the picture")
    assert screen.feed is not None
    return screen.feed


async def test_a_recording_without_a_microphone_says_so_and_shows_its_length(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    with camera(PICTURES) as address:
        async with app.run_test(size=(110, 24)) as pilot:
            await ready(pilot)
            await shown_feed(pilot, app, address)
            await pilot.press("space")
            await until(pilot, lambda: length(app) >= 1, "a second of recording")
            assert " s · no sound" in screen_text(app)
            await pilot.press("space")
            await until(pilot, lambda: "REC" not in screen_text(app), "the end of the recording")


async def test_the_sound_of_a_camera_is_shown_as_a_mark_and_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Microphone, "open", lambda: Microphone(sound_card()))
    monkeypatch.setattr(Microphone, "reason", None)
    app = RushesApp(tmp_path / "ws", None, "ratings")
    with camera(PICTURES) as address:
        async with app.run_test(size=(110, 24)) as pilot:
            await ready(pilot)
            feed = await shown_feed(pilot, app, address)
            feed.kind = "camera"  # of this machine, as far as the microphone goes
            await pilot.press("space")
            await until(pilot, lambda: "♪ █ -6 dB" in screen_text(app), "the level")
            assert "without sound" not in notices(app)
            await pilot.press("space")
            await until(pilot, lambda: "dB" not in screen_text(app), "the end of the recording")


async def test_an_absent_microphone_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Microphone, "open", lambda: None)
    monkeypatch.setattr(Microphone, "reason", "no microphone: no input device")
    app = RushesApp(tmp_path / "ws", None, "ratings")
    with camera(PICTURES) as address:
        async with app.run_test(size=(110, 24)) as pilot:
            await ready(pilot)
            feed = await shown_feed(pilot, app, address)
            feed.kind = "camera"
            for _ in range(2):
                await pilot.press("space")
                await until(pilot, lambda: "no sound" in screen_text(app), "the recording")
                await pilot.press("space")
                await until(pilot, lambda: "no sound" not in screen_text(app), "its end")
            assert notices(app).count("Recording without sound: no microphone: no input device.") == 1


async def test_a_recording_is_seen_on_other_screens_and_leaving_keeps_it_for_its_task(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    with camera(PICTURES) as address:
        async with app.run_test(size=(110, 24)) as pilot:
            await ready(pilot)
            await shown_feed(pilot, app, address)
            await pilot.press("space")
            await until(pilot, lambda: length(app) >= 1, "a second of recording")
            await pilot.press("2")
            await until(pilot, lambda: length(app, "rec") >= 1, "its length on Review")
            before = length(app, "rec")
            await until(pilot, lambda: length(app, "rec") > before, "its length a second later")
            assert app.parting() == "The recording is kept. It is judged when Rushes is opened again."
            await pilot.press("q")
    (kept,) = (tmp_path / "ws" / "training_data" / "incoming").iterdir()
    os.utime(kept, (1e9, 1e9))  # as if a while had passed

    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        store = opened(app).store
        await until(pilot, lambda: [row for row in store.samples("ratings") if row.prediction], "the judged recording")
        assert not kept.exists()
        assert store.samples("scenes") == []


@pytest.mark.parametrize(
    ("level", "words"),
    [(None, "no sound"), (0.0, "♪ ! silence"), (0.001, "♪ ▁ -60 dB"), (0.03, "♪ ▄ -30 dB"), (1.0, "♪ █ 0 dB")],
)
def test_loudness_is_worded(level: float | None, words: str) -> None:
    assert wording.sound_level(level) == words


def test_the_users_frames_per_second_hold_and_a_link_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert frames_per_second() == 15
    assert frames_per_second(ScreenSettings(fps=4)) == 4
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 5000 192.0.2.2 22")
    assert frames_per_second(ScreenSettings()) == 10
