"""The commands as scripts use them: exact JSON, exit codes, one clear sentence per mistake."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ran

Rushes = Callable[..., Ran]
Drawn = Callable[[str, int, int], Path]


def manifest(path: Path, rows: list[list[object]], header: list[str]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_help_needs_nothing_heavy():
    code = "import sys; from tui.cli import app\ntry: app(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "cv2", "onnxruntime", "numpy", "sqlite_utils", "textual", "pydantic", "av", "sklearn", "httpx"}
    assert not heavy & set(loaded)


def test_the_loop_closes_by_commands(rushes: Rushes, drawn: Drawn, trained: Path):
    others = drawn("ratings", 20, 2)
    before = rushes("evaluate", "-t", "ratings", "--manifest", others / "manifest.csv", "--model", "factory", "--json",
                    "-w", trained).json  # fmt: skip
    after = rushes("evaluate", "-t", "ratings", "--manifest", others / "manifest.csv", "--json", "-w", trained).json
    assert before["model_version"] == "factory"
    assert after["model_version"] == "v1"
    assert (after["n"], after["failed"]) == (20, 0)
    assert {"mae", "rmse", "spearman"} <= after.keys()
    assert after["mae"] < before["mae"]

    found = rushes("capture", others, "-t", "ratings", "--count", 3, "--json", "-w", trained)
    assert found.code == 0
    assert [row["model_version"] for row in found.json] == ["v1"] * 3
    sample = found.json[0]["sample_id"]
    assert rushes("correct", sample, "0.25", "--json", "-w", trained).json["value"] == 0.25
    assert rushes("correct", found.json[1]["sample_id"], "--right", "--json", "-w", trained).json["was_correct"]
    assert rushes("dataset", "stats", "-t", "ratings", "--json", "-w", trained).json["totalAnnotations"] == 56


def test_predict_prints_exactly_what_scripts_expect(rushes: Rushes, drawn: Drawn, tmp_path: Path):
    picture = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[0]
    (tmp_path / "notes.mp4").write_text("not a video")
    found = rushes("predict", picture, tmp_path / "notes.mp4", tmp_path / "gone.jpg", "-t", "ratings", "--json",
                   "-w", tmp_path / "w")  # fmt: skip
    assert found.code == 1
    assert [list(row) for row in found.json] == [
        ["file", "task", "value", "confidence", "model_version", "latency_ms", "error"]
    ] * 3
    good, text, gone = found.json
    assert good["error"] is None
    assert 0 <= good["value"] <= 1
    assert text["value"] is gone["value"] is None
    assert "is not a video or an image" in text["error"]
    assert "does not exist" in gone["error"]
    stats = rushes("dataset", "stats", "-t", "ratings", "--json", "-w", tmp_path / "w").json
    assert stats["totalAnnotations"] == 0


def test_a_lone_onnx_file_predicts_without_a_workspace(rushes: Rushes, drawn: Drawn, trained: Path, tmp_path: Path):
    alone = shutil.copy(trained / "models" / "ratings" / "model_v1.onnx", tmp_path / "mine.onnx")
    picture = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[0]
    row = rushes("predict", picture, "--model", alone, "--json").json[0]
    known = rushes("predict", picture, "-t", "ratings", "--json", "-w", trained).json[0]
    assert row["value"] == pytest.approx(known["value"], abs=1e-5)
    assert row["model_version"] == "v1"


def test_an_onnx_file_cut_in_half_is_refused_in_one_sentence(rushes: Rushes, trained: Path, tmp_path: Path):
    whole = (trained / "models" / "ratings" / "model_v1.onnx").read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    found = rushes("predict", tmp_path / "x.jpg", "--model", tmp_path / "half.onnx", "--json")
    assert found.code == 1
    assert "half.onnx: is damaged or not an ONNX model" in found.err
    assert found.err.count("\n") == 1


def test_a_damaged_champion_falls_back_and_says_so(rushes: Rushes, drawn: Drawn, trained: Path):
    picture = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[0]
    model = trained / "models" / "ratings" / "model_v1.onnx"
    model.write_bytes(model.read_bytes()[:1000])
    found = rushes("predict", picture, "-t", "ratings", "--json", "-w", trained)
    assert found.json[0]["model_version"] == "factory"
    assert "an older version answers" in found.err
    assert rushes("models", "deploy", "v1", "-t", "ratings", "-w", trained).code == 1


def test_rollback_and_revert_bring_versions_back(rushes: Rushes, trained: Path):
    assert rushes("models", "rollback", "-t", "ratings", "--json", "-w", trained).json["champion"] == "factory"
    assert rushes("models", "rollback", "-t", "ratings", "-w", trained).code == 2
    assert rushes("models", "deploy", "v1", "-t", "ratings", "--json", "-w", trained).json["champion"] == "v1"
    assert rushes("models", "revert", "-t", "ratings", "--json", "-w", trained).json["champion"] == "factory"
    marked = [card["version"] for card in rushes("models", "list", "-t", "ratings", "--json", "-w", trained).json
              if card["champion"]]  # fmt: skip
    assert marked == ["factory"]


def test_import_keeps_good_rows_and_names_bad_ones(rushes: Rushes, drawn: Drawn, tmp_path: Path):
    clips = sorted(drawn("scenes", 6, 1).glob("*.avi"))
    (tmp_path / "short.avi").write_bytes(clips[0].read_bytes()[:60_000])
    rows: list[list[object]] = [
        [clips[0], "action"], ["gone.mp4", "action"], ["short.avi", "action"], [clips[1], ""], [clips[2], "dialogue"],
    ]  # fmt: skip
    found = rushes("import", manifest(tmp_path / "m.csv", rows, ["file", "label"]), "-t", "scenes", "--json",
                   "-w", tmp_path / "w")  # fmt: skip
    assert found.code == 1
    assert (found.json["imported"], found.json["skipped"]) == (2, 0)
    reasons = {error["row"]: error["reason"] for error in found.json["errors"]}
    assert reasons[2] == "gone.mp4: does not exist"
    assert "cut short" in reasons[3]
    assert reasons[4] == "the answer is empty"
    assert "defines the labels of scenes: action, dialogue" in found.err

    again = manifest(tmp_path / "n.csv", [[clips[0], "action"], [clips[3], "romance"]], ["file", "label"])
    found = rushes("import", again, "-t", "scenes", "--json", "-w", tmp_path / "w")
    assert (found.json["imported"], found.json["skipped"]) == (0, 1)
    assert "'romance' is not a label" in found.json["errors"][0]["reason"]
    found = rushes("import", again, "-t", "scenes", "--add-labels", "--json", "-w", tmp_path / "w")
    assert found.json == {"imported": 1, "skipped": 1, "errors": []}
    kept = sorted((tmp_path / "w" / "training_data" / "videos").iterdir())
    assert len(kept) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)


def test_their_column_names_are_mapped(rushes: Rushes, drawn: Drawn, tmp_path: Path):
    clip = sorted(drawn("scenes", 6, 1).glob("*.avi"))[0]
    rows = manifest(tmp_path / "m.csv", [[clip, "action", "film"]], ["path", "kind", "movie"])
    assert rushes("import", rows, "-t", "scenes", "-w", tmp_path / "w").code == 2
    found = rushes("import", rows, "-t", "scenes", "--map", "file=path", "--map", "label=kind", "--map", "group=movie",
                   "--json", "-w", tmp_path / "w")  # fmt: skip
    assert found.json["imported"] == 1
    line = json.loads((tmp_path / "w" / "training_data" / "corrections.jsonl").read_text())
    assert line["group"] == "film"
    assert line["audioFeatures"] is None or set(line["audioFeatures"]) == {
        "audioEnergy", "spectralFlux", "zeroCrossingRate", "tempo"}  # fmt: skip


def test_a_seeds_journal_is_imported_as_it_is(rushes: Rushes, tmp_path: Path):
    lines = [
        {"framePath": "a.jpg", "rating": 0.9},
        {"framePath": "b.jpg", "rating": 1.5},
        {"framePath": "", "rating": 0.5},
    ]
    (tmp_path / "annotations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "{torn")
    found = rushes("import", tmp_path / "annotations.jsonl", "-t", "ratings", "--json", "-w", tmp_path / "w")
    assert found.code == 1
    assert found.json["imported"] == 1
    assert [error["reason"] for error in found.json["errors"]] == [
        "Rating must be between 0.0 and 1.0, got 1.5", "Frame path must not be empty", "is not JSON"]  # fmt: skip
    stats = rushes("dataset", "stats", "-t", "ratings", "--json", "-w", tmp_path / "w").json
    assert (stats["totalAnnotations"], stats["withoutMedia"]) == (1, 1)


def test_faces_are_not_kept_without_consent(rushes: Rushes, drawn: Drawn, tmp_path: Path):
    clips = drawn("speech", 3, 1)
    refused = rushes("import", clips / "manifest.csv", "-t", "speech", "-w", tmp_path / "w")
    assert refused.code == 1
    assert "--consent" in refused.err
    captured = rushes("capture", clips, "-t", "speech", "-w", tmp_path / "w")
    assert captured.code == 1
    for folder in ("pending", "videos", "incoming"):
        assert not any((tmp_path / "w" / "training_data" / folder).iterdir())
    found = rushes("import", clips / "manifest.csv", "-t", "speech", "--consent", "--json", "-w", tmp_path / "w")
    assert found.json["imported"] == 3
    line = json.loads((tmp_path / "w" / "training_data" / "samples.jsonl").read_text().splitlines()[0])
    assert list(line)[:8] == ["id", "video_path", "raw_output", "llm_correction", "ground_truth", "timestamp",
                              "was_correct", "metadata"]  # fmt: skip
    assert line["video_path"].startswith("training_data/videos/training_")


def test_too_few_corrections_are_refused(rushes: Rushes, drawn: Drawn, tmp_path: Path):
    rushes("import", drawn("scenes", 6, 1) / "manifest.csv", "-t", "scenes", "-w", tmp_path / "w")
    found = rushes("train", "-t", "scenes", "--wait", "--json", "-w", tmp_path / "w")
    assert found.code == 1
    assert found.json["title"] == "System Requirements Not Met"
    assert "Insufficient annotations (6) - minimum 20 required" in found.json["errors"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "-t", "dancing"], "there is no task called 'dancing'"),
        (["jobs", "show", "abc123"], "training job abc123 does not exist"),
        (["models", "show", "v9x", "-t", "scenes"], "'v9x' is not a version"),
        (["config", "train.nothing"], "there is no setting 'train.nothing'"),
        (["correct", "zzz", "action"], "no sample has an id"),
        (["predict", "x.jpg"], "--task is missing"),
        (["frobnicate"], "No such command"),
        (["import", "nowhere.csv", "-t", "ratings"], "cannot be read"),
    ],
)
def test_wrong_use_ends_with_two_and_a_sentence(rushes: Rushes, tmp_path: Path, arguments: list[str], words: str):
    where = [] if arguments == ["frobnicate"] else ["-w", tmp_path / "w"]
    found = rushes(*arguments, *where)
    assert found.code == 2
    assert words in found.err


def test_a_workspace_named_before_the_command_is_the_one_that_is_meant(rushes: Rushes, tmp_path: Path):
    assert rushes("-w", tmp_path / "named", "init").code == 0
    assert (tmp_path / "named" / "rushes.toml").is_file()
    assert "RUSHES_WORKSPACE" not in os.environ


@pytest.mark.parametrize(("option", "name"), [("-t", "--task"), ("--task", "--task"), ("-s", "--source")])
def test_what_the_screens_start_on_is_refused_before_a_command(rushes: Rushes, tmp_path: Path, option: str, name: str):
    found = rushes("-w", tmp_path / "w", option, "ratings", "review", "list")
    assert found.code == 2
    assert f"{name} before `review`" in found.err
    assert "behind the command" in found.err
    assert not (tmp_path / "w").exists()


def test_a_workspace_that_cannot_be_written_says_so(rushes: Rushes, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    found = rushes("init", "-w", tmp_path / "file" / "w")
    assert found.code == 1
    assert "cannot make a workspace" in found.err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    assert rushes("init", "-w", tmp_path / "other").code == 2


def test_settings_are_listed_changed_and_explained(rushes: Rushes, tmp_path: Path):
    assert rushes("config", "train.every", "75", "-w", tmp_path / "w").code == 0
    row = rushes("config", "train.every", "--json", "-w", tmp_path / "w").json[0]
    assert (row["value"], row["origin"]) == (75, "workspace")
    assert "queue a training" in row["meaning"]
    assert rushes("config", "train.every", "often", "-w", tmp_path / "w").code == 1


def test_clearing_sets_answers_aside_and_the_catalog_can_be_made_again(rushes: Rushes, trained: Path):
    assert rushes("rebuild", "--json", "-w", trained).json["answers"] == 54
    assert rushes("dataset", "clear", "-t", "ratings", "--yes", "--json", "-w", trained).json == {"cleared": 54}
    assert rushes("rebuild", "--json", "-w", trained).json["answers"] == 0
    assert len((trained / "training_data" / "annotations.jsonl").read_text().splitlines()) == 108


def test_every_command_has_help_and_stands_in_the_readme():
    import typer.main

    from tui.cli import app

    readme = (Path(__file__).parents[2] / "README.md").read_text()

    def walk(command: Any, path: list[str]) -> None:
        if inner := getattr(command, "commands", None):
            for name in inner:
                if not inner[name].hidden:
                    walk(inner[name], [*path, name])
        else:
            assert command.help, path
            assert f"`rushes {path[0]}" in readme, path
            assert all(name in readme for name in path[1:]), path

    walk(typer.main.get_command(app), [])


def test_a_full_or_read_only_workspace_is_said_once(rushes: Rushes, drawn: Drawn, trained: Path):
    shutil.rmtree(trained / "training_data")
    (trained / "training_data").symlink_to("/proc/self")  # writing there fails for everybody, root too
    found = rushes("import", drawn("ratings", 20, 2) / "manifest.csv", "-t", "ratings", "-w", trained)
    assert found.code == 1
    assert found.err.count("✗") == 1
    assert "cannot be" in found.err


def test_doctor_says_what_this_machine_is_fit_for(rushes: Rushes, trained: Path):
    found = rushes("doctor", "--json", "-w", trained)
    assert {"ok", "gpu", "ram_gb", "disk_gb", "sqlite", "warnings", "errors", "recommendations"} <= found.json.keys()
    assert any("ratings: 54 answers" in text for text in found.json["recommendations"])
