"""The Models screen by its keys: what it says, what a yes changes in the pointer, what a no leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets._toast import Toast  # Textual exports it nowhere

from core import comparison, importing, loop, registry, tasks
from core.registry import Pointer
from core.training import curve
from core.workspace import Workspace
from tests.conftest import Drawn
from tests.tui import versions
from tests.tui.conftest import notices, ready, screen_text, until
from tui import model_words
from tui.app import RushesApp
from tui.screens.compare import CompareScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.models import ModelsScreen
from tui.screens.provenance import Listing, ProvenanceScreen
from tui.widgets.reading import Reading
from tui.widgets.versions_table import VersionsTable

TASK = versions.TASK
SIZE = (120, 40)


@pytest.fixture
def several(tmp_path: Path, versioned: Callable[[Path], Workspace]) -> Path:
    """v1 was champion, v2 is, v3 answers in shadow; 60 answers tested versions."""
    space = versioned(tmp_path / "several")
    versions.answer(space, 60)
    space.close()
    return tmp_path / "several"


async def opened(pilot: Pilot[Any]) -> ModelsScreen:
    """The screen with its first reading."""
    app = await ready(pilot)
    await pilot.press("4")
    await until(pilot, lambda: isinstance(app.screen, ModelsScreen) and app.screen.data, "the versions")
    await pilot.pause()
    assert isinstance(app.screen, ModelsScreen)
    return app.screen


def app_on(root: Path) -> RushesApp:
    return RushesApp(root, None, TASK)


def pointer(screen: ModelsScreen) -> Pointer:
    space = screen.rushes.space
    assert space is not None
    return registry.pointer(space, TASK)


def card(screen: ModelsScreen) -> str:
    return screen.query_one("#card", Reading).text


async def choose(pilot: Pilot[Any], screen: ModelsScreen, version: str) -> None:
    """Move to a version with the keys."""
    await pilot.press("g")
    for _ in range(10):
        if screen.query_one(VersionsTable).chosen == version:
            await pilot.pause()
            return
        await pilot.press("j")
    pytest.fail(f"{version} is not listed")


async def agree(pilot: Pilot[Any], key: str, *words: str) -> None:
    """Press a key, look at what it says it will change, say yes."""
    await pilot.press(key)
    app = pilot.app
    assert isinstance(app, RushesApp)
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
    assert isinstance(app.screen, ConfirmScreen)
    said = " ".join(app.screen.changes)
    for word in words:
        assert word in said
    await pilot.press("y")


def said(app: RushesApp) -> str:
    """What is shown and notified, on one line."""
    return " ".join((screen_text(app) + notices(app)).split())


async def test_reverting_and_coming_back_swaps_the_model_that_answers(trained: Path) -> None:
    app = app_on(trained)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        assert screen.query_one(VersionsTable).chosen == "v1"  # who answers is chosen first
        await agree(pilot, "F", "instead of v1", "v1 stays and can be brought back with R")
        await until(pilot, lambda: app.serving and app.serving.predictor.version == "factory", "the factory's model")
        assert pointer(screen).champion == "factory"
        await until(pilot, lambda: "▶ champion" in card(screen) or "↶ previous" in card(screen), "the new roles")
        await agree(pilot, "R", "v1 answers again instead of factory")
        await until(pilot, lambda: app.serving and app.serving.predictor.version == "v1", "v1")
        assert pointer(screen).champion == "v1"
        assert "v1 answers again" in notices(app)


async def test_a_no_changes_nothing(several: Path) -> None:
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        before = pointer(screen)
        await choose(pilot, screen, "v1")
        for key, no in zip("DRFS", ("n", "escape", "n", "escape"), strict=True):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
            await pilot.press(no)
            await until(pilot, lambda: app.screen is screen, "the screen again")
        assert pointer(screen) == before


async def test_no_notice_stands_on_the_question(several: Path) -> None:
    app = app_on(several)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await opened(pilot)
        await choose(pilot, screen, "v1")
        app.notify("said before", timeout=60)
        await until(pilot, lambda: "said before" in screen_text(app), "the notice")
        await pilot.press("D")
        await until(pilot, lambda: "v1 answers from now on instead of v2." in screen_text(app), "the question")
        await until(pilot, lambda: not app.screen.query(Toast), "the question alone")
        app.notify("said meanwhile", timeout=60)
        await until(pilot, lambda: "said meanwhile" in screen_text(app), "the notice")
        assert app.screen.query_one(Toast).region.bottom <= app.screen.query_one("#box").region.y
        await pilot.press("question_mark")
        await until(pilot, lambda: "What will change if you say yes" in screen_text(app), "the help")
        assert "All settings, with their meaning" not in screen_text(app)  # that key is not heard in a dialog


async def test_deploying_ends_the_shadow_and_says_so_first(several: Path) -> None:
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await choose(pilot, screen, "v3")
        await agree(
            pilot, "D", "v3 answers from now on instead of v2", "v2 stays", "comparison with v2 ends", "was revert"
        )
        await until(pilot, lambda: app.serving and app.serving.predictor.version == "v3", "v3")
        now = pointer(screen)
        assert (now.champion, now.challenger, now.previous) == ("v3", None, ("v2", "v1", "factory"))
        await until(pilot, lambda: "champion" in card(screen), "its new role")
        await pilot.press("D")
        await until(pilot, lambda: "v3 is the champion already" in notices(app), "the refusal")
        assert app.screen is screen


async def test_shadow_starts_and_ends_with_one_key(several: Path) -> None:
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await choose(pilot, screen, "v3")
        await agree(pilot, "S", "v3 no longer answers in shadow")
        await until(pilot, lambda: pointer(screen).challenger is None, "the end of the shadow")
        await until(pilot, lambda: "v3 rests" in notices(app), "the notice")
        await until(pilot, lambda: screen.data and screen.data.active.challenger is None, "the new reading")
        await choose(pilot, screen, "v1")
        await agree(pilot, "S", "v1 answers every new clip too", "v2 goes on answering")
        await until(pilot, lambda: pointer(screen).challenger == "v1", "the shadow")
        assert pointer(screen).champion == "v2"
        await choose(pilot, screen, "v2")
        await pilot.press("S")
        await until(pilot, lambda: "v2 is the champion" in notices(app), "the refusal")


async def test_a_damaged_version_is_marked_and_refused_and_the_champion_stays(trained: Path) -> None:
    app = app_on(trained)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await agree(pilot, "F")
        await until(pilot, lambda: app.serving and app.serving.predictor.version == "factory", "the factory's model")
        (trained / "models" / TASK / "model_v1.onnx").write_bytes(b"torn")
        screen.look()
        await until(pilot, lambda: "! damaged" in screen_text(app), "the mark")
        for key in "DR":
            await choose(pilot, screen, "v1")
            await agree(pilot, key, "It will be refused")
            await until(pilot, lambda: "factory goes on answering" in notices(app), "the reason")
            assert "is damaged or not an ONNX model" in notices(app)
            app.clear_notifications()
            await pilot.pause()
        assert pointer(screen).champion == "factory"


async def test_a_damaged_pointer_says_what_to_press_and_that_mends_it(several: Path) -> None:
    (several / "models" / TASK / "active.json").write_text("{torn")
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: "choose v2 and press D" in said(app), "what to press")
        await choose(pilot, screen, "v2")
        await agree(pilot, "D", "active.json is written anew")
        await until(pilot, lambda: not pointer(screen).damaged, "the whole file")
        assert pointer(screen).champion == "v2"
        await until(pilot, lambda: "press D" not in screen_text(app), "the notice gone")


async def test_a_champion_whose_file_is_damaged_is_named_on_the_screen(several: Path) -> None:
    (several / "models" / TASK / "model_v2.onnx").write_bytes(b"torn")
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: "an older version answers" in said(app), "the notice")
        assert "! v2" in said(app)
        assert pointer(screen).champion == "v2"
        assert app.serving is not None
        assert app.serving.predictor.version == "v1"


async def test_what_changed_meanwhile_is_not_overruled_by_an_old_question(several: Path) -> None:
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        other = loop.open_workspace(several)
        registry.deploy(other, TASK, "v3", reason="elsewhere")
        other.close()
        await pilot.press("y")
        await until(pilot, lambda: "has changed since you were asked" in notices(app), "the refusal")
        assert pointer(screen).champion == "v3"


async def test_a_speakers_version_is_deployed_and_rolled_back_for_that_speaker_alone(several: Path) -> None:
    space = loop.open_workspace(several)
    versions.rewrite(space, "v1", speaker="ann")
    versions.rewrite(space, "v3", speaker="ann")
    registry.challenge(space, TASK, None, reason="test")
    registry.deploy(space, TASK, "v1", reason="test")
    space.close()
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await choose(pilot, screen, "v3")
        await agree(pilot, "D", "v3 answers while speaker ann is set, instead of v1", "Everybody else", "v2 as before")
        await until(pilot, lambda: pointer(screen).speakers == {"ann": "v3"}, "the speaker's version")
        assert pointer(screen).champion == "v2"
        await until(pilot, lambda: "▶ answers ann" in card(screen), "the role")
        await agree(pilot, "R", "v1 answers speaker ann again instead of v3")
        await until(pilot, lambda: pointer(screen).speakers == {"ann": "v1"}, "the one before")
        await until(pilot, lambda: screen.data and screen.data.active.speakers == {"ann": "v1"}, "the new reading")
        await agree(pilot, "F", "It answers speaker ann too, instead of v1", "R does not")
        await until(pilot, lambda: pointer(screen).speakers == {}, "the factory for everybody")


async def test_an_override_is_shown_and_warned_of(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSHES_MODEL_VERSION_RATINGS", "v1")
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        assert "RUSHES_MODEL_VERSION_RATINGS is set: v1 answers in this environment" in said(app)
        await choose(pilot, screen, "v3")
        await agree(pilot, "D", "v1 goes on answering in this environment all the same")
        await until(pilot, lambda: pointer(screen).champion == "v3", "the deployment")
        await until(pilot, lambda: "v3 answers now" in notices(app), "the notice")
        assert app.serving is not None
        assert app.serving.predictor.version == "v1"


@pytest.fixture
def unasked(tmp_path: Path, versioned: Callable[[Path], Workspace], drawn: Drawn) -> Path:
    """24 answered pictures that none of the versions has seen or been asked about; v2 is champion."""
    space = versioned(tmp_path / "unasked")
    for version in ("v1", "v2", "v3"):
        versions.rewrite(space, version, base=registry.IMPORTED)
    space.close()
    (tmp_path / "unasked" / "rushes.toml").write_text("[train]\nautomatic = false\n")
    space = loop.open_workspace(tmp_path / "unasked")
    importing.run(space, drawn("ratings", 24, 2) / "manifest.csv", TASK)
    space.close()
    return tmp_path / "unasked"


def answered_by(app: RushesApp, version: str) -> int:
    """How many samples a version has answered in shadow."""
    assert app.space is not None
    store = app.space.store
    asked = [store.predictions(item.sample.id) for item in store.answered(TASK)]
    return sum(any(said.version == version and said.kind == "shadow" for said in one) for one in asked)


async def test_comparing_answers_what_is_missing_and_draws_the_interval(unasked: Path) -> None:
    app = app_on(unasked)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pilot.press("C")
        await until(pilot, lambda: "v2 is the champion" in notices(app), "the refusal")
        await choose(pilot, screen, "factory")
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.found, "the comparison")
        await until(pilot, lambda: "better →" in screen_text(app), "the line")
        assert isinstance(app.screen, CompareScreen)
        found = app.screen.found
        assert found is not None
        assert (found.a, found.b) == ("v2", "factory")
        assert f"{found.found.mean:+.3f} for factory" in screen_text(app)
        assert (answered_by(app, "v2"), answered_by(app, "factory")) == (24, 24)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "the screen again")


async def test_a_comparison_is_stopped_by_esc_and_keeps_what_was_answered(
    unasked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "BATCH", 1)
    app = app_on(unasked)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await choose(pilot, screen, "v3")
        assert app.space is not None
        with app.space.store.catalog.lock:  # the comparison waits for it until esc has been pressed
            await pilot.press("C")
            await until(pilot, lambda: isinstance(app.screen, CompareScreen), "the comparison")
            await pilot.press("escape")
            assert "Stopping after this batch" in screen_text(app)
        await until(pilot, lambda: app.screen is screen, "the screen again")
        assert (answered_by(app, "v2"), answered_by(app, "v3")) == (1, 0)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.found, "the comparison")
        assert (answered_by(app, "v2"), answered_by(app, "v3")) == (24, 24)


async def test_a_comparison_with_a_damaged_version_says_why_there_is_none(unasked: Path) -> None:
    (unasked / "models" / TASK / "model_v1.onnx").write_bytes(b"torn")
    app = app_on(unasked)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await choose(pilot, screen, "v1")
        await pilot.press("C")
        await until(pilot, lambda: "Nothing was compared" in screen_text(app), "the reason")
        assert "is damaged or not an ONNX model" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "the screen again")


async def test_provenance_lists_the_corrections_of_the_chosen_version(trained: Path) -> None:
    app = app_on(trained)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, ProvenanceScreen), "the list")
        await pilot.pause()
        shown = said(app)
        assert "54 corrections" in shown
        assert "by split fold: 54" in shown
        assert "0.8 to 1:" in shown
        assert "user_ratings_1_0000.jpg" in shown
        listing = app.screen.query_one(Listing)
        assert len(listing.lines) >= 54
        await pilot.press("G")
        assert "user_ratings_1_0053.jpg" in screen_text(app)
        await pilot.press("ctrl+y")
        assert "user_ratings_1_0053.jpg" in app.clipboard
        await pilot.press("g", "j", "j", "k")
        assert listing.scroll_offset.y == 1
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "the screen again")
        await choose(pilot, screen, "factory")
        await pilot.press("p")
        await until(pilot, lambda: "not trained in this workspace" in said(app), "why there is none")


async def test_the_card_follows_the_cursor_and_is_copied(several: Path) -> None:
    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        assert "About 42 more corrections would settle it" in card(screen)
        assert "◌ now: v3 against v2" in card(screen)
        await choose(pilot, screen, "v1")
        assert "against factory mae 0.21 -> 0.12 on 60 answers" in card(screen)
        assert "interval +0.03 to +0.15" in card(screen)
        await choose(pilot, screen, "factory")
        assert "No verdict: it came with the program." in card(screen)
        assert "clips of its makers, none of them yours" in card(screen)
        assert "own test" in screen_text(app)
        await pilot.press("ctrl+y")
        assert app.clipboard == card(screen)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        assert app.screen.about is screen.query_one(VersionsTable)
        await until(pilot, lambda: "All versions, newest first" in screen_text(app), "the table's help")


async def test_the_curve_is_drawn_once_per_reading_and_marks_versions_and_stages(several: Path) -> None:
    from tui.widgets.curve_plot import CurvePlot

    app = app_on(several)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: screen.query(CurvePlot), "the curve")
        await until(pilot, lambda: "●" in screen_text(app), "its points")
        assert "60 corrections, 60 tested · stage Baseline" in said(app)
        assert "440 to Enhanced · forecast: not enough to tell" in said(app)
        row = next(
            line for line in screen_text(app).splitlines() if "factory" in line and "v1" in line and "v2" in line
        )
        assert row.index("factory") < row.index("v1") < row.index("v2")
        plot = screen.query_one(CurvePlot)
        drawn = plot.drawn
        screen.look()
        await app.workers.wait_for_complete([worker for worker in app.workers if worker.group == "take"])
        await pilot.pause()
        assert plot.drawn == drawn


async def test_only_the_factory_is_there_and_no_answer_has_tested_it(tmp_path: Path) -> None:
    app = app_on(tmp_path / "new")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert "press 3 to train" in said(app)
        assert "No answer has tested a version yet" in said(app)
        assert not screen.query("#curve")
        for key, words in (("D", "champion already"), ("R", "no earlier champion"), ("F", "answers already")):
            await pilot.press(key)
            await until(pilot, lambda words=words: words in notices(app), words)
        assert app.screen is screen
        assert pointer(screen) == Pointer()


@pytest.mark.parametrize(
    ("low", "high", "mean", "line"),
    [
        (-1.0, 1.0, 0.0, "┣━━━━━━━●━━━━━━━┫"),
        (0.5, 1.0, 0.75, "        ┃   ┣━●━┫"),
        (-1.0, -0.5, -0.75, "┣━●━┫   ┃"),
        (-0.5, 1.0, 0.5, "    ┣━━━╋━━━●━━━┫"),
    ],
)
def test_the_interval_is_drawn_around_zero(low: float, high: float, mean: float, line: str) -> None:
    scale, drawn = model_words.around_zero(low, high, mean, 17)
    assert drawn == line
    assert scale.index(" 0 ") + 1 == 8


def drawn_curve(count: int) -> curve.Curve:
    """A curve of so many right or wrong labels, each answered by v1 and the second half by v2."""
    rows: list[curve.Row] = [
        ("action", "action" if number % 3 else "dialogue", "v1" if number < count / 2 else "v2", "queue")
        for number in range(count)
    ]
    return curve.draw(tasks.get("scenes"), rows)


@pytest.mark.parametrize(("count", "stages"), [(100, []), (400, ["Enhanced"]), (600, ["Enhanced"])])
def test_a_stage_is_marked_once_it_is_near(count: int, stages: list[str]) -> None:
    from tui.widgets import curve_plot

    seen = drawn_curve(count)
    end = curve_plot.right_end(seen)
    shown = [mark for mark in curve_plot.marks_of(seen) if mark.at <= end]
    assert [mark.words for mark in shown if mark.stage] == stages
    assert [(mark.words, mark.at) for mark in shown if not mark.stage] == [("v1", 1), ("v2", count // 2 + 1)]


def test_marks_stand_above_their_lines_and_never_over_each_other() -> None:
    from tui.widgets.curve_plot import Mark, mark_line

    marks = [Mark(0, "factory", False), Mark(5, "v1", False), Mark(50, "v2", False), Mark(99, "Enhanced", True)]
    assert mark_line(marks, 100.0, 42, "").plain.rstrip() == " factory" + " " * 13 + "v2" + " " * 11 + "Enhanced"
