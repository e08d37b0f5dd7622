"""Review as a person uses it: every key is pressed, then the screen and the store are looked at."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from core import features, loop, tasks
from core.media.clip import Clip
from core.store.records import Prediction, Sample
from tests.tui.conftest import flowed, notices, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.answer import AnswerScreen, OrderScreen
from tui.screens.correct import CorrectScreen
from tui.screens.review import ReviewScreen
from tui.screens.statistics import StatisticsScreen
from tui.widgets.player import Player
from tui.widgets.preview import Preview

SAID = (("action", 0.41), ("dialogue", 0.62), ("action", 0.55), ("suspense", 0.93), (None, None))
TEXTS = ("bin blue at f too now", "lay red with g nine again", "set white by q six soon")


def fill(root: Path, clip: Path, task: str = "scenes") -> list[Sample]:
    """Clips with what the model said of them; the last of the scenes could not be judged."""
    space = loop.open_workspace(root)
    said: list[tuple[Any, float | None]] = list(SAID) if task == "scenes" else [(text, 0.5) for text in TEXTS]
    samples = [
        Sample(
            f"s{n}", task, f"g{n}", media=f"training_data/pending/training_{n}.avi", captured_at=100.0 + n,
            speaker="anna" if n % 2 else "bob", duration_s=1.6, extra={"file": f"clip_{n}.avi"},
        )
        for n in range(len(said))
    ]  # fmt: skip
    for sample in samples:
        shutil.copyfile(clip, root / str(sample.media))
    space.store.add_samples(samples)
    space.store.add_predictions(
        [
            Prediction(
                f"p{n}", f"s{n}", task, "factory", "model", value, sure, False, {}, (), 12.0, 1.0,
                None if value is not None else "no picture in it",
            )
            for n, (value, sure) in enumerate(said)
        ]
    )  # fmt: skip
    space.close()
    return samples


async def review(pilot: Pilot[Any]) -> ReviewScreen:
    """Press 2, and wait for the list."""
    app = await ready(pilot)
    await pilot.press("2")
    await until(pilot, lambda: isinstance(app.screen, ReviewScreen), "the screen")
    screen = app.screen
    assert isinstance(screen, ReviewScreen)
    await until(pilot, lambda: screen.data is not None and (not screen.table.ids or screen.table.item), "the list")
    return screen


@asynccontextmanager
async def reviewing(
    root: Path, task: str = "scenes", size: tuple[int, int] = (120, 40)
) -> AsyncGenerator[tuple[RushesApp, Pilot[Any], ReviewScreen]]:
    """The app on a workspace, with Review open and its list read."""
    app = RushesApp(root, None, task)
    async with app.run_test(size=size) as pilot:
        yield app, pilot, await review(pilot)


def answers(app: RushesApp) -> dict[str, object]:
    assert app.space is not None
    return {item.sample.id: item.correction.value for item in app.space.store.answered(str(app.chosen_task))}


async def choose(pilot: Pilot[Any], screen: ReviewScreen, sample: str) -> None:
    screen.table.choose(sample)
    await until(pilot, lambda: screen.table.chosen == sample and screen.table.item, f"{sample} chosen")


async def test_y_marks_the_chosen_clip_right_and_goes_on_to_the_next_one(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        assert "5 clips · as the queue asks" in screen_text(app)
        assert list(screen.table.ids) == ["s1", "s4", "s0", "s2", "s3"]
        await choose(pilot, screen, "s0")
        await pilot.press("y")
        assert screen.table.chosen == "s2"
        await until(pilot, lambda: "✓ confirmed" in screen_text(app), "the row's new state")
        assert answers(app) == {"s0": "action"}
        assert app.space is not None
        (kept,) = app.space.store.answered("scenes", with_media=True)
        assert kept.correction.picked_by == "queue"  # it was shown as the queue's pick
        assert str(kept.sample.media).startswith("training_data/videos/")


async def test_y_on_a_clip_no_model_could_judge_says_what_to_press(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await choose(pilot, screen, "s4")
        assert "the model had no answer: no picture in it" in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: "no answer of a model to confirm" in notices(app), "the refusal")
        assert answers(app) == {}
        assert not screen.table.saving


async def test_e_gives_the_right_label_and_an_answer_is_not_confirmed_over(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws", size=(100, 30)) as (app, pilot, screen):
        await choose(pilot, screen, "s1")
        await pilot.press("e")
        assert isinstance(app.screen, CorrectScreen)
        await pilot.press("n", "1", "escape")
        assert answers(app) == {}
        await pilot.press("E", "n")
        assert app.screen.query_one(OptionList).highlighted == 0  # what was chosen before is kept
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and answers(app) == {"s1": "action"}, "the correction")
        await choose(pilot, screen, "s1")
        await until(pilot, lambda: "✓ corrected" in screen_text(app), "the row's new state")
        await pilot.press("y")
        await until(pilot, lambda: "has your answer already" in notices(app), "the refusal")
        assert answers(app) == {"s1": "action"}


async def test_a_text_is_edited_beside_its_difference_word_by_word(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi", "speech")
    async with reviewing(tmp_path / "ws", "speech") as (app, pilot, screen):
        await choose(pilot, screen, "s0")
        await pilot.press("e", "n")
        line = app.screen.query_one(Input)
        line.value = "Bin blue at F two now."
        await pilot.pause()
        assert "RAW → TRUTH: Bin blue at F [-too-] {+two+} now." in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: answers(app) == {"s0": "Bin blue at F two now."}, "the correction")
        await until(pilot, lambda: app.screen is screen, "the list")
        await choose(pilot, screen, "s0")
        await until(pilot, lambda: "YOUR ANSWER: Bin blue at F two now." in screen_text(app), "the answer")
        assert "[-too-] {+two+}" in screen_text(app)


async def test_selected_clips_get_one_answer_and_one_undo_takes_it_back_after_a_restart(
    tmp_path: Path, media: Path
) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await pilot.press("b")
        assert "Select clips first" in notices(app)
        await pilot.press("x", "x", "k", "x", "x", "x")  # the second one is unselected again
        assert len(screen.table.selected) == 3
        assert "x 3 selected" in screen_text(app)
        chosen = set(screen.table.selected)
        await pilot.press("b")
        assert isinstance(app.screen, AnswerScreen)
        await pilot.press("escape")
        assert answers(app) == {}
        await pilot.press("b", "5", "enter")
        await until(pilot, lambda: "✓ 3 clips answered with transition" in notices(app), "the notice")
        assert answers(app) == dict.fromkeys(chosen, "transition")
        assert not screen.table.selected
        assert app.space is not None
        assert len(app.space.store.batches("scenes")) == 1

    async with reviewing(tmp_path / "ws") as (again, pilot, screen):
        assert not chosen & set(screen.table.ids)
        await pilot.press("u")
        await until(pilot, lambda: "Taken back: the answer transition on 3 clips" in notices(again), "the notice")
        await until(pilot, lambda: chosen <= set(screen.table.ids), "the clips in the queue again")
        assert answers(again) == {}
        assert screen.table.chosen in chosen
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in notices(again), "the refusal")


async def test_y_confirms_all_selected_and_says_which_it_could_not(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        for sample in ("s0", "s3", "s4"):
            await choose(pilot, screen, sample)
            await pilot.press("x")
        await pilot.press("y")
        await until(pilot, lambda: "✓ 2 clips marked as right" in notices(app), "the notice")
        assert "1 clip had no answer to confirm" in notices(app)
        assert answers(app) == {"s0": "action", "s3": "suspense"}


async def test_d_hides_a_clip_and_u_brings_it_back(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await choose(pilot, screen, "s2")
        await pilot.press("d")
        await until(pilot, lambda: "s2" not in screen.table.ids, "the shorter list")
        assert app.space is not None
        assert app.space.store.sample("s2") is None
        assert len(screen.table.ids) == 4
        await pilot.press("u")
        await until(pilot, lambda: "Taken back: the deletion of 1 clip" in notices(app), "the notice")
        await until(pilot, lambda: screen.table.chosen == "s2", "the clip, chosen")


async def test_n_sets_a_clip_aside_and_back(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await choose(pilot, screen, "s0")
        await pilot.press("n")
        await until(pilot, lambda: "- skipped" in screen_text(app), "the row's new state")
        assert app.space is not None
        assert [row.sample.id for row in app.space.store.samples("scenes", state="skipped")] == ["s0"]
        await choose(pilot, screen, "s0")
        await pilot.press("n")
        await until(pilot, lambda: "- skipped" not in screen_text(app), "the old state")
        assert app.space.store.count("scenes", "skipped") == 0


async def test_the_filter_is_a_line_of_words_and_escape_clears_it(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await pilot.press("slash", *"colour:red", "enter")
        assert "the filter does not know 'colour:red'" in screen_text(app)
        line = screen.query_one("#filter", Input)
        line.value = ""
        await pilot.press(*"label:action speaker:bob", "enter")
        await until(pilot, lambda: set(screen.table.ids) == {"s0", "s2"}, "the two clips")
        assert "/ label:action speaker:bob" in screen_text(app)
        await pilot.press("slash")
        line.value = "clip_99"
        await pilot.press("enter")
        await until(pilot, lambda: "No clip matches “clip_99”" in screen_text(app), "what to press")
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.table.ids) == 5, "all clips")


async def test_o_orders_the_list_and_the_chosen_clip_stays_chosen(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await choose(pilot, screen, "s1")
        await pilot.press("o")
        assert isinstance(app.screen, OrderScreen)
        await pilot.press("j", "enter")
        await until(pilot, lambda: list(screen.table.ids) == ["s4", "s3", "s2", "s1", "s0"], "the newest first")
        assert screen.table.chosen == "s1"
        await pilot.press("o", "j", "enter")
        await until(pilot, lambda: list(screen.table.ids) == ["s4", "s0", "s2", "s1", "s3"], "the least sure first")
        for words in ("No answer differs", "No answer looks wrong"):
            await pilot.press("o", "j", "enter")
            await until(pilot, lambda words=words: words in screen_text(app), words)


async def test_f_lists_clips_that_look_alike_and_escape_goes_back(tmp_path: Path, media: Path) -> None:
    samples = fill(tmp_path / "ws", media / "move.avi")
    space = loop.open_workspace(tmp_path / "ws")
    owner = tasks.get("scenes")
    for sample in samples[:3]:  # the same pictures; the others were never measured
        clip: Clip = features.read(space.root / str(sample.media), owner)
        features.keep(space, owner, sample.id, owner.extract(clip))
    space.close()
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await choose(pilot, screen, "s3")
        await pilot.press("f")
        await until(pilot, lambda: "nothing to compare" in notices(app), "why not")
        await choose(pilot, screen, "s1")
        await pilot.press("f")
        await until(pilot, lambda: screen.alike is not None, "the look-alikes")
        await until(pilot, lambda: "alike by vectors: 1.00 of 1" in screen_text(app), "the reasons")
        assert list(screen.table.ids) == ["s1", "s0", "s2"]
        assert "compared with 2 of 4 unanswered clips" in flowed(app)
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.table.ids) == 5, "the queue again")
        assert screen.table.chosen == "s1"


async def test_look_alikes_are_corrected_in_bulk_and_one_undo_takes_it_back(tmp_path: Path, media: Path) -> None:
    samples = fill(tmp_path / "ws", media / "move.avi")
    space = loop.open_workspace(tmp_path / "ws")
    owner = tasks.get("scenes")
    for sample in samples[:3]:
        features.of_sample(space, owner, sample)
    space.close()
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await choose(pilot, screen, "s1")
        await pilot.press("f")
        await until(pilot, lambda: screen.alike is not None and screen.alike.by == "vectors", "look-alikes by vectors")
        assert list(screen.table.ids) == ["s1", "s0", "s2"]
        await until(pilot, lambda: screen.table.item, "the rows")
        await pilot.press("home", "x", "x", "x")
        assert screen.table.selected == {"s0", "s1", "s2"}
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, AnswerScreen), "the question")
        await pilot.press("down", "enter")
        await until(pilot, lambda: set(answers(app)) == {"s0", "s1", "s2"}, "the answers")
        assert len(set(answers(app).values())) == 1
        await pilot.press("u")
        await until(pilot, lambda: answers(app) == {}, "one undo for all three")


async def test_i_says_how_right_the_model_was_with_its_n(tmp_path: Path, media: Path) -> None:
    samples = fill(tmp_path / "ws", media / "move.avi")
    space = loop.open_workspace(tmp_path / "ws")
    loop.correct(space, [(samples[0], "action"), (samples[1], "action")], picked_by="queue", trigger=False)
    space.close()
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        await pilot.press("i")
        assert isinstance(app.screen, StatisticsScreen)
        await until(pilot, lambda: "newest answers" in screen_text(app), "the numbers")
        assert "not enough random picks yet (0 of 20)" in screen_text(app)
        assert "accuracy 0.50, override rate 0.50 (n = 2)" in screen_text(app)
        assert "50 % of 2 answers" in screen_text(app)
        await pilot.press("i")
        assert app.screen is screen


async def test_a_clip_is_played_paused_and_scrubbed_and_the_next_one_is_decoded_ahead(
    tmp_path: Path, media: Path
) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        player = screen.query_one(Player)
        await until(pilot, lambda: "0.0 / 1.6 s" in screen_text(app) and "▀" in screen_text(app), "the first picture")
        await until(pilot, lambda: player.ahead is not None and player.ahead.ended, "the next clip, ahead")
        assert player.ahead is not None
        assert player.ahead.sample.id == screen.table.ids[1]
        await pilot.press("right")
        assert player.position == pytest.approx(0.5)
        await pilot.press("l", "l", "l", "left")
        assert player.reel is not None
        assert player.position == pytest.approx(player.reel.times[-1] - 0.5)
        assert f"{player.position:.1f} / 1.6 s" in screen_text(app)
        await pilot.press("left", "left", "left")  # so much of it is left that a loaded machine sees it play
        await pilot.press("space")
        assert player.playing
        await pilot.press("space")
        assert not player.playing
        await pilot.press("space")
        await until(pilot, lambda: not player.playing, "the end")
        assert player.position == player.reel.times[-1]
        ahead = player.ahead
        await pilot.press("j")
        await until(pilot, lambda: player.reel is ahead and player.position == 0.0, "the clip that was decoded ahead")


async def test_a_picture_is_shown_as_a_still(tmp_path: Path, media: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    shutil.copyfile(media / "photo.png", space.pending / "photo.png")
    space.store.add_samples([Sample("s0", "ratings", "g0", media="training_data/pending/photo.png")])
    space.close()
    async with reviewing(tmp_path / "ws", "ratings", size=(80, 24)) as (app, pilot, _):
        await until(pilot, lambda: "a picture" in screen_text(app) and "▀" in screen_text(app), "the still")
        await pilot.press("space")
        assert "nothing to play" in notices(app)


async def test_missing_and_damaged_media_are_named(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    pending = tmp_path / "ws" / "training_data" / "pending"
    (pending / "training_1.avi").write_bytes(b"RIFF, but no film")
    async with reviewing(tmp_path / "ws") as (app, pilot, screen):
        player = screen.query_one(Player)
        await choose(pilot, screen, "s1")
        await until(pilot, lambda: player.reel is not None and player.reel.sample.id == "s1", "the clip")
        await until(pilot, lambda: player.reel is not None and player.reel.problem, "why not")
        await until(pilot, lambda: "! " in player.query_one(Preview).message, "it on the screen")
        assert player.query_one(Preview).message.splitlines()[0] in screen_text(app)
        await pilot.press("space", "right")
        assert not player.playing
        (pending / "training_2.avi").unlink()
        screen.table.renew()
        await choose(pilot, screen, "s2")
        await until(pilot, lambda: "media missing" in screen_text(app), "what is missing")


async def test_an_empty_task_says_what_to_press_and_keys_do_no_harm(tmp_path: Path) -> None:
    async with reviewing(tmp_path / "ws", size=(80, 24)) as (app, pilot, screen):
        await until(pilot, lambda: "Press 1 for Capture" in screen_text(app), "what to press")
        await pilot.press("y", "e", "x", "b", "f", "d", "space", "left", "right", "n", "j", "k", "g", "G", "pagedown")
        assert app.screen is screen
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in notices(app), "the refusal")
        assert "No clip is chosen." in str(screen_text(app)) + notices(app)


async def test_a_clip_that_arrives_leaves_the_chosen_one_chosen(tmp_path: Path, media: Path) -> None:
    fill(tmp_path / "ws", media / "move.avi")
    async with reviewing(tmp_path / "ws") as (_, pilot, screen):
        await choose(pilot, screen, "s3")
        other = loop.open_workspace(tmp_path / "ws")
        shutil.copyfile(media / "move.avi", other.pending / "new.avi")
        other.store.add_samples([Sample("new", "scenes", "new", media="training_data/pending/new.avi")])
        other.close()
        await until(pilot, lambda: "new" in screen.table.ids, "the new clip")
        assert screen.table.chosen == "s3"
        assert "6 clips" in str(screen.table.border_title)


async def test_a_long_list_is_walked_without_reading_all_of_it(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    (space.data / "videos" / "shared.avi").write_bytes(b"RIFF")
    shared = "training_data/videos/shared.avi"
    space.store.add_samples(
        [Sample(f"s{n:05}", "scenes", f"g{n}", media=shared, captured_at=float(n)) for n in range(5000)]
    )
    space.close()
    async with reviewing(tmp_path / "ws", size=(80, 24)) as (_, pilot, screen):
        await until(pilot, lambda: screen.data is not None and screen.data.listing.complete, "the queue")
        assert len(screen.table.ids) == 5000
        await pilot.press("G")
        await until(pilot, lambda: screen.table.cursor == 4999 and screen.table.item, "the last row")
        await pilot.press("pageup", "up", "k", "home", "end", "g", "down")
        assert screen.table.cursor == 1
        assert len(screen.table.rows) < 1000
        assert isinstance(screen.query_one("#notice"), Static)
