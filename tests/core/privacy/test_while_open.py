"""A sample is forgotten by another process while the screens, or anybody's hands, are on it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from core import features, importing, loop, privacy, registry, tasks
from core.capture import intake
from core.capture.intake import About
from core.errors import RushesError
from core.files import sha256_file
from core.manifest import Row
from core.review import answers, looks, queue, triage
from core.store.records import Prediction, Sample
from core.workspace import Workspace
from tests.core.privacy import used
from tests.core.test_loop import long_film
from tests.tui.conftest import notices, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.correct import CorrectScreen
from tui.screens.review import ReviewScreen


def marks(sample: Sample) -> dict[str, str]:
    hashed = sample.media_hash or ""
    return {"id": sample.id, "content": hashed, "group": hashed[:16], "file": Path(sample.media or "").name}


@pytest.fixture
def judged(small: Workspace) -> Workspace:
    """The small workspace, its samples answered by the factory's version."""
    samples = [row.sample for row in small.store.samples("ratings", limit=50)]
    loop.predict(small, registry.serving(small, "ratings").predictor, samples)
    return small


def pending(space: Workspace) -> list[Sample]:
    return [row.sample for row in space.store.samples("ratings", state="pending", limit=50)]


async def forget_elsewhere(root: Path, *samples: str) -> str:
    """`rushes forget` in a process of its own."""
    command = [sys.executable, "-P", "-m", "tui.cli", "forget", *samples, "--yes", "--json", "-w", str(root)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert '"left": []' in out.decode()
    return out.decode()


async def open_review(app: RushesApp, pilot: object, sample: str) -> ReviewScreen:
    from textual.pilot import Pilot

    assert isinstance(pilot, Pilot)
    await ready(pilot)
    await pilot.press("2")
    await until(pilot, lambda: isinstance(app.screen, ReviewScreen), "Review")
    screen = app.screen
    assert isinstance(screen, ReviewScreen)
    await until(pilot, lambda: sample in screen.table.ids and screen.table.item, "the list")
    screen.table.choose(sample)
    await until(pilot, lambda: screen.table.chosen == sample and screen.table.item, "the clip chosen")
    return screen


async def test_a_clip_that_is_shown_played_and_listed_goes_from_the_screen_and_nothing_brings_it_back(
    judged: Workspace,
) -> None:
    one, other = pending(judged)
    app = RushesApp(judged.root, None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_review(app, pilot, one.id)
        await pilot.press("f")
        await until(pilot, lambda: screen.alike is not None or "No clip looks" in notices(app), "look-alikes")
        await until(pilot, lambda: screen.player.reel is not None and screen.player.reel.ended, "the clip decoded")
        await pilot.press("x")
        screen.table.choose(one.id)
        await forget_elsewhere(judged.root, one.id)
        for key in ("y", "d", "s", "n", "f", "u"):
            screen.table.choose(one.id)
            await pilot.press(key)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: one.id not in screen.table.ids, "the clip gone from the list")
        await pilot.press("1")
        await until(pilot, lambda: app.snapshot is not None and one.id not in str(app.snapshot), "gone from Capture")
        await pilot.pause()
        assert used.found(judged.root, marks(one)) == []
    assert used.found(judged.root, marks(one)) == []
    assert other.id in {row.sample.id for row in judged.store.samples("ratings", limit=50)}


@pytest.mark.parametrize("keys", [("y",), ("n", "enter")])
async def test_an_answer_to_a_clip_that_was_forgotten_meanwhile_is_refused_in_a_sentence(
    judged: Workspace, keys: tuple[str, ...]
) -> None:
    one = pending(judged)[0]
    app = RushesApp(judged.root, None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_review(app, pilot, one.id)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, CorrectScreen), "the question")
        await forget_elsewhere(judged.root, one.id)
        for key in keys[:1]:
            await pilot.press(key)
        if len(keys) > 1:
            app.screen.query_one(Input).value = "0.5"
            await pilot.press(keys[1])
        await until(pilot, lambda: "was forgotten" in screen_text(app), "the refusal")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen and one.id not in screen.table.ids, "the list without it")
    assert used.found(judged.root, marks(one)) == []


async def test_selected_clips_of_which_one_was_forgotten_are_answered_without_it(judged: Workspace) -> None:
    one, other = pending(judged)
    answered = judged.store.count("ratings", "answered")
    app = RushesApp(judged.root, None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_review(app, pilot, one.id)
        await pilot.press("x")
        screen.table.choose(other.id)
        await pilot.press("x")
        assert screen.table.selected == {one.id, other.id}
        await forget_elsewhere(judged.root, one.id)
        await pilot.press("y")
        await until(pilot, lambda: judged.store.count("ratings", "answered") == answered + 1, "the answer")
        await until(pilot, lambda: one.id not in screen.table.ids, "the list without it")
    assert used.found(judged.root, marks(one)) == []
    assert other.id in {item.sample.id for item in judged.store.answered("ratings")}


def test_nothing_that_holds_a_forgotten_sample_in_memory_writes_it_back(judged: Workspace) -> None:
    """What hands that had the sample before do with it: the user's words are refused, the machine's are dropped."""
    one, other = pending(judged)
    predictor = registry.serving(judged, "ratings").predictor
    owner, measured = tasks.get("ratings"), features.of_sample(judged, tasks.get("ratings"), one)
    path = judged.root / (one.media or "")
    kept = path.read_bytes()
    privacy.forget(judged, [one.id])
    lines = used.lines(judged.root, "annotations.jsonl"), used.lines(judged.root, "events.jsonl")

    path.write_bytes(kept)  # a copy that was being made meanwhile
    refused: list[Callable[[], object]] = [
        lambda: loop.correct(judged, [(one, 0.5)], trigger=False),
        lambda: loop.correct(judged, [(one, None)], trigger=False),
        lambda: loop.correct(judged, [(other, 0.5), (one, 0.5)], trigger=False),
        lambda: answers.skip(judged, one),
        lambda: answers.hide(judged, "ratings", [one.id, other.id]),
        lambda: triage.triage(judged, one, "dismissed"),
        lambda: judged.store.add_samples([replace(other, region="here"), one]),
        lambda: judged.store.add_corrections([(one, answers.answer(judged, one, 0.5))]),
    ]
    for act in refused:
        with pytest.raises(RushesError, match="forgotten") as said:
            act()
        assert one.id not in said.value.sentence()
    path.unlink()
    loop.predict(judged, predictor, [one])
    features.keep(judged, owner, one.id, measured)
    looks.look(judged, owner, one.id)
    queue.remember(judged, "ratings", [queue.Queued(one.id, "", "queue", None, None, "", None, "", None, None)])
    assert used.found(judged.root, marks(one)) == []
    assert (used.lines(judged.root, "annotations.jsonl"), used.lines(judged.root, "events.jsonl")) == lines
    said_by = Prediction("p", other.id, "ratings", "v1", "model", 0.5, 0.5, False, {}, (), 1.0, 1.0)
    judged.store.add_predictions([replace(said_by, sample=one.id), said_by])
    assert judged.store.latest(other.id) == said_by


def test_a_clip_that_is_forgotten_while_it_is_taken_in_leaves_nothing(
    small: Workspace, pictures: Callable[[int], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pending(small)[0]
    brought = next(path for path in pictures(6) if path.name == one.extra["file"])
    kept = brought.read_bytes()
    real = intake._parts  # pyright: ignore[reportPrivateUsage]  # the moment between reading and keeping

    def and_forget(*given: object) -> object:
        found = list(real(*given))  # pyright: ignore[reportArgumentType]  # passed on as they came
        privacy.forget(small, [one.id])
        return found

    (small.root / (one.media or "")).unlink()
    small.store.refresh()
    monkeypatch.setattr(intake, "_parts", and_forget)
    (taken,) = loop.capture(small, [brought], "ratings")
    assert "was forgotten" in str(taken)
    assert used.found(small.root, {"id": one.id, "content": one.media_hash or ""}) == []
    assert not [path for path in small.pending.iterdir() if path.read_bytes() == kept]


def test_an_import_goes_on_without_a_clip_that_is_forgotten_while_it_reads_the_others(
    small: Workspace, pictures: Callable[[int], list[Path]]
) -> None:
    files = pictures(8)  # none of them is known yet
    rows = [Row(number, path, "0.5", About()) for number, path in enumerate(files, start=1)]
    digest, forgotten = sha256_file(files[1]), list[str]()

    def forget(number: int, _name: str) -> None:
        if number == 8:  # all are read by now, and no answer is saved
            listed = small.store.samples("ratings", limit=50)
            forgotten.extend(row.sample.id for row in listed if row.sample.media_hash == digest)
            privacy.forget(small, forgotten)

    found = importing.take(small, tasks.get("ratings"), rows, progress=forget)
    assert (found.imported, found.errors) == (7, [{"row": 2, "reason": "was forgotten here"}])
    answered = {item.sample.media_hash for item in small.store.answered("ratings")}
    assert {sha256_file(path) for path in files} - answered == {digest}
    assert used.found(small.root, {"id": forgotten[0], "content": digest}) == []


def test_a_film_of_which_one_scene_was_forgotten_can_be_taken_in_again_without_it(
    small: Workspace, tmp_path: Path
) -> None:
    film = long_film(tmp_path / "film.mp4")
    scenes = [part for part in loop.capture(small, [film], "scenes") if isinstance(part, Sample)]
    privacy.forget(small, [scenes[1].id])
    (small.root / (scenes[0].media or "")).unlink()  # swept, as nobody answered for so long
    taken = list(loop.capture(small, [film], "scenes"))
    assert [part.id for part in taken if isinstance(part, Sample)] == [scenes[0].id, scenes[2].id]
    assert [part.reason for part in taken if not isinstance(part, Sample)] == ["was forgotten here"]
    assert used.found(small.root, {"id": scenes[1].id}) == []
