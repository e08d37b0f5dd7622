"""The learning curve: what corrections say of the versions they tested, and when the next stage may be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import loop, registry, tasks
from core.store.records import Sample
from core.training import curve, learning
from core.training.learning import Reach

SCENES = tasks.get("scenes")
Run = Callable[..., Any]


def stream(right: list[bool], version: str = "v1", picked: str = "queue") -> list[curve.Row]:
    """Answers to scenes, right or wrong."""
    return [("action", "action" if hit else "dialogue", version, picked) for hit in right]


def law(a: float, b: float, c: float, count: int, seed: int) -> tuple[Any, Any]:
    """Corrections 1..count whose errors follow a known power law."""
    positions = np.arange(1, count + 1, dtype=np.float64)
    errors = np.random.default_rng(seed).random(count) < np.clip(a + b * positions**-c, 0, 1)
    return positions, errors.astype(np.float64)


def test_each_version_is_scored_on_what_it_answered_before_the_user_did():
    rows = stream([True] * 30 + [False] * 70, "v1") + stream([True] * 90 + [False] * 10, "v2")
    found = curve.draw(SCENES, rows)
    assert {version: (block.n, block.score) for version, block in found.versions.items()} == {
        "v1": (100, 0.3),
        "v2": (100, 0.9),
    }
    assert found.versions["v2"].first == 101
    assert found.versions["v1"].high < found.versions["v2"].low
    assert [block.n for block in found.windows] == [25] * 8
    assert found.running[-1].n == 200
    assert found.running[-1].score == pytest.approx(0.6)


def test_imported_answers_count_as_corrections_but_test_nobody():
    found = curve.draw(SCENES, [("action", None, None, "own")] * 480 + stream([True] * 30))
    assert (found.corrections, found.tested) == (510, 30)
    assert found.windows[0].first == 481
    assert found.stage.name == "Enhanced"


def test_random_picks_are_told_apart_from_the_hard_ones_of_the_queue():
    found = curve.draw(SCENES, stream([False] * 50) + stream([True] * 40 + [False] * 10, picked="random"))
    assert found.random is not None
    assert (found.random.n, found.random.score) == (50, 0.8)
    assert curve.draw(SCENES, stream([True] * 50)).random is None


@pytest.mark.parametrize(
    ("count", "stage", "to_next"),
    [
        (0, "Baseline", 500),
        (499, "Baseline", 1),
        (500, "Enhanced", 2000),
        (2499, "Enhanced", 1),
        (2500, "Advanced", None),
    ],
)
def test_the_stages_are_seed_000s(count: int, stage: str, to_next: int | None):
    found = curve.draw(SCENES, [("action", None, None, "own")] * count)
    assert (found.stage.name, found.to_next) == (stage, to_next)
    assert [known.accuracy for known in curve.STAGES] == [(0.68, 0.75), (0.80, 0.86), (0.88, 0.92)]


def test_texts_and_scores_get_the_share_they_have_right():
    text = curve.draw(tasks.get("speech"), [("bin blue at f two now", "bin blue at f ten now", "v1", "own")])
    assert text.windows[0].score == pytest.approx(5 / 6)
    assert "word" in text.measure
    score = curve.draw(tasks.get("ratings"), [(0.8, 0.5, "v1", "own"), (0.2, 0.2, "v1", "own")])
    assert score.windows[0].score == pytest.approx(0.85)


def test_the_band_of_right_and_wrong_is_wilsons():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81 of 263 and 0 of 20.
    assert curve.band(np.array([1.0] * 81 + [0.0] * 182)) == pytest.approx((0.2553, 0.3662), abs=2e-4)
    assert curve.band(np.zeros(20)) == pytest.approx((0.0, 0.1611), abs=2e-4)


@pytest.mark.parametrize("count", [300, 2000])
def test_the_band_of_a_mean_covers_it_about_19_times_in_20(count: int):
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(100):
        low, high = curve.band(rng.beta(4, 2, count))
        held += low <= 2 / 3 <= high
    assert 88 <= held <= 100


def test_a_forecast_covers_the_truth_of_a_known_law_in_most_streams():
    a, b, c, target = 0.0, 0.8, 0.25, 0.12
    truth = (b / (target - a)) ** (1 / c)  # 1,975 corrections
    found = [learning.reach(*law(a, b, c, 1800, seed), target) for seed in range(60)]
    told = [reach for reach in found if isinstance(reach, Reach)]
    assert len(told) >= 12
    assert sum(reach.low <= truth <= reach.high for reach in told) >= 0.8 * len(told)
    assert all(reach.high < learning.WIDEST * max(reach.low, 1800) for reach in told)


@pytest.mark.parametrize("error", [0.1, 0.3, 0.5])
def test_a_stream_that_does_not_improve_is_not_forecast(error: float):
    told = [learning.reach(*law(error, 0, 1, 600, seed), error * 0.7) for seed in range(60)]
    assert sum(isinstance(reach, Reach) for reach in told) <= 1


def test_a_law_is_found_again_where_there_is_no_noise():
    places = np.geomspace(10, 5000, 24)
    found = learning.fit(places, (0.05 + 0.7 * places**-0.3)[None, :], np.ones(24))
    assert float(found.at(8000)[0]) == pytest.approx(0.05 + 0.7 * 8000**-0.3, abs=0.003)
    assert float(found.reach(0.12)[0]) == pytest.approx((0.7 / 0.07) ** (1 / 0.3), rel=0.1)


def test_the_forecast_is_a_number_with_an_interval_or_the_words(monkeypatch: pytest.MonkeyPatch):
    few = curve.draw(SCENES, stream([True] * 50)).to_json()
    assert few["forecast"] == "not enough to tell"
    assert "300 are needed" in few["why_no_forecast"]
    monkeypatch.setattr(learning, "FEWEST", 200)
    falling = [bool(hit) for hit in 1 - law(0.0, 1.2, 0.3, 450, 3)[1]]
    seen = curve.draw(SCENES, stream(falling)).to_json()["forecast"]
    assert seen["stage"] == "Enhanced"
    assert seen["target"] == 0.8
    assert seen["interval"][0] <= seen["corrections"] <= seen["interval"][1]
    assert seen["based_on"] == "all answers"
    assert curve.draw(SCENES, stream(falling, picked="random")).to_json()["forecast"]["based_on"] == "random picks"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["action", "dialogue"]),
            st.sampled_from(["action", "dialogue", None]),
            st.sampled_from(["v1", "v2", None]),
            st.sampled_from(["random", "queue", "own", None]),
        ),
        max_size=400,
    )
)
def test_any_stream_makes_a_curve_whose_parts_add_up(rows: list[curve.Row]):
    found = curve.draw(SCENES, rows)
    assert sum(block.n for block in found.windows) == found.tested == sum(b.n for b in found.versions.values())
    for block in (*found.windows, *found.running, *found.versions.values()):
        assert 0 <= block.low <= block.score + 1e-9
        assert block.score <= block.high + 1e-9 <= 1 + 2e-9


def test_a_second_answer_does_not_test_the_model_that_learnt_the_first(
    tmp_path: Path, drawn: Callable[[str, int, int], Path], rushes: Run
):
    space = loop.open_workspace(tmp_path / "w")
    pictures = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[:3]
    clips = [part for part in loop.capture(space, pictures, "ratings") if isinstance(part, Sample)]
    said = loop.predict(space, registry.serving(space, "ratings").predictor, clips)
    loop.correct(space, [(clips[0], 0.9), (clips[1], 0.1)], picked_by="random", trigger=False)
    # A later version knows the answer by heart.
    known = replace(said[0], id="later", version="v9", value=0.9)
    space.store.add_predictions([known])
    again = space.store.sample(clips[0].id)
    assert again is not None
    loop.correct(space, [(again, 0.9)], trigger=False)
    found = curve.curve(space, "ratings")
    assert list(found.versions) == ["factory"]
    wanted = [
        1 - abs(float(prediction.value or 0) - truth) for prediction, truth in zip(said, (0.9, 0.1), strict=False)
    ]
    assert found.windows[0].score == pytest.approx(np.mean(wanted))
    assert found.random is not None
    space.store.undo("ratings", space.store.batches("ratings")[0])
    space.store.undo("ratings", space.store.batches("ratings")[0])
    assert curve.curve(space, "ratings").tested == 0
    space.close()
    shown = rushes("models", "curve", "-t", "ratings", "--json", "-w", tmp_path / "w").json
    assert (shown["corrections"], shown["forecast"]) == (0, "not enough to tell")
    assert "stage Baseline" in rushes("models", "curve", "-t", "ratings", "-w", tmp_path / "w").out
