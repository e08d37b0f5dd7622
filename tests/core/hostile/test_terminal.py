"""No sign of a label, a text, a speaker, a file name or a model's metadata steers the terminal."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core import loop, registry, vocabulary
from core.foreign import Agreement, import_model
from core.log import logger
from core.visible import is_safe
from tests.conftest import Once
from tests.core.onnx_files import brightness
from tests.tui.conftest import notices, ready, screen_text, until
from tui.foreign_text import ForeignText

Run = Callable[..., Any]
STEERS = "\x1b[31mred\x07\x9b2J\u202egpj\x1b]52;c;Zm9v\x07[bold]b[/bold]\n✓ all is well"
IN_A_NAME = STEERS.replace("/", "")


@pytest.fixture
def root(once: Once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in which everything that has a name has this one, and a picture beside it."""
    monkeypatch.setenv("COLUMNS", "200")
    shutil.copytree(once("steering", steering), tmp_path, dirs_exist_ok=True)
    return tmp_path / "w"


def steering(folder: Path) -> None:
    root = folder / "w"
    space = loop.open_workspace(root)
    picture = folder / f"{IN_A_NAME}.png"
    Image.effect_noise((256, 256), 90).convert("RGB").save(picture)
    predictor = registry.serving(space, "ratings").predictor
    about = loop.About(source=STEERS, speaker=STEERS, context=STEERS, group=STEERS, region=STEERS)
    samples = [part for part in loop.capture(space, [picture], "ratings", about) if isinstance(part, loop.Sample)]
    assert len(samples) == 1
    loop.predict(space, predictor, samples)
    for task, journal, line in (
        ("scenes", "corrections.jsonl", {"videoId": STEERS, "sceneId": "1", "timestamp": "0:00",
                                         "originalLabel": STEERS,
                                         "correctedLabel": STEERS, "confidence": 0.5, "audioFeatures": None,
                                         "correctedAt": "2020-01-01T00:00:00Z"}),
        ("speech", "samples.jsonl", {"id": STEERS, "video_path": f"{IN_A_NAME}.avi", "raw_output": STEERS,
                                     "llm_correction": STEERS, "ground_truth": STEERS, "timestamp": 1.0,
                                     "was_correct": False, "metadata": {"speaker": STEERS, "context": STEERS}}),
    ):  # fmt: skip
        assert task
        (space.data / journal).write_text(json.dumps(line) + "\n")
    with (space.data / "events.jsonl").open("a") as file:
        file.write(json.dumps({"kind": "labels", "task": "scenes", "labels": ["action", STEERS]}) + "\n")
        asked = {"id": "p", "sample_id": samples[0].id, "platform": STEERS, "caption": STEERS}
        file.write(json.dumps({"kind": "publish", "id": "p", "step": "asked", "request": asked, "why": STEERS}) + "\n")
    import_model(space, brightness(folder / "m.onnx"), "ratings", Agreement(name=STEERS))
    space.close()


@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_prints_a_sign_that_steers(root: Path, rushes: Run, tmp_path: Path, as_json: bool):
    hostile = tmp_path / f"{IN_A_NAME}.png"
    every: list[tuple[object, ...]] = [
        ("review", "list", "-t", "ratings"), ("review", "stats", "-t", "scenes"), ("models", "list", "-t", "ratings"),
        ("models", "show", "v1", "-t", "ratings"), ("dataset", "stats", "-t", "scenes"), ("automation", "queue"),
        ("predict", hostile, tmp_path / f"gone{IN_A_NAME}", "-t", "ratings"), ("jobs", "list"), ("config",),
        ("import", tmp_path / f"{IN_A_NAME}.csv", "-t", "ratings"), ("correct", STEERS, STEERS),
        ("models", "deploy", STEERS, "-t", "ratings"), (STEERS,), ("capture", hostile, "-t", STEERS),
    ]  # fmt: skip
    for words in every:
        ran = rushes(*words, *(["--json"] if as_json else []), "-w", root)
        for line in (ran.out + ran.err).split("\n"):
            assert is_safe(line), (words, line)
        assert "\n✓ all is well" not in ran.out + ran.err, words
        assert "unexpected" not in ran.err, words
        if as_json and ran.code == 0:
            json.loads(ran.out)


def test_json_says_the_very_text_all_the_same(root: Path, rushes: Run):
    (found,) = [one for one in rushes("models", "list", "-t", "ratings", "--json", "-w", root).json if one["name"]]
    assert found["name"] == STEERS


async def test_no_screen_draws_a_sign_that_steers(root: Path):
    from textual.geometry import Region

    from tui.app import RushesApp

    app = RushesApp(root, task="ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        for key in "123456":
            await pilot.press(key)
            await pilot.pause()
            await until(pilot, lambda: not app.workers._workers or True, "the screen")  # pyright: ignore[reportPrivateUsage]
            app.notify(STEERS, markup=False)
            app.sub_title = STEERS
            await pilot.pause()
            for line in screen_text(app).split("\n"):
                assert is_safe(line), (key, line)
            drawn = app.screen._compositor.render_update(full=True)  # pyright: ignore[reportPrivateUsage]
            assert drawn is not None
            for strip in app.screen._compositor.render_strips():  # pyright: ignore[reportPrivateUsage]
                assert strip.cell_length == app.size.width
        assert "all is well" in notices(app)
        assert Region(0, 0, 120, 40) == app.screen.region
        await pilot.press("2")
        await until(pilot, lambda: "␛" in screen_text(app), "the file's name, with what it holds made visible")


def test_a_line_of_the_screen_keeps_its_width():
    from rich.segment import Segment
    from textual.color import Color

    line = [Segment("ab\x1b[31m"), Segment("\u202ecd"), Segment("  ")]
    kept = ForeignText().apply(line, Color(0, 0, 0))
    assert Segment.get_line_length(kept) == Segment.get_line_length(line)
    assert "".join(one.text for one in kept).startswith("ab␛[31m\ufffdcd")
    plain = [Segment("家 👨‍👩‍👧 é")]
    assert ForeignText().apply(plain, Color(0, 0, 0)) is plain


def test_the_clipboard_gets_the_text_and_the_terminal_no_sequence_of_it(monkeypatch: pytest.MonkeyPatch):
    from textual.app import App

    written: list[str] = []

    class Driver:
        def write(self, text: str) -> None:
            written.append(text)

    app = App[None]()
    monkeypatch.setattr(app, "_driver", Driver())
    app.copy_to_clipboard(STEERS)
    (sequence,) = written
    assert sequence.startswith("\x1b]52;c;")
    assert is_safe(sequence[len("\x1b]52;c;") : -1])


def test_the_log_holds_no_sign_that_steers(root: Path):
    space = loop.open_workspace(root)
    logger.warning("%s was refused", STEERS)
    for handler in logger.handlers:
        handler.flush()
    (log,) = space.logs.iterdir()
    assert all(is_safe(line) for line in log.read_text().split("\n"))
    assert not [line for line in log.read_text().split("\n") if line.startswith("✓")]
    assert logger.level == logging.INFO
    space.close()


def test_the_report_page_holds_no_sign_that_steers_and_no_markup(root: Path, rushes: Run, tmp_path: Path):
    Image.effect_noise((256, 256), 90).convert("RGB").save(tmp_path / "a.png")
    manifest, page = tmp_path / f"<b>{IN_A_NAME}.csv", tmp_path / "page.html"
    cell = f"<script>{STEERS}".replace('"', "")
    manifest.write_text(f'file,score,source,speaker,group\na.png,0.5,"{cell}","{cell}","{cell}"\n')
    ran = rushes("evaluate", "--manifest", manifest, "-t", "ratings", "--html", page, "-w", root)
    assert ran.code == 0, ran.err
    text = page.read_text()
    assert all(is_safe(line) for line in text.split("\n"))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_label_list_with_such_signs_is_taken_as_it_is_and_shown_written_out(tmp_path: Path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(["a", "\x1b[31m"]))
    assert vocabulary.read_list(path) == ("a", "\x1b[31m")
