"""`rushes metrics import`: other people's tables, understood, kept, repeatable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import loop
from core.errors import CancelledError, RushesError, StoreError, WrongUseError
from core.files import sha256_file
from core.insights.intake import rows, values
from core.insights.metrics import importing
from core.insights.metrics.importing import Wanted
from core.insights.metrics.requests import ReadRequest
from core.insights.metrics.store import MetricsStore, rebuild
from core.insights.metrics.taking import SHOWN, Imported, zone
from core.workspace import Workspace
from tests.conftest import Ran

TIKTOK = (
    "author,followers,video,hashtags,publish_time_utc,scrape_time,duration_s,views,likes,comments,shares,saves,"
    "music_original\n"
)
YOUTUBE = (
    "channel,video,title,category_id,publish_time,trending_date,views,likes,dislikes,comment_count,comments_disabled\n"
)


def taken(space: Workspace, metrics: MetricsStore, tmp_path: Path, text: str | bytes, **wanted: Any) -> Imported:
    options: dict[str, Any] = {"platform": "tiktok"} | wanted
    file = tmp_path / "table.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return importing.run(space, metrics, file, Wanted(**options))


def done(found: Imported) -> tuple[int, int, int, int, int]:
    return found.rows, found.new, found.history, found.updated, found.error_count


def test_a_tiktok_scrape_is_understood_without_a_word(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    text = (
        TIKTOK + "a,304900,t1,nhac|music,2025-05-21T09:44:45Z,2025-05-29 15:38:41,31,541200,21900,454,742,1098,True\n"
    )
    found = taken(space, metrics, tmp_path, text)
    assert done(found) == (1, 1, 0, 0, 0)
    assert found.mapping["content_id"] == "video"
    assert found.mapping["measured_at"] == "scrape_time"
    assert found.features == ["followers", "music_original"]
    posts = metrics.posts()
    assert posts.account.tolist() == ["a"]
    assert posts.brand_tags.tolist() == [("nhac", "music")]
    assert posts.posted_at.tolist() == [1747820685.0]
    assert posts.measured_at.tolist() == [1748533121.0]
    assert posts.features["music_original"].tolist() == [1]
    assert posts.engagement_rate.tolist() == pytest.approx([(21900 + 454 + 742 + 1098) / 541200])


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_changes_while_it_is_read_spoils_nothing_that_is_kept(
    space: Workspace, metrics: MetricsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
):
    if again:
        taken(space, metrics, tmp_path, "video,views\na,3\n")

    def and_change(path: Path) -> str:
        found = sha256_file(path)
        path.write_text("video,views\na,3\nb,4\n")
        return found

    monkeypatch.setattr(importing, "sha256_file", and_change)  # the moment between looking and keeping
    if again:  # it is kept already
        taken(space, metrics, tmp_path, "video,views\na,3\n")
    else:
        with pytest.raises(RushesError, match="changed while it was read"):
            taken(space, metrics, tmp_path, "video,views\na,3\n")
    kept = list((space.data / importing.IMPORTS).iterdir())
    assert [(path.stem, path.read_text()) for path in kept] == [(sha256_file(path), "video,views\na,3\n")
                                                                for path in kept]  # fmt: skip
    assert len(kept) == again


def test_a_youtube_trending_table_becomes_growth(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    text = YOUTUBE + (
        'c,v1,"A title, with a comma",22,2017-11-13T17:13:01.000Z,2017-11-14,748374,57527,2966,15954,FALSE\n'
        "c,v1,A new title,22,2017-11-13T17:13:01.000Z,2017-11-15,1000000,60000,3000,16000,FALSE\n"
    )
    found = taken(space, metrics, tmp_path, text, platform="youtube")
    assert done(found) == (2, 1, 1, 0, 0)
    posts = metrics.posts()
    assert posts.caption.tolist() == ["A new title"]
    assert posts.views_velocity.tolist() == pytest.approx([(1000000 - 748374) / 24])
    assert np.isnan(posts.shares).all()
    assert posts.features["dislikes"].tolist() == [3000]


def test_importing_twice_is_importing_once(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    text = TIKTOK + "".join(f"a,1,t{n},x,2025-05-01,2025-05-29,9,{n},1,1,1,1,True\n" for n in range(50))
    assert done(taken(space, metrics, tmp_path, text)) == (50, 50, 0, 0, 0)
    before = (space.data / "metrics.jsonl").read_bytes()
    assert done(taken(space, metrics, tmp_path, text)) == (50, 0, 0, 0, 0)
    assert (space.data / "metrics.jsonl").read_bytes() == before
    assert len(list((space.data / "imports").iterdir())) == 1


def test_a_later_scrape_is_history_and_a_changed_row_an_update(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    row = "a,1,t1,x,2025-05-01,{day},9,{views},1,1,1,1,True\n"
    taken(space, metrics, tmp_path, TIKTOK + row.format(day="2025-05-28", views=100))
    assert done(taken(space, metrics, tmp_path, TIKTOK + row.format(day="2025-05-29", views=340))) == (1, 0, 1, 0, 0)
    assert done(taken(space, metrics, tmp_path, TIKTOK + row.format(day="2025-05-28", views=220))) == (1, 0, 0, 1, 0)
    found = metrics.read(ReadRequest())
    assert [one["views"] for one in found] == [220, 340]
    assert found[1]["views_velocity"] == pytest.approx(5.0)
    assert metrics.posts().views.tolist() == [340]


def test_a_time_that_no_column_tells_is_that_of_the_first_import(
    space: Workspace, metrics: MetricsStore, tmp_path: Path
):
    text = "id,views\nt1,5\n"
    found = taken(space, metrics, tmp_path, text)
    assert "no column tells when it was measured" in found.notes[0]
    assert done(taken(space, metrics, tmp_path, text)) == (1, 0, 0, 0, 0)
    taken(space, metrics, tmp_path, "id,views\nt1,6\n", measured_at=1_700_000_000.0)
    assert [row["views"] for row in metrics.read(ReadRequest(until=1_700_000_001.0))] == [6]


def test_bad_rows_are_listed_and_good_ones_kept(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    text = "video,measured_at,views,likes\n" + (
        "t1,2025-05-29,100,1\n"
        "t2,2025-05-29,-5,1\n"
        "t3,soon,100,1\n"
        ",2025-05-29,100,1\n"
        "t5,2025-05-29,100\n"
        "t6,1969-01-01,100,1\n"
        "t7,2025-05-29,,\n"
        "t8,2025-05-29,3,4\n"
    )
    found = taken(space, metrics, tmp_path, text)
    assert done(found) == (8, 3, 0, 0, 5)
    assert [(one["row"], one["reason"].partition(":")[0]) for one in found.errors] == [
        (3, "views"),
        (4, "measured_at"),
        (5, "content_id"),
        (6, "has 3 values, the header 4"),
        (7, "measured_at"),
    ]
    assert sorted(metrics.posts().content_id.tolist()) == ["t1", "t8"]  # t7 says nothing that was measured
    assert sorted(metrics.posts(measured=False).content_id.tolist()) == ["t1", "t7", "t8"]


def test_the_list_of_bad_rows_is_bounded_and_their_count_is_whole(
    space: Workspace, metrics: MetricsStore, tmp_path: Path
):
    text = "video,measured_at,views\n" + "t,2025-05-29,x\n" * 1500
    found = taken(space, metrics, tmp_path, text, columns={"views": "views"})
    assert found.error_count == 1500
    assert len(found.errors) == SHOWN


@pytest.mark.parametrize("form", ["comma", "semicolon", "tab", "bom", "utf-16", "cp1252", "jsonl", "nested"])
def test_other_spellings_of_the_same_table(tmp_path: Path, form: str):
    names, row = (
        ["video", "measured_at", "views", "caption", "avg_watch_percentage"],
        ["t1", "2025-05-29", "7", "é", "0.5"],
    )
    said = dict(zip(names, row, strict=True))
    spelled = {
        "comma": ",".join(names) + "\r\n" + ",".join(row) + "\r\n",
        "semicolon": ";".join(names) + "\n" + ";".join(row).replace("0.5", "0,5") + "\n",
        "tab": "\t".join(names) + "\n" + "\t".join(row),
        "jsonl": json.dumps(said | {"views": 7}) + "\n\n",
        "nested": json.dumps(
            {name: said[name] for name in ("video", "caption", "measured_at")}
            | {"stats": {"views": 7, "avg_watch_percentage": 0.5}}
        ),
    }
    content = spelled.get(form, spelled["comma"])
    space = loop.open_workspace(tmp_path / "w")
    with MetricsStore(space) as metrics:
        coding = {"bom": "utf-8-sig", "utf-16": "utf-16", "cp1252": "cp1252"}.get(form, "utf-8")
        assert done(taken(space, metrics, tmp_path, content.encode(coding))) == (1, 1, 0, 0, 0)
        posts = metrics.posts()
        assert (posts.views.tolist(), posts.caption.tolist()) == ([7], ["é"])
        assert posts.avg_watch_percentage.tolist() == [0.5]


def test_retention_comes_from_a_table_of_its_own(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    taken(space, metrics, tmp_path, "video,measured_at,views\nt1,2025-05-28,100\n")
    text = "video,measured_at,average_percentage_viewed,drop_offs,rewatch\nt1,2025-05-29,61%,3;7.5,0.2\n"
    assert done(taken(space, metrics, tmp_path, text)) == (1, 0, 1, 0, 0)
    posts = metrics.posts()
    assert (posts.views.tolist(), posts.avg_watch_percentage.tolist()) == ([100], [0.61])
    assert posts.drop_off_points.tolist() == [(3.0, 7.5)]


def test_times_without_a_zone_are_where_the_user_says(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    text = "video,measured_at,posted_at,views\nt1,2025-05-29 12:00:00,2025-05-28T10:00:00+05:00,1\n"
    taken(space, metrics, tmp_path, text, time_zone="Europe/Berlin")
    posts = metrics.posts()
    assert posts.measured_at.tolist() == [1748512800.0]  # 10:00 UTC
    assert posts.posted_at.tolist() == [1748408400.0]  # 05:00 UTC
    assert values.moment("2025-05-29", zone("UTC"), ends_day=True) == 1748563199.0


def test_several_platforms_in_one_table(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    text = "platform,video,measured_at,views\ntiktok,t1,2025-05-29,1\nyoutube,t1,2025-05-29,2\n,t2,2025-05-29,3\n"
    found = taken(space, metrics, tmp_path, text, platform=None)
    assert done(found) == (3, 2, 0, 0, 1)
    assert metrics.posts("youtube").views.tolist() == [2]


def test_scrapes_give_the_same_history_in_whatever_order_and_pieces_they_come(
    space: Workspace, metrics: MetricsStore, tmp_path: Path
):
    draw = np.random.default_rng(4)
    head = "video,author,publish_time,scrape_time,caption,views,likes,saves,avg_watch_percentage\n"
    lines: list[str] = []
    for post in range(12):
        for day in draw.choice(20, 4, replace=False).tolist():
            said = ["" if draw.random() < 0.3 else str(draw.integers(1, 9999)) for _ in range(3)]
            watched = "" if draw.random() < 0.6 else "0.5"
            caption = "" if draw.random() < 0.5 else f"of {day}"
            lines.append(
                f"t{post},a{post},2025-05-01T00:00:00,2025-05-{10 + day}T12:00:00,{caption},{said[0]},"
                f"1{said[1]},{said[2]},{watched}\n"
            )
    lines.sort(key=lambda line: line.split(",")[3])
    found: list[list[dict[str, Any]]] = []
    for platform, pieces in (
        ("once", [lines]),
        ("later", [lines[:20], lines[20:]]),
        ("back", [[one] for one in lines[::-1]]),
    ):
        results = [taken(space, metrics, tmp_path, head + "".join(one), platform=platform) for one in pieces]
        assert sum(one.new for one in results) == 12
        assert sum(one.history for one in results) == 36
        requests = [ReadRequest(kind, platform=platform, limit=None) for kind in ("content", "engagement", "retention")]
        found.append([row | {"platform": ""} for one in requests for row in metrics.read(one)])
    assert found[0] == found[1]
    assert found[0] == found[2]


def test_a_killed_import_is_completed_by_whoever_comes_next(space: Workspace, tmp_path: Path):
    file = tmp_path / "big.csv"
    file.write_text("video,measured_at,views\n" + "".join(f"t{n},2025-05-29,{n}\n" for n in range(1500)))
    script = (
        "import os, signal, sys, pathlib\n"
        "from core import loop\n"
        "from core.insights.intake import rows\n"
        "from core.insights.metrics import importing, taking\n"
        "from core.insights.metrics.store import MetricsStore\n"
        "rows.ROWS = taking.GATHERED = 500\n"
        "def progress(done, name):\n"
        "    if name == 'importing' and done >= 500: os.kill(os.getpid(), signal.SIGKILL)\n"
        "space = loop.open_workspace(pathlib.Path(sys.argv[1]))\n"
        "wanted = importing.Wanted('tiktok')\n"
        "importing.run(space, MetricsStore(space), pathlib.Path(sys.argv[2]), wanted, progress=progress)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(space.root), str(file)], env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL
    with MetricsStore(space) as metrics:
        assert metrics.reached().rows_done == 500
        assert len(metrics.posts()) == 1500
        assert done(importing.run(space, metrics, file, Wanted("tiktok"))) == (1500, 0, 0, 0, 0)


def test_a_cancelled_import_keeps_whole_blocks_and_a_repeat_completes_it(
    space: Workspace, metrics: MetricsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rows, "ROWS", 500)
    file, reached = tmp_path / "big.csv", list[int]()
    file.write_text("video,measured_at,views\n" + "".join(f"t{n},2025-05-29,{n}\n" for n in range(1200)))
    with pytest.raises(CancelledError):
        importing.run(
            space, metrics, file, Wanted("tiktok"), progress=lambda n, _: reached.append(n), stop=lambda: bool(reached)
        )
    assert len(metrics.posts()) == 500
    assert metrics.rebuild() == 500
    assert done(importing.run(space, metrics, file, Wanted("tiktok"))) == (1200, 700, 0, 0, 0)
    assert metrics.rebuild() == 1200


def test_a_lost_catalog_is_made_again_from_the_kept_files(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    with MetricsStore(space) as metrics:
        taken(space, metrics, tmp_path, "video,measured_at,views\nt1,2025-05-28,100\n")
        taken(space, metrics, tmp_path, "video,measured_at,views\nt1,2025-05-29,340\nt2,2025-05-29,1\n")
        before = metrics.read(ReadRequest()), metrics.read(ReadRequest("content"))
    (tmp_path / "table.csv").unlink()
    (space.root / "rushes.db").unlink()
    with MetricsStore(space) as metrics:
        assert (metrics.read(ReadRequest()), metrics.read(ReadRequest("content"))) == before
    kept = list((space.data / "imports").iterdir())
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600, 0o600]
    kept[0].unlink()
    with MetricsStore(space) as metrics:
        metrics.rebuild()
        assert "is gone" in metrics.problems[0]


def test_a_line_that_is_too_long_costs_only_itself(tmp_path: Path):
    file = tmp_path / "long.csv"
    file.write_text("video,caption\nt1,a\nt2," + "x" * 5000 + "\nt3,c\n")
    (raw,) = rows.blocks(file, rows.look(file), longest=1000)
    assert raw.columns["video"] == ("t1", "t3")
    assert raw.broken == [(3, "the line is too long")]
    assert raw.done == 3


def test_blocks_can_be_skipped_and_number_their_rows_alike(tmp_path: Path):
    for name, text in (("a.csv", "video,views\n" + "".join(f"t{n},{n}\n" for n in range(10))),
                       ("a.jsonl", "".join(json.dumps({"video": f"t{n}"}) + "\n" for n in range(10)))):  # fmt: skip
        file = tmp_path / name
        file.write_text(text)
        form = rows.look(file)
        whole = [
            row for raw in rows.blocks(file, form, size=3) for row in zip(raw.rows, raw.columns["video"], strict=True)
        ]
        rest = [
            row
            for raw in rows.blocks(file, form, skip=6, size=3)
            for row in zip(raw.rows, raw.columns["video"], strict=True)
        ]
        assert len(whole) == 10
        assert rest == whole[6:]


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_reasons_and_never_a_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    file = tmp_path_factory.mktemp("any") / "x.csv"
    file.write_bytes(content)
    with suppress(RushesError):
        form = rows.look(file)
        for raw in rows.blocks(file, form, longest=100, size=4):
            assert raw.done >= len(raw.rows) + len(raw.broken)


def test_the_command_tells_what_it_did(rushes: Callable[..., Ran], tmp_path: Path):
    root, file = tmp_path / "w", tmp_path / "t.csv"
    file.write_text(
        TIKTOK + "a,1,t1,x,2025-05-01,2025-05-29,9,5,1,1,1,1,True\na,1,t2,x,2025-05-01,2025-05-29,9,-5,1,1,1,1,True\n"
    )
    rushes("init", root)
    ran = rushes("metrics", "import", file, "--platform", "tiktok", "--json", "-w", root)
    assert ran.code == 1  # a row failed
    assert {name: ran.json[name] for name in ("rows", "new", "updated", "history")} == {
        "rows": 2, "new": 1, "updated": 0, "history": 0,
    }  # fmt: skip
    assert ran.json["errors"] == [{"row": 3, "reason": "views: '-5' is negative"}]
    assert rushes("metrics", "import", file, "-p", "tiktok", "--map", "views=nope", "-w", root).code == 2
    assert rushes("metrics", "import", tmp_path / "none.csv", "-p", "tiktok", "-w", root).code == 1
    assert "features: followers, music_original" in rushes("metrics", "import", file, "-p", "tiktok", "-w", root).out
    listed = rushes("metrics", "list", "--json", "-w", root).json
    assert (listed["count"], listed["posts"][0]["content_id"]) == (1, "t1")
    shown = rushes("metrics", "show", "t1", "-w", root)
    assert "views 5" in shown.out
    assert rushes("metrics", "show", "t9", "-w", root).code == 2
    assert rushes("metrics", "rebuild", "--json", "-w", root).json == {"posts": 1, "problems": []}
    (root / "rushes.db").unlink()
    assert rushes("rebuild", "--json", "-w", root).json["posts"] == 1


def test_a_column_that_is_mapped_twice_is_refused(rushes: Callable[..., Ran], tmp_path: Path):
    root, file = tmp_path / "w", tmp_path / "t.csv"
    file.write_text("id,measured_at,a,b\np1,2025-05-29,1,2\n")
    both = ("--map", "views=a", "--map", "views=b")
    ran = rushes("metrics", "import", file, "-p", "tiktok", *both, "-w", root)
    assert ran.code == 2
    assert "views" in ran.err
    assert "b" in ran.err
    assert rushes("metrics", "import", file, "-p", "tiktok", "--map", "views=a", "-w", root).code == 0


def test_two_processes_that_bring_the_same_file_at_once_keep_it(
    space: Workspace, metrics: MetricsStore, tmp_path: Path
):
    """The second waits for the first, finds nothing new, and leaves the first one's kept file alone."""
    file = tmp_path / "table.csv"
    file.write_text("video,measured_at,views\nt1,2025-05-29,100\n")

    class Second(MetricsStore):
        overtaken = False

        def exclusive(self, *, wait: bool = True):
            if not self.overtaken:
                self.overtaken = True
                importing.run(space, metrics, file, Wanted("tiktok"))
            return super().exclusive(wait=wait)

    with Second(space) as second:
        assert done(importing.run(space, second, file, Wanted("tiktok"))) == (1, 0, 0, 0, 0)
    assert metrics.rebuild() == 1
    assert metrics.problems == []


def test_a_rebuild_says_that_a_kept_file_is_gone(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    with MetricsStore(space) as metrics:
        taken(space, metrics, tmp_path, "video,measured_at,views\nt1,2025-05-28,100\n")
    assert rebuild(space) == {"posts": 1, "metrics_problems": 0}
    next((space.data / "imports").iterdir()).unlink()
    assert rebuild(space) == {"posts": 0, "metrics_problems": 1}


def test_a_platform_must_have_a_name_that_can_be_shown(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    with pytest.raises(WrongUseError, match="--platform"):
        taken(space, metrics, tmp_path, "video,views\nt1,100\n", platform="tik\x07")
    assert not (space.data / "imports").exists()


def test_a_workspace_without_metrics_leaves_anothers_database_alone(
    space: Workspace, metrics: MetricsStore, tmp_path: Path
):
    taken(space, metrics, tmp_path, "video,measured_at,views\nt1,2025-05-28,100\n")
    assert len(metrics.posts()) == 1
    other = loop.open_workspace(tmp_path / "other")
    in_postgres = metrics.database.path is None
    with MetricsStore(other) as theirs, pytest.raises(StoreError) if in_postgres else nullcontext():
        assert theirs.posts().content_id.tolist() == []
    with MetricsStore(other) as theirs, pytest.raises(StoreError) if in_postgres else nullcontext():
        assert theirs.rebuild() == 0
    with MetricsStore(space) as again:
        assert again.reached().workspace
        assert len(again.posts()) == 1


@pytest.mark.parametrize("rest", ["b,2,x\n", "b,2,x\n" * 50])
def test_a_quote_that_is_never_closed_is_no_caption(space: Workspace, metrics: MetricsStore, tmp_path: Path, rest: str):
    found = taken(space, metrics, tmp_path, 'video,views,title\na,1,"fine, ""quoted"""\nc,1,"never closed\n' + rest)
    assert (found.new, found.error_count) == (1, 1)
    assert "quote" in found.errors[0]["reason"]


def test_a_file_that_says_two_things_of_one_measurement_can_be_imported_again(
    space: Workspace, metrics: MetricsStore, tmp_path: Path
):
    text = "video,measured_at,views,title\nt1,2025-05-28,10,old\nt1,2025-05-28,12,new\nt2,2025-05-28,1,x\n"
    assert done(taken(space, metrics, tmp_path, text)) == (3, 2, 0, 1, 0)
    lines = (space.data / "metrics.jsonl").read_bytes()
    assert done(taken(space, metrics, tmp_path, text)) == (3, 0, 0, 0, 0)
    assert (space.data / "metrics.jsonl").read_bytes() == lines
    assert [row["views"] for row in metrics.read(ReadRequest(content_id="t1"))] == [12]
