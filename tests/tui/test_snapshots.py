"""What Capture looks like empty, in use and failed, at the smallest size and at a usual one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core import loop
from core.store.records import Correction, Prediction, Sample
from tests.tui.conftest import ready, until
from tui.app import RushesApp

SIZES = [(80, 24), (120, 40)]
SNAP = Callable[..., bool]
pytestmark = pytest.mark.usefixtures("here")


def said(number: int, text: str | None, sure: float | None, error: str | None = None) -> Prediction:
    others = (("bin blue at f too now", 0.21), ("pin blue at f two now", 0.07)) if text else ()
    return Prediction(
        f"p{number}", f"s{number}", "speech", "factory", "model", text, sure, number == 1, {}, others, 183.0, 1.0, error
    )


def fill(root: Path) -> None:
    """Four clips: sure, unsure and corrected, failed, not judged."""
    space = loop.open_workspace(root)
    samples = [
        Sample(f"s{n}", "speech", f"g{n}", captured_at=100.0 - n, duration_s=3.0, extra={"file": f"clip_{n}.mpg"})
        for n in range(1, 5)
    ]
    space.store.add_samples(samples)
    space.store.add_predictions(
        [
            said(1, "bin blue at f two now", 0.92),
            said(2, "lay red with g nine again", 0.41),
            said(3, None, None, "clip_3.mpg: no face was found"),
        ]
    )
    truth = Correction(
        "c2", "s2", "speech", "Lay red with G nine again.", 2.0, "b2", "lay red with g nine again",
        confidence=0.41, version="factory", was_correct=False, raw_correct=True,
    )  # fmt: skip
    space.store.add_corrections([(samples[1], truth)])
    space.close()


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_workspace_says_what_to_press(snap_compare: SNAP, size: tuple[int, int]) -> None:
    async def settled(pilot: Pilot[None]) -> None:
        await ready(pilot)

    assert snap_compare(RushesApp(Path("ws"), None, "speech"), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_clips_with_their_answers(snap_compare: SNAP, size: tuple[int, int]) -> None:
    fill(Path("ws"))

    async def settled(pilot: Pilot[None]) -> None:
        await ready(pilot)

    assert snap_compare(RushesApp(Path("ws"), None, "speech"), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_the_question_whether_it_was_correct(snap_compare: SNAP, size: tuple[int, int]) -> None:
    fill(Path("ws"))

    async def asked(pilot: Pilot[None]) -> None:
        await ready(pilot)
        await pilot.press("e")

    assert snap_compare(RushesApp(Path("ws"), None, "speech"), terminal_size=size, run_before=asked)


@pytest.mark.parametrize("size", SIZES)
def test_a_folder_that_is_no_workspace(snap_compare: SNAP, size: tuple[int, int]) -> None:
    Path("ws").mkdir()
    Path("ws", "letters.txt").write_text("somebody's own files")

    async def failed(pilot: Pilot[None]) -> None:
        app = await ready(pilot)
        await until(pilot, lambda: app.problem, "the reason")

    assert snap_compare(RushesApp(Path("ws"), None, "speech"), terminal_size=size, run_before=failed)


def test_a_failed_clip_says_why(snap_compare: SNAP) -> None:
    fill(Path("ws"))

    async def chosen(pilot: Pilot[None]) -> None:
        await ready(pilot)
        await pilot.press("j", "j")

    assert snap_compare(RushesApp(Path("ws"), None, "speech"), terminal_size=(80, 24), run_before=chosen)
