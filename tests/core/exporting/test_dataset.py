"""The data set as one archive: what is in it, and that it comes back whole."""

from __future__ import annotations

import json
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import loop, registry, tasks
from core.errors import CancelledError, RushesError, WrongUseError
from core.exporting import bringing, dataset
from core.files import sha256_file
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.exporting.conftest import answers

MEANING = ("group", "speaker", "source", "region", "context", "captured_at", "duration_s", "scene_id", "media_hash")


def member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive, "r:") as tar:
        content = tar.extractfile(name)
        assert content is not None
        return content.read()


def lines(archive: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in member(archive, name).splitlines()]


def test_the_archive_holds_seed_files_media_versions_and_manifests(taught: Workspace):
    found = dataset.export(taught)
    archive = Path(found.to)
    assert archive.parent == taught.root / "exports"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert found.counts["answers"] == {"ratings": 54, "scenes": 2, "speech": 2}
    assert (found.counts["media"], found.counts["versions"]) == (58, 1)
    fields = {name: list(lines(archive, f"training_data/{name}.jsonl")[0]) for name in
              ("corrections", "samples", "annotations")}  # fmt: skip
    assert fields["corrections"] == ["videoId", "sceneId", "timestamp", "originalLabel", "correctedLabel",
                                     "confidence", "audioFeatures", "correctedAt"]  # fmt: skip
    assert fields["samples"] == ["id", "video_path", "raw_output", "llm_correction", "ground_truth", "timestamp",
                                 "was_correct", "metadata"]  # fmt: skip
    assert fields["annotations"] == ["framePath", "rating", "metadata"]
    manifest = json.loads(member(archive, "manifest.json"))
    with tarfile.open(archive, "r:") as tar:
        names = tar.getnames()
        assert {(one.mtime, one.uid, one.mode) for one in tar.getmembers()} == {(0, 0, 0o600)}
    assert names[-1] == "manifest.json"
    assert names[:-1] == sorted(manifest["files"])
    assert {"models/ratings/model_v1.onnx", "models/ratings/model_v1.safetensors", "models/ratings/model_v1.json",
            "manifests/scenes/manifest_train.csv"} <= set(names)  # fmt: skip
    assert manifest["program"].startswith("rushes ")
    for line in lines(archive, "training_data/samples.jsonl"):
        assert line["video_path"] in names


def test_unpacked_the_archive_is_a_workspace(taught: Workspace, tmp_path: Path):
    archive = dataset.export(taught).to
    with tarfile.open(archive, "r:") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    space = loop.open_workspace(tmp_path / "unpacked")
    assert space.store.count_answered("ratings") == 54
    assert len(space.store.answered("ratings", with_media=True)) == 54
    assert registry.serving(space, "ratings").predictor.version == "v1"
    space.close()


def test_equal_input_gives_equal_bytes(taught: Workspace, tmp_path: Path):
    first = dataset.export(taught, tmp_path / "one.tar")
    again = dataset.export(taught, tmp_path / "two.tar")
    assert sha256_file(Path(first.to)) == sha256_file(Path(again.to))


def test_a_round_trip_keeps_every_answer_and_what_is_known_of_it(taught: Workspace, empty: Workspace):
    archive = Path(dataset.export(taught).to)
    with pytest.raises(RushesError, match="consent"):
        bringing.run(empty, archive)
    assert answers(empty, "ratings") == {}
    found = bringing.run(empty, archive, consent=True, versions=True)
    assert (found.imported, found.skipped, found.errors) == (58, 0, [])
    for task in tasks.names():
        assert answers(empty, task) == answers(taught, task)
        assert len(empty.store.answered(task, with_media=True)) == len(taught.store.answered(task))
        for before, after in zip(taught.store.answered(task), empty.store.answered(task), strict=True):
            assert {n: getattr(after.sample, n) for n in MEANING} == {n: getattr(before.sample, n) for n in MEANING}
            assert (after.correction.predicted, after.correction.was_correct, after.correction.at) == (
                before.correction.predicted, before.correction.was_correct, before.correction.at,
            )  # fmt: skip
            assert after.sample.media
            assert sha256_file(empty.root / after.sample.media) == before.sample.media_hash
            assert stat.S_IMODE((empty.root / after.sample.media).stat().st_mode) == 0o600
    assert registry.current_spec(empty, tasks.get("scenes")).labels == tuple(
        registry.current_spec(taught, tasks.get("scenes")).labels
    )
    assert [known.base for known in registry.cards(empty, "ratings")][-1] == "imported"
    again = bringing.run(empty, archive, consent=True, versions=True)
    assert (again.imported, again.skipped) == (0, 58)
    assert registry.numbers(empty, "ratings") == [1]


def test_one_task_can_be_taken_alone(taught: Workspace, empty: Workspace, tmp_path: Path):
    archive = Path(dataset.export(taught, tmp_path / "all.tar").to)
    assert bringing.run(empty, archive, "scenes").imported == 2
    assert dataset.export(taught, tmp_path / "one.tar", task="scenes").counts["answers"] == {"scenes": 2}


def test_large_texts_are_compressed_and_read_again(
    taught: Workspace, empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("core.exporting.archive.COMPRESS_FROM", 1000)
    archive = Path(dataset.export(taught, tmp_path / "packed.tar").to)
    with tarfile.open(archive, "r:") as tar:
        assert "index.jsonl.gz" in tar.getnames()
    assert bringing.run(empty, archive, "ratings").imported == 54


def test_a_stopped_export_leaves_nothing(taught: Workspace, tmp_path: Path):
    looks: list[float] = []
    with pytest.raises(CancelledError):
        dataset.export(
            taught, tmp_path / "x" / "a.tar", report=looks.append, stop=lambda: bool(looks and looks[-1] > 0.5)
        )
    assert list((tmp_path / "x").iterdir()) == []
    assert not list((taught.cache / "exporting").iterdir())


def test_what_is_not_an_export_is_never_overwritten(taught: Workspace, empty: Workspace, tmp_path: Path):
    precious = tmp_path / "precious.tar"
    precious.write_text("my thesis")
    with pytest.raises(WrongUseError, match="not a data set"):
        dataset.export(taught, precious)
    assert precious.read_text() == "my thesis"
    with pytest.raises(WrongUseError, match="no answers"):
        dataset.export(empty)


def test_a_damaged_clip_is_named_and_the_rest_is_taken(taught: Workspace, empty: Workspace, tmp_path: Path):
    archive = Path(dataset.export(taught, tmp_path / "a.tar", task="ratings").to)
    with tarfile.open(archive, "r:") as tar:
        picture = next(one for one in tar.getmembers() if one.name.endswith(".jpg"))
    data = bytearray(archive.read_bytes())
    data[picture.offset_data + 300] ^= 0xFF
    archive.write_bytes(data)
    found = bringing.run(empty, archive)
    assert found.imported == 53
    assert len(found.errors) == 1
    assert picture.name in found.errors[0]["reason"]
    assert len(list((empty.data / "frames").iterdir())) == 53


def test_missing_media_do_not_lose_the_answer(taught: Workspace, empty: Workspace, tmp_path: Path):
    shutil.rmtree(taught.data / "frames")
    found = dataset.export(taught, tmp_path / "a.tar", task="ratings")
    assert (found.counts["without_media"], found.counts["media"]) == (54, 0)
    assert bringing.run(empty, Path(found.to)).imported == 54
    assert answers(empty, "ratings") == answers(taught, "ratings")


def test_the_commands_export_and_import(rushes: Callable[..., Ran], taught: Workspace, tmp_path: Path):
    taught.close()
    made = rushes("export", "dataset", "--to", tmp_path / "a.tar", "--json", "-w", taught.root)
    assert made.code == 0
    assert made.json["counts"]["answers"]["scenes"] == 2
    assert made.json["to"] == str(tmp_path / "a.tar")
    there = rushes("import", tmp_path / "a.tar", "-t", "scenes", "--json", "-w", tmp_path / "new")
    assert (there.code, there.json) == (0, {"imported": 2, "skipped": 0, "errors": []})
    assert rushes("import", tmp_path / "nothing.csv", "-w", tmp_path / "new").code == 2
    assert rushes("export", "dataset", "-w", tmp_path / "nowhere").code == 2


def test_the_weekly_job_exports_and_keeps_two(taught: Workspace, monkeypatch: pytest.MonkeyPatch):
    from core.backup import weekly
    from core.exporting import folder

    for day in ("01", "02", "03"):
        monkeypatch.setattr(folder, "stamp", lambda day=day: f"202601{day}T000000Z")
        assert "exported 58 answers to" in weekly.export(taught)
    assert sorted(path.name for path in (taught.root / "exports").glob("*.tar")) == [
        "weekly-20260102T000000Z.tar", "weekly-20260103T000000Z.tar",
    ]  # fmt: skip
