"""Virality: the formula, what is learnt beside it, and which of them answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import loop
from core.errors import CancelledError, WrongUseError
from core.gone import Gone
from core.insights.ages import growth, levels, mature
from core.insights.posting.besttime import accounts
from core.insights.posts import Posts, objects
from core.insights.virality import boosted, conformal, evaluation, fitted, fitting, formula
from core.insights.virality.evaluation import Choice, Later, Score
from core.insights.virality.features import About, History
from core.insights.virality.fitting import Fit, Material, Target
from core.insights.virality.predictor import ViralityPredictor
from core.insights.zones import zone
from core.workspace import Workspace
from tests.core.insights.drawn_posts import DAY, START, author, keep, posts

UTC_ZONE = zone("UTC")
NOW = START + 2 * 365 * DAY


def material(found: Posts) -> Material:
    return Material.of(found, "tiktok", lambda mine: About.unknown(len(mine)), UTC_ZONE)


@pytest.fixture(scope="module")
def learnt() -> dict[Target, Fit]:
    """What is learnt from an author whose sharpness decides the views."""
    return fitting.learn(material(posts(200, quality_effect=2.0)), NOW)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return loop.open_workspace(tmp_path / "workspace")


# The formula


def test_the_score_is_the_seeds_weighted_sum() -> None:
    found = formula.score({"retention": 0.7, "engagement": 0.5, "quality": 0.9, "timing": 0.2})
    assert found.score == pytest.approx((0.7 * 0.35 + 0.5 * 0.30 + 0.9 * 0.20 + 0.2 * 0.15) * 100)
    assert formula.score(dict.fromkeys(formula.WEIGHTS, 1.0)).score == pytest.approx(100)
    assert not found.partial


def test_a_missing_component_is_named_and_the_weights_are_not_stretched() -> None:
    found = formula.score({"retention": 1.0, "quality": 1.0, "timing": None})
    assert found.score == pytest.approx(55)
    assert found.possible == pytest.approx(55)
    assert found.missing == ("engagement", "timing")
    with pytest.raises(ValueError, match=r"0\.\.1"):
        formula.score({"quality": 1.2})


async def test_the_seeds_usage_works_without_any_posts(space: Workspace) -> None:
    with ViralityPredictor(space) as predictor:
        prediction = await predictor.predict_virality(
            content_id="new_video_001",
            metadata={
                "quality_score": 0.85,
                "aesthetic_score": 0.90,
                "scene_objects": ["performance", "crowd"],
                "duration": 25,
            },
        )
    assert prediction.virality_score == pytest.approx(0.875 * 20)
    assert prediction.score_possible == pytest.approx(20)
    assert prediction.missing == ["retention", "engagement", "timing"]
    assert prediction.predicted_views is None
    assert prediction.confidence_interval is None
    assert not prediction.boost_recommended


async def test_virality_prediction_accuracy_on_the_users_own_posts(space: Workspace) -> None:
    """Seed 001: virality prediction accuracy. Sharper clips of this author get more views, and are predicted to."""
    keep(space, author(150, quality_effect=2.5, spread=0.4))
    later = author(40, 77, quality_effect=2.5, spread=0.4)
    with ViralityPredictor(space) as predictor:
        said: list[tuple[float, float]] = []
        inside, found = 0, predictor.predict("first")
        for row in later:
            when = row["posted_at"] + 310 * DAY
            about = {"platform": "tiktok", "posted_at": when, "duration": row["duration_s"]} | row["edit_metadata"]
            found = await predictor.predict_virality(row["content_id"] + "-later", about)
            assert found.predicted_views is not None
            assert found.confidence_interval is not None
            low, high = found.confidence_interval
            inside += low <= row["views"] <= high
            said.append((found.predicted_views, row["views"]))
    rank = evaluation.spearman(np.array([one for one, _ in said]), np.array([one for _, one in said]))
    assert rank is not None
    assert rank > 0.5
    assert inside >= 30
    assert found.score_by == "boosted"
    assert any(factor.words == "sharpness" and factor.change for factor in found.contributing_factors)


def test_quality_and_objects_come_from_the_clip_a_post_is_linked_to(space: Workspace, drawn: Any) -> None:
    from core import importing

    importing.run(space, drawn("ratings", 4, 1) / "manifest.csv", "ratings")
    item = space.store.answered("ratings")[0]
    with ViralityPredictor(space) as predictor:
        found = predictor.predict("planned", {"sample_id": item.sample.id})
    assert found.components["quality"] == pytest.approx(item.correction.value)
    assert "your answer" in found.notes[0]


def test_an_answer_given_after_publishing_is_not_known_before_it(space: Workspace, drawn: Any) -> None:
    from core import importing
    from core.insights.virality import clips

    importing.run(space, drawn("ratings", 4, 1) / "manifest.csv", "ratings")
    item = space.store.answered("ratings")[0]
    rows = author(2)
    for row, days in zip(rows, (-1, 1), strict=True):
        row["sample_id"] = item.sample.id
        row["posted_at"] = item.correction.at + days * DAY
    found = clips.about(space, Posts.of(rows))
    assert np.isnan(found.quality[0])
    assert found.quality[1] == pytest.approx(item.correction.value)


def test_objects_posted_before_move_engagement_and_new_ones_are_named(space: Workspace) -> None:
    rows = author(80, spread=0.2)
    seen = objects([("crowd",) if index % 2 else None for index in range(80)])
    for row, one in zip(rows, seen, strict=True):
        row["engagement_rate"] = min(0.9, row["engagement_rate"] * (1.6 if one else 1.0))
    found = Posts.of(rows)
    history = History(found, About(np.full(80, np.nan), seen), np.log1p(found.views), UTC_ZONE)
    lift = history.lift(history.rate_lifts, ("crowd",), NOW)
    assert 0.05 < lift < math.log(1.6)
    assert math.isnan(history.lift(history.rate_lifts, ("boat",), NOW))
    keep(space, rows)
    with ViralityPredictor(space) as predictor:
        assert any("boat" in note for note in predictor.predict("x", {"scene_objects": ["boat"]}).notes)


# Nothing of the future


def test_nothing_that_happens_later_changes_what_was_known_before() -> None:
    before, changed = author(120), author(120)
    for row in changed[60:]:
        row["views"], row["engagement_rate"], row["avg_watch_percentage"] = 1e9, 0.9, 1.0
    designs: list[np.ndarray] = []
    for rows in (before, changed):
        found = Posts.of(rows)
        history = History(found, About.unknown(120), np.log1p(found.views), UTC_ZONE)
        designs.append(history.design(found, About.unknown(120)).x)
    assert np.array_equal(designs[0][:61], designs[1][:61], equal_nan=True)
    assert not np.array_equal(designs[0][61:], designs[1][61:], equal_nan=True)


def test_a_post_does_not_see_itself_nor_other_accounts() -> None:
    found = Posts.of(author(30, account="a") + author(30, 2, account="b", level=14))
    history = History(found, About.unknown(60), np.log1p(found.views), UTC_ZONE)
    design = history.design(found, About.unknown(60))
    assert design.earlier[0] == 0
    assert design.earlier[29] == pytest.approx(29)
    assert design.last_k[20] == pytest.approx(np.median(np.log1p(found.views[10:20])))


def test_an_outcome_in_the_import_is_no_feature() -> None:
    rows = author(100)
    for row in rows:
        row["features"] = {"dislikes": row["views"], "followers": row["views"], "category_id": 22}
    found = Posts.of(rows)
    history = History(found, About.unknown(100), np.log1p(found.views), UTC_ZONE)
    design = history.design(found, About.unknown(100))
    assert not any("dislikes" in name for name in design.names)
    followers = design.x[:, design.names.index("followers")]
    assert np.isnan(followers[0])
    assert followers[50] == pytest.approx(np.log1p(found.views[49]))  # as seen on the post before, not its own


def test_measurements_made_after_the_later_posts_are_not_used_where_those_before_are_known() -> None:
    found = posts(120)
    asked: list[float] = []

    def then(until: float) -> Posts:
        asked.append(until)
        return found.where(found.measured_at <= until)

    fits = fitting.learn(replace(material(found), then=then), NOW)
    assert fits["views"].choice.history == "as measured then"
    assert len(asked) > 5

    def only_late(until: float) -> Posts:
        return late.where(late.measured_at <= until)

    late = Posts.of([row | {"measured_at": NOW} for row in author(120)])
    fits = fitting.learn(replace(material(late), then=only_late), NOW)
    assert fits["views"].choice.history == "as read later"


# Learning and choosing


def test_trees_answer_only_where_they_win_on_later_posts(learnt: dict[Target, Fit]) -> None:
    choice = learnt["views"].choice
    assert choice.name == "boosted"
    assert all(low > 0 for _, low, _ in choice.rivals.values())
    assert "the trees answer" in choice.reason
    chosen, best = choice.scores["boosted"], min(choice.scores[name].mae for name in evaluation.SIMPLE)
    assert chosen.mae < best
    assert chosen.spearman is not None
    assert chosen.spearman > 0.4


def test_where_nothing_can_be_learnt_the_best_simple_one_answers() -> None:
    choice = fitting.learn(material(posts(150, 3)), NOW)["views"].choice
    assert choice.name in evaluation.SIMPLE
    assert "not shown to be better" in choice.reason
    score = choice.score
    assert score is not None
    assert score.mae == min(choice.scores[name].mae for name in evaluation.SIMPLE)


def test_equal_posts_give_equal_trees_and_a_stopped_fit_gives_none() -> None:
    found = posts(80)
    history = History(found, About.unknown(80), np.log1p(found.views), UTC_ZONE)
    design = history.design(history.posts, history.about)
    first, second = (boosted.fit(design, history.level).to_json() for _ in range(2))
    assert first == second
    again = boosted.Boosted.from_json(json.loads(json.dumps(first)))
    assert np.array_equal(again.predict(design), boosted.fit(design, history.level).predict(design))
    moved = again.contributions(design)
    assert moved.shape == (80, len(design.names))
    with pytest.raises(CancelledError):
        boosted.fit(design, history.level, lambda: True)
    with pytest.raises(CancelledError):
        fitting.learn(material(found), NOW, stop=lambda: True)


def test_few_posts_use_the_formula_and_say_so(space: Workspace) -> None:
    keep(space, author(25))
    with ViralityPredictor(space) as predictor:
        found = predictor.predict("new", {"quality_score": 0.5})
    assert found.views_by == "the formula"
    assert any("few posts (25)" in note for note in found.notes)
    assert found.confidence_interval is not None  # what the 25 spread over
    for target, note in (("views", found.interval_note), ("engagement", found.engagement_note)):
        assert note is not None
        assert f"  note: {target}: {note}" in found.lines()
    assert not found.partial


def test_young_measurements_are_brought_to_one_age() -> None:
    rows = author(60, spread=0.01)
    for index, row in enumerate(rows):
        days = (2, 20)[index % 2]
        row["measured_at"] = row["posted_at"] + days * DAY
        row["views"] *= (days / 7) ** 0.3
        row["views_velocity"] = 0.3 * row["views"] / (days * 24)
    found = Posts.of(rows)
    grown = growth(found, accounts(found))
    assert grown.source == "two measurements"
    assert grown.slope == pytest.approx(0.3, abs=0.01)
    assert float(np.std(levels(found, grown))) < 0.05 < float(np.std(np.log1p(found.views)))
    rows[0]["measured_at"] = rows[0]["posted_at"] + 3600
    assert not mature(Posts.of(rows))[0]


# Intervals


def test_the_interval_holds_nine_of_ten_later_posts_also_after_a_change() -> None:
    rng = np.random.default_rng(3)
    size = np.where(np.arange(1200) < 500, 1.0, 2.0)  # half-way the errors double
    later = Later(np.zeros(1200), np.full(1200, 9.0), size * rng.normal(size=1200), np.arange(1200) // 60)
    score, interval = evaluation.measure(later)
    assert score.coverage is not None
    assert conformal.LOW_GOOD <= score.coverage <= conformal.HIGH_GOOD
    assert interval is not None
    assert interval.n == conformal.NEWEST
    low, high = interval.ends(np.zeros(1), np.array([9.0]))
    assert high[0] - low[0] == pytest.approx(2 * 2 * 1.645, rel=0.2)


def test_accounts_without_posts_get_wider_intervals() -> None:
    rng = np.random.default_rng(4)
    earlier = np.repeat([0.0, 9.0], 200)
    found = conformal.interval(np.where(earlier > 0, 0.3, 1.5) * rng.normal(size=400), earlier)
    assert found is not None
    low, high = found.ends(np.zeros(2), np.array([0.0, 9.0]))
    assert (high - low)[0] > 3 * (high - low)[1]
    assert conformal.interval(np.zeros(10), np.zeros(10)) is None


@pytest.mark.parametrize(("coverage", "word"), [(0.8, "too narrow"), (0.97, "too wide"), (0.9, None)])
def test_a_coverage_outside_87_to_93_is_said(coverage: float, word: str | None) -> None:
    score = Score(1000, 0.5, 0.3, coverage, 1000, 0.1, 5.0)
    note = Choice("last_k", {"last_k": score}, {}, "", "as read later", None).coverage_note
    assert (note is None) if word is None else word in str(note)


def test_a_gain_is_judged_by_accounts_not_by_posts() -> None:
    truth, said = np.zeros(400), np.ones(400)
    better = Later(said * 0.9, said, truth, np.arange(400))
    worse = Later(said, said, truth, np.arange(400))
    assert evaluation.paired(worse, better, np.arange(400))[1] == pytest.approx(0.1)
    mixed = replace(better, said=np.where(np.arange(400) < 240, 0.5, 1.6))
    by_post = evaluation.paired(worse, mixed, np.arange(400))
    by_account = evaluation.paired(worse, mixed, np.arange(400) // 80)
    assert by_account[1] < by_post[1]
    assert evaluation.paired(worse, better, np.arange(400) // 200)[1] == -math.inf  # two accounts prove nothing


# Kept, damaged, erased


def test_what_was_learnt_is_kept_until_the_posts_change(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(space, author(60))
    with ViralityPredictor(space) as predictor:
        first = predictor.predict("x", {"posted_at": NOW})
    path = fitted.place(space, "tiktok")
    assert path.stat().st_mode & 0o777 == 0o600
    asked: list[str] = []
    learn = fitting.learn

    def counted(*given: Any, **named: Any) -> dict[Target, Fit]:
        asked.append("again")
        return learn(*given, **named)

    monkeypatch.setattr(fitting, "learn", counted)
    with ViralityPredictor(space) as predictor:
        assert predictor.predict("x", {"posted_at": NOW}).predicted_views == first.predicted_views
        assert not asked
        path.write_text('{"stamp": "x"')
        predictor.refresh()
        assert predictor.predict("x", {"posted_at": NOW}).predicted_views == first.predicted_views
        assert asked == ["again"]
        keep(space, author(61)[60:])
        predictor.refresh()
        predictor.predict("x", {"posted_at": NOW})
        assert len(asked) == 2


def test_forgetting_a_sample_removes_what_was_learnt(space: Workspace) -> None:
    keep(space, author(40))
    with ViralityPredictor(space) as predictor:
        predictor.load("tiktok")
    gone = Gone(frozenset({"s"}), frozenset(), frozenset(), frozenset())
    assert fitted.erase(space, gone) == [fitted.place(space, "tiktok").relative_to(space.root).as_posix()]
    assert fitted.erase(space, gone) == []


def test_metadata_that_make_no_sense_are_refused(space: Workspace) -> None:
    with ViralityPredictor(space) as predictor:
        for wrong in ({"quality_score": "high"}, {"duration": -1}, {"scene_objects": "crowd"}, {"caption": 5}):
            with pytest.raises(WrongUseError):
                predictor.predict("x", wrong)


def test_facts_without_an_id_are_a_draft_and_a_platform_alone_shows_what_predicts_best(
    space: Workspace, rushes: Callable[..., Any]
) -> None:
    keep(space, author(40, 3))
    draft = rushes("insights", "virality", "--duration", 12, "--json", "-w", space.root)
    assert draft.code == 0, draft.err
    assert draft.json["content_id"] == "draft"
    models = rushes("insights", "virality", "--platform", draft.json["platform"], "--json", "-w", space.root)
    assert [one["platform"] for one in models.json] == [draft.json["platform"]]
    assert rushes("insights", "virality", "--platform", "elsewhere", "--json", "-w", space.root).json == []
