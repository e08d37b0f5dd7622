"""What Backups looks like new, in use and failed, at the smallest size and at a usual one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core import loop
from core.schedule import state
from tests.tui.conftest import ready, until
from tui.app import RushesApp
from tui.screens.backups import BackupsScreen

SIZES = [(80, 24), (120, 40)]
SNAP = Callable[..., bool]
pytestmark = pytest.mark.usefixtures("here")


async def seen(pilot: Pilot[Any]) -> None:
    app = await ready(pilot)
    await pilot.press("6")
    await until(pilot, lambda: app.problem or getattr(app.screen, "data", None), "the reading")
    assert isinstance(app.screen, BackupsScreen)


def fill(home: Path) -> None:
    """A check that went well, one that failed, a source that was never captured."""
    config = home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[sources.pier]\nurl = "http://127.0.0.1:9/pier.jpg"\nevery = "15m"\n')
    space = loop.open_workspace(Path("ws"))
    ran = {"last_started": 1.76e9, "next_due": 1.76e9 + 600}
    state.write(space, "training check", **ran, last_success=1.76e9 + 2)
    why = "an unexpected error; the log has it under 3f2a"
    state.write(space, "automation gate", **ran, last_success=1.76e9 - 600, last_error=why)
    space.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_has_run_yet(snap_compare: SNAP, size: tuple[int, int]) -> None:
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=seen)


@pytest.mark.parametrize("size", SIZES)
def test_what_ran_and_what_failed(snap_compare: SNAP, own_home: Path, size: tuple[int, int]) -> None:
    async def chosen(pilot: Pilot[Any]) -> None:
        await seen(pilot)
        await pilot.press("j")

    fill(own_home)
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=chosen)


@pytest.mark.parametrize("size", SIZES)
def test_a_folder_that_is_no_workspace(snap_compare: SNAP, size: tuple[int, int]) -> None:
    Path("ws").mkdir()
    Path("ws", "letters.txt").write_text("somebody's own files")
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=seen)
