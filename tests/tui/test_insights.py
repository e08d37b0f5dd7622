"""Insights as a person uses it: keys are pressed, then the gate, the queue and the screen are looked at."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from textual.widgets import Input

from core import automation, loop
from core.automation.publishing import Entry
from core.store.records import Prediction, Sample
from core.workspace import Workspace
from tests.tui.conftest import flowed, notices, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.confirm import ConfirmScreen
from tui.screens.insights import InsightsScreen

# Writes down what it got; fails when the file next to it says so.
HOOK = """
import json, pathlib, sys
here = pathlib.Path(sys.argv[1])
request = json.load(sys.stdin)
if (here / "fail").exists():
    sys.exit("the platform said no")
(here / "got.json").write_text(json.dumps(request))
print("https://example.org/post/1")
"""


@pytest.fixture
def outside(tmp_path: Path, own_home: Path) -> Path:
    """A folder where the user's own publishing command leaves what it got."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "hook.py").write_text(HOOK)
    command = json.dumps([sys.executable, str(folder / "hook.py"), str(folder)])
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"[automation]\ncommand = {command}\n")
    return folder


def judged(space: Workspace, name: str) -> Sample:
    """A clip that a version has answered, as capture leaves it."""
    path = space.pending / f"{name}.avi"
    path.write_bytes(b"RIFF")
    sample = Sample(name, "scenes", name, media=f"training_data/pending/{path.name}", captured_at=1e9,
                    extra={"file": f"/clips/{name}.mp4"})  # fmt: skip
    space.store.add_samples([sample])
    said = Prediction(f"p-{name}", name, "scenes", "factory", "model", "action", 0.8, True, {}, (), 1.0, 1e9)
    space.store.add_predictions([said])
    return sample


def waiting(root: Path, *names: str) -> None:
    space = loop.open_workspace(root)
    for name in names:
        automation.publish(space, judged(space, name), "youtube")
    space.close()


def states(app: RushesApp) -> dict[str, str]:
    assert app.space is not None
    return {entry.sample: entry.state for entry in automation.entries(app.space)}


def chosen(app: RushesApp) -> Entry:
    assert isinstance(app.screen, InsightsScreen)
    entry = app.screen.entry()
    assert entry is not None
    return entry


async def test_nothing_measured_says_what_to_do(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "No criterion is measured yet" in screen_text(app), "the advice")
        shown = screen_text(app)
        assert "✗ locked" in shown
        assert "no judged video yet" in shown
        assert "not enough random picks yet (0 of 20)" in shown
        assert "Nothing waits for approval" in shown
        for key in ("a", "x"):
            app.clear_notifications()
            await pilot.press(key)
            assert "Nothing waits for approval." in notices(app)
        await pilot.press("question_mark")
        assert "Say how good the system is" in screen_text(app)
        assert "The next row of the list." not in screen_text(app)


async def test_the_system_is_rated_in_a_line_that_refuses_what_is_no_rating(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "not rated yet" in screen_text(app), "the criterion")
        await pilot.press("r", "1", "1", "enter")
        await until(pilot, lambda: "11 is no rating" in screen_text(app), "the refusal")
        assert app.screen.query_one(Input).has_focus
        await pilot.press("backspace", "backspace", "g", "enter")
        assert "'g' is not a number" in screen_text(app)
        await pilot.press("backspace", "8", ".", "7", "enter")
        await until(pilot, lambda: "your own rating   8.7" in screen_text(app), "the rating")
        assert app.space is not None
        assert automation.status(app.space)["system_rating"]["value"] == 8.7
        await pilot.press("r")
        assert app.screen.query_one(Input).value == "8.7"
        await pilot.press("escape")
        assert not app.screen.query_one("#rating").display
        assert isinstance(app.screen, InsightsScreen)


async def test_a_waiting_clip_is_published_by_the_user_s_own_command(tmp_path: Path, outside: Path) -> None:
    waiting(tmp_path / "ws", "one", "two")
    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "2 to look at" in screen_text(app), "the queue")
        assert "two.mp4" in screen_text(app)  # as the user knows it, not as it is kept
        assert "the gate is locked: overridden videos" in screen_text(app)
        assert "override_rate" not in screen_text(app)
        await pilot.press("j")
        entry = chosen(app)
        await pilot.press("a")
        assert isinstance(app.screen, ConfirmScreen)
        assert f"{entry.sample}.mp4 goes to youtube, with the model's answer action" in flowed(app)
        assert f"It is handed to your command {sys.executable}" in flowed(app)
        await pilot.press("n")
        assert states(app)[entry.sample] == "waiting"
        assert not (outside / "got.json").exists()
        await pilot.press("a", "y")
        await until(pilot, lambda: "✓ published youtube: https://example.org/post/1" in notices(app), "the outcome")
        assert json.loads((outside / "got.json").read_text())["sample_id"] == entry.sample
        assert states(app)[entry.sample] == "published"
        await until(pilot, lambda: "1 to look at" in screen_text(app), "the shorter queue")
        assert "✓ published" in screen_text(app)
        await pilot.press("k")
        await pilot.press("x")
        await until(pilot, lambda: "- rejected" in screen_text(app), "the rejection")
        assert sorted(states(app).values()) == ["published", "rejected"]


async def test_a_failed_publication_says_why_and_may_be_tried_again(tmp_path: Path, outside: Path) -> None:
    waiting(tmp_path / "ws", "one")
    (outside / "fail").touch()
    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "1 to look at" in screen_text(app), "the queue")
        await pilot.press("a", "y")
        await until(pilot, lambda: "✗ failed" in screen_text(app), "the failure")
        assert "the platform said no" in notices(app)
        (outside / "fail").unlink()
        await until(pilot, lambda: chosen(app).state == "failed", "the new reading")
        app.clear_notifications()
        assert "…" in screen_text(app)  # the row has no room for all of it
        await until(pilot, lambda: "the platform said no" in flowed(app), "the reason, whole, below the rows")
        await pilot.press("a", "y")
        await until(pilot, lambda: states(app)["one"] == "published", "the publication")


@pytest.mark.usefixtures("outside")
async def test_a_clip_cut_off_while_publishing_is_published_again_only_after_a_warning(tmp_path: Path) -> None:
    waiting(tmp_path / "ws", "one")
    space = loop.open_workspace(tmp_path / "ws")
    (entry,) = automation.entries(space)
    space.store.note("publish", {"id": entry.id, "step": "publishing", "by": "user"})  # as a crash leaves it
    space.close()
    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "? unknown" in screen_text(app), "the state")
        await pilot.press("a")
        assert "! Nobody knows whether it was published" in flowed(app)
        assert states(app)["one"] == "unknown"
        await pilot.press("y")
        await until(pilot, lambda: states(app)["one"] == "published", "the publication")


async def test_without_a_way_to_publish_the_screen_says_which_setting_names_one(tmp_path: Path) -> None:
    waiting(tmp_path / "ws", "one")
    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "set automation.command" in flowed(app), "the advice")
        await pilot.press("a")
        assert "! No way to publish is set" in flowed(app)
        await pilot.press("y")
        await until(pilot, lambda: "no way to publish is set" in notices(app), "the reason")
        assert states(app)["one"] == "waiting"


async def test_the_accuracy_of_a_trained_workspace_stands_beside_the_gate(trained: Path) -> None:
    app = RushesApp(trained, None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "446 until the next" in screen_text(app), "the stage")
        assert "No answer has tested a version yet" in screen_text(app)
        await pilot.press("ctrl+y")
        assert app.clipboard.startswith("✗ locked: clips wait for your approval")
