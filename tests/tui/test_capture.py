"""Capture as a person uses it: keys are pressed, then the screen and the store are looked at."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from textual.events import Key
from textual.widgets import Input, OptionList

from core import loop, tasks
from core.capture import intake
from core.capture.consent import give_consent, has_consent
from core.demo.frames import draw_picture
from core.registry import define_labels, deploy
from core.training import jobs
from core.training.progress import Progress
from core.workspace import Workspace
from tests.core.capture.camera import camera
from tests.tui.conftest import capture, flowed, length, notices, opened, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.capture import CaptureScreen
from tui.screens.choose import ConsentScreen
from tui.screens.correct import CorrectScreen


async def test_a_file_is_judged_and_confirmed_with_three_keys(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "photo.png"), "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.rows and app.snapshot.rows[0].prediction, "the answer")
        store = opened(app).store
        (waiting,) = store.samples("ratings", state="pending")
        assert waiting.prediction is not None
        assert waiting.prediction.version == "factory"
        assert f"SCORE (0 to 1): {waiting.prediction.value:.2f}" in screen_text(app)
        assert (opened(app).root / str(waiting.sample.media)).is_file()

        await pilot.press("e")
        assert "Was this correct? (y/n)" in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot and app.snapshot.answered == 1, "the confirmation on the screen")
        (answer,) = store.answered("ratings", with_media=True)
        assert answer.correction.value == waiting.prediction.value
        assert answer.correction.was_correct is True
        assert "✓ Marked as correct" in notices(app)
        assert "✓ confirmed" in screen_text(app)
        assert list(opened(app).pending.iterdir()) == []


async def test_a_score_that_is_none_is_refused_and_escape_keeps_what_was_typed(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "photo.png"), "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("p")
        await until(pilot, lambda: app.snapshot and app.snapshot.pending == 1, "the clip")
        await pilot.press("E", "n", "7", "enter")
        assert "outside the scale" in screen_text(app)
        assert isinstance(app.screen, CorrectScreen)
        await pilot.press("escape")
        assert opened(app).store.count_answered("ratings") == 0
        assert opened(app).store.samples("ratings", state="pending")

        await pilot.press("e", "n")
        assert app.screen.query_one(Input).value == "7"
        await pilot.press("backspace", "0", ".", "2", "5", "enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.answered == 1, "the correction on the screen")
        (answer,) = opened(app).store.answered("ratings")
        assert answer.correction.value == 0.25
        assert "✓ Training sample saved!" in notices(app)


async def test_no_face_is_kept_before_consent_and_the_prompts_come_in_seed_order(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "talk.avi"), "speech")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConsentScreen), "the question of consent")
        await pilot.press("n")
        assert opened(app).store.samples("speech") == []
        assert not has_consent(opened(app), "speech")

        await pilot.press("i", *"ann", "enter", "enter", "y")
        await until(pilot, lambda: app.snapshot and app.snapshot.rows and app.snapshot.rows[0].prediction, "the answer")
        assert has_consent(opened(app), "speech")
        await pilot.press("e")
        lines = screen_text(app)
        places = [lines.index(words) for words in ("RAW OUTPUT: ", "LLM CORRECTION: (off)", "Was this correct? (y/n)")]
        assert places == sorted(places)
        await pilot.press("n")
        assert "Enter the correct transcription:" in screen_text(app)
        line = app.screen.query_one(Input)
        row = app.snapshot.rows[0] if app.snapshot else None
        assert row is not None
        assert line.value == row.suggestion
        line.value = "Bin blue at F two now."
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.answered == 1, "the correction on the screen")
        (kept,) = (json.loads(text) for text in (opened(app).data / "samples.jsonl").read_text().splitlines())
        assert kept["ground_truth"] == "Bin blue at F two now."
        assert kept["was_correct"] is False
        assert kept["metadata"]["speaker"] == "ann"
        assert (opened(app).root / kept["video_path"]).is_file()


class Mending(BaseHTTPRequestHandler):
    """A language model that knows one sentence."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"choices": [{"message": {"content": "Bin blue at F two now."}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it so
        """Nothing on standard error."""


@pytest.fixture
def language_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Mending) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RUSHES_LLM__ENABLED", "true")
        monkeypatch.setenv("RUSHES_LLM__URL", f"http://127.0.0.1:{server.server_port}/v1")
        yield
        server.shutdown()


@pytest.mark.usefixtures("language_model")
async def test_the_language_models_text_comes_later_and_is_what_is_asked_about(tmp_path: Path, media: Path) -> None:
    give_consent(loop.open_workspace(tmp_path / "ws"), "speech", by="test")
    app = RushesApp(tmp_path / "ws", str(media / "talk.avi"), "speech")
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "LLM CORRECTION: Bin blue at F two now." in screen_text(app), "the mended text")
        await pilot.press("e", "y")
        await until(pilot, lambda: app.snapshot and app.snapshot.answered == 1, "the confirmation on the screen")
        (answer,) = opened(app).store.answered("speech")
        assert answer.correction.value == "Bin blue at F two now."
        assert answer.correction.was_correct is True


async def test_space_records_a_part_of_what_is_played_and_a_label_is_chosen_by_its_digit(
    tmp_path: Path, media: Path
) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "move.avi"), "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        screen = capture(app)
        await until(pilot, lambda: screen.feed and screen.feed.over, "the end of the file")
        await pilot.press("space")
        await until(pilot, lambda: screen.feed and screen.feed.recording, "the recording")
        assert "● REC" in screen_text(app)
        await until(pilot, lambda: app.snapshot and app.snapshot.rows and app.snapshot.rows[0].prediction, "the answer")
        (waiting,) = opened(app).store.samples("scenes", state="pending")
        assert str(waiting.sample.extra["file"]).startswith("webcam")
        assert waiting.sample.duration_s > 1.0
        assert list(opened(app).incoming.iterdir()) == []

        await pilot.press("e", "n", "3")
        labels = app.spec.labels
        assert app.screen.query_one(OptionList).highlighted == 2
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.answered == 1, "the correction on the screen")
        assert opened(app).store.answered("scenes")[0].correction.value == labels[2]


async def test_a_stream_is_recorded_between_two_presses_of_space(tmp_path: Path) -> None:
    pictures = np.stack([np.roll(draw_picture(4), 5 * step, axis=1)[:120, :160] for step in range(10)])
    app = RushesApp(tmp_path / "ws", None, "ratings")
    with camera(pictures) as address:
        async with app.run_test(size=(80, 24)) as pilot:
            await ready(pilot)
            capture(app).open_source(address)
            await until(pilot, lambda: "▀" in screen_text(app), "the picture")
            await pilot.press("enter")
            assert "record a part of it with space" in notices(app)
            await pilot.press("space")
            await until(pilot, lambda: length(app) >= 1, "a second of recording")
            await pilot.press("space")
            await until(pilot, lambda: app.snapshot and app.snapshot.pending == 1, "the clip")
            (row,) = opened(app).store.samples("ratings")
            assert row.sample.group == capture(app).session
            assert str(row.sample.extra["file"]).startswith("webcam")


async def test_a_folder_is_taken_whole_and_the_unusable_file_is_named(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("e")
        assert "no clip to correct" in notices(app)
        await pilot.press("s", *str(media / "photos"), "enter")
        await until(pilot, lambda: "photos" in screen_text(app), "the folder")
        await pilot.press("p")
        await until(pilot, lambda: "words.jpg" in notices(app), "the refusal")
        await until(pilot, lambda: app.snapshot and app.snapshot.pending == 2, "both photos")
        assert notices(app).count("words.jpg") == 1


async def test_a_folder_of_folders_says_where_the_clips_are(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    nested = tmp_path / "nested"
    (nested / "inside").mkdir(parents=True)
    (nested / "inside" / "1.png").write_bytes((media / "photo.png").read_bytes())
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        capture(app).open_source(str(nested))
        await until(pilot, lambda: "holds no clip or picture itself" in notices(app), "the reason")
        assert "This source shows nothing." in flowed(app)
        app.clear_notifications()
        await pilot.press("enter")
        await until(pilot, lambda: "holds no clip or picture itself" in notices(app), "the reason again")


async def test_a_source_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", "/nowhere/clip.mp4", "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await until(pilot, lambda: "does not exist" in notices(app), "the reason")
        assert "Press s for another one" in screen_text(app)


async def test_a_training_started_elsewhere_is_shown_and_its_version_takes_over(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "photo.png"), "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        other = loop.open_workspace(opened(app).root, create=False)
        job = jobs.submit(other, "ratings")
        jobs.change(other, job.job_id, "Running")
        progress = Progress(jobs.folder(other, job.job_id) / "progress.jsonl")
        progress.say(43, "epoch 5 of 12")
        await until(pilot, lambda: " 43 % epoch 5 of 12" in screen_text(app), "the progress")
        progress.close()

        make_version(other, "v1")
        deploy(other, "ratings", "v1", reason="test")
        jobs.change(other, job.job_id, "Completed", model_version="v1", metrics_json='{"verdict": "caution"}')
        await until(pilot, lambda: "v1 answers now (verdict: caution)" in notices(app), "the notice")
        await until(pilot, lambda: app.serving and app.serving.predictor.version == "v1", "the new version")
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.rows and app.snapshot.rows[0].prediction, "the answer")
        other.store.refresh()
        (row,) = other.store.samples("ratings")
        assert row.prediction is not None
        assert row.prediction.version == "v1"
        other.close()


def make_version(space: Workspace, version: str) -> None:
    """The factory's network under another name, as an export would leave it."""
    import onnx

    from core import registry
    from core.files import private_dir, sha256_file, write_atomic
    from core.inference import METADATA_KEY

    known = registry.card(space, "ratings", registry.FACTORY)
    spec = known.spec.model_copy(update={"version": version})
    model = onnx.load(registry.model_path(space, "ratings", registry.FACTORY))
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.model_dump_json()})
    path = private_dir(registry.folder(space, "ratings")) / f"model_{version}.onnx"
    onnx.save_model(model, path)
    card = known.model_copy(update={"version": version, "spec": spec, "sha256": {"onnx": sha256_file(path)}})
    write_atomic(path.with_suffix(".json"), registry.to_json(card))


async def test_a_bug_is_shown_as_an_id_that_the_log_has(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        app.tell(ZeroDivisionError("secret words"))
        identity = notices(app).rpartition(" ")[2].rstrip(".")
        assert "secret words" not in notices(app)
        (log,) = opened(app).logs.glob("rushes-*.log")
        assert identity in log.read_text()


async def test_help_speaks_of_what_has_the_focus(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(100, 40)) as pilot:
        await ready(pilot)
        await pilot.press("question_mark")
        shown = screen_text(app)
        assert "newest first" in shown
        assert "Say whether the answer on the chosen clip was right" in shown
        await pilot.press("escape")
        assert isinstance(app.screen, CaptureScreen)


async def test_a_recording_left_by_a_crash_is_found_again(tmp_path: Path, media: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    left = space.incoming / "webcam1765076400000.avi"
    left.write_bytes((media / "move.avi").read_bytes())
    os.utime(left, (1e9, 1e9))
    space.close()
    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.snapshot and app.snapshot.pending == 1, "the recording")
        assert "Taking in 1 recording left from the last time." in notices(app)
        assert not left.exists()


async def test_a_recording_of_a_crash_just_now_is_taken_in_once_it_is_known_to_be_left(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "ABANDONED_S", 8.0)  # longer than a loaded machine takes to open
    space = loop.open_workspace(tmp_path / "ws")
    left = space.incoming / "webcam1765076400000.avi"
    left.write_bytes((media / "move.avi").read_bytes())
    space.close()
    app = RushesApp(tmp_path / "ws", None, "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        assert left.exists()
        await until(pilot, lambda: app.snapshot and app.snapshot.pending == 1, "the recording")
        await until(pilot, lambda: "1 recording left from the last time" in notices(app), "the notice")
        assert not left.exists()


async def test_the_label_list_is_the_workspaces_own(tmp_path: Path, media: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    define_labels(space, tasks.get("scenes"), ["calm", "wild"])
    space.close()
    app = RushesApp(tmp_path / "ws", str(media / "move.avi"), "scenes")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.pending == 1, "the clip")
        await pilot.press("e", "n")
        assert "1 calm" in screen_text(app)
        assert "action" not in str(app.screen.query_one(OptionList).options)
        await pilot.press("2", "enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.answered == 1, "the answer")
        assert opened(app).store.answered("scenes")[0].correction.value == "wild"


async def test_keys_that_arrive_together_act_in_the_order_typed(tmp_path: Path, media: Path) -> None:
    app = RushesApp(tmp_path / "ws", str(media / "photo.png"), "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.pending == 1, "the clip")
        await pilot.press("e", "n", "0", ".", "7", "5")
        for key in ("backspace", "backspace", "2", "home", "delete", "0", "enter"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: app.snapshot and app.snapshot.answered == 1, "the answer")
        assert opened(app).store.answered("ratings")[0].correction.value == pytest.approx(0.2)
