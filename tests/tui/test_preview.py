"""The picture: what changed is painted, noise is not, and it can be seen without colours."""

from __future__ import annotations

import numpy as np
import pytest
from rich.color import ColorType
from textual.app import App, ComposeResult

from tui.widgets.halfblocks import Colours, Painter, Picture
from tui.widgets.preview import Preview


class Frame(App[None]):
    def compose(self) -> ComposeResult:
        yield Preview()


@pytest.fixture
def picture() -> Picture:
    rng = np.random.default_rng(5)
    return rng.integers(40, 200, (24, 40, 3), dtype=np.uint8)


def test_only_rows_that_changed_are_painted_again(picture: Picture) -> None:
    painter = Painter("true")
    assert painter.paint(picture) == list(range(12))
    moved = picture.copy()
    moved[6:8, 10] = 255
    assert painter.paint(moved) == [3]


def test_sensor_noise_repaints_nothing(picture: Picture) -> None:
    painter = Painter("true")
    painter.paint(picture)
    noise = np.random.default_rng(6).integers(-6, 7, picture.shape)
    assert painter.paint((picture + noise).astype(np.uint8)) == []


def test_a_still_picture_that_drifts_is_followed_in_the_end(picture: Picture) -> None:
    painter = Painter("true")
    painter.paint(picture)
    assert painter.paint(picture + np.uint8(20)) != []


@pytest.mark.parametrize(("colours", "kinds"), [("true", {ColorType.TRUECOLOR}), ("256", {ColorType.EIGHT_BIT})])
def test_two_pixels_a_cell_in_the_colours_the_terminal_has(
    picture: Picture, colours: Colours, kinds: set[ColorType]
) -> None:
    painter = Painter(colours)
    painter.paint(picture)
    assert {strip.cell_length for strip in painter.strips} == {40}
    found = {s.style.color.type for strip in painter.strips for s in strip if s.style and s.style.color}
    assert found == kinds


def test_light_and_dark_can_be_told_apart_without_colours() -> None:
    painter = Painter("mono")
    halves = np.zeros((8, 10, 3), np.uint8)
    halves[:, 5:] = 255
    painter.paint(halves)
    assert painter.strips[0].text == "     █████"
    assert all(segment.style is not None and segment.style.color is None for segment in painter.strips[0])


async def test_no_color_is_obeyed(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Frame()
    async with app.run_test(size=(40, 12)) as pilot:
        app.query_one(Preview).show(picture)
        await pilot.pause()
        assert "▀" not in app.query_one(Preview).render_line(5).text


async def test_a_picture_meant_for_another_size_is_dropped(picture: Picture) -> None:
    app = Frame()
    async with app.run_test(size=(20, 6)) as pilot:
        preview = app.query_one(Preview)
        assert preview.room == (20, 12)
        preview.say("waiting")
        preview.show(picture)
        await pilot.pause()
        assert "waiting" in preview.render_line(2).text + preview.render_line(3).text
        preview.show(picture[:12, :20])
        await pilot.pause()
        assert "▀" in preview.render_line(2).text
