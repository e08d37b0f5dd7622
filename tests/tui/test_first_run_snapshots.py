"""What a first run looks like step by step, and the card's words on gate and face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core import loop
from core.store.records import Prediction, Sample
from tests.tui.conftest import ready, screen_text, until
from tui.app import RushesApp

SIZES = [(80, 24), (120, 40)]
SNAP = Callable[..., bool]
pytestmark = pytest.mark.usefixtures("here")


async def settled(pilot: Pilot[Any]) -> None:
    await ready(pilot)


@pytest.mark.parametrize("size", SIZES)
def test_the_welcome(snap_compare: SNAP, size: tuple[int, int]) -> None:
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_a_judged_picture_that_the_gate_lets_through(snap_compare: SNAP, size: tuple[int, int]) -> None:
    space = loop.open_workspace(Path("ws"))
    samples = [Sample(f"s{n}", "ratings", f"g{n}", captured_at=9.0 - n, extra={"file": f"{n}.jpg"}) for n in (1, 2)]
    space.store.add_samples(samples)
    space.store.add_predictions([
        Prediction(f"p{n}", f"s{n}", "ratings", "factory", "model", value, 0.6, False, {}, (), 41.0, 1.0)
        for n, value in ((1, 0.91), (2, 0.34))
    ])  # fmt: skip
    space.close()
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_demo_clips_that_cannot_be_drawn(snap_compare: SNAP, size: tuple[int, int]) -> None:
    loop.open_workspace(Path("ws")).close()
    Path("ws", "cache", "demo-clips").write_text("a file where the folder should be")

    async def failed(pilot: Pilot[Any]) -> None:
        app = await ready(pilot)
        await pilot.press("d")
        await until(pilot, lambda: "demo-clips" in screen_text(app), "the reason")

    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=failed)
