"""What Review looks like empty, in use and failed, at the smallest size and at a usual one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core import loop
from core.store.records import Correction
from tests.tui.conftest import flowed, ready, screen_text, until
from tests.tui.test_review import fill, review
from tui.app import RushesApp

SIZES = [(80, 24), (120, 40)]
SNAP = Callable[..., bool]
pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_task_says_what_to_press(snap_compare: SNAP, size: tuple[int, int]) -> None:
    async def settled(pilot: Pilot[None]) -> None:
        screen = await review(pilot)
        await until(pilot, lambda: "Press 1" in str(screen.query_one("#notice").render()), "what to press")

    assert snap_compare(RushesApp(Path("ws"), None, "scenes"), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_the_queue_with_its_reasons_and_the_chosen_clip(snap_compare: SNAP, size: tuple[int, int], media: Path) -> None:
    fill(Path("ws"), media / "move.avi")

    async def settled(pilot: Pilot[None]) -> None:
        screen = await review(pilot)
        await pilot.press("j", "x")
        await until(pilot, lambda: screen.table.chosen == "s0" and screen.player.reel is not None, "the chosen clip")
        await until(pilot, lambda: screen.player.reel is not None and screen.player.reel.sample.id == "s0", "it, open")
        await until(pilot, lambda: screen.player.ahead is not None and screen.player.ahead.ended, "the next, ahead")
        assert "0.0 / 1.6 s" in screen_text(screen.rushes)

    assert snap_compare(RushesApp(Path("ws"), None, "scenes"), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_texts_are_compared_word_by_word(snap_compare: SNAP, size: tuple[int, int], media: Path) -> None:
    samples = fill(Path("ws"), media / "move.avi", "speech")
    space = loop.open_workspace(Path("ws"))
    truth = Correction(
        "c0", "s0", "speech", "Bin blue at F two now.", 2.0, "b0", "bin blue at f too now",
        confidence=0.5, version="factory", was_correct=False, raw_correct=False,
    )  # fmt: skip
    space.store.add_corrections([(samples[0], truth)])
    space.close()

    async def edited(pilot: Pilot[None]) -> None:
        screen = await review(pilot)
        screen.order = "newest"
        screen.list_anew()
        await until(pilot, lambda: list(screen.table.ids) == ["s2", "s1", "s0"], "all clips")
        await pilot.press("G")
        await until(pilot, lambda: screen.table.item and screen.table.item.row.correction, "the answered clip")
        await pilot.press("e", "n")

    assert snap_compare(RushesApp(Path("ws"), None, "speech"), terminal_size=size, run_before=edited)


@pytest.mark.parametrize("size", SIZES)
def test_a_folder_that_is_no_workspace(snap_compare: SNAP, size: tuple[int, int]) -> None:
    Path("ws").mkdir()
    Path("ws", "letters.txt").write_text("somebody's own files")

    async def failed(pilot: Pilot[None]) -> None:
        app = await ready(pilot)
        await until(pilot, lambda: app.problem, "the reason")
        await pilot.press("2")
        await until(pilot, lambda: "Choose an empty folder" in flowed(app), "the reason, shown")

    assert snap_compare(RushesApp(Path("ws"), None, "scenes"), terminal_size=size, run_before=failed)
