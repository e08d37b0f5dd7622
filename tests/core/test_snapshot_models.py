"""What the Models screen reads: versions with their scores, who answers, overrides, provenance."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import loop, registry
from core.errors import WrongUseError
from core.snapshot import models, provenance
from core.workspace import Workspace
from tests.tui import versions

TASK = versions.TASK


@pytest.fixture
def space(tmp_path: Path, versioned: Callable[[Path], Workspace]) -> Iterator[Workspace]:
    """v1 was champion, v2 is, v3 answers in shadow."""
    found = versioned(tmp_path / "ws")
    yield found
    found.close()


@pytest.fixture
def learnt(trained: Path) -> Iterator[Workspace]:
    """A workspace whose v1 was trained there."""
    found = loop.open_workspace(trained)
    yield found
    found.close()


def test_versions_are_listed_newest_first_and_the_factorys_last(space: Workspace):
    found = models.take(space, TASK)
    assert [version.name for version in found.versions] == ["v3", "v2", "v1", "factory"]
    assert (found.active.champion, found.active.challenger, found.active.previous) == ("v2", "v3", ("v1", "factory"))
    assert found.version("v9") is None
    measured = [version.measured for version in found.versions]
    assert [one and (one.metric, one.n) for one in measured] == [
        ("spearman", 160), ("spearman", 110), ("spearman", 60), ("spearman", 600),
    ]  # fmt: skip
    assert all(version.problem is None and version.size for version in found.versions)


def test_a_trained_versions_score_has_the_interval_of_its_report(learnt: Workspace):
    measured = models.take(learnt, TASK).versions[0].measured
    assert measured is not None
    assert measured.interval is not None
    assert measured.interval[0] < measured.value < measured.interval[1]
    assert measured.n == 54
    next(learnt.jobs.glob("*/report.json")).write_text("{torn")
    again = models.take(learnt, TASK).versions[0].measured
    assert again is not None
    assert again.interval is None


def test_a_factory_score_kept_under_its_own_metric_is_found(space: Workspace):
    found = models.take(space, "speech").versions[-1]
    assert found.measured is not None
    assert (found.measured.metric, found.measured.n) == ("wer", 58)


def test_the_factorys_score_on_the_users_answers_is_the_one_of_the_newest_verdict_against_it(space: Workspace):
    assert models.take(space, TASK).versions[-1].yours is None  # v1 was held against it by another metric
    path = registry.folder(space, TASK) / "model_v1.json"
    known = json.loads(path.read_text())
    known["evidence"] |= {"metric": "spearman", "a": 0.57, "n": 60}
    path.write_text(json.dumps(known))
    assert models.take(space, TASK).versions[-1].yours == models.Measured("spearman", 0.57, 60, None)


def test_a_damaged_or_missing_file_and_a_damaged_card_are_named(space: Workspace):
    folder = registry.folder(space, TASK)
    assert models.take(space, TASK).versions[2].problem is None
    (folder / "model_v1.onnx").write_bytes(b"torn")
    (folder / "model_v2.json").write_text("{")
    found = models.take(space, TASK)
    assert "damaged" in (found.versions[2].problem or "")
    assert found.versions[1].card is None
    assert "card" in (found.versions[1].problem or "")
    assert found.versions[0].problem is None


def test_the_running_comparison_and_the_curve_are_read_again_only_after_an_answer(space: Workspace):
    versions.answer(space, 60)
    first = models.take(space, TASK)
    assert first.shadow is not None
    assert (first.shadow.a, first.shadow.b) == ("v2", "v3")
    assert first.curve.tested == 60
    second = models.take(space, TASK, first)
    assert second.shadow is first.shadow
    assert second.curve is first.curve
    assert second == first
    space.store.undo(TASK, space.store.batches(TASK)[0])
    third = models.take(space, TASK, second)
    assert third.curve.tested == 0
    registry.challenge(space, TASK, None, reason="test")
    assert models.take(space, TASK, third).shadow is None


def test_an_override_is_said_with_its_word_and_a_senseless_one_with_its_reason(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
):
    assert models.take(space, TASK).overrides == ()
    monkeypatch.setenv("RUSHES_MODEL_VERSION_RATINGS", "v1")
    monkeypatch.setenv("RUSHES_THRESHOLD", "0.6")
    found = models.take(space, TASK)
    assert found.overriding is not None
    assert found.overriding.version == "v1"
    assert [one.variable for one in found.overrides] == ["RUSHES_MODEL_VERSION_RATINGS", "RUSHES_THRESHOLD"]
    monkeypatch.setenv("RUSHES_MODEL_VERSION_RATINGS", "v9")
    monkeypatch.setenv("RUSHES_THRESHOLD", "good")
    found = models.take(space, TASK)
    assert found.overriding is None
    assert "v9" in found.overrides[0].words
    assert "not a number" in found.overrides[1].words
    assert models.take(space, "scenes").overrides == ()


def test_a_workspace_that_has_nothing_lists_the_factory(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "new")
    found = models.take(space, "scenes")
    assert [version.name for version in found.versions] == ["factory"]
    assert found.shadow is None
    assert found.curve.corrections == 0
    space.close()


def test_provenance_lists_every_correction_with_split_source_and_file(learnt: Workspace):
    found = provenance.take(learnt, TASK, "v1")
    assert (len(found.rows), found.splits, sum(found.values.values())) == (54, {"fold": 54}, 54)
    assert list(found.values) == ["0 to 0.2", "0.2 to 0.4", "0.4 to 0.6", "0.6 to 0.8", "0.8 to 1"]
    assert {row.source for row in found.rows} == {"imported"}
    answers = {item.sample.id: item.correction.value for item in learnt.store.answered(TASK)}
    for row in found.rows:
        assert row.name.endswith(".jpg")
        assert float(row.value) == pytest.approx(float(answers[row.sample]), abs=0.0051)
    assert found.base == "factory"
    assert found.manifest is not None
    assert (learnt.root / found.manifest).exists()
    assert found.manifest_hash is not None
    assert len(found.manifest_hash) == 64


def test_what_was_made_elsewhere_or_lost_says_so(learnt: Workspace, space: Workspace):
    versions.rewrite(space, "v1", job_id=None)
    assert "not trained in this workspace" in provenance.take(space, TASK, "v1").why_empty
    assert "lost" in provenance.take(space, TASK, "v2").why_empty
    assert "drawn pictures" in provenance.take(learnt, TASK, "factory").why_empty
    for folder in learnt.jobs.glob("2*"):
        shutil.rmtree(folder)
    with learnt.store.catalog.write() as db:
        db.execute("DELETE FROM model_training_snapshot_labels")
    found = provenance.take(learnt, TASK, "v1")
    assert found.rows == ()
    assert "lost" in found.why_empty
    with pytest.raises(WrongUseError):
        provenance.take(learnt, TASK, "best")


def test_reading_loads_neither_torch_nor_the_screen(space: Workspace):
    code = (
        "import sys; from pathlib import Path; from core import loop; from core.snapshot import models, provenance\n"
        f"space = loop.open_workspace(Path({str(space.root)!r}))\n"
        f"models.take(space, {TASK!r}); provenance.take(space, {TASK!r}, 'v1'); import tui.screens.models\n"
        "print([name for name in ('torch', 'sklearn', 'onnxruntime', 'textual_plot') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
