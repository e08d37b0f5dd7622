"""One platform has one name, however it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core import loop
from core.insights.metrics import importing, linking, listing
from core.insights.metrics.importing import Wanted
from core.insights.metrics.requests import ReadRequest, WriteRequest
from core.insights.metrics.store import MetricsStore
from core.insights.platforms import one_name, shown
from core.insights.posting import besttime
from core.insights.virality.predictor import ViralityPredictor
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.insights.drawn_posts import author, keep

WRITTEN = ("TikTok", "tiktok", " TIKTOK ", "Tik Tok")
KINDS = ("content", "engagement", "retention", "scores")


def everything(metrics: MetricsStore) -> list[dict[str, Any]]:
    return [row for kind in KINDS for row in metrics.read(ReadRequest(kind, limit=None))]


def fill(space: Workspace, metrics: MetricsStore, folder: Path) -> None:
    """Posts of one platform in every way that a name can come in."""
    space.store.add_samples([])
    for day, name in enumerate(WRITTEN, 1):
        metrics.write(WriteRequest("p1", name, "engagement", {"views": 100 * day, "likes": 3}, f"2025-05-0{day}"))
    metrics.write(WriteRequest("p1", "TikTok", "content", {"caption": "hello"}))
    metrics.write(WriteRequest("p1", "TikTok", "scores", {"overall_score": 0.5}, "2025-05-05"))
    metrics.link("p1", "TIKTOK", "sample-1")
    file = folder / "t.csv"
    file.write_text("video,measured_at,views,network\np1,2025-05-08,900,TikTok\np2,2025-05-08,50,tiktok \n")
    importing.run(space, metrics, file, Wanted())
    importing.run(space, metrics, file, Wanted("Tik Tok"))


@pytest.mark.parametrize("written", WRITTEN)
def test_the_names_of_a_platform_are_one(written: str):
    assert one_name(written) == "tiktok"
    assert shown(one_name(written)) == "TikTok"


def test_a_name_of_several_words_keeps_them():
    assert one_name("  Red \t Note ") == one_name("red note") == "red note"


def test_a_platform_written_in_several_ways_is_one(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    fill(space, metrics, tmp_path)
    assert listing.platforms(metrics) == {"tiktok": 2}
    (post,) = metrics.read(ReadRequest("content", content_id="p1"))
    assert (post["caption"], post["sample_id"]) == ("hello", "sample-1")
    assert len(metrics.read(ReadRequest("engagement", content_id="p1"))) == 5
    assert [row["platform"] for row in metrics.read(ReadRequest("scores"))] == ["tiktok"]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_platform_is_found_however_it_is_asked_for(written: str, tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    keep(space, author(30))
    with MetricsStore(space) as metrics:
        assert len(metrics.posts(written)) == 30
        assert listing.newest(metrics, written, 50)["count"] == 30
        assert len(metrics.read(ReadRequest("engagement", platform=written, limit=None))) == 30
        assert linking.link(space, metrics, "me-0", None, written)["platform"] == "tiktok"
    with ViralityPredictor(space) as predictor:
        assert predictor.predict("new", {"platform": written}).posts == 30
        assert predictor.load(written).posts == 30
    assert besttime.find(space, written).sample_size == 30
    space.close()


def test_older_journals_make_the_same_tables(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    fill(space, metrics, tmp_path)
    before = everything(metrics)
    metrics.close()
    assert metrics.journal
    said = metrics.journal.path.read_text()
    older = said.replace('"platform": "tiktok"', '"platform": "TikTok"', 3)
    older = older.replace('"platform": "tiktok", "sample"', '"platform": "TIKTOK", "sample"')
    older = older.replace('"platform": "tiktok", "layout"', '"platform": "Tik Tok", "layout"')
    assert older != said
    metrics.journal.path.write_text(older)
    with MetricsStore(space) as again:
        assert again.rebuild() == 2
        assert again.problems == []
        assert everything(again) == before


def test_older_tables_are_made_again(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    fill(space, metrics, tmp_path)
    before = everything(metrics)
    assert metrics.journal
    with metrics.journal.snapshot() as shot, metrics.database.write() as conn:
        conn.execute(text("UPDATE content SET platform = 'TikTok' WHERE content_id = 'p2'"))
        # The mark of tables that were filled name by name.
        conn.execute(text("UPDATE metrics_position SET fingerprint = :it"), {"it": shot.fingerprint(shot.whole)})
    metrics.close()
    with MetricsStore(space) as again:
        assert everything(again) == before


def test_the_commands_find_a_platform_by_any_of_its_names(rushes: Callable[..., Ran], tmp_path: Path):
    file, where = tmp_path / "t.csv", ("--json", "-w", tmp_path / "w")
    file.write_text("video,posted_at,measured_at,views,likes\np1,2025-05-01,2025-05-08,900,5\n")
    assert rushes("metrics", "import", file, "-p", "TikTok", *where).json["platform"] == "tiktok"
    assert rushes("metrics", "list", "-p", "TikTok", *where).json["count"] == 1
    assert rushes("metrics", "show", "p1", "-p", " tiktok", *where).json["content"][0]["platform"] == "tiktok"
    assert [one["platform"] for one in rushes("insights", "virality", "-p", "TIKTOK", *where).json] == ["tiktok"]
    assert rushes("insights", "best-time", "-p", "TikTok", *where).json["platform"] == "tiktok"
