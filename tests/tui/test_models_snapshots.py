"""What Models looks like empty, in use and failed, at the smallest size and at a usual one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.workspace import Workspace
from tests.tui import versions
from tests.tui.conftest import flowed, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.compare import CompareScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.models import ModelsScreen

SIZES = [(80, 24), (120, 40)]
SNAP = Callable[..., bool]
TASK = versions.TASK
pytestmark = pytest.mark.usefixtures("here")


async def opened(pilot: Pilot[None]) -> RushesApp:
    """The screen with its first reading, its curve drawn."""
    app = await ready(pilot)
    await pilot.press("4")
    await until(pilot, lambda: isinstance(app.screen, ModelsScreen) and app.screen.data, "the versions")
    assert isinstance(app.screen, ModelsScreen)
    screen = app.screen
    if screen.data is not None and screen.data.curve.windows:
        await until(pilot, lambda: "●" in screen_text(app), "the curve")
    return app


@pytest.fixture
def filled(versioned: Callable[[Path], Workspace]) -> Callable[[int], None]:
    """Three versions, and so many answers that tested them."""

    def fill(answers: int) -> None:
        space = versioned(Path("ws"))
        versions.answer(space, answers)
        space.close()

    return fill


@pytest.mark.parametrize("size", SIZES)
def test_only_the_factory_model(snap_compare: SNAP, size: tuple[int, int]) -> None:
    async def settled(pilot: Pilot[None]) -> None:
        await opened(pilot)

    assert snap_compare(RushesApp(Path("ws"), None, TASK), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", [*SIZES, (200, 60)])
def test_versions_with_their_evidence_and_the_learning_curve(
    snap_compare: SNAP, filled: Callable[[int], None], size: tuple[int, int]
) -> None:
    filled(420)

    async def settled(pilot: Pilot[None]) -> None:
        await opened(pilot)

    assert snap_compare(RushesApp(Path("ws"), None, TASK), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_a_damaged_champion(snap_compare: SNAP, filled: Callable[[int], None], size: tuple[int, int]) -> None:
    filled(30)
    Path("ws", "models", TASK, "model_v2.onnx").write_bytes(b"torn")

    async def failed(pilot: Pilot[None]) -> None:
        app = await opened(pilot)
        await until(pilot, lambda: "an older version answers" in flowed(app), "the reason")
        app.clear_notifications()
        await until(pilot, lambda: "▌" not in screen_text(app), "a screen without notices")

    assert snap_compare(RushesApp(Path("ws"), None, TASK), terminal_size=size, run_before=failed)


@pytest.mark.parametrize("size", SIZES)
def test_what_a_deployment_will_change(
    snap_compare: SNAP, filled: Callable[[int], None], size: tuple[int, int]
) -> None:
    filled(30)

    async def asked(pilot: Pilot[None]) -> None:
        app = await opened(pilot)
        await pilot.press("k", "D")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")

    assert snap_compare(RushesApp(Path("ws"), None, TASK), terminal_size=size, run_before=asked)


@pytest.mark.parametrize("size", SIZES)
def test_the_interval_of_a_comparison(snap_compare: SNAP, filled: Callable[[int], None], size: tuple[int, int]) -> None:
    filled(420)

    async def compared(pilot: Pilot[None]) -> None:
        app = await opened(pilot)
        await pilot.press("k", "C")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.found, "the comparison")
        await until(pilot, lambda: "better →" in screen_text(app), "the line")

    assert snap_compare(RushesApp(Path("ws"), None, TASK), terminal_size=size, run_before=compared)


@pytest.mark.parametrize("size", SIZES)
def test_a_folder_that_is_no_workspace(snap_compare: SNAP, size: tuple[int, int]) -> None:
    Path("ws").mkdir()
    Path("ws", "letters.txt").write_text("somebody's own files")

    async def failed(pilot: Pilot[None]) -> None:
        app = await ready(pilot)
        await until(pilot, lambda: app.problem, "the reason")
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen), "the screen")
        await pilot.pause()

    assert snap_compare(RushesApp(Path("ws"), None, TASK), terminal_size=size, run_before=failed)
