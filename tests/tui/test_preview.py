"""The picture: what changed is painted, noise is not, and it can be seen without colours."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pytest
from rich.color import ColorType
from rich.console import Console
from textual.app import App, ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from core.settings import ScreenSettings
from tests.tui.conftest import until
from tui.widgets.halfblocks import Colours, Painter, Picture
from tui.widgets.preview import REMOTE_BYTES, Preview, colours_of

ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


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


def test_a_ready_row_and_its_styled_form_are_the_same_cells(picture: Picture) -> None:
    painter = Painter("true")
    painter.paint(picture)
    for strip in painter.strips:
        ready = strip.render(Console(color_system="truecolor"))
        assert len(ESCAPES.sub("", ready)) == sum(len(segment.text) for segment in strip) == 40
        assert "\x1b" not in strip.text


@pytest.mark.parametrize("colours", ["true", "256", "16"])
def test_a_flat_picture_is_written_in_a_few_bytes(colours: Colours) -> None:
    painter = Painter(colours)
    painter.paint(np.full((2, 200, 3), 90, np.uint8))
    assert painter.written < 250  # 200 cells, one colour, one end


@pytest.mark.parametrize("colours", ["true", "256", "mono"])
def test_a_picture_that_costs_too_much_comes_in_pieces_none_of_which_does(picture: Picture, colours: Colours) -> None:
    whole, painter = Painter(colours), Painter(colours)
    whole.paint(picture)
    most, seen = whole.written // 3, list[int]()
    while not seen or painter.owes:
        seen += painter.paint(picture, most)
        assert 0 < painter.written <= most
    assert seen == list(range(12))
    assert [strip.text for strip in painter.strips] == [strip.text for strip in whole.strips]


def test_a_row_waits_for_no_row_that_has_been_painted_before_it(picture: Picture) -> None:
    painter = Painter("true")
    painter.paint(picture)
    most, seen = painter.written // 3, list[int]()
    for step in range(4):  # each picture is another one, and none of them fits
        seen += painter.paint(np.roll(picture, 7 * (step + 1), axis=1), most)
    assert seen[:12] == list(range(12))


def test_a_row_that_alone_costs_too_much_is_painted(picture: Picture) -> None:
    painter = Painter("true")
    assert painter.paint(picture, 1) == [0]
    assert painter.paint(picture, 1) == [1]


def test_sixteen_colours_are_the_nearest_there_are() -> None:
    painter = Painter("16")
    halves = np.zeros((2, 4, 3), np.uint8)
    halves[0] = (250, 5, 5)
    halves[1] = (10, 10, 10)
    painter.paint(halves)
    assert painter.strips[0].render(Console()) == "\x1b[91;40m▀▀▀▀\x1b[0m"


class Window(ModalScreen[None]):
    CSS = "Window { align: center middle; } Window Static { width: 15; height: 3; background: $surface; }"

    def compose(self) -> ComposeResult:
        yield Static("over the picture")


def written(app: App[None]) -> str:
    """What a whole repaint of the screen would send to the terminal."""
    update = app.screen._compositor.render_full_update()  # pyright: ignore[reportPrivateUsage]
    return update.render_segments(app.console)


@pytest.mark.parametrize("size", [(40, 12), (51, 14)])
async def test_a_window_over_the_picture_cuts_no_escape_code(picture: Picture, size: tuple[int, int]) -> None:
    app = Frame()
    async with app.run_test(size=size) as pilot:
        preview = app.query_one(Preview)
        preview.show(picture)
        await pilot.pause()
        assert ESCAPES.sub("", written(app)).count("▀") > 300
        await app.push_screen(Window())
        preview.show(picture[::-1].copy())  # pictures go on coming under the window
        await pilot.pause()
        text = ESCAPES.sub("", written(app))
        assert "over the" in text
        assert "▀" in text
        assert not set("\x1b[;0123456789") & set(text)
        assert {len(line) for line in text.splitlines()} == {size[0]}


async def test_a_notice_over_the_picture_cuts_no_escape_code(picture: Picture) -> None:
    app = Frame()
    async with app.run_test(size=(40, 12), notifications=True) as pilot:
        app.query_one(Preview).show(picture)
        app.notify("noted")
        await until(pilot, lambda: "noted" in written(app), "the notice")
        text = ESCAPES.sub("", written(app))
        assert not set("\x1b[;0123456789") & set(text)


async def test_the_picture_is_dropped_while_the_terminal_is_behind(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Frame()
    async with app.run_test(size=(40, 12)) as pilot:
        preview = app.query_one(Preview)
        preview.show(picture)
        await pilot.pause()
        behind = True

        def is_behind(_: App[None]) -> bool:
            return behind

        monkeypatch.setattr("tui.widgets.preview.is_behind", is_behind)
        before = preview.render_line(3).render(app.console)
        preview.show(picture[::-1].copy())
        newest = np.full_like(picture, 200)
        preview.show(newest)
        assert preview.render_line(3).render(app.console) == before
        behind = False
        await until(pilot, lambda: preview.render_line(3).render(app.console) != before, "the newest picture")
        assert len(preview.render_line(3).text.strip("▀")) == 0


async def test_a_key_waits_behind_a_piece_of_the_picture_only_where_the_terminal_is_far_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 5000 192.0.2.2 22")

    def wished(_: App[None]) -> ScreenSettings:
        return ScreenSettings(colour="true")

    monkeypatch.setattr("tui.widgets.preview.wished", wished)
    large = np.random.default_rng(5).integers(40, 200, (44, 80, 3), dtype=np.uint8)
    app = Frame()
    async with app.run_test(size=(80, 22)) as pilot:
        preview = app.query_one(Preview)

        def painted() -> list[str]:
            rows = [preview.render_line(y).render(app.console) for y in range(22)]
            return [row for row in rows if "▀" in row]

        preview.show(large)
        assert 0 < sum(len(row.encode()) for row in painted()) < 1.1 * REMOTE_BYTES
        preview.show(large)  # at once: the link is still busy with the first piece
        assert 0 < sum(len(row.encode()) for row in painted()) < 1.1 * REMOTE_BYTES
        await until(pilot, lambda: len(painted()) == 22, "the whole picture")


@pytest.mark.parametrize(
    ("wish", "remote", "found"),
    [
        ("auto", False, "true"),
        ("auto", True, "256"),
        ("true", True, "true"),
        ("256", False, "256"),
        ("none", False, "mono"),
    ],
)
async def test_the_users_colours_hold(
    wish: Literal["auto", "true", "256", "none"], remote: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    if remote:
        monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 5000 192.0.2.2 22")

    def wished(_: App[None]) -> ScreenSettings:
        return ScreenSettings(colour=wish)

    monkeypatch.setattr("tui.widgets.preview.wished", wished)
    app = Frame()
    async with app.run_test(size=(40, 12)):
        assert colours_of(app) == found
