"""The arrows of the loop, on real clips, with a real worker process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core import loop, registry, tasks
from core.capture.consent import give_consent
from core.capture.intake import About, Refused, sweep_pending
from core.errors import ModelError, RushesError
from core.store.records import Sample
from core.training import audit, jobs
from core.workspace import Workspace

Drawn = Callable[[str, int, int], Path]


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    """The trained workspace, open."""
    found = loop.open_workspace(trained)
    yield found
    found.close()


def captured(space: Workspace, folder: Path, count: int) -> list[Sample]:
    files = sorted(folder.glob("*.jpg"))[:count]
    return [part for part in loop.capture(space, files, "ratings") if isinstance(part, Sample)]


def test_the_next_clip_is_judged_by_the_new_model(space: Workspace, drawn: Drawn):
    clip = captured(space, drawn("ratings", 20, 2), 1)[0]
    served = registry.serving(space, "ratings")
    found = loop.predict(space, served.predictor, [clip])[0]
    assert found.version == "v1"
    assert served.problem is None
    assert space.store.latest(clip.id) == found
    assert found.latency_ms > 0


def test_a_judged_clip_waits_in_pending_and_moves_when_it_is_answered(space: Workspace, drawn: Drawn):
    clip = captured(space, drawn("ratings", 20, 2), 1)[0]
    assert clip.media is not None
    assert clip.media.startswith("training_data/pending/training_")
    loop.correct(space, [(clip, 0.3)])
    after = space.store.sample(clip.id)
    assert after is not None
    assert after.media is not None
    assert after.media.startswith("training_data/frames/training_")
    kept = space.root / after.media
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert list(space.pending.iterdir()) == []


def test_the_same_clip_twice_is_one_sample(space: Workspace, drawn: Drawn):
    first = captured(space, drawn("ratings", 20, 2), 2)
    again = captured(space, drawn("ratings", 20, 2), 2)
    assert [clip.id for clip in first] == [clip.id for clip in again]
    assert len(list(space.pending.iterdir())) == 2


def test_a_refused_recording_leaves_nothing_behind(space: Workspace):
    broken = space.incoming / "webcam1.avi"
    broken.write_bytes(b"RIFF....AVI ")
    found = list(loop.capture(space, [broken], "scenes", incoming=True))
    assert len(found) == 1
    assert isinstance(found[0], Refused)
    assert list(space.incoming.iterdir()) == []
    assert list(space.pending.iterdir()) == []


def test_pending_clips_beyond_the_limit_go_oldest_first(space: Workspace, drawn: Drawn):
    clips = captured(space, drawn("ratings", 20, 2), 3)
    for age, clip in enumerate(reversed(clips)):
        assert clip.media is not None
        os.utime(space.root / clip.media, (1e9 - age, 1e9 - age))
    small = Workspace(space.root, space.loaded, space.codecs)
    settings = space.settings.model_copy(
        update={"capture": space.settings.capture.model_copy(update={"pending_limit": 2, "pending_days": 1e6})}
    )
    object.__setattr__(small, "loaded", space.loaded.model_copy(update={"settings": settings}))
    assert sweep_pending(small) == 1
    assert clips[0].media is not None
    assert not (space.root / clips[0].media).exists()


def test_the_fiftieth_answer_queues_one_training_and_no_more(
    tmp_path: Path, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
):
    started: list[Workspace] = []
    monkeypatch.setattr(jobs, "ensure_worker", started.append)  # the queue itself is looked at here
    space = loop.open_workspace(tmp_path / "w", flags={"train": {"every": 20, "minimum": 20}})
    clips = captured(space, drawn("ratings", 54, 1), 45)
    for clip in clips[:19]:
        loop.correct(space, [(clip, 0.5)])
    assert jobs.every(space) == []
    loop.correct(space, [(clips[19], 0.5)])
    assert [job.state for job in jobs.every(space)] == ["Queued"]
    for clip in clips[20:25]:
        loop.correct(space, [(clip, 0.5)])
    assert len(jobs.every(space)) == 1
    jobs.change(space, jobs.every(space)[0].job_id, "Completed")
    loop.correct(space, [(clip, 0.4) for clip in clips[25:45]])  # a bulk answer counts once
    assert [job.state for job in jobs.every(space)] == ["Queued", "Completed"]
    assert len(started) == 2
    space.close()


def test_answers_taken_back_do_not_make_the_old_ones_count_again(
    tmp_path: Path, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "ensure_worker", lambda _: None)  # pyright: ignore[reportUnknownLambdaType]
    space = loop.open_workspace(tmp_path / "w", flags={"train": {"every": 20, "minimum": 20}})
    clips = captured(space, drawn("ratings", 54, 1), 45)
    loop.correct(space, [(clip, 0.5) for clip in clips[:24]])
    (first,) = jobs.every(space)
    jobs.change(space, first.job_id, "Completed")
    space.store.delete("ratings", [clip.id for clip in clips[:2]])
    loop.correct(space, [(clips[24], 0.5)])  # 23 are answered, one of them is new
    assert len(jobs.every(space)) == 1
    space.store.clear("ratings")
    loop.correct(space, [(clip, 0.5) for clip in clips[25:44]])
    assert len(jobs.every(space)) == 1
    loop.correct(space, [(clips[44], 0.5)])  # the twentieth since the clearing
    assert len(jobs.every(space)) == 2
    jobs.change(space, jobs.every(space)[0].job_id, "Completed")
    loop.correct(space, [(clips[0], 0.5)])  # 21 are answered, fewer than the first training saw
    assert len(jobs.every(space)) == 2
    space.close()


def test_an_answer_that_was_right_is_confirmed_and_kept(space: Workspace, drawn: Drawn):
    clip = captured(space, drawn("ratings", 20, 2), 1)[0]
    found = loop.predict(space, registry.serving(space, "ratings").predictor, [clip])[0]
    truth = loop.correct(space, [(clip, None)])[0]
    assert truth.value == found.value
    assert truth.was_correct
    assert truth.label_source == "confirmed"


def test_a_version_carries_what_it_was_trained_on(space: Workspace):
    card = registry.card(space, "ratings", "v1")
    assert card.base == "factory"
    assert card.verdict == "caution"
    assert card.held_out["n"] > 0
    with space.store.catalog.read() as db:
        runs = list(db.query("select * from model_training_runs"))
        labels = list(db.query("select * from model_training_snapshot_labels"))
    assert runs[0]["model_version"] == "ratings/v1"
    assert len(labels) == 54
    job = jobs.every(space)[0]
    assert (
        json.loads(runs[0]["params_json"])["manifest_hash"]
        in (space.jobs / job.job_id / "export_meta.json").read_text()
    )
    history = audit.history(space)
    assert (history[-1]["state"], history[-1]["annotationCount"]) == ("Completed", 54)
    meta = json.loads((space.models / "training_meta.json").read_text())
    assert meta["tasks"]["ratings"]["currentVersion"] == "v1"
    assert list(meta)[:10] == [
        "currentVersion", "totalCorrections", "currentAccuracy", "systemRating", "overrideRate", "meanHookConfidence",
        "lastTraining", "lastBackup", "automationUnlocked", "stratification"]  # fmt: skip


def test_progress_stays_within_seed_002s_bands(space: Workspace):
    lines = jobs.progress_lines(space, jobs.every(space)[0].job_id)
    bands = {"loading corrections": (0, 10), "measuring features": (0, 20), "training on everything": (20, 80),
             "exporting": (80, 100), "deploying": (80, 100)}  # fmt: skip
    numbers = [line["progress"] for line in lines]
    assert numbers == sorted(numbers)
    for line in lines:
        low, high = bands.get(line["stage"], (0, 100))
        assert low <= line["progress"] <= high


def test_a_version_that_answers_differently_than_at_export_is_not_deployed(space: Workspace):
    folder = registry.folder(space, "ratings")
    shutil.copy(folder / "model_v1.onnx", folder / "model_v2.onnx")
    facts = json.loads((folder / "model_v1.json").read_text())
    facts["golden"]["score"]["values"][0] += 0.5
    facts["version"] = "v2"
    (folder / "model_v2.json").write_text(json.dumps(facts))
    with pytest.raises(ModelError, match="differently than at export"):
        registry.deploy(space, "ratings", "v2", reason="test")
    assert registry.pointer(space, "ratings").champion == "v1"


def test_version_numbers_are_never_given_twice(space: Workspace):
    for path in registry.folder(space, "ratings").glob("model_v1.*"):
        path.unlink()
    assert registry.claim_number(space, "ratings") == 2
    assert registry.claim_number(space, "ratings") == 3


def test_a_damaged_pointer_means_the_newest_version(space: Workspace):
    (registry.folder(space, "ratings") / "active.json").write_text('{"champion": ')
    assert registry.serving(space, "ratings").predictor.version == "v1"


def test_a_killed_worker_is_noticed_and_the_next_training_runs(space: Workspace):
    job = jobs.submit(space, "ratings")
    jobs.ensure_worker(space)
    for seen in jobs.follow(space, job.job_id):
        if seen.state == "Running" and seen.progress >= 20:
            os.kill(int((jobs.folder(space, job.job_id) / "pid").read_text()), signal.SIGKILL)
            break
    *_, ended = jobs.follow(space, job.job_id)
    assert ended.state == "Failed"
    assert registry.serving(space, "ratings").predictor.version == "v1"
    again = jobs.submit(space, "ratings")
    jobs.ensure_worker(space)
    *_, ended = jobs.follow(space, again.job_id)
    assert ended.state == "Completed"
    assert registry.serving(space, "ratings").predictor.version == ended.model_version


def test_a_cancelled_training_leaves_no_version(space: Workspace):
    job = jobs.submit(space, "ratings")
    jobs.ensure_worker(space)
    for seen in jobs.follow(space, job.job_id):
        if seen.state == "Running":
            jobs.cancel(space, job.job_id)
            break
    *_, ended = jobs.follow(space, job.job_id)
    assert ended.state == "Cancelled"
    assert registry.numbers(space, "ratings") == [1]


def test_a_task_is_found_by_its_folder():
    assert {"ratings", "scenes", "speech"} <= set(tasks.names())
    assert {codec.task for codec in tasks.codecs().values()} == set(tasks.names())


def test_where_a_clip_is_from_goes_into_its_line(space: Workspace, drawn: Drawn):
    picture = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[0]
    about = About(source="balcony", region="north", speaker="me", group="evening", phase="sunset")
    clip = next(part for part in loop.capture(space, [picture], "ratings", about) if isinstance(part, Sample))
    loop.correct(space, [(clip, 0.9)])
    line = json.loads((space.data / "annotations.jsonl").read_text().splitlines()[-1])
    assert [line[name] for name in ("source", "region", "speaker", "group", "phase")] == [
        "balcony", "north", "me", "evening", "sunset"]  # fmt: skip


def moving_clip(path: Path) -> Path:
    """A second of a moving picture."""
    import numpy as np

    from core.media.encode import write_video

    image = np.random.default_rng(4).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    write_video(path, (np.roll(image, at, axis=1) for at in range(25)), 25.0)
    return path


def long_film(path: Path) -> Path:
    """36 s of three different shots, 12 s each, at 12 frames a second."""
    import numpy as np

    from core.media.encode import write_video

    rng = np.random.default_rng(4)
    shots = [rng.integers(low, low + 90, (120, 160, 3)).astype(np.uint8) for low in (0, 80, 160)]
    write_video(path, (np.roll(shots[at // 144], at, axis=1) for at in range(432)), 12.0)
    return path


def test_of_answers_to_two_tasks_those_that_were_saved_keep_their_files(space: Workspace, drawn: Drawn, tmp_path: Path):
    picture = captured(space, drawn("ratings", 20, 2), 1)[0]
    (scene,) = loop.capture(space, [moving_clip(tmp_path / "clip.mp4")], "scenes")
    assert isinstance(scene, Sample)
    (space.data / "corrections.jsonl").mkdir()  # the second journal cannot be written
    with pytest.raises(RushesError, match="is a folder, not a file"):
        loop.correct(space, [(picture, 0.5), (scene, "action")], trigger=False)
    saved = next(item.sample for item in space.store.answered("ratings") if item.sample.id == picture.id)
    assert (space.root / (saved.media or "")).is_file()
    assert list(space.kept("clip").iterdir()) == []
    assert space.store.sample(scene.id) == scene


def test_a_long_film_becomes_scenes_that_share_one_file(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    found = list(loop.capture(space, [long_film(tmp_path / "film.mp4")], "scenes"))
    clips = [part for part in found if isinstance(part, Sample)]
    assert [clip.scene_id for clip in clips] == ["scene-1", "scene-2", "scene-3"]
    assert [round(clip.start_s) for clip in clips] == [0, 12, 24]
    assert len({clip.video_id for clip in clips}) == len({clip.media for clip in clips}) == 1
    assert len(list(space.pending.iterdir())) == 1
    loop.correct(space, [(clips[1], "suspense")])
    line = json.loads((space.data / "corrections.jsonl").read_text())
    assert (line["sceneId"], line["timestamp"], line["correctedLabel"]) == ("scene-2", "0:12", "suspense")
    other = space.store.sample(clips[2].id)
    assert other is not None
    assert other.media is not None
    assert other.media.startswith("training_data/videos/")
    assert (space.root / other.media).exists()
    assert list(space.pending.iterdir()) == []
    space.close()


@pytest.fixture
def language_model() -> Iterator[tuple[str, list[Any]]]:
    """A language model on this machine that answers in capitals and full stop; its address and what it was asked."""
    asked: list[Any] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            said = asked[-1]["messages"][-1]["content"].capitalize() + "."
            body = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def test_a_language_model_mends_the_text_and_both_are_kept(
    tmp_path: Path, drawn: Drawn, language_model: tuple[str, list[Any]]
):
    url, asked = language_model
    space = loop.open_workspace(tmp_path / "w", flags={"llm": {"enabled": True, "url": url}})
    give_consent(space, "speech", by="test")
    clip = sorted(drawn("speech", 3, 1).glob("*.avi"))[0]
    part = next(part for part in loop.capture(space, [clip], "speech") if isinstance(part, Sample))
    said = loop.predict(space, registry.serving(space, "speech").predictor, [part])[0]
    if not said.value:  # an empty reading has nothing to mend
        said = replace(said, value="bin blue at f two now")
        space.store.add_predictions([replace(said, id="stated")])
    mended = loop.mend(space, said)
    assert mended is not None
    assert mended.value == str(said.value).capitalize() + "."
    assert asked[0]["messages"][-1]["content"] == str(said.value).upper()
    truth = loop.correct(space, [(part, None)])[0]
    assert truth.llm == truth.value == mended.value
    assert truth.was_correct
    line = json.loads((space.data / "samples.jsonl").read_text())
    assert (line["raw_output"], line["llm_correction"]) == (str(said.value).upper(), mended.value)
    space.close()


def test_a_language_model_that_is_away_leaves_the_raw_text_standing(tmp_path: Path, drawn: Drawn):
    space = loop.open_workspace(tmp_path / "w", flags={"llm": {"enabled": True, "url": "http://127.0.0.1:9/v1"}})
    give_consent(space, "speech", by="test")
    clip = sorted(drawn("speech", 3, 1).glob("*.avi"))[0]
    part = next(part for part in loop.capture(space, [clip], "speech") if isinstance(part, Sample))
    said = replace(loop.predict(space, registry.serving(space, "speech").predictor, [part])[0], value="bin blue")
    mended = loop.mend(space, said)
    assert mended is not None
    assert (mended.value, mended.raw) == (None, {"state": "failed"})
    assert "cannot be asked" in (mended.error or "")
    assert loop.correct(space, [(part, "bin red")])[0].llm is None
    space.close()


def test_two_impatient_callers_start_one_worker(space: Workspace):
    jobs.submit(space, "ratings")
    assert [jobs.ensure_worker(space) for _ in range(5)] == [True, False, False, False, False]
    jobs.cancel(space, jobs.every(space)[0].job_id)
    *_, ended = jobs.follow(space, jobs.every(space)[0].job_id)
    assert ended.state == "Cancelled"


def test_several_trainings_run_one_after_the_other(space: Workspace):
    first, second = jobs.submit(space, "scenes"), jobs.submit(space, "ratings")
    jobs.ensure_worker(space)
    *_, failed = jobs.follow(space, first.job_id)
    *_, done = jobs.follow(space, second.job_id)
    assert (failed.state, done.state) == ("Failed", "Completed")
    assert "Insufficient annotations (0) - minimum 20 required" in (failed.error or "")
    assert failed.completed_at is not None
    assert done.started_at is not None
    assert failed.completed_at <= done.started_at


def test_a_worker_that_dies_at_once_is_not_started_for_ever(space: Workspace, monkeypatch: pytest.MonkeyPatch):
    job = jobs.submit(space, "ratings")
    monkeypatch.setenv("RUSHES_TRAIN__EVERY", "often")  # the worker's own settings are wrong
    with pytest.raises(RushesError, match=r"ends before it takes the job.*worker.log"):
        list(jobs.follow(space, job.job_id))
    assert "train.every" in (space.logs / "worker.log").read_text()
