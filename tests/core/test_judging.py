"""`rushes evaluate` and `rushes jobs report`: what scripts read and people see."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import calibration, inference, loop
from core.training import jobs
from tests.conftest import Ran

Rushes = Callable[..., Ran]
Drawn = Callable[[str, int, int], Path]


@pytest.fixture
def manifest(drawn: Drawn, tmp_path: Path) -> Path:
    """Twenty rated pictures of two cameras, one that does not exist and one without an answer."""
    folder = drawn("ratings", 20, 2)
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "judged.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "score", "group", "source", "speaker", "phase", "captured_at"])
        for number, row in enumerate(rows):
            writer.writerow([folder / row["file"], row["score"], f"g{number}", f"camera {number % 2}",
                             "<script>Ann" if number < 3 else "Ben", "sunset", 3600 * 17])  # fmt: skip
        writer.writerow(["gone.jpg", "0.5", "g99", "camera 0", "Ben", "sunset", ""])
        writer.writerow([folder / rows[0]["file"], "", "g98", "", "", "", ""])
    return tmp_path / "judged.csv"


def test_evaluate_keeps_its_keys_and_adds_intervals_and_the_report(rushes: Rushes, trained: Path, manifest: Path):
    found = rushes("evaluate", "-t", "ratings", "--manifest", manifest, "--json", "-w", trained)
    assert found.code == 1  # two rows failed, the others are scored
    known = found.json
    assert (known["n"], known["failed"], known["model_version"]) == (20, 2, "v1")
    assert {"spearman", "mae", "rmse", "bucket_error"} <= known.keys()
    low, high = known["intervals"]["mae"]
    assert low <= known["mae"] <= high
    report = known["report"]
    assert report["failures"] == 1  # the row without an answer is a bad row, not a failed prediction
    parts = {(part["name"], part["value"]): part for part in report["slices"]}
    assert (parts["source", "camera 0"]["n"], parts["source", "camera 0"]["failed"]) == (10, 1)
    assert parts["speaker", "<script>Ann"]["note"] == "too few"
    assert parts["phase", "sunset"]["n"] == 20
    assert parts["time", "16-20 UTC"]["n"] == 20


def test_the_page_is_written_where_asked_and_people_get_lines(
    rushes: Rushes, trained: Path, manifest: Path, tmp_path: Path
):
    page = tmp_path / "page.html"
    found = rushes("evaluate", "-t", "ratings", "--manifest", manifest, "--html", page, "-w", trained)
    assert "20 scored, 2 failed" in found.out  # the row without an answer too
    assert "95 %:" in found.out
    assert "&lt;script&gt;Ann" in page.read_text()
    assert "<script" not in page.read_text()
    nowhere = rushes(
        "evaluate", "-t", "ratings", "--manifest", manifest, "--html", tmp_path / "no" / "p.html", "-w", trained
    )
    assert nowhere.code == 1
    assert "folder that exists" in nowhere.err


def test_a_trainings_report_is_shown_and_drawn_again(rushes: Rushes, trained: Path, tmp_path: Path):
    space = loop.open_workspace(trained)
    job = jobs.every(space)[0]
    kept = jobs.folder(space, job.job_id) / "report.html"
    space.close()
    found = rushes("jobs", "report", job.job_id, "--html", tmp_path / "again.html", "--json", "-w", trained)
    assert found.code == 0
    assert (found.json["task"], found.json["primary"]) == ("ratings", "spearman")
    assert found.json["n"] > 0
    assert (tmp_path / "again.html").read_text().count("<svg") == kept.read_text().count("<svg") > 2
    (kept.parent / "report.json").unlink()
    gone = rushes("jobs", "report", job.job_id, "-w", trained)
    assert gone.code == 1
    assert "there is no report" in gone.err


def test_what_torch_and_the_file_answer_differs_only_by_the_frozen_mapping(trained: Path, drawn: Drawn):
    from core import features

    model = inference.load(trained / "models" / "ratings" / "model_v1.onnx", threads=1)
    pictures = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[:3]
    measured = [features.of_file(picture, model.task) for picture in pictures]
    decoded = model.task.decode(model.outputs(model.task.inputs(measured)), model.spec)
    for plain, served in zip(decoded, model.answer(measured), strict=True):
        assert served == calibration.applied(model.spec, plain)
        assert served.value == pytest.approx(calibration.mapped(model.spec, float(plain.value or 0.0)))
    card = json.loads((trained / "models" / "ratings" / "model_v1.json").read_text())
    assert inference.matches(card["golden"], model.outputs(model.task.golden(model.spec)))
    assert model.spec.calibration_n == 54
    assert np.isfinite(model.spec.params["spread"])
