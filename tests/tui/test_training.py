"""Training as a person uses it: keys are pressed, then the screen, the catalog and the disk are looked at."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from core import loop
from core.snapshot.training import Chart, Trace
from core.training import jobs
from core.training.progress import Progress
from core.workspace import Workspace
from tests.tui.conftest import notices, opened, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.training import TrainingScreen
from tui.widgets import curves
from tui.widgets.curves import Curves
from tui.widgets.job_list import JobList
from tui.widgets.reading import Reading

ROOT = Path(__file__).parents[2]


async def on_training(pilot: Pilot[Any]) -> TrainingScreen:
    """Press 3 and wait for the first reading."""
    app = await ready(pilot)
    await pilot.press("3")
    await until(pilot, lambda: isinstance(app.screen, TrainingScreen) and app.screen.data is not None, "the trainings")
    assert isinstance(app.screen, TrainingScreen)
    return app.screen


def shown(screen: TrainingScreen) -> jobs.Job:
    """The training whose curves and log are shown."""
    assert screen.data is not None
    assert screen.data.detail is not None
    return screen.data.detail.job


def page(screen: TrainingScreen) -> str:
    return screen.query_one(Reading).text


async def test_without_answers_t_says_why_and_queues_nothing(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await on_training(pilot)
        minimum = opened(app).settings.train.minimum
        assert f"No trainings yet. 0 of the {minimum} answers" in screen_text(app)
        await pilot.press("t")
        await until(pilot, lambda: "No training was queued: Insufficient annotations" in notices(app), "the reason")
        assert jobs.every(opened(app)) == []
        assert "✗ ratings cannot be trained now" in page(screen)
        assert f"✗ Insufficient annotations (0) - minimum {minimum} required" in page(screen)

        await pilot.press("p")
        assert screen.page == "log"
        await pilot.press("c")
        assert "There is no training to choose; press t" in notices(app)
        await pilot.press("x")
        assert "ratings has no answers to export" in notices(app)
        assert not (tmp_path / "ws" / "exports").exists()
        await pilot.press("a")
        await until(pilot, lambda: "too few to train" in page(screen), "the advice")


async def test_a_backup_is_offered_in_footer_help_and_palette(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(140, 30)) as pilot:
        await on_training(pilot)
        assert "Backup to cloud" in screen_text(app)
        await pilot.press("question_mark")
        assert "Back the workspace up" in screen_text(app)
        assert "Check the machine and the answers" in screen_text(app)
        await pilot.press("escape")
        listed = [command.title for command in app.get_system_commands(app.screen)]
        assert any("training.train" in title for title in listed)
        assert any("training.backup" in title for title in listed)


async def test_b_backs_up_to_the_places_of_the_settings(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(140, 30)) as pilot:
        await on_training(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "backed up" in notices(app), "the end of the backup")
        assert any((tmp_path / "ws" / "backups").rglob("*"))
        assert " MB, to" in notices(app)
        assert "It lies in the workspace, on the same disk" in notices(app)


async def test_a_training_from_t_to_its_version(trained: Path) -> None:
    app = RushesApp(trained, None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_training(pilot)
        space = opened(app)
        assert "✓ completed" in screen_text(app)
        (first,) = jobs.every(space)
        assert "✓ completed" in page(screen)
        assert f"jobs/{first.job_id}/report.html" in page(screen)
        assert "quality score" in page(screen)

        await pilot.press("t")
        await until(pilot, lambda: len(jobs.every(space)) == 2, "the queued training")
        await until(pilot, lambda: "Training of ratings is queued as" in notices(app), "the notice")
        queued = jobs.every(space)[0]
        assert queued.params["estimate_seconds"] > 0
        await until(pilot, lambda: shown(screen).job_id == queued.job_id, "the new training, chosen")
        await until(pilot, lambda: screen.data and screen.data.running, "its start")

        # While it runs: the other pages, and the export.
        await pilot.press("p")
        await until(pilot, lambda: "✓ ratings can be trained" in page(screen), "the check")
        assert "A training takes: about" in page(screen)
        await pilot.press("a")
        await until(pilot, lambda: "54 answers of ratings" in page(screen), "the advice")
        assert "█" in page(screen)
        await pilot.press("a", "x")
        await until(pilot, lambda: "54 answers of ratings, 54 media files, 1 version in" in notices(app), "it")
        (archive,) = (trained / "exports").iterdir()
        assert str(archive) in notices(app)
        with tarfile.open(archive) as tar:
            assert {"training_data/annotations.jsonl", "models/ratings/model_v1.onnx"} <= set(tar.getnames())
        assert not screen.query_one("#busy").display

        await until(pilot, lambda: jobs.get(space, queued.job_id).state in jobs.ENDED, "the end")
        await until(pilot, lambda: shown(screen).state == "Completed", "the end on the screen")
        assert shown(screen).model_version == "v2"
        assert "fold 1/4, epoch 1/" in page(screen)
        assert "all answers, epoch " in page(screen)
        assert "v2" in screen_text(app)
        assert screen._clock is None  # pyright: ignore[reportPrivateUsage]  # nothing ticks when nothing runs

        await pilot.press("j")
        await until(pilot, lambda: shown(screen).job_id == first.job_id, "the older training")
        assert first.job_id in str(screen.query_one(Reading).border_title)
        await pilot.press("c")
        assert "It is completed already" in notices(app)
        await pilot.press("r")
        assert "only a failed or cancelled training can be resumed" in notices(app)
        assert len(jobs.every(space)) == 2
        assert "report.html" in screen.copied()


async def test_a_training_started_elsewhere_appears_and_can_be_cancelled_and_resumed(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, cancel = Event(), jobs.cancel  # the real one, but not before the screen was looked at

    def held_up(space: Workspace, job_id: str) -> jobs.Job:
        assert looked.wait(30)
        return cancel(space, job_id)

    monkeypatch.setattr(jobs, "cancel", held_up)
    app = RushesApp(trained, None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await on_training(pilot)
        space = opened(app)
        command = [sys.executable, "-m", "tui.cli", "train", "-t", "ratings", "--name", "night", "--priority", "2"]
        long = ["--recipe", "epochs=1000", "--recipe", "refine=1000"]
        subprocess.run([*command, *long, "-w", str(trained)], cwd=ROOT, check=True, capture_output=True)
        await until(pilot, lambda: "priority 2" in screen_text(app), "the training in the list")
        await until(pilot, lambda: shown(screen).name == "night", "its log")
        await until(pilot, lambda: screen.query_one(Curves).drawn >= 3, "its curve, drawn again with new epochs")
        assert "▶ running" in screen_text(app)
        assert "━" in screen_text(app)
        assert " so far, " in screen_text(app)
        assert " left" in screen_text(app)

        job = shown(screen)
        await pilot.press("c")
        assert "■ stopping…" in screen_text(app)
        looked.set()
        await until(pilot, lambda: "- cancelled" in screen_text(app), "the cancelled training")
        assert jobs.get(space, job.job_id).state == "Cancelled"
        assert "nothing half-made stays" in page(screen)
        assert not list((trained / "models" / "ratings").glob("model_v2*"))

        await pilot.press("r")
        await until(pilot, lambda: shown(screen).params.get("resumes") == job.job_id, "the resumed training")
        assert "on the corrections that" in notices(app)
        await pilot.press("c")
        await until(pilot, lambda: jobs.get(space, shown(screen).job_id).state == "Cancelled", "its end")
        assert [one.state for one in jobs.every(space)].count("Cancelled") == 2


async def test_the_user_s_choice_stays_while_another_training_arrives(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    for number in range(3):
        job = jobs.submit(space, "ratings", name=f"run {number}")
        jobs.change(space, job.job_id, "Failed", completed_at=100.0 + number, error="the disk is full")
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_training(pilot)
        assert shown(screen).name == "run 2"
        assert "✗ failed: the disk is full" in page(screen)
        assert "Press r to start it again on the same answers" in page(screen)
        await pilot.press("j", "j", "k", "j")
        await until(pilot, lambda: shown(screen).name == "run 0", "the oldest")
        jobs.submit(space, "scenes", name="elsewhere")
        await until(pilot, lambda: "elsewhere" in screen_text(app), "the other process's training")
        listed = screen.query_one(JobList)
        assert shown(screen).name == "run 0"
        assert listed.cursor_row == 3
        assert "! no training process lives; t starts one too" in screen_text(app)
        await pilot.press("g", "c")
        await until(pilot, lambda: jobs.every(space)[0].state == "Cancelled", "the waiting one, cancelled at once")
    space.close()


def chart_until(epoch: int) -> Chart:
    trace = Trace("training", tuple((float(x), 1 / x) for x in range(1, epoch + 1)))
    return Chart("training loss", "↓", trace, None, 40)


class Host(App[None]):
    """Nothing but curves."""

    def compose(self) -> ComposeResult:
        yield Curves()


async def test_curves_are_drawn_at_most_once_a_second_and_end_with_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "REDRAW_S", 0.5)
    app = Host()
    async with app.run_test(size=(80, 12)) as pilot:
        widget = app.query_one(Curves)
        states = [chart_until(number) for number in range(1, 41)]
        for chart in states:
            widget.show("job", (chart, chart))
        assert widget.drawn == 1
        await until(pilot, lambda: widget.drawn == 2, "the newest state")
        heading = str(app.query(".heading").first(Static).content)
        assert heading.startswith("training loss 0.025")
        widget.show("job", (states[-1], states[-1]))
        assert widget.drawn == 2
        widget.show("another job", (states[0], states[0]))
        assert widget.drawn == 3


@pytest.mark.parametrize("colours", ["none", "ansi-dark"])
async def test_curves_are_there_without_colours_and_with_the_terminal_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colours: str
) -> None:
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    space = loop.open_workspace(tmp_path / "ws")
    job = jobs.submit(space, "ratings")
    jobs.change(space, job.job_id, "Failed", error="the disk is full")
    told = Progress(jobs.folder(space, job.job_id) / "progress.jsonl")
    for stage in (1, 2):
        for number in range(1, 9):
            more = {"epoch": number, "epochs": 8, "loss": stage / number, "spearman": 0.5}
            told.say(20 + number, f"cross-validation {stage} of 4", **more)
    told.close()
    space.close()
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        if colours != "none":
            app.theme = colours
        screen = await on_training(pilot)
        await until(pilot, lambda: screen.query(Curves) and screen.query_one(Curves).drawn, "the curves")
        await until(pilot, lambda: "●" in screen_text(app), "the newest epoch")
        app.export_screenshot()  # draws all of it through the filters
        assert "━ fold 2/4  · 1 fold" in screen_text(app)
        assert "✗ failed" in screen_text(app)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e6, 1e6)), max_size=400), st.integers(2, 100))
def test_a_thinned_curve_keeps_its_ends_and_its_order(points: list[tuple[float, float]], most: int) -> None:
    found = curves.thinned(points, most)
    assert len(found) == min(len(points), most)
    places = iter(points)
    assert all(point in places for point in found)
    if points:
        assert (found[0], found[-1]) == (points[0], points[-1])


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_a_curve_lies_within_its_axis_however_flat_it_is(values: list[float]) -> None:
    low, high = curves.limits(values)
    assert low < min(values)
    assert high > max(values)


OPENED = """
import asyncio, sys
from pathlib import Path
from tui.app import RushesApp

async def main():
    app = RushesApp(Path(sys.argv[1]), None, "ratings")
    async with app.run_test(size=(100, 30)) as pilot:
        assert "textual_plot" not in sys.modules
        while app.snapshot is None:
            await pilot.pause(0.05)
        await pilot.press("3")
        while getattr(app.screen, "data", None) is None:
            await pilot.pause(0.05)
        for key, page in (("t", "check"), ("a", "advice")):
            await pilot.press(key)
            while app.screen.page != page or "…" in app.screen.copied():
                await pilot.pause(0.05)
    assert "textual_plot" in sys.modules
    print(*sorted({name.partition(".")[0] for name in sys.modules}))

asyncio.run(main())
"""


def test_the_screen_never_loads_torch(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", OPENED, str(tmp_path / "ws")], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert not {"torch", "torchvision", "sklearn", "boto3"} & set(ended.stdout.split())


async def test_the_list_has_the_focus_and_help_speaks_of_it(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    jobs.change(space, jobs.submit(space, "ratings").job_id, "Cancelled")
    space.close()
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(100, 40)) as pilot:
        screen = await on_training(pilot)
        assert isinstance(screen.focused, JobList)
        await pilot.press("question_mark")
        assert "What runs stands first" in screen_text(app)
        assert "Write answers, clips, versions" in screen_text(app)


async def test_the_end_of_another_task_s_training_is_told_too(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        elsewhere = loop.open_workspace(tmp_path / "ws")
        job = jobs.submit(elsewhere, "scenes")
        jobs.change(elsewhere, job.job_id, "Completed", model_version="v1")
        elsewhere.close()
        await until(pilot, lambda: "Training of scenes is done: v1 was not deployed" in notices(app), "the end")
        app.clear_notifications()
        app.look_again()
        app.choose_task("scenes")
        await ready(pilot)
        assert "Training of scenes" not in notices(app)
