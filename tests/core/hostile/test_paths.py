"""Nothing outside the workspace is read, written or deleted because a file inside it says so."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from core import backup, features, importing, judging, loop, privacy, registry, tasks
from core.automation import publishing
from core.backup.formats import Manifest, decode
from core.capture import intake
from core.capture.intake import Refused
from core.errors import MediaError, ModelError, RushesError, StoreError, WrongUseError
from core.exporting import bringing
from core.files import inside
from core.gone import Gone
from core.privacy.places import erasers
from core.settings import BackupSettings, load
from core.store import forgotten
from core.store.identity import new_id
from core.store.records import Correction, Sample
from core.training import audit
from core.workspace import Workspace
from tests.benchmarks.safety.bench import Bench
from tests.core.hostile.trees import tree

CLIMBING = ("../outside/secret.png", "training_data/../../outside/secret.png", "link/secret.png", "link.png")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the workspace that nobody may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "secret.png")
    return folder


@pytest.fixture
def space(tmp_path: Path, outside: Path) -> Iterator[Workspace]:
    root = tmp_path / "w"
    found = loop.open_workspace(root)
    (root / "link").symlink_to(outside)
    (root / "link.png").symlink_to(outside / "secret.png")
    (root / "loop").symlink_to(root / "loop")
    yield found
    found.close()


@pytest.mark.parametrize("path", [*CLIMBING, "/etc/passwd", "", "a\0b", "loop/x"])
def test_a_path_that_leaves_the_workspace_is_refused(space: Workspace, path: str):
    with pytest.raises(StoreError):
        inside(space.root, path)


@pytest.mark.parametrize("path", [*CLIMBING, "/etc/passwd", "loop/x.png", "/dev/zero"])
def test_media_that_a_journal_names_outside_is_not_there(space: Workspace, outside: Path, path: str):
    before = tree(outside)
    line = {"framePath": path, "rating": 0.5}
    (space.data / "annotations.jsonl").write_text(json.dumps(line) + "\n")
    space.store.refresh()
    (found,) = space.store.answered("ratings")
    assert space.store.answered("ratings", with_media=True) == []
    row = space.store.rows("ratings", [found.sample.id])[0]
    with pytest.raises(RushesError):
        features.of_sample(space, tasks.get("ratings"), row.sample)
    loop.correct(space, [(row.sample, 0.7)], trigger=False)
    assert tree(outside) == before


@pytest.mark.parametrize("name", ["../../../../outside/x", "/tmp/x", "..", "a/b", ".hidden", "x" * 300, "a\nb", ""])
def test_an_id_that_is_a_path_is_no_id(space: Workspace, name: str):
    with (space.data / "events.jsonl").open("a") as file:
        for kind in ("sample", "skip", "prediction"):
            line = {
                "kind": kind,
                "id": name,
                "sample": name,
                "task": "ratings",
                "group": "g",
                "by": "model",
                "version": "v1",
            }
            file.write(json.dumps(line) + "\n")
        file.write(json.dumps({"kind": "publish", "id": name, "step": "asked"}) + "\n")
    space.store.refresh()
    assert space.store.samples("ratings") == []
    assert space.store.events("publish") == []
    assert len([one for one in space.store.problems() if "events.jsonl" in one]) == 4
    assert publishing.entries(space) == []


@pytest.mark.parametrize("name", ["../../outside", "..", "/etc", ".", "a/b"])
def test_a_job_that_is_a_path_is_no_job(space: Workspace, name: str):
    entry = {"jobId": name, "task": "ratings", "state": "Completed", "createdAt": 1.0}
    (space.models / audit.NAME).write_text(json.dumps(entry) + "\n")
    assert audit.history(space) == []
    folder = space.models / "ratings"
    folder.mkdir()
    card = registry.card(space, "ratings", "factory").model_dump(mode="json") | {"version": "v1", "job_id": name}
    (folder / "model_v1.json").write_text(json.dumps(card))
    with pytest.raises(ModelError):
        registry.card(space, "ratings", "v1")


@pytest.mark.parametrize("version", ["../../outside/x", "v1/../../x", "/etc/passwd", "v1\n", "V1", ""])
def test_a_version_that_is_a_path_never_answers(space: Workspace, version: str):
    folder = space.models / "ratings"
    folder.mkdir()
    (folder / "active.json").write_text(json.dumps({"champion": version, "speakers": {"a": version}}))
    served = registry.serving(space, "ratings", "a")
    assert served.predictor.version == "factory"
    assert served.problem
    assert registry.serving_spec(space, "ratings", "a").version == "factory"


def test_a_workspaces_settings_send_nothing_to_an_address_it_names_itself(space: Workspace):
    (space.root / "rushes.toml").write_text('[backup]\ndestinations = ["/tmp/x"]\n[automation]\ncommand = ["rm"]\n')
    again = loop.open_workspace(space.root)
    assert again.settings.backup.destinations == []
    assert again.settings.automation.command == []
    assert len(again.loaded.notes) == 2
    again.close()


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "dangling"])
@pytest.mark.parametrize("name", ["events.jsonl", "annotations.jsonl"])
def test_a_journal_that_is_no_file_is_said_and_nothing_waits_for_it(tmp_path: Path, name: str, kind: str):
    root = tmp_path / "w"
    loop.open_workspace(root).close()
    path = root / "training_data" / name
    path.unlink(missing_ok=True)
    make: dict[str, Callable[[], object]] = {
        "fifo": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "folder": path.mkdir,
        "dangling": lambda: path.symlink_to(tmp_path / "nowhere" / "x"),
    }
    make[kind]()
    space = loop.open_workspace(root)
    if kind != "dangling":
        assert [one for one in space.store.problems() if name in one]
    with pytest.raises(RushesError):
        _write(space, name)
    space.close()
    assert not (tmp_path / "nowhere").exists()


def test_a_pipe_in_the_place_of_a_file_of_ours_is_said_and_nothing_waits_for_it(space: Workspace):
    names = ("rushes.toml", "training_data/forgotten.json", "models/ratings/active.json", "cache/forgetting.json",
             "models/ratings/model_v1.json", "training_data/events.jsonl.torn")  # fmt: skip
    for name in names:
        (space.root / name).parent.mkdir(exist_ok=True)
        (space.root / name).unlink(missing_ok=True)
        os.mkfifo(space.root / name)
    with pytest.raises(RushesError, match="not a regular file"):
        load(space.root)
    with pytest.raises(StoreError, match="not a regular file"):
        forgotten.read(space.root)
    assert registry.pointer(space, "ratings").damaged
    assert "not a regular file" in str(privacy.resume(space))
    with pytest.raises(ModelError, match="no card"):
        registry.card(space, "ratings", "v1")
    erasers()["core.store.erasing:erase"](space, Gone(frozenset({"s"}), frozenset(), frozenset(), frozenset()))


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.jsonl", "pipe.json", "pipe.tar", "hf/metadata.jsonl"])
def test_a_pipe_is_no_import(space: Workspace, tmp_path: Path, name: str):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    for source in {path, path.parent if path.parent != tmp_path else path}:
        with pytest.raises(WrongUseError, match="regular file"):
            bringing.run(space, source, "ratings")


def _write(space: Workspace, name: str) -> None:
    if name == "events.jsonl":
        space.store.note("drill", {"id": "1", "ok": True})
    else:
        truth = Correction(id=new_id(), sample="s", task="ratings", value=0.5, at=1.0, batch="")
        space.store.add_corrections([(Sample(id="s", task="ratings", group="g"), truth)])


def test_answering_deletes_and_publishes_nothing_outside(space: Workspace, outside: Path):
    (space.pending / "link").symlink_to(outside)
    (space.pending / "one.png").symlink_to(outside / "secret.png")
    before = tree(outside)
    for number, media in enumerate(("training_data/pending/link/secret.png", "training_data/pending/one.png")):
        event = {"kind": "sample", "id": f"s{number}", "task": "ratings", "group": "g", "media": media}
        with (space.data / "events.jsonl").open("a") as file:
            file.write(json.dumps(event) + "\n")
        space.store.refresh()
        sample = space.store.sample(f"s{number}")
        assert sample is not None
        assert sample.media is None
        with pytest.raises(RushesError):
            publishing.publish(space, sample, "x")
        loop.correct(space, [(sample, 0.5)], trigger=False)
    intake.sweep_pending(space)
    assert tree(outside) == before
    assert not list(space.kept("image").iterdir())


@pytest.mark.parametrize("name", ["pipe.csv", "zero.csv", "pipe.jsonl", "zero.jsonl"])
def test_an_import_that_never_ends_is_refused(space: Workspace, tmp_path: Path, name: str):
    path = tmp_path / name
    os.mkfifo(path) if name.startswith("pipe") else path.symlink_to("/dev/zero")
    with pytest.raises(WrongUseError, match="regular file"):
        importing.run(space, path, "ratings")


def test_devices_pipes_and_folders_are_no_clips(space: Workspace, tmp_path: Path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path, tmp_path / "gone.png"):
        with pytest.raises(MediaError):
            intake.admit(space, path, tasks.get("ratings"), intake.About())
    (found,) = loop.capture(space, [pipe], "ratings")
    assert isinstance(found, Refused)
    predictor = registry.serving(space, "ratings").predictor
    assert all(row.error for row in judging.judge_files(predictor, [pipe, Path("/dev/zero")]))


def test_what_a_file_is_called_decides_nothing(space: Workspace, tmp_path: Path):
    lies = {"text.png": b"hello there", "script.mp4": b"#EXTM3U\nfile:///etc/passwd\n",
            "page.jpg": b"<svg onload=x>",
            "list.avi": b"ffconcat version 1.0\nfile /etc/passwd\n",
            "zip.webp": b"PK\x03\x04" + b"\0" * 60}  # fmt: skip
    for name, content in lies.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError):
            intake.admit(space, tmp_path / name, tasks.get("ratings"), intake.About())
    assert list(space.pending.iterdir()) == []


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil", "a//b", "", "x\0y", "rushes.toml/x"])
def test_a_backup_that_names_a_path_outside_writes_nothing(bench: Bench, tmp_path: Path, path: str):
    (where,) = (bench.backups / "manifests").iterdir()
    known = json.loads(where.read_bytes())
    known["files"][0]["path"] = path
    with pytest.raises(StoreError):
        decode(Manifest, json.dumps(known).encode(), "x").sealed()
    place = tmp_path / "kept"
    shutil.copytree(bench.backups, place)
    (place / "manifests" / where.name).write_text(json.dumps(known))
    (vault,) = backup.vaults(BackupSettings(), [str(place)])
    with pytest.raises(StoreError):
        backup.restore(vault, where.name, tmp_path / "deep" / "into")
    assert not (tmp_path / "deep" / "into").exists()
    assert not (tmp_path / "evil").exists()


def test_a_backup_takes_no_link_out_of_the_workspace_with_it(space: Workspace, outside: Path, tmp_path: Path):
    (space.data / "videos" / "out.png").symlink_to(outside / "secret.png")
    made = backup.now(space, [str(tmp_path / "kept")])
    (vault,) = backup.vaults(BackupSettings(), [str(tmp_path / "kept")])
    assert not [file.path for file in vault.manifest(made.id).files if "out.png" in file.path or "link" in file.path]
