"""A first run: from an empty workspace to the first answer by keys alone, and never again after it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import loop
from core.demo import faces, speaker
from core.demo.clips import COUNT, demo_clips
from core.demo.frames import draw_picture
from core.errors import RushesError
from core.media.encode import write_video
from core.snapshot.first import is_first_run
from tests.core.capture.camera import camera
from tests.tui.conftest import capture, length, notices, opened, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.choose import ConsentScreen


async def test_four_keys_lead_from_nothing_to_the_first_answer_and_it_is_never_shown_again(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        assert "Welcome. Three steps lead to your first correction" in screen_text(app)
        assert "Task: ratings (how good a picture is)" in screen_text(app)
        await pilot.press("d")
        await until(pilot, lambda: "First run: press enter" in screen_text(app), "the drawn clips")
        assert "Welcome" not in screen_text(app)
        await until(pilot, lambda: "▀" in screen_text(app), "the first picture")
        await pilot.press("enter")
        await until(pilot, lambda: "First run: press e" in screen_text(app), "the answers")
        await until(pilot, lambda: app.snapshot and app.snapshot.pending == COUNT, "all clips")
        await pilot.press("e", "y")
        await until(pilot, lambda: "That was your first answer" in notices(app), "the notice")
        assert "First run" not in screen_text(app)
        assert opened(app).store.count_answered("ratings") == 1
        assert not is_first_run(opened(app))

    app = RushesApp(tmp_path / "ws", None, "speech")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        assert "Welcome" not in screen_text(app)
        assert "No source." in screen_text(app)


async def test_an_answer_that_was_taken_back_brings_the_welcome_not_back(tmp_path: Path, media: Path) -> None:
    from core.review import undo

    space = loop.open_workspace(tmp_path / "ws")
    assert is_first_run(space)
    (sample,) = loop.capture(space, [media / "photo.png"], "ratings")
    loop.correct(space, [(sample, 0.5)], trigger=False)  # pyright: ignore[reportArgumentType]  # it was not refused
    undo.undo(space, "ratings")
    assert space.store.count_answered("ratings") == 0
    assert not is_first_run(space)
    space.close()


async def test_escape_leaves_the_welcome(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("escape")
        assert "Welcome" not in screen_text(app)
        assert "No source." in screen_text(app)


@pytest.mark.parametrize("source", ["97", "/nowhere/clip.mp4"])
async def test_a_source_that_shows_nothing_leads_to_another_one_and_asks_for_no_consent(
    tmp_path: Path, source: str
) -> None:
    app = RushesApp(tmp_path / "ws", source, "speech")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        words = "First run: no picture comes. Press s for another source, or d for demo clips."
        await until(pilot, lambda: words in screen_text(app), "the way on")
        assert "This source shows nothing." in screen_text(app)
        for key in ("space", "enter"):
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: notices(app), "the reason")
            assert not isinstance(app.screen, ConsentScreen)
            assert "no frame arrived" not in notices(app)
            await until(pilot, lambda: words in screen_text(app), "the way on")
        assert list(opened(app).incoming.iterdir()) == []


async def test_leaving_while_demo_clips_are_drawn_leaves_nothing_half_made(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")

    def left(done: int, total: int) -> None:
        del total
        if done == 2:
            raise RushesError("left")

    with pytest.raises(RushesError, match="left"):
        demo_clips(space, "ratings", left)
    assert list((space.cache / "demo-clips").iterdir()) == []
    folder = demo_clips(space, "ratings")
    stamps = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(stamps) == COUNT
    assert demo_clips(space, "ratings") == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps
    space.close()


async def test_a_live_source_is_led_by_space(tmp_path: Path) -> None:
    pictures = np.stack([np.roll(draw_picture(4), 5 * step, axis=1)[:120, :160] for step in range(10)])
    app = RushesApp(tmp_path / "ws", None, "scenes")
    with camera(pictures) as address:
        async with app.run_test(size=(80, 24)) as pilot:
            await ready(pilot)
            capture(app).open_source(address)
            await until(pilot, lambda: "press space to record a clip" in screen_text(app), "the first step")
            await pilot.press("space")
            await until(pilot, lambda: "press space to stop" in screen_text(app), "the second")
            await until(pilot, lambda: length(app) >= 2, "two seconds")
            await pilot.press("space")
            await until(pilot, lambda: "First run: press e" in screen_text(app), "the third")


async def test_a_score_is_held_against_the_capture_gate(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[str, str] = {}
    for bar in ("0.01", "0.99"):
        monkeypatch.setenv("RUSHES_RATINGS__THRESHOLD", bar)
        app = RushesApp(tmp_path / bar, str(media / "photo.png"), "ratings")
        async with app.run_test(size=(80, 24)) as pilot:
            await ready(pilot)
            await pilot.press("enter")
            await until(pilot, lambda: "capture gate" in screen_text(app), "the gate")  # noqa: B023 - it is awaited here
            shown[bar] = screen_text(app)
    assert "✓ passes 0.01" in shown["0.01"]
    assert "✗ below 0.99" in shown["0.99"]


async def test_the_mouth_is_framed_and_a_missing_face_is_said(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "talk.avi"), "speech")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        capture(app).open_source(str(media / "talk.avi"))
        feed = capture(app).feed
        assert feed is not None
        await until(pilot, lambda: "✓ mouth in view" in screen_text(app), "the mouth")
        assert feed.picture is not None  # the newest one, with its box
        green = (feed.picture == (90, 255, 120)).all(axis=2)
        rows, columns = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
        assert len(rows) > 1
        assert columns.max() - columns.min() > rows.max() - rows.min()  # wider than high
        assert rows.min() > feed.picture.shape[0] / 3  # below the eyes


async def test_no_face_is_said_on_the_card_and_only_for_lips(tmp_path: Path) -> None:
    plain = [np.roll(draw_picture(4), 3 * step, axis=1)[:120, :160] for step in range(100)]
    write_video(tmp_path / "wall.avi", plain, 25.0)
    app = RushesApp(tmp_path / "ws", str(tmp_path / "wall.avi"), "speech")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await until(pilot, lambda: "! no face found: face the camera" in screen_text(app), "the words")
        app.choose_task("scenes")
        await until(pilot, lambda: app.serving and app.snapshot and app.snapshot.task == "scenes", "the other task")
        await until(pilot, lambda: "no face found" not in screen_text(app), "its end")


def test_the_mouth_is_looked_for_five_times_a_second_at_most() -> None:
    from core.tasks.speech.live import PAUSE_S, LiveMouth

    talk, _ = faces.draw_sentence(speaker.speaker_of_user(1), "bin blue at f two now", 1)
    wall = np.zeros_like(talk[0])
    mouth = LiveMouth()
    mouth.look(talk[0], 0.0)
    assert mouth.seen
    mouth.look(wall, PAUSE_S / 2)  # too early: nobody looks
    assert mouth.box is not None
    for step in range(1, 6):
        mouth.look(wall, step * PAUSE_S)
    assert mouth.box is None
    assert mouth.seen is False
