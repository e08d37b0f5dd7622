"""`python -m core.demo`: photographs degraded by a known amount, clips drawn, both with a manifest."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core.demo.__main__ import main
from core.demo.frames import draw_picture
from core.media.encode import write_image


def _rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number, name in enumerate(("Bear_1", "Bear_2", "Harbour_7")):
        write_image(folder / "images" / f"{name}.jpg", draw_picture(number))
    return folder


def test_degrade_writes_scores_and_groups_by_theme(photos: Path, tmp_path: Path) -> None:
    (photos / "manifest.csv").write_text("file,theme\nimages/Bear_1.jpg,Animal\nimages/Bear_2.jpg,Animal\n")
    assert main(["degrade", "--from", str(photos), "--out", str(tmp_path / "out"), "--per-image", "2"]) == 0
    rows = _rows(tmp_path / "out" / "manifest.csv")
    assert len(rows) == 6
    assert {row["group"] for row in rows} == {"Animal", "Harbour"}
    assert all(0 <= float(row["score"]) <= 1 and (tmp_path / "out" / row["file"]).is_file() for row in rows)
    assert len({row["score"] for row in rows}) > 3


def test_degrade_without_a_manifest_groups_by_file_name(photos: Path, tmp_path: Path) -> None:
    assert main(["degrade", "--from", str(photos / "images"), "--out", str(tmp_path / "out")]) == 0
    assert {row["group"] for row in _rows(tmp_path / "out" / "manifest.csv")} == {"Bear", "Harbour"}


def test_the_same_seed_degrades_alike_and_another_differently(photos: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main(["degrade", "--from", str(photos), "--out", str(tmp_path / name), "--seed", seed]) == 0
    tables = [(tmp_path / name / "manifest.csv").read_text() for name in "abc"]
    assert tables[0] == tables[1] != tables[2]


def test_a_broken_photograph_is_named_and_the_others_are_kept(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "images" / "Torn_1.jpg").write_text("no picture")
    assert main(["degrade", "--from", str(photos), "--out", str(tmp_path / "out"), "--per-image", "1"]) == 1
    assert "Torn_1.jpg" in capsys.readouterr().err
    assert len(_rows(tmp_path / "out" / "manifest.csv")) == 3


def test_an_empty_or_missing_folder_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["degrade", "--from", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert main(["degrade", "--from", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "holds no photograph" in capsys.readouterr().err


@pytest.mark.parametrize(("task", "answer"), [("speech", "text"), ("scenes", "label"), ("ratings", "score")])
def test_draw_writes_clips_and_a_manifest(task: str, answer: str, tmp_path: Path) -> None:
    assert main(["draw", task, "--out", str(tmp_path), "--count", "2", "--seed", "4", "--owner", "user"]) == 0
    rows = _rows(tmp_path / "manifest.csv")
    assert [set(row) for row in rows] == [{"file", answer, "group", "speaker", f"factory_{answer}"}] * 2
    assert all(row[answer] and (tmp_path / row["file"]).stat().st_size > 1000 for row in rows)


def test_drawing_nothing_is_wrong_use(tmp_path: Path) -> None:
    assert main(["draw", "scenes", "--out", str(tmp_path), "--count", "0"]) == 2
    assert not list(tmp_path.iterdir())
