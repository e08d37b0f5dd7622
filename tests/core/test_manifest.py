"""Manifests as people really bring them: a wrong cell costs its own row, with a sentence, and nothing else."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.media.encode import write_video
from tests.conftest import Ran

Rushes = Callable[..., Ran]
Drawn = Callable[[str, int, int], Path]
HEAD = ("file", "score", "captured_at", "rating_count", "context")


@pytest.fixture
def written(tmp_path: Path, drawn: Drawn) -> Callable[..., Path]:
    """Writes a manifest of pictures that are there; each row gives what stands beside `file`."""

    def write(*rows: Sequence[object], head: Sequence[str] = HEAD) -> Path:
        pictures = sorted(drawn("ratings", 20, 2).glob("*.jpg"))
        with (tmp_path / "m.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows([picture, *row] for picture, row in zip(pictures, rows, strict=False))
        return tmp_path / "m.csv"

    return write


def both(rushes: Rushes, source: Path, where: Path) -> tuple[Ran, Ran]:
    """The same manifest imported and evaluated."""
    return (
        rushes("import", source, "-t", "ratings", "--json", "-w", where),
        rushes("evaluate", "--manifest", source, "-t", "ratings", "--json", "-w", where),
    )


@pytest.mark.parametrize("when", ["nan", "inf", "-inf", "1e300", "-1e15"])
def test_a_time_that_no_calendar_has_costs_its_row(
    when: str, rushes: Rushes, written: Callable[..., Path], tmp_path: Path
):
    taken, judged = both(rushes, written((0.5, when), (0.4, "1700000000")), tmp_path / "w")
    assert (taken.json["imported"], taken.json["errors"]) == (
        1, [{"row": 1, "reason": f"captured_at {when!r} is not a time"}])  # fmt: skip
    assert (judged.json["n"], judged.json["failed"]) == (1, 1)


@pytest.mark.parametrize("count", ["1e30", "9" * 40])
def test_a_count_that_cannot_be_kept_is_refused_instead_of_lost(
    count: str, rushes: Rushes, written: Callable[..., Path], tmp_path: Path
):
    taken, _ = both(rushes, written((0.5, "", count), (0.4, "", 3)), tmp_path / "w")
    assert taken.json["imported"] == 1
    assert "is not a count" in taken.json["errors"][0]["reason"]
    assert rushes("dataset", "stats", "-t", "ratings", "--json", "-w", tmp_path / "w").json["totalAnnotations"] == 1


def test_the_home_of_nobody_costs_its_row(rushes: Rushes, tmp_path: Path):
    (tmp_path / "m.csv").write_text("file,score\n~nobody-of-this-name/x.jpg,0.5\n")
    taken, judged = both(rushes, tmp_path / "m.csv", tmp_path / "w")
    assert taken.json["errors"][0]["row"] == 1
    assert judged.json["failed"] == 1


def test_a_cell_that_is_too_long_is_called_so(rushes: Rushes, written: Callable[..., Path], tmp_path: Path):
    (tmp_path / "posts.csv").write_text("content_id,views\np1,10\n")
    rushes("metrics", "import", tmp_path / "posts.csv", "--platform", "tiktok", "-w", tmp_path / "w")
    for ran in both(rushes, written((0.5, "", "", "x" * 200_000)), tmp_path / "w"):
        assert ran.code == 1
        assert "field larger than" in ran.err + ran.out


def test_evaluate_takes_no_score_of_five_for_one_of_one(rushes: Rushes, written: Callable[..., Path], tmp_path: Path):
    source = written((4.5,), (0.8,), head=("file", "label_value"))
    taken, judged = both(rushes, source, tmp_path / "w")
    assert (taken.json["imported"], len(taken.json["errors"])) == (0, 2)
    assert (judged.json["n"], judged.json["failed"]) == (0, 2)
    assert judged.err.count("ratings.scale") == 2


def test_a_row_of_a_long_video_is_judged_on_its_own_scene(rushes: Rushes, tmp_path: Path):
    rng = np.random.default_rng(4)
    dark, bright = rng.integers(0, 60, (48, 64, 3), np.uint8), rng.integers(190, 250, (48, 64, 3), np.uint8)
    write_video(tmp_path / "long.mp4", [np.roll(dark, n, 1) for n in range(85)] + [bright] * 85, 5.0)
    answers = {"scene-1": "suspense", "scene-2": "atmosphere", "scene-99": "action"}
    rows = "".join(f"long.mp4,{label},{scene}\n" for scene, label in answers.items())
    (tmp_path / "m.csv").write_text(f"file,label,scene_id\n{rows}")
    where = ("-t", "scenes", "--json", "-w", tmp_path / "w")
    taken = rushes("import", tmp_path / "m.csv", *where)
    judged = rushes("evaluate", "--manifest", tmp_path / "m.csv", *where)
    assert (taken.json["imported"], judged.json["n"], judged.json["failed"]) == (2, 2, 1)
    assert "has no scene 'scene-99'" in judged.err


def test_people_are_told_how_many_rows_failed(rushes: Rushes, written: Callable[..., Path], tmp_path: Path):
    source = written((0.5, "nan"), (0.4, ""))
    found = rushes("evaluate", "--manifest", source, "-t", "ratings", "-w", tmp_path / "w")
    assert "1 scored, 1 failed" in found.out
