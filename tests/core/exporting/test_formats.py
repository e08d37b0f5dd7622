"""Other programs' formats: written as they read them, never over something else, and taken back."""

from __future__ import annotations

import csv
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from core import registry, tasks
from core.errors import CancelledError, StoreError, WrongUseError
from core.exporting import annotations, bringing, folder, huggingface, labelstudio, mlflow, pairs, splits
from core.manifest import BadRow, Row
from core.media.decode import probe
from core.media.encode import write_image
from core.store.identity import new_id
from core.store.records import Correction, Sample
from core.training import dataset, manifests
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.exporting.conftest import answers, values


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_vsr_pairs_name_clips_that_are_there(taught: Workspace, empty: Workspace, tmp_path: Path):
    found = pairs.export_vsr(taught, tmp_path / "vsr")
    lines = read(tmp_path / "vsr" / "vsr.jsonl")
    assert found.counts["pairs"] == 2
    assert [list(line) for line in lines] == [["video", "text", "duration", "fps"]] * 2
    for line in lines:
        info = probe(tmp_path / "vsr" / line["video"])
        assert line["fps"] == pytest.approx(info.fps, abs=0.01)
        assert line["duration"] == pytest.approx(info.duration, abs=0.05)
    back = bringing.run(empty, tmp_path / "vsr" / "vsr.jsonl", consent=True)
    assert (back.imported, back.errors) == (2, [])
    assert answers(empty, "speech") == answers(taught, "speech")


def test_an_export_of_nothing_is_refused_and_the_earlier_one_stays(taught: Workspace, empty: Workspace, tmp_path: Path):
    pairs.export_vsr(taught, tmp_path / "vsr")
    pairs.export_llm(taught, tmp_path / "llm")
    huggingface.export(taught, tmp_path / "hf", task="scenes")
    for run in (
        lambda: pairs.export_vsr(empty, tmp_path / "vsr"),
        lambda: pairs.export_llm(empty, tmp_path / "llm"),
        lambda: huggingface.export(empty, tmp_path / "hf", task="scenes"),
    ):
        with pytest.raises(WrongUseError, match="has no answers to export"):
            run()
    assert len(read(tmp_path / "vsr" / "vsr.jsonl")) == 2
    assert read(tmp_path / "llm" / "llm.jsonl")
    assert (tmp_path / "hf" / folder.MARK).is_file()


def test_linked_clips_take_no_room(taught: Workspace, tmp_path: Path):
    pairs.export_vsr(taught, tmp_path / "vsr", link=True)
    clip = next((tmp_path / "vsr" / "clips").iterdir())
    assert os.stat(clip).st_nlink == 2
    with pytest.raises(WrongUseError, match="cannot be a link"):
        pairs.export_vsr(taught, tmp_path / "other", link=True, anonymous=True)


def test_a_disk_that_is_full_or_a_clip_that_cannot_be_read_is_named(taught: Workspace, tmp_path: Path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # as a disk that is full after 4 kB
    try:
        with pytest.raises(StoreError, match="cannot be written") as full:
            pairs.export_vsr(taught, tmp_path / "vsr")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert full.value.where == str(tmp_path / "vsr")
    assert not (tmp_path / "vsr").exists()
    clip = taught.root / str(taught.store.answered("speech")[0].sample.media)
    clip.unlink()
    with pytest.raises(StoreError, match="cannot be read") as torn, folder.building(tmp_path / "v", "vsr", {}) as made:
        folder.put(clip, made / "clip.avi")
    assert torn.value.where == str(clip)


def test_llm_pairs_hold_what_was_read_and_what_was_right(taught: Workspace, empty: Workspace, tmp_path: Path):
    found = pairs.export_llm(taught, tmp_path / "llm")
    lines = read(tmp_path / "llm" / "llm.jsonl")
    spoken = [item for item in taught.store.answered("speech") if item.correction.predicted]
    assert found.counts["pairs"] == len(lines) == len(spoken) > 0
    assert [list(line) for line in lines] == [["input", "output", "context"]] * len(lines)
    assert {line["context"] for line in lines} == {"at the doctor's"}
    assert [line["input"] for line in lines] == [str(item.correction.predicted).upper() for item in spoken]
    back = bringing.run(empty, tmp_path / "llm" / "llm.jsonl", consent=True)
    assert back.imported == len(lines)
    assert values(empty, "speech") == [line["output"] for line in lines]
    assert bringing.run(empty, tmp_path / "llm" / "llm.jsonl").skipped == len(lines)
    assert bringing.run(taught, tmp_path / "llm" / "llm.jsonl").skipped == len(lines)


def test_annotations_are_seed_002s(taught: Workspace, tmp_path: Path):
    annotations.export(taught, tmp_path / "a")
    lines = read(tmp_path / "a" / "annotations.jsonl")
    assert [line["rating"] for line in lines] == values(taught, "ratings")
    assert all((tmp_path / "a" / line["framePath"]).is_file() for line in lines)
    with pytest.raises(WrongUseError, match="score"):
        annotations.export(taught, tmp_path / "b", task="scenes")


def test_annotations_come_back_with_their_frames(
    taught: Workspace, empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    annotations.export(taught, tmp_path / "a")
    path = tmp_path / "a" / "annotations.jsonl"
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[:6]))
    monkeypatch.chdir(tmp_path / "a")
    back = bringing.run(empty, Path("annotations.jsonl"), "ratings")
    assert (back.imported, back.errors) == (6, [])
    assert answers(empty, "ratings").items() <= answers(taught, "ratings").items()
    assert len(empty.store.answered("ratings", with_media=True)) == back.imported
    for space in (empty, taught):  # known here already
        again = bringing.run(space, path, "ratings")
        assert (again.imported, again.skipped) == (0, back.imported)
    lines = read(path)[:3]
    (tmp_path / "a" / "text.png").write_text("no picture")
    (tmp_path / "secret.png").write_bytes((tmp_path / "a" / lines[0]["framePath"]).read_bytes())
    odd = [lines[0] | {"framePath": "text.png"}, lines[1] | {"framePath": "../secret.png"},
           lines[2] | {"framePath": "gone.png"}]  # fmt: skip
    (tmp_path / "a" / "odd.jsonl").write_text("".join(json.dumps(line) + "\n" for line in odd))
    found = bringing.run(empty, tmp_path / "a" / "odd.jsonl", "ratings")
    assert [error["row"] for error in found.errors] == [1]
    assert found.imported == 2  # as a seed's line whose file is elsewhere
    assert len(empty.store.answered("ratings", with_media=True)) == back.imported


def test_manifests_are_those_of_a_training(taught: Workspace, tmp_path: Path):
    said = splits.export(taught, tmp_path / "one", task="ratings")
    assert said.notes == [f"the files stay in {taught.root}, and only there these manifests find them"]
    dataset.export(taught, tasks.get("ratings"), tmp_path / "two")
    for name in ("manifest_full.csv", "manifest_train.csv", "manifest_val.csv", "manifest_test.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    splits.export(taught, tmp_path / "hidden", task="speech", anonymous=True)
    rows = manifests.read(tmp_path / "hidden" / "manifest_full.csv", "text")
    assert {(row.speaker, row.source, row.region, row.captured_at, row.file) for row in rows} == {(None,) * 5}


@pytest.mark.parametrize("task", ["scenes", "speech", "ratings"])
def test_label_studio_tasks_come_back_as_the_same_answers(
    task: str, taught: Workspace, empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = labelstudio.export(taught, tmp_path / "ls", task=task)
    made = json.loads((tmp_path / "ls" / "tasks.json").read_text())
    assert found.counts["tasks"] == len(made) == taught.store.count_answered(task)
    assert [one["id"] for one in made] == list(range(1, len(made) + 1))
    (said,) = made[0]["annotations"][0]["result"]
    assert said["type"] in {"choices", "textarea", "number"}
    config = (tmp_path / "ls" / "label-config.xml").read_text()
    assert f'name="{said["from_name"]}" toName="{said["to_name"]}"' in config
    if task == "speech":
        assert made[0]["predictions"][0]["model_version"] == "factory"
    monkeypatch.chdir(tmp_path)
    back = bringing.run(empty, Path("ls/tasks.json"), task, consent=True)
    assert back.errors == []
    ours = answers(taught, task)
    assert {name: value if isinstance(value, str) else pytest.approx(value, abs=1e-9) for name, value in
            answers(empty, task).items()} == ours  # fmt: skip


def test_what_was_changed_in_label_studio_is_a_correction_of_our_sample(taught: Workspace, tmp_path: Path):
    labelstudio.export(taught, tmp_path / "ls", task="scenes")
    path = tmp_path / "ls" / "tasks.json"
    made = json.loads(path.read_text())
    labels = registry.current_spec(taught, tasks.get("scenes")).labels
    other = next(one for one in labels if one != made[0]["annotations"][0]["result"][0]["value"]["choices"][0])
    fresh = {"was_cancelled": False, "result": [{"type": "choices", "value": {"choices": [other]}}]}
    dropped = {"was_cancelled": True, "result": [{"type": "choices", "value": {"choices": ["nonsense"]}}]}
    made[0]["annotations"] += [fresh, dropped]
    made[0]["data"]["video"] = "/data/upload/7/0123abcd-gone.avi"  # the sample is known without its file
    made += [{"data": {"video": "x.avi"}, "annotations": []}, 7, {"data": {"video": "/etc/passwd"},
             "annotations": [fresh]}]  # fmt: skip
    path.write_text(json.dumps(made))
    found = bringing.run(taught, path, "scenes")
    assert (found.imported, found.skipped) == (1, 1)
    assert [error["row"] for error in found.errors] == [3, 4, 5]
    assert answers(taught, "scenes")[made[0]["data"]["sample"]] == other


@pytest.mark.parametrize("task", ["scenes", "speech"])
def test_hugging_face_folders_come_back_by_split(
    task: str, taught: Workspace, empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = huggingface.export(taught, tmp_path / "hf", task=task)
    sides = {item.sample.id: dataset.side_of(item.sample.group, taught.settings.train.split_seed)
             for item in taught.store.answered(task)}  # fmt: skip
    for side, name in huggingface.FOLDERS.items():
        there = (
            [line["sample"] for line in read(tmp_path / "hf" / name / "metadata.jsonl")] if found.counts[name] else []
        )
        assert sorted(there) == sorted(sample for sample, mine in sides.items() if mine == side)
        assert all((tmp_path / "hf" / name / line["file_name"]).is_file()
                   for line in (read(tmp_path / "hf" / name / "metadata.jsonl") if there else []))  # fmt: skip
    card = (tmp_path / "hf" / "README.md").read_text()
    splits_named = {one["split"] for one in yaml.safe_load(card.split("---")[1])["configs"][0]["data_files"]}
    assert splits_named == {name for name in huggingface.FOLDERS.values() if found.counts[name]}
    monkeypatch.chdir(tmp_path)
    back = bringing.run(empty, Path("hf"), task, consent=True)
    assert (back.imported, back.errors) == (taught.store.count_answered(task), [])
    assert answers(empty, task) == answers(taught, task)


def test_hugging_face_columns_are_of_one_type_in_every_split(empty: Workspace, tmp_path: Path):
    """The loader takes the types of each split from its lines, and refuses a data set whose splits differ."""
    seed = empty.settings.train.split_seed
    rng = np.random.default_rng(3)
    for number in range(24):
        group = f"g{number // 2}"
        side = dataset.side_of(group, seed)
        known: dict[str, Any] = (
            {"speaker": "Ada", "end_s": 2.5} if side == "train" else {"region": "pier"} if side == "test" else {}
        )
        sample = Sample(id=f"s{number}", task="ratings", group=group, media=f"training_data/frames/p{number}.png",
                        captured_at=1.5, **known)  # fmt: skip
        write_image(empty.root / str(sample.media), rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
        truth = Correction(id=new_id(), sample=sample.id, task="ratings", value=0.5, at=1.0, batch="")
        empty.store.add_corrections([(sample, truth)])
    found = huggingface.export(empty, tmp_path / "hf", task="ratings")
    splits_ = [read(tmp_path / "hf" / name / "metadata.jsonl") for name in huggingface.FOLDERS.values()
               if found.counts[name]]  # fmt: skip
    assert len(splits_) >= 2
    kinds = {tuple((name, type(value)) for name, value in line.items()) for lines in splits_ for line in lines}
    (columns,) = kinds
    assert columns == (("file_name", str), ("score", float), ("sample", str), ("group", str), ("speaker", str),
                       ("region", str), ("captured_at", float), ("start_s", float), ("end_s", str))  # fmt: skip


def test_a_folder_from_elsewhere_cannot_name_files_outside_it(empty: Workspace, tmp_path: Path):
    (tmp_path / "hf").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"\xff\xd8\xff")
    rows = ['{"file_name": "../secret.jpg", "score": 0.5}', "{", '{"score": 1}', '{"file_name": "x.jpg"}', "[]",
            '{"file_name": "x.jpg", "score": 0.5}']  # fmt: skip
    (tmp_path / "hf" / "metadata.jsonl").write_text("\n".join(rows))
    found = bringing.run(empty, tmp_path / "hf" / "metadata.jsonl", "ratings")
    assert [error["row"] for error in found.errors] == [1, 2, 3, 4, 5, 6]
    assert "outside" in found.errors[0]["reason"]


def test_only_an_import_that_brings_something_defines_labels(empty: Workspace, tmp_path: Path):
    said = {"data": {"video": "gone.avi"}, "annotations": [{"result": [{"value": {"choices": ["chase"]}}]}]}
    (tmp_path / "tasks.json").write_text(json.dumps([said]))
    found = bringing.run(empty, tmp_path / "tasks.json", "scenes")
    assert (found.imported, len(found.errors), found.notes) == (0, 1, [])


def test_mlflow_folders_name_their_model_and_its_signature(taught: Workspace, tmp_path: Path):
    mlflow.export(taught, "v1", tmp_path / "m", task="ratings")
    said = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert said["flavors"]["python_function"]["loader_module"] == "mlflow.onnx"
    assert said["flavors"]["onnx"]["data"] == "model.onnx"
    env = said["flavors"]["python_function"]["env"]
    assert all((tmp_path / "m" / name).is_file() for name in (env["conda"], env["virtualenv"], "requirements.txt"))
    assert any("pip" in one for one in yaml.safe_load((tmp_path / "m" / "conda.yaml").read_text())["dependencies"])
    session = onnxruntime.InferenceSession(tmp_path / "m" / "model.onnx")
    inputs = json.loads(said["signature"]["inputs"])
    fed = {
        one["name"]: np.zeros(
            [2 if dim == -1 else dim for dim in one["tensor-spec"]["shape"]], one["tensor-spec"]["dtype"]
        )
        for one in inputs
    }
    (score,) = session.run(None, fed)
    (output,) = json.loads(said["signature"]["outputs"])
    assert output["tensor-spec"]["shape"][1:] == list(np.asarray(score).shape[1:])
    with pytest.raises(WrongUseError, match="no version"):
        mlflow.export(taught, "v9", tmp_path / "n", task="ratings")


def test_a_folder_of_somebody_else_is_left_alone_and_an_earlier_export_replaced(taught: Workspace, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(WrongUseError, match="not an earlier export"):
        annotations.export(taught, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    annotations.export(taught, tmp_path / "ours")
    (tmp_path / "ours" / "frames" / "stale.jpg").write_text("x")
    annotations.export(taught, tmp_path / "ours")
    assert not (tmp_path / "ours" / "frames" / "stale.jpg").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_stopped_export_leaves_no_folder(taught: Workspace, tmp_path: Path):
    with pytest.raises(CancelledError):
        huggingface.export(taught, tmp_path / "hf", task="ratings", stop=lambda: True)
    assert not (tmp_path / "hf").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["taught"]


def test_the_commands_say_what_they_wrote(rushes: Callable[..., Ran], taught: Workspace, tmp_path: Path):
    taught.close()
    where = ("-w", taught.root)
    for words in (["vsr"], ["llm"], ["annotations"], ["manifests", "-t", "scenes"], ["label-studio", "-t", "scenes"],
                  ["huggingface", "-t", "scenes"], ["mlflow", "v1", "-t", "ratings"]):  # fmt: skip
        to = tmp_path / words[0]
        ran = rushes("export", *words, "--to", to, "--json", *where)
        assert (ran.code, ran.json["kind"], ran.json["to"]) == (0, words[0], str(to))
        assert ran.json["counts"]
        assert rushes("export", *words, "--to", taught.root, *where).code in (1, 2)
    assert rushes("export", "vsr", "--to", tmp_path / "x", "-t", "ratings", *where).code == 2
    assert folder.mark_of(tmp_path / "x") is None


anything = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "annotations", "result", "value", "choices", "number", "text", "image", "sample"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(anything, max_size=4), st.sampled_from(["scenes", "speech", "ratings"]))
def test_any_json_is_read_row_by_row(tmp_path_factory: pytest.TempPathFactory, tasks_: list[Any], task: str):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(tasks_))
    found = list(labelstudio.rows(path, tasks.get(task)))
    assert [row.number for row in found] == list(range(1, len(tasks_) + 1))
    assert all(isinstance(row, Row | BadRow) for row in found)


def test_a_csv_manifest_still_goes_where_it_went(empty: Workspace, drawn: Callable[[str, int, int], Path]):
    manifest = drawn("scenes", 2, 5) / "manifest.csv"
    with manifest.open() as file:
        rows = list(csv.DictReader(file))
    assert bringing.run(empty, manifest, "scenes").imported == len(rows)
    with pytest.raises(WrongUseError, match="--task"):
        bringing.run(empty, manifest)
