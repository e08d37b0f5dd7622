"""A folder that is judged: how far it is, stopping it, what waits behind it, and going on with what was left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from core import loop
from core.demo.frames import draw_picture
from core.media.encode import write_image
from core.store.records import Sample
from tests.tui.conftest import PATIENCE_S, capture, held, notices, opened, ready, screen_text, until
from tui.app import RushesApp
from tui.widgets.clip_list import ClipList

ASKED = "events.jsonl"  # while another process holds it, the judge waits on its first clip


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five pictures, and beside it another one with two."""
    folder = tmp_path_factory.mktemp("media")
    for name, numbers in (("album", range(5)), ("other", range(5, 7))):
        (folder / name).mkdir()
        for number in numbers:
            write_image(folder / name / f"{number}.png", draw_picture(number)[:96, :96])
    return folder / "album"


async def soon(seen: Callable[[], object]) -> None:
    """Not by the pilot, which would wait for the judge's thread."""
    async with asyncio.timeout(PATIENCE_S):
        while not seen():
            await asyncio.sleep(0.01)


def judged(app: RushesApp, task: str = "ratings") -> int:
    return sum(row.prediction is not None for row in opened(app).store.samples(task))


async def test_a_folder_says_how_far_it_is_and_esc_leaves_it_for_the_next_one(tmp_path: Path, album: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(album), "ratings")
    async with app.run_test(size=(120, 30)) as pilot:
        await ready(pilot)
        screen = capture(app)
        await until(pilot, lambda: screen.feed and screen.feed.kind, "the folder")
        with held(opened(app), ASKED):
            app.simulate_key("enter")
            await soon(lambda: "… judging 1 of 5, esc stops" in screen_text(app))
            screen.open_source(str(album.with_name("other")))
            await soon(lambda: screen.feed and screen.feed.kind)
            app.simulate_key("enter")
            await soon(lambda: "judging 1 of 5, esc stops, 1 more after it" in screen_text(app))
            assert "other comes next" in notices(app)
            app.simulate_key("escape")
            await soon(screen.judge.stopped)
        await until(pilot, lambda: "Stopped after 1 of 5. What was judged is kept." in notices(app), "the notice")
        await until(
            pilot, lambda: app.snapshot and app.snapshot.pending == 3 and not screen.judge.busy, "the other one"
        )
        assert judged(app) == 3


async def test_another_task_on_the_screen_leaves_no_clip_unjudged(tmp_path: Path, album: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(album), "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        screen = capture(app)
        await until(pilot, lambda: screen.feed and screen.feed.kind, "the folder")
        with held(opened(app), ASKED):
            app.simulate_key("enter")
            await soon(lambda: screen.judge.total == 5)
            app.choose_task("scenes")
        await until(pilot, lambda: not screen.judge.busy, "the end")
        rows = opened(app).store.samples("ratings")
        assert [row.prediction.version for row in rows if row.prediction] == ["factory"] * 5
        assert opened(app).store.samples("scenes") == []


async def test_leaving_in_the_middle_keeps_what_was_taken_and_it_is_judged_when_its_task_is_opened(
    tmp_path: Path, album: Path
) -> None:
    app = RushesApp(tmp_path / "ws", str(album), "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        screen = capture(app)
        await until(pilot, lambda: screen.feed and screen.feed.kind, "the folder")
        with held(opened(app), ASKED):
            app.simulate_key("enter")
            await soon(lambda: screen.judge.total == 5)
            assert app.parting() == (
                "Stopped after 0 of 5. What was judged is kept. Take the folder again for the others."
            )
            app.simulate_key("q")
    space = loop.open_workspace(tmp_path / "ws")
    left = [
        found for found in loop.capture(space, album.parent.glob("other/*"), "ratings") if isinstance(found, Sample)
    ]
    loop.correct(space, [(left[1], 0.5)], trigger=False)
    space.close()

    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        assert opened(app).store.predictions(left[0].id) == []
        app.choose_task("ratings")
        await until(pilot, lambda: not opened(app).store.unjudged("ratings"), "the answers on the clips that were left")
        assert opened(app).store.predictions(left[1].id) == []  # it has the user's own answer
        assert len(opened(app).store.predictions(left[0].id)) == 1


async def test_the_newest_clip_is_followed_from_the_top_row_only(tmp_path: Path, album: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        screen, clips = capture(app), capture(app).query_one(ClipList)

        async def take(name: str) -> str:
            before = judged(app)
            screen.open_source(str(album / name))
            await until(pilot, lambda: screen.feed and screen.feed.kind, "the picture")
            await pilot.press("enter")
            await until(pilot, lambda: judged(app) > before, "its answer")
            newest = opened(app).store.samples("ratings")[0].sample.id
            await until(pilot, lambda: app.snapshot and app.snapshot.row(newest), "its row")
            return newest

        await take("0.png")
        second = await take("1.png")
        assert clips.chosen == second
        await pilot.press("j")
        looked_at = clips.chosen
        assert looked_at not in (None, second)
        await take("2.png")
        assert clips.chosen == looked_at
        await pilot.press("g")
        newest = await take("3.png")
        assert clips.chosen == newest
