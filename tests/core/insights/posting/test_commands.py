"""The commands before publishing: `rushes insights virality` and `rushes insights best-time`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core import loop
from core.store.records import Sample
from core.workspace import Workspace
from tests.core.insights.drawn_posts import author, keep


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return loop.open_workspace(tmp_path / "workspace")


def test_the_commands_answer_in_the_seeds_fields(space: Workspace, rushes: Any, tmp_path: Path) -> None:
    keep(space, author(60) + author(40, 5, platform="youtube", account="tube", level=11))
    extra = tmp_path / "more.json"
    extra.write_text('{"quality_score": 0.9, "cuts": 4}')
    where = ("--workspace", space.root, "--json")
    found = rushes("insights", "virality", "new", "-p", "tiktok", "--metadata", extra, "--object", "crowd", *where)
    assert found.code == 0
    assert found.json["components"]["quality"] == 0.9
    assert 0 <= found.json["virality_score"] <= 100
    assert found.json["recommendations"]["platform"] == "youtube"
    models = rushes("insights", "virality", *where)
    assert {model["platform"] for model in models.json} == {"tiktok", "youtube"}
    assert set(models.json[0]["choices"]["views"]["scores"]) == {"boosted", "last_k", "overall", "formula"}
    best = rushes("insights", "best-time", "--platform", "tiktok", *where)
    assert best.code == 0
    assert {"best_hours", "best_days", "hourly_performance", "confidence", "sample_size"} <= set(best.json)
    assert "no difference" in rushes("insights", "best-time", "-p", "tiktok", "-w", space.root).out


def test_an_id_that_nothing_has_is_refused(space: Workspace, rushes: Any, tmp_path: Path) -> None:
    keep(space, author(30))
    space.store.add_samples([Sample(id="abc-1", task="ratings", group="g", duration_s=3.0)])
    where = ("--workspace", space.root, "--json")
    assert rushes("insights", "virality", "me-3", *where).json["content_id"] == "me-3"
    wrong = rushes("insights", "virality", "me_3", *where)
    assert wrong.code == 2
    assert "no such post" in wrong.err
    assert "rushes metrics list" in wrong.err
    assert "--duration" in wrong.err
    assert rushes("insights", "virality", "me-3", "-p", "youtube", *where).code == 2
    assert rushes("insights", "virality", "me_3", "--at", "2026-05-04", *where).code == 2
    odd = tmp_path / "odd.json"
    odd.write_text('{"platform": 5}')
    assert rushes("insights", "virality", "me-3", "--metadata", odd, *where).code == 2
    at = ("--at", "2026-05-04T18:00Z", *where)
    of_sample = rushes("insights", "virality", "abc", *at)
    assert of_sample.json == rushes("insights", "virality", "abc-1", "--sample", "abc-1", *at).json
    new = rushes("insights", "virality", "new", "--duration", "25", *where)
    assert new.code == 0
    assert any("no such post" in note for note in new.json["notes"])
    assert rushes("insights", "virality", "--duration", "25", *where).json["content_id"] == "draft"


@pytest.mark.parametrize(
    "arguments",
    [
        ("virality", "x", "--quality", "7"),
        ("virality", "x", "--at", "tomorrow"),
        ("virality", "x", "--sample", "of-nothing"),
        ("virality", "x", "--timezone", "Mars/Olympus"),
        ("best-time", "--platform", "tiktok", "--by", "luck"),
        ("best-time",),
    ],
)
def test_wrong_use_is_a_sentence_and_exit_code_2(space: Workspace, rushes: Any, arguments: tuple[str, ...]) -> None:
    found = rushes("insights", *arguments, "--workspace", space.root)
    assert found.code == 2
    assert found.err.startswith("✗ ")
