"""Daily learning from end to end: a day's numbers become report, snapshot, scores and rules, once."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import loop
from core.errors import StoreError, WrongUseError
from core.gone import Gone
from core.insights.learning import daily
from core.insights.learning.aggregation import MetricsAggregator
from core.insights.learning.daily import DailyLearningPipeline, due, learn_day
from core.insights.metrics.requests import ReadRequest, WriteRequest
from core.insights.metrics.store import MetricsStore
from core.insights.reports import history
from core.workspace import Workspace
from tests.core.insights import drawn_posts, made

DAY = dt.date(2026, 2, 1)
FACTS = ("account", "posted_at", "duration_s", "caption", "features", "sample_id")
COUNTS = ("views", "likes", "comments", "shares", "saves")


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "workspace")
    yield found
    found.close()


@pytest.fixture
def store(space: Workspace) -> Iterator[MetricsStore]:
    with MetricsStore(space) as found:
        yield found


def write(store: MetricsStore, lines: list[made.Row]) -> None:
    requests: list[WriteRequest] = []
    for line in lines:
        key = (line["content_id"], line["platform"])
        requests.append(WriteRequest(*key, "content", {name: line[name] for name in FACTS if line.get(name)}))
        counts = {name: int(line[name]) for name in COUNTS}
        requests.append(WriteRequest(*key, "engagement", counts, line["measured_at"]))
        if line["avg_watch_percentage"] is not None:
            watched = {"avg_watch_percentage": line["avg_watch_percentage"]}
            requests.append(WriteRequest(*key, "retention", watched, line["measured_at"]))
    store.write(*requests)


def measured_on(day: dt.date, count: int, **given: Any) -> list[made.Row]:
    """Posts of the weeks before, measured on that day."""
    end = dt.datetime.combine(day, dt.time(12), dt.UTC).timestamp()
    lines = made.rows(count, **given)
    for line in lines:
        line["posted_at"] = end - (line["posted_at"] - made.START) - 3600
        line["measured_at"] = end
        line["content_id"] = f"{day}-{line['content_id']}"
    return lines


def files(space: Workspace) -> dict[str, bytes]:
    return {str(path.relative_to(space.root)): path.read_bytes() for path in sorted(history.folder(space).rglob("*.*"))}


def test_a_days_numbers_become_report_page_rules_snapshot_and_scores(space: Workspace, store: MetricsStore) -> None:
    write(store, measured_on(DAY, 300, short=1.8, retained=0.5))
    report = learn_day(store, DAY)
    assert report.summary["total_content_analyzed"] == 300
    assert set(files(space)) == {
        "insights/2026-02-01/report.json",
        "insights/2026-02-01/report.md",
        "insights/recommendations.json",
    }
    assert history.load(space, "2026-02-01") == report
    (snapshot,) = store.snapshots()
    assert snapshot.snapshot_date == "2026-02-01"
    assert snapshot.total_content_analyzed == 300
    assert snapshot.avg_engagement_rate == report.summary["avg_engagement_rate"]
    assert len(snapshot.best_content_ids) == 5
    assert list(snapshot.recommendations) == report.recommendations
    scores = store.read(ReadRequest("scores"))
    assert len(scores) == 300
    assert {line["overall_score"] for line in scores} == {None}
    assert all("brand_alignment_score" in line["factors"]["missing"] for line in scores)


def test_learning_a_day_twice_changes_no_byte_and_adds_no_row(space: Workspace, store: MetricsStore) -> None:
    write(store, measured_on(DAY, 120))
    learn_day(store, DAY)
    before, journal = files(space), (space.data / "metrics.jsonl").read_bytes()
    learn_day(store, DAY)
    assert files(space) == before
    assert (space.data / "metrics.jsonl").read_bytes() == journal
    assert len(store.snapshots()) == 1
    assert len(store.read(ReadRequest("scores"))) == 120


def test_numbers_measured_later_do_not_change_an_earlier_day(store: MetricsStore) -> None:
    write(store, measured_on(DAY, 120))
    first = MetricsAggregator(store).produce_learning_report(DAY)
    later = measured_on(DAY + dt.timedelta(days=3), 120, seed=7)
    for line in later:
        line["posted_at"] = line["measured_at"] - 3600
    write(store, later)
    again = MetricsAggregator(store).produce_learning_report(DAY)
    assert {**again.to_json(), "cost": None} == {**first.to_json(), "cost": None}


def test_late_numbers_of_a_day_make_it_due_again_and_update_its_one_row(store: MetricsStore) -> None:
    write(store, measured_on(DAY, 60))
    learn_day(store, DAY)
    assert due(store, DAY) == []
    write(store, measured_on(DAY, 30, seed=9, platform="youtube"))
    assert due(store, DAY) == [DAY]
    learn_day(store, DAY)
    (snapshot,) = store.snapshots()
    assert snapshot.total_content_analyzed == 90


def test_missed_days_are_made_up_oldest_first_and_not_forever_back(store: MetricsStore) -> None:
    days = [DAY - dt.timedelta(days=back) for back in (30, 3, 1, 0)]
    for number, day in enumerate(days):
        write(store, measured_on(day, 25, seed=number, days=0.01))
    assert due(store, DAY) == days[1:]


def test_the_scheduler_learns_yesterday_and_says_so(
    space: Workspace, store: MetricsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Clock:
            return cls(2026, 2, 2, 2, 0, tzinfo=tz)

    assert "no numbers yet" in daily.run(space, "daily learning")
    write(store, measured_on(DAY, 40))
    monkeypatch.setattr(daily.dt, "datetime", Clock)
    assert "learned from 40 posts" in daily.run(space, "daily learning")
    assert history.dates(space)[-1] == "2026-02-01"
    assert "nothing new to learn" in daily.run(space, "daily learning")


def test_learning_accumulates_until_a_planted_effect_shows(store: MetricsStore) -> None:
    """Few posts claim nothing; as more come, the same effect is claimed and its interval narrows."""
    widths: list[float] = []
    claimed: list[int] = []
    for number, count in enumerate((30, 300, 900)):
        day = DAY + dt.timedelta(days=number)
        write(store, measured_on(day, count, seed=number, short=1.5))
        patterns = [one for one in learn_day(store, day).patterns if one["outcome"] == "engagement_rate"]
        planted = [one for one in patterns if (one["feature"], one["level"]) == ("duration_s", "7–15")]
        claimed.append(len(planted))
        widths += [one["interval"][1] - one["interval"][0] for one in planted]
    assert claimed == [0, 1, 1]
    assert widths[1] < widths[0]


def test_a_snapshot_by_itself_says_what_the_report_says_also_when_to_post(store: MetricsStore) -> None:
    for line in drawn_posts.author(200, hour_effect=0.8):
        about = {name: line[name] for name in ("account", "posted_at", "duration_s")}
        counts = {"views": int(line["views"]), "likes": int(line["views"] * line["engagement_rate"])}
        key = (line["content_id"], line["platform"])
        store.write(WriteRequest(*key, "content", about), WriteRequest(*key, "engagement", counts, line["measured_at"]))
    write(store, measured_on(DAY, 60, short=1.5))
    aggregator = MetricsAggregator(store)
    for day in (DAY, dt.date(2025, 12, 1)):
        report, taken = aggregator.produce_learning_report(day), aggregator.build_daily_snapshot(day)
        assert any("post at" in one for one in report.recommendations)
        assert (taken.insights, taken.recommendations) == (report.insights, report.recommendations)
        assert taken.avg_engagement_rate == report.summary["avg_engagement_rate"]
        learn_day(store, day)
        kept = store.snapshots(taken.snapshot_date, taken.snapshot_date)[0]
        assert kept.best_content_ids == taken.best_content_ids


def test_the_pipeline_of_the_seed_runs_and_tells_its_history(store: MetricsStore) -> None:
    write(store, [*measured_on(DAY, 30), *measured_on(DAY + dt.timedelta(days=1), 30, seed=2)])
    pipeline = DailyLearningPipeline(store)
    for date in ("2026-02-01", DAY + dt.timedelta(days=1)):
        asyncio.run(pipeline.run_daily_learning(date))
    found = asyncio.run(pipeline.get_learning_history(days=7))
    assert [one["date"] for one in found] == ["2026-02-02", "2026-02-01"]
    assert len(asyncio.run(pipeline.get_learning_history(days=1))) == 1
    with pytest.raises(WrongUseError, match="is not a date"):
        asyncio.run(pipeline.run_daily_learning("yesterday"))


def test_a_store_without_a_workspace_keeps_its_reports_in_the_snapshots(tmp_path: Path) -> None:
    with MetricsStore(db_path=tmp_path / "metrics.db") as store:
        write(store, measured_on(DAY, 30))
        pipeline = DailyLearningPipeline(store)
        report = asyncio.run(pipeline.run_daily_learning(DAY))
        assert asyncio.run(pipeline.get_learning_history()) == [report.to_json()]


def test_rules_for_other_programs_keep_their_schema(space: Workspace, store: MetricsStore) -> None:
    write(store, measured_on(DAY, 900, short=1.8))
    learn_day(store, DAY)
    found = json.loads((history.folder(space) / history.RULES_FILE).read_bytes())
    assert found["schema_version"] == 1
    assert (found["made_for"], found["valid_until"]) == ("2026-02-01", "2026-02-15")
    rule = found["rules"][0]
    assert set(rule) == {
        "rule_id", "condition", "action", "value", "confidence", "n", "n_other", "effects", "valid_until"
    }  # fmt: skip
    assert rule["rule_id"] == "tiktok.duration-s.7-15"
    assert rule["condition"] == {"platform": "tiktok"}
    assert (rule["action"], rule["value"]["min"], rule["value"]["below"]) == ("prefer", 7.0, 15.0)
    assert 0.95 <= rule["confidence"] < 1


def test_learning_an_older_day_again_leaves_the_newest_rules(space: Workspace, store: MetricsStore) -> None:
    write(store, [*measured_on(DAY, 30), *measured_on(DAY + dt.timedelta(days=1), 30, seed=2)])
    learn_day(store, DAY + dt.timedelta(days=1))
    learn_day(store, DAY)
    found = history.rules(space)
    assert found is not None
    assert found["made_for"] == "2026-02-02"


def test_a_day_that_has_not_begun_is_refused_and_leaves_the_rules(space: Workspace, store: MetricsStore) -> None:
    write(store, measured_on(DAY, 30))
    learn_day(store, DAY)
    rules = (space.root / "insights" / "recommendations.json").read_bytes()
    with pytest.raises(WrongUseError, match="has not begun"):
        learn_day(store, dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2))
    assert (space.root / "insights" / "recommendations.json").read_bytes() == rules
    assert history.dates(space) == [DAY.isoformat()]


def test_reports_are_private_and_a_damaged_one_is_made_again(space: Workspace, store: MetricsStore) -> None:
    write(store, measured_on(DAY, 30))
    learn_day(store, DAY)
    for path in history.folder(space).rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    path = history.folder(space) / "2026-02-01" / history.JSON_FILE
    path.write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        history.load(space, "2026-02-01")
    assert due(store, DAY) == [DAY]
    learn_day(store, DAY)
    assert history.load(space, "2026-02-01").date == "2026-02-01"


def test_forgetting_a_sample_takes_the_reports_that_name_it(space: Workspace, store: MetricsStore) -> None:
    lines = measured_on(DAY, 40)
    lines[0] |= {"sample_id": "sample-7", "likes": int(lines[0]["views"] * 0.8)}
    write(store, [*lines, *measured_on(DAY - dt.timedelta(days=1), 40, seed=2)])
    learn_day(store, DAY - dt.timedelta(days=1))
    learn_day(store, DAY)
    gone = Gone(frozenset({"sample-7"}), frozenset(), frozenset(), frozenset({"a caption"}))
    assert history.erase(space, gone) == ["insights/2026-02-01"]
    assert history.dates(space) == ["2026-01-31"]
    assert history.erase(space, gone) == []


def test_commands_learn_and_show(space: Workspace, store: MetricsStore, rushes: Callable[..., Any]) -> None:
    write(store, measured_on(DAY, 300, short=1.8, retained=1.0))
    store.close()
    where = ("--workspace", space.root)
    learned = rushes("insights", "daily", "--date", "2026-02-01", "--json", *where)
    assert learned.code == 0
    assert learned.json["summary"]["total_content_analyzed"] == 300
    assert rushes("insights", "daily", "--json", *where).json["date"] == "2026-02-01"
    assert rushes("insights", "report", "--json", *where).json == learned.json
    assert rushes("insights", "report", *where).out.startswith("# What was learned by 2026-02-01\n")
    assert len(rushes("insights", "history", "--days", "3", "--json", *where).json) == 1
    clusters = rushes("insights", "clusters", "--json", *where).json
    assert set(clusters["clusters"]) == {"high_retention", "medium_retention", "low_retention"}
    assert len(rushes("insights", "hypotheses", "--json", *where).json) == 5
    name = learned.json["best_performers"][0]["content_id"]
    (score,) = rushes("insights", "scores", name, "--json", *where).json
    assert score["overall_score"] is None
    assert score["retention_score"] is not None
    assert len(rushes("insights", "scores", "--json", *where).json) == 300


@pytest.mark.parametrize(
    "arguments",
    [("report",), ("report", "--date", "2026-02-01"), ("daily", "--date", "soon"), ("scores", "nobody")],
)
def test_wrong_use_is_a_sentence(space: Workspace, rushes: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    found = rushes("insights", *arguments, "--workspace", space.root)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("✗ ")
