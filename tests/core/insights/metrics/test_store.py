"""Seed 001's metrics store, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import loop
from core.errors import StoreError, WrongUseError
from core.insights.metrics.listing import newest
from core.insights.metrics.requests import DailySnapshot, Kind, ReadRequest, WriteRequest
from core.insights.metrics.store import MetricsStore, ModelMetricsStore
from core.insights.posts import Posts
from core.workspace import Workspace

T0 = 1_748_534_400.0  # 2025-05-29T16:00:00Z
HOUR = 3600.0


def wrote(content: str, kind: Kind = "engagement", at: float | str | None = T0, **values: Any) -> WriteRequest:
    return WriteRequest(content, "tiktok", kind, values, at)


async def test_engagement_is_read_as_it_was_written(metrics: MetricsStore):
    await metrics.write_metrics(wrote("a", views=1000, likes=80, comments=20, shares=10, saves=5))
    (row,) = await metrics.read_metrics(ReadRequest("engagement"))
    assert row["content_id"] == "a"
    assert row["platform"] == "tiktok"
    assert (row["views"], row["likes"], row["comments"], row["shares"], row["saves"]) == (1000, 80, 20, 10, 5)
    assert row["measured_at"] == T0


async def test_retention_is_read_as_it_was_written(metrics: MetricsStore):
    said: dict[str, Any] = {
        "avg_watch_percentage": 1.2,  # a short clip that plays again
        "completion_rate": 0.4,
        "rewatch_rate": 0.0,
        "retention_curve": [1, 0.8, 0.5],
        "drop_off_points": [2.5, 9],
    }
    await metrics.write_metrics(wrote("a", "retention", **said))
    (row,) = await metrics.read_metrics(ReadRequest("retention"))
    assert {name: row[name] for name in said} == said


async def test_scores_are_read_as_they_were_written(metrics: MetricsStore):
    said: dict[str, Any] = {
        "overall_score": 0.6,
        "virality_score": 0.7,
        "factors": {"saves": 0.2},
        "strengths": ["hook"],
        "weaknesses": [],
    }
    await metrics.write_metrics(wrote("a", "scores", **said))
    (row,) = await metrics.read_metrics(ReadRequest("scores"))
    assert {name: row[name] for name in said} == said
    assert row["retention_score"] is None
    assert row["computed_at"] == T0


async def test_what_a_post_is_is_read_as_it_was_written(metrics: MetricsStore):
    said: dict[str, Any] = {
        "account": "me",
        "posted_at": T0 - HOUR,
        "duration_s": 25.0,
        "caption": "héllo",
        "brand_tags": ["b", "a"],
        "edit_metadata": {"cuts": 4, "music": "x"},
    }
    await metrics.write_metrics(wrote("a", "content", None, **said))
    (row,) = await metrics.read_metrics(ReadRequest("content"))
    assert {name: row[name] for name in said} == said


async def test_a_days_snapshot_is_written_once_and_replaced(metrics: MetricsStore):
    first = DailySnapshot("2025-05-28", 3, 0.61, 0.05, ["a"], ["seen"], ["do"], T0, {"n": 1})
    await metrics.write_daily_snapshot(first)
    await metrics.write_daily_snapshot(DailySnapshot("2025-05-29", 4))
    await metrics.write_daily_snapshot(DailySnapshot("2025-05-29", 5, created_at=T0))
    found = await metrics.read_daily_snapshots()
    assert found[0].to_json() == first.to_json()
    assert [(one.snapshot_date, one.total_content_analyzed) for one in found] == [("2025-05-28", 3), ("2025-05-29", 5)]
    assert found[1].avg_retention is None
    assert await metrics.read_daily_snapshots(since="2025-05-29", until="2025-05-29") == found[1:]


def test_reading_filters_by_post_platform_and_time(metrics: MetricsStore):
    metrics.write(wrote("a", views=1), wrote("b", views=2), wrote("a", views=3, at=T0 + HOUR))
    metrics.write(WriteRequest("a", "youtube", "engagement", {"views": 4}, T0))

    def views(**asked: Any) -> list[int]:
        return [row["views"] for row in metrics.read(ReadRequest(**asked))]

    assert views(content_id="a", platform="tiktok") == [1, 3]
    assert views(platform="youtube") == [4]
    assert views(since=T0 + 1) == [3]
    assert views(until="2025-05-29T17:00:00Z", platform="tiktok") == [1, 2]
    assert views(limit=1) == [1]
    with pytest.raises(WrongUseError, match="is not a time"):
        views(since="yesterday")


def test_rates_are_those_of_the_documented_formulae(metrics: MetricsStore):
    metrics.write(wrote("all", views=1000, likes=80, comments=20, shares=10, saves=50))
    metrics.write(wrote("youtube-like", views=200, likes=10, comments=2))
    found = by_content(metrics)
    assert found["all"]["engagement_rate"] == pytest.approx(0.16)
    assert found["all"]["save_rate"] == pytest.approx(0.05)
    assert found["youtube-like"]["engagement_rate"] == pytest.approx(0.06)


def test_what_was_not_measured_stays_empty_and_is_never_0(metrics: MetricsStore):
    metrics.write(wrote("a", likes=5), wrote("b", views=0, likes=0), wrote("c", views=10))
    found = by_content(metrics)
    assert found["a"]["views"] is None
    assert found["a"]["engagement_rate"] is None
    assert found["b"]["views"] == 0
    assert found["b"]["engagement_rate"] is None
    assert found["c"]["engagement_rate"] is None
    assert found["c"]["save_rate"] is None
    posts = metrics.posts()
    assert np.isnan(posts.shares).all()
    assert np.isnan(posts.avg_watch_percentage).all()


def test_views_velocity_counts_from_the_scrape_before_else_from_posting(metrics: MetricsStore):
    metrics.write(wrote("a", "content", None, posted_at=T0 - 10 * HOUR), wrote("a", views=1000))
    metrics.write(wrote("a", views=1600, at=T0 + 2 * HOUR))
    metrics.write(wrote("unknown", views=1000))
    assert velocities(metrics, "a") == pytest.approx([100.0, 300.0])
    assert velocities(metrics, "unknown") == [None]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_the_order_in_which_scrapes_arrive_does_not_matter(metrics: MetricsStore, order: tuple[int, ...]):
    metrics.write(wrote("a", "content", None, posted_at=T0 - HOUR))
    for place in order:
        metrics.write(wrote("a", views=[100, 150, 450][place], at=T0 + place * HOUR))
        metrics.read(ReadRequest())
    assert velocities(metrics, "a") == pytest.approx([100.0, 50.0, 300.0])
    assert metrics.posts().views.tolist() == [450]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (0, 3, 1, 2)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_scrape_without_views_does_not_start_velocity_anew(
    metrics: MetricsStore, order: tuple[int, ...], at_once: bool
):
    metrics.write(wrote("a", "content", None, posted_at=T0 - 24 * HOUR))
    said: list[dict[str, Any]] = [{"views": 1000}, {"likes": 10}, {"views": 4000}, {"likes": 12}]
    requests = [wrote("a", at=T0 + place * 24 * HOUR, **said[place]) for place in order]
    for some in [requests] if at_once else [[one] for one in requests]:
        metrics.write(*some)
        metrics.read(ReadRequest())
    assert velocities(metrics, "a") == [pytest.approx(1000 / 24), None, pytest.approx(3000 / 48), None]


def test_a_scrape_that_says_less_leaves_what_is_known(metrics: MetricsStore):
    metrics.write(wrote("a", "content", None, posted_at=T0 - 24 * HOUR))
    metrics.write(wrote("a", views=1000, likes=80), wrote("a", likes=90, saves=5, at=T0 + HOUR))
    metrics.write(wrote("a", "retention", avg_watch_percentage=0.6, retention_curve=[1, 0.5]))
    metrics.write(wrote("a", "retention", T0 + 2 * HOUR, completion_rate=0.3))
    metrics.write(wrote("a", views=1100, at=T0 + 4 * HOUR))

    def seen(until: float | None) -> dict[str, Any]:
        posts = metrics.posts(until=until)
        names = ("views", "likes", "saves", "engagement_rate", "avg_watch_percentage", "completion_rate", "viewed_at")
        return {name: getattr(posts, name)[0] for name in names} | {"curve": posts.retention_curve[0]}

    then = seen(T0 + 3 * HOUR)
    assert (then["views"], then["likes"], then["saves"]) == (1000, 90, 5)
    assert then["engagement_rate"] == pytest.approx(0.08)
    assert (then["avg_watch_percentage"], then["completion_rate"], then["curve"]) == (0.6, 0.3, (1.0, 0.5))
    assert then["viewed_at"] == T0  # the age that these views have
    assert metrics.posts(until=T0 + 3 * HOUR).measured_at[0] == T0 + 2 * HOUR
    later = seen(None)
    assert (later["views"], later["likes"], later["viewed_at"]) == (1100, 90, T0 + 4 * HOUR)
    assert np.isnan(seen(T0)["saves"])
    assert [one["views"] for one in newest(metrics, None, 5)["posts"]] == [1100]


def test_writing_the_same_again_changes_nothing_and_gaps_are_filled(metrics: MetricsStore):
    for _ in range(2):
        metrics.write(wrote("a", views=100, likes=4))
    metrics.write(wrote("a", saves=6))
    (row,) = metrics.read(ReadRequest())
    assert (row["views"], row["likes"], row["saves"]) == (100, 4, 6)
    assert row["engagement_rate"] == pytest.approx(0.1)


def test_an_older_scrape_does_not_overwrite_what_a_newer_one_says(metrics: MetricsStore):
    metrics.write(wrote("a", views=10, at=T0))
    metrics.write(wrote("a", "content", T0, caption="new"))
    metrics.write(wrote("a", "content", T0 - HOUR, caption="old", account="me"))
    (row,) = metrics.read(ReadRequest("content"))
    assert (row["caption"], row["account"]) == ("new", "me")


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (wrote("a", views=-1), "views: '-1' is negative"),
        (wrote("a", views=1.5), "is not a whole number"),
        (wrote("a", views="many"), "views: 'many' is not a number"),
        (wrote("a", engagement_rate=1.2), "engagement_rate: .* outside of 0..1"),
        (wrote("a", "retention", avg_watch_percentage=70), "avg_watch_percentage: .* outside of 0..5"),
        (wrote("a", "retention", retention_curve=[1, 2]), "retention_curve: .* outside of 0..1"),
        (wrote("a", at="1999-01-01", views=1), "measured_at: lies before 2000"),
        (wrote("a", at="2999-01-01", views=1), "measured_at: lies in the future"),
        (wrote("a", "content", T0, posted_at=T0 + 3 * 86400), "measured_at: lies more than a day before posted_at"),
        (wrote("", views=1), "content_id: is empty"),
        (wrote("a", vievs=1), "there is no column 'vievs'"),
        (wrote("a", "scores", overall_score=7), "overall_score: 7 is outside of 0..1"),
        (WriteRequest("a", " ", "engagement", {"views": 1}), "the platform has no name"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_reason_and_nothing_is_kept(tmp_path: Path, request_: WriteRequest, why: str):
    with MetricsStore(db_path=tmp_path / "m.db") as metrics:
        with pytest.raises(WrongUseError, match=why):
            metrics.write(wrote("good", views=1), request_)
        assert metrics.read(ReadRequest()) == []


def test_posts_are_the_newest_numbers_at_a_moment(metrics: MetricsStore):
    metrics.write(wrote("a", views=1), wrote("a", views=2, at=T0 + HOUR), wrote("b", views=5, at=T0 + 2 * HOUR))
    metrics.write(wrote("a", "retention", T0 + 3 * HOUR, avg_watch_percentage=0.5))
    metrics.write(wrote("planned", "content", None, caption="not posted yet"))

    def seen(until: float | None, **more: Any) -> dict[str, float]:
        posts = metrics.posts(until=until, **more)
        return dict(zip(posts.content_id.tolist(), posts.views.tolist(), strict=True))

    assert seen(None) == {"a": 2, "b": 5}
    assert seen(T0 + HOUR) == {"a": 2}
    assert seen(T0 + HOUR - 1) == {"a": 1}
    assert seen(T0 - 1) == {}
    assert list(seen(None, measured=False)) == ["a", "b", "planned"]
    posts = metrics.posts("tiktok")
    assert posts.measured_at[posts.content_id == "a"] == T0 + 3 * HOUR
    assert posts.viewed_at[posts.content_id == "a"] == T0 + HOUR
    assert len(metrics.posts("youtube")) == 0


def test_posts_carry_features_tags_and_curves(metrics: MetricsStore):
    metrics.write(wrote("a", "content", None, edit_metadata={"cuts": 4, "style": "fast"}, brand_tags=["x", "y"]))
    metrics.write(wrote("b", "content", None, features={"followers": 10, "sound": True}))
    metrics.write(wrote("a", views=1), wrote("b", views=1), wrote("a", "retention", retention_curve=[1, 0.5]))
    posts = metrics.posts()
    assert posts.brand_tags.tolist() == [("x", "y"), None]
    assert posts.retention_curve.tolist() == [(1.0, 0.5), None]
    np.testing.assert_array_equal(posts.features["cuts"], [4, np.nan])
    np.testing.assert_array_equal(posts.features["followers"], [np.nan, 10])
    np.testing.assert_array_equal(posts.features["sound"], [np.nan, 1])
    assert "style" not in posts.features
    assert posts.where(posts.content_id == "b").features["followers"].tolist() == [10]
    assert metrics.posts(without=("features",)).features.keys() == {"cuts"}


@pytest.mark.parametrize("request_", [
    WriteRequest("a", "tiktok", "nonsense", {"views": 1}),  # pyright: ignore[reportArgumentType] - wrong on purpose
    WriteRequest("a", "tiktok", "scores", {"overal_score": 0.5}),
    WriteRequest("", "tiktok", "scores", {"overall_score": 0.5}),
    WriteRequest("a", "tik\x07tok", "engagement", {"views": 1}),
    WriteRequest("a", " ", "scores", {"overall_score": 0.5}),
])  # fmt: skip
def test_what_no_table_could_take_is_refused(metrics: MetricsStore, request_: WriteRequest):
    with pytest.raises(WrongUseError):
        metrics.write(wrote("b", views=1), request_)
    assert metrics.read(ReadRequest()) == []
    assert metrics.read(ReadRequest("scores")) == []


def test_posts_made_by_hand_are_like_those_that_are_read():
    posts = Posts.of([{"content_id": "a", "views": 3, "features": {"n": 1}}, {"content_id": "b", "brand_tags": ["x"]}])
    assert posts.views.tolist()[0] == 3
    assert np.isnan(posts.views[1])
    assert posts.brand_tags.tolist() == [None, ("x",)]
    assert len(Posts.of([])) == 0


def test_a_lost_catalog_loses_nothing(space: Workspace):
    with MetricsStore(space) as metrics:
        metrics.write(wrote("a", views=1), wrote("a", views=3, at=T0 + HOUR))
        metrics.write(wrote("a", "scores", overall_score=0.5))
        metrics.write_snapshot(DailySnapshot("2025-05-29", 1, created_at=T0))
        metrics.link("a", "tiktok", "sample-1")
        before = everything(metrics)
    if space.settings.insights.metrics_in == "workspace":
        space.store.close()
        (space.root / "rushes.db").unlink()
    with MetricsStore(loop.open_workspace(space.root)) as metrics:
        assert metrics.rebuild() == 1
        assert everything(metrics) == before


def test_a_damaged_catalog_is_made_again(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    with MetricsStore(space) as metrics:
        metrics.write(*(wrote(f"post-{n}", views=n) for n in range(500)))
        assert len(metrics.posts()) == 500
        with (space.root / "rushes.db").open("r+b") as file:
            file.seek(0)
            file.write(b"\xff" * 8192)
        assert len(metrics.posts()) == 500
    assert list(space.root.glob("rushes.db.damaged-*"))


def test_moving_to_postgresql_takes_everything_along(tmp_path: Path, postgres: str):
    from core import settings

    space = loop.open_workspace(tmp_path / "w")
    with MetricsStore(space) as metrics:
        metrics.write(wrote("a", views=7), wrote("b", "retention", completion_rate=0.5))
        before = everything(metrics)
    settings.write(None, "database.url", f'"{postgres}"')
    settings.write(space.root, "insights.metrics_in", "database")
    with MetricsStore(loop.open_workspace(space.root)) as metrics:
        assert metrics.database.dialect == "postgresql"
        assert everything(metrics) == before
    other = loop.open_workspace(tmp_path / "other")
    settings.write(other.root, "insights.metrics_in", "database")
    with MetricsStore(loop.open_workspace(other.root)) as metrics:
        metrics.write(wrote("theirs", views=1))
        with pytest.raises(StoreError, match="another workspace"):
            metrics.posts()


def test_a_store_sees_what_another_process_wrote(space: Workspace):
    with MetricsStore(space) as one, MetricsStore(space) as two:
        assert len(one.posts()) == 0
        two.write(wrote("a", views=1))
        assert one.posts().content_id.tolist() == ["a"]


def test_lines_that_cannot_be_used_are_said_and_passed_over(metrics: MetricsStore, space: Workspace):
    metrics.write(wrote("a", views=1))
    with (space.data / "metrics.jsonl").open("ab") as file:
        file.write(
            b'{"op":"write","rows":[{"content_id":"x","platform":"p","views":-4}],"at":1}\n{"op":"dance"}\nnot JSON\n'
        )
        file.write(b'{"op":"import","file":"../../../etc/passwd","id":"1"}\n')
    metrics.write(wrote("b", views=2))
    assert sorted(metrics.posts().content_id.tolist()) == ["a", "b"]
    assert len(metrics.problems) == 4


def test_the_seeds_constructor_and_its_own_file(tmp_path: Path):
    path = tmp_path / "metrics.db"
    with ModelMetricsStore(db_path=str(path)) as metrics:
        metrics.write(wrote("a", views=1))
    with ModelMetricsStore(db_path=path) as metrics:
        assert metrics.posts().views.tolist() == [1]
    assert path.stat().st_mode & 0o777 == 0o600
    names = {row[0] for row in sqlite3.connect(path).execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"retention_metrics", "engagement_metrics", "meta_learning_scores", "daily_snapshots", "content"} <= names
    with pytest.raises(WrongUseError):
        ModelMetricsStore()


def test_another_programs_tables_are_left_alone(tmp_path: Path):
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE engagement_metrics (content_id TEXT, views INTEGER)")
    with pytest.raises(StoreError, match="another program"), ModelMetricsStore(db_path=path) as metrics:
        metrics.posts()


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path):
    from core import settings

    settings.write(None, "database.url", '"postgresql://nobody@127.0.0.1:9/none"')
    settings.write(None, "insights.metrics_in", "database")
    with MetricsStore(loop.open_workspace(tmp_path / "w")) as metrics:
        metrics.write(wrote("a", views=1))  # durable in the journal all the same
        with pytest.raises(StoreError, match=r"database of database\.url"):
            metrics.posts()


def test_a_write_survives_without_the_tables(space: Workspace):
    MetricsStore(space).write(wrote("a", views=1))  # never closed: as if the process had been killed
    with MetricsStore(space) as metrics:
        assert metrics.posts().content_id.tolist() == ["a"]


def test_nothing_but_metrics_loads_sqlalchemy():
    ours = "tui.cli, core.insights.metrics.store, core.insights.metrics.importing"
    code = f"import sys, {ours}; assert 'sqlalchemy' not in sys.modules"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def everything(metrics: MetricsStore) -> dict[str, Any]:
    kinds: tuple[Kind, ...] = ("content", "engagement", "retention", "scores")
    found: dict[str, Any] = {kind: metrics.read(ReadRequest(kind)) for kind in kinds}
    return found | {"snapshots": metrics.snapshots()}


def by_content(metrics: MetricsStore) -> dict[str, Any]:
    return {row["content_id"]: row for row in metrics.read(ReadRequest())}


def velocities(metrics: MetricsStore, content: str) -> list[float | None]:
    return [row["views_velocity"] for row in metrics.read(ReadRequest(content_id=content))]
