"""What Training looks like empty, in use and failed, at the smallest size and at a usual one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from core import loop
from core.files import locked, private_dir
from core.snapshot import training as reading
from core.training import control, jobs
from core.workspace import Workspace
from tests.tui.conftest import ready, until
from tui.app import RushesApp
from tui.screens.training import TrainingScreen
from tui.widgets.curves import Curves

SIZES = [(80, 24), (120, 40)]
SNAP = Callable[..., bool]
NOON = 4_000_000_000.0  # ahead of any real clock, so that nothing of what is left of the job's time has passed


@pytest.fixture(autouse=True)
def fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The workspace is called `ws`; clocks stand still, in UTC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(reading, "time", SimpleNamespace(time=lambda: NOON + 75))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def add(space: Workspace, number: int, state: str, lines: list[dict[str, Any]], **columns: Any) -> Path:
    """A training with a fixed id and fixed times, and what its process said."""
    known = {"created_at": NOON - 60 * number, "priority": 0, "params_json": json.dumps({"answered": 54})}
    row = {"job_id": f"job-{number}", "task": "ratings", "state": state, **known, **columns}
    folder = private_dir(jobs.folder(space, f"job-{number}"))
    with space.store.catalog.write() as db:
        db.table("jobs").insert(row)
    (folder / "progress.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def told(count: int) -> list[dict[str, Any]]:
    """A training that has come to an epoch of its third fold."""
    lines: list[dict[str, Any]] = [
        {"at": NOON, "progress": 1, "stage": "loading corrections"},
        {"at": NOON + 5, "progress": 14, "stage": "measuring features"},
    ]
    for fold in (1, 2, 3):
        for epoch in range(20 if fold < 3 else count):
            loss = None if epoch == 0 else 0.3 / (epoch + fold)
            lines.append(
                {"at": NOON + 20 * fold + epoch, "progress": 20 + 11 * fold + epoch / 3, "eta_seconds": 130.0,
                 "stage": f"cross-validation {fold} of 4", "epoch": epoch, "epochs": 19, "loss": loss,
                 "spearman": 0.9 - 0.5 / (epoch + fold)}
            )  # fmt: skip
    return lines


FACTS = {
    "verdict": "caution", "reason": "better on 43 and worse on 11 of 54 clips; 42 more would settle it", "n": 54,
    "seconds": 48.2, "deployed": True, "metrics": {"spearman": 0.88, "rmse": 0.1}, "losses": [0.02, 0.01],
    "evidence": {"n": 54, "more_corrections": 42},
}  # fmt: skip


def fill(space: Workspace) -> None:
    """One of each state but running."""
    done = {"completed_at": NOON - 400, "model_version": "v1", "metrics_json": json.dumps(FACTS), "progress": 100}
    folder = add(space, 9, "Completed", told(20), **done)
    (folder / "report.html").write_text("<title>report</title>")
    add(space, 8, "Cancelled", told(2)[:2], completed_at=NOON - 300, progress=14, name="too early")
    add(space, 3, "Queued", [], task="scenes", priority=2, name="evening")
    add(space, 2, "Queued", [], task="speech", params_json=json.dumps({"answered": 40, "speaker": "ann"}))


async def settled(pilot: Pilot[None]) -> None:
    app = await ready(pilot)
    await pilot.press("3")
    await until(pilot, lambda: isinstance(app.screen, TrainingScreen) and app.screen.data is not None, "the trainings")
    screen = app.screen
    assert isinstance(screen, TrainingScreen)
    if screen.data is not None and screen.data.jobs:
        await until(pilot, lambda: screen.query(Curves) and screen.query_one(Curves).drawn, "the curves")
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
def test_no_trainings_yet(snap_compare: SNAP, size: tuple[int, int]) -> None:
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES)
def test_a_running_training_above_the_queue_and_the_past(snap_compare: SNAP, size: tuple[int, int]) -> None:
    space = loop.open_workspace(Path("ws"))
    with ExitStack() as held:
        folder = add(space, 1, "Running", told(9), started_at=NOON, name="night")
        held.enter_context(locked(folder / control.LOCK))
        held.enter_context(locked(space.jobs / jobs.WORKER_LOCK))
        fill(space)
        assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=settled)
    space.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_failed_training_says_why_and_what_to_press(snap_compare: SNAP, size: tuple[int, int]) -> None:
    space = loop.open_workspace(Path("ws"))
    reason = "the disk is full: 0.1 GB are free, a version needs 0.4 GB. Free some space."
    add(space, 7, "Failed", told(5), completed_at=NOON + 90, error=reason, progress=52, name="night")
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=settled)
    space.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_completed_training_with_its_analysis(snap_compare: SNAP, size: tuple[int, int]) -> None:
    space = loop.open_workspace(Path("ws"))
    fill(space)

    async def chosen(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("j", "j", "j")
        screen = pilot.app.screen
        assert isinstance(screen, TrainingScreen)
        await until(pilot, lambda: "report.html" in screen.copied(), "the completed one")

    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=chosen)
    space.close()


def test_a_folder_that_is_no_workspace(snap_compare: SNAP) -> None:
    Path("ws").mkdir()
    Path("ws", "letters.txt").write_text("somebody's own files")

    async def failed(pilot: Pilot[None]) -> None:
        app = await ready(pilot)
        await until(pilot, lambda: app.problem, "the reason")
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the screen")

    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=(80, 24), run_before=failed)
