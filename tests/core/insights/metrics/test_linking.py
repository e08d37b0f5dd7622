"""Posts and the samples they came from: linked, and forgotten again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.gone import Gone
from core.insights.metrics import erasing, importing, linking
from core.insights.metrics.importing import Wanted
from core.insights.metrics.requests import DailySnapshot, ReadRequest, WriteRequest
from core.insights.metrics.store import MetricsStore
from core.insights.metrics.taking import Imported
from core.store import forgotten
from core.store.records import Sample
from core.workspace import Workspace
from tests.conftest import Ran

HASH = "ab" * 32
MEDIA = "training_data/videos/training_1.avi"
SECRET = Gone(frozenset({"sample-1"}), frozenset({MEDIA}), frozenset({HASH}), frozenset({"what I said"}))


def remembered(metrics: MetricsStore) -> None:
    """A linked post in every way that a sample can be named."""
    metrics.write(WriteRequest("p1", "tiktok", "engagement", {"views": 100, "likes": 3}, "2025-05-29"))
    metrics.write(WriteRequest("p1", "tiktok", "content", {"caption": "what I said", "account": "me"}))
    metrics.write(WriteRequest("p1", "tiktok", "content", {"edit_metadata": {"source": MEDIA, "cuts": 3}}))
    metrics.write(WriteRequest("other", "tiktok", "content", {"caption": "what I said", "sample_id": "sample-2"}))
    metrics.write_snapshot(DailySnapshot("2025-05-29", 1, insights=[f"{HASH} did well", "fine"]))
    metrics.link("p1", "tiktok", "sample-1")


def imported(space: Workspace, metrics: MetricsStore, folder: Path) -> Imported:
    file = folder / "t.csv"
    file.write_text(
        f"video,measured_at,views,caption,sample_id,note\np1,2025-05-30,200,what I said,sample-1,{MEDIA}\n"
        "p2,2025-05-30,50,what I said,,\n"
    )
    return importing.run(space, metrics, file, Wanted("tiktok"))


def everywhere(space: Workspace) -> bytes:
    """All bytes that are kept of metrics."""
    names = [space.root / "rushes.db", *(path for path in space.data.rglob("*") if path.is_file())]
    return b"".join(path.read_bytes() for path in names if path.exists())


def test_forgetting_a_sample_takes_it_out_of_its_posts(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    remembered(metrics)
    imported(space, metrics, tmp_path)
    metrics.read(ReadRequest())
    metrics.close()
    changed = erasing.erase(space, SECRET)
    assert "training_data/metrics.jsonl" in changed
    assert any(name.startswith("training_data/imports/") for name in changed)
    for secret in (b"sample-1", MEDIA.encode(), HASH.encode()):
        assert secret not in everywhere(space)
    for again in range(2):
        with MetricsStore(space) as after:
            if again:
                after.rebuild()
            known = {row["content_id"]: row for row in after.read(ReadRequest("content"))}
            assert known["p1"]["sample_id"] is None
            assert known["p1"]["caption"] is None
            assert known["p1"]["account"] == "me"
            assert known["p1"]["edit_metadata"] == {"cuts": 3}
            assert known["p2"]["caption"] == "what I said"  # nobody said that it came from that sample
            assert known["other"]["sample_id"] == "sample-2"
            assert [row["views"] for row in after.read(ReadRequest(content_id="p1"))] == [100, 200]
            assert after.snapshots()[0].insights == [None, "fine"]
    assert erasing.erase(space, SECRET) == []


def test_forgetting_what_is_not_there_changes_nothing(space: Workspace, metrics: MetricsStore):
    assert erasing.erase(space, SECRET) == []
    remembered(metrics)
    metrics.close()
    before = (space.data / "metrics.jsonl").read_bytes()
    assert erasing.erase(space, Gone(frozenset({"x-9"}), frozenset(), frozenset(), frozenset({"what I said"}))) == []
    assert (space.data / "metrics.jsonl").read_bytes() == before


def test_posts_carry_their_sample_until_the_link_is_taken_away(space: Workspace, metrics: MetricsStore):
    space.store.add_samples(
        [Sample(id="abc-1", task="ratings", group="g"), Sample(id="abc-2", task="ratings", group="g")]
    )
    metrics.write(WriteRequest("p1", "tiktok", "engagement", {"views": 1}, "2025-05-29"))
    assert linking.link(space, metrics, "p1", "abc-1", None)["sample_id"] == "abc-1"
    assert metrics.posts().sample_id.tolist() == ["abc-1"]
    linking.link(space, metrics, "p1", None, None)
    assert metrics.posts().sample_id.tolist() == [None]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('uploading...\n{"id": "7301", "url": "https://x"}', "7301"),
        ('{"content_id": 12, "id": "no"}', "12"),
        ("published as 7301", None),
        ('{"url": "https://x"}', None),
        ("", None),
        ('["7301"]', None),
    ],
)
def test_the_posts_id_is_found_in_what_a_hook_says(said: str, found: str | None):
    assert linking.content_id(said) == found


def test_a_published_clip_is_linked_by_itself(rushes: Callable[..., Ran], tmp_path: Path):
    from core import loop, settings

    hook = json.dumps([sys.executable, "-c", 'print(\'{"id": "tt-77"}\')'])
    settings.write(None, "automation.command", hook)
    root = tmp_path / "w"
    space = loop.open_workspace(root)
    (space.data / "videos" / "a.avi").write_bytes(b"clip")
    clip = Sample(id="abc-1", task="ratings", group="g", media="training_data/videos/a.avi", duration_s=3.0)
    space.store.add_samples([clip])
    space.close()
    asked = rushes("automation", "publish", "abc-1", "--platform", "tiktok", "--json", "-w", root)
    entry = asked.json["id"]
    published = rushes("automation", "approve", entry, "--json", "-w", root)
    assert published.json["state"] == "published"
    (row,) = shown(rushes, root, "tt-77")["content"]
    assert (row["sample_id"], row["platform"], row["duration_s"]) == ("abc-1", "tiktok", 3.0)


def test_the_link_command(rushes: Callable[..., Ran], tmp_path: Path):
    from core import loop

    space = loop.open_workspace(tmp_path / "w")
    space.store.add_samples([Sample(id="abc-1", task="ratings", group="g")])
    with MetricsStore(space) as metrics:
        metrics.write(WriteRequest("p1", "tiktok", "engagement", {"views": 1}, "2025-05-29"))
        metrics.write(WriteRequest("p1", "youtube", "engagement", {"views": 1}, "2025-05-29"))
    space.close()
    where = ("-w", tmp_path / "w")
    assert rushes("metrics", "link", "p1", "abc", *where).code == 2  # on which platform?
    assert rushes("metrics", "link", "p1", "abc", "-p", "tiktok", "--json", *where).json["sample_id"] == "abc-1"
    assert rushes("metrics", "link", "p1", "zzz", "-p", "tiktok", *where).code == 2
    assert rushes("metrics", "link", "p1", *where).code == 2
    assert rushes("metrics", "link", "p1", "--off", "-p", "tiktok", "--json", *where).json["sample_id"] is None


def shown(rushes: Callable[..., Ran], root: Path, content: str) -> dict[str, Any]:
    return rushes("metrics", "show", content, "--json", "-w", root).json


def test_a_file_that_names_a_forgotten_sample_does_not_bring_it_back(
    space: Workspace, metrics: MetricsStore, tmp_path: Path
):
    forgotten.add(space.root, ["sample-1"], [], [])
    found = imported(space, metrics, tmp_path)
    assert any("forgotten" in note for note in found.notes)
    metrics.close()
    assert b"sample-1" not in everywhere(space)
    with MetricsStore(space) as after:
        known = {row["content_id"]: row for row in after.read(ReadRequest("content"))}
    assert known["p1"]["sample_id"] is None
