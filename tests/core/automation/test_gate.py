"""The gate opens and closes by seed 000's three criteria, and says what it does not know."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import automation, loop
from core.automation.measures import Share, chance_above
from core.errors import WrongUseError
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.automation.lines import answered, drop_in, predicted


@pytest.fixture
def space(tmp_path: Path) -> Generator[Workspace]:
    opened = loop.open_workspace(tmp_path / "w")
    yield opened
    opened.close()


def test_a_new_workspace_is_locked_and_names_what_is_missing(space: Workspace) -> None:
    found = automation.status(space)
    assert found["unlocked"] is False
    assert found["override_rate"]["value"] is None
    assert found["mean_hook_confidence"]["value"] is None
    assert found["system_rating"]["value"] is None
    assert found["chance_true_rate_above_20"] is None
    assert len(found["missing"]) == 3
    assert found["changes"] == []


def test_a_dropped_in_journal_of_the_seed_and_a_rating_unlock(rushes: Callable[..., Ran], tmp_path: Path) -> None:
    drop_in(tmp_path, 100, 20, confidence=0.75)
    assert rushes("automation", "status", "-w", tmp_path, "--json").json["unlocked"] is False
    found = rushes("automation", "rate", "8.5", "-w", tmp_path, "--json").json
    assert found["unlocked"] is True
    assert {key: found["override_rate"][key] for key in ("value", "threshold", "ok", "n")} == {
        "value": 0.2, "threshold": 0.2, "ok": True, "n": 100}  # fmt: skip
    assert found["mean_hook_confidence"]["value"] == 0.75
    assert found["system_rating"]["value"] == 8.5
    assert found["chance_true_rate_above_20"] == pytest.approx(0.54, abs=0.02)


@pytest.mark.parametrize(
    ("overridden", "confidence", "rating", "failing"),
    [(21, 0.9, 9.0, "override_rate"), (0, 0.74, 9.0, "mean_hook_confidence"), (0, 0.9, 8.4, "system_rating")],
)
def test_each_criterion_alone_keeps_it_locked(
    space: Workspace, overridden: int, confidence: float, rating: float, failing: str
) -> None:
    drop_in(space.root, 100, overridden, confidence=confidence)
    automation.rate(space, rating)
    found = automation.status(space)
    assert found["unlocked"] is False
    names = ("override_rate", "mean_hook_confidence", "system_rating")
    assert [name for name in names if not found[name]["ok"]] == [failing]


def test_it_locks_again_by_itself_and_each_change_is_one_line(space: Workspace) -> None:
    drop_in(space.root, 100, 0)
    automation.rate(space, 9)
    for _ in range(3):
        assert automation.status(space)["unlocked"] is True
    drop_in(space.root, 30, 30, first=100)
    found = automation.status(space)
    for _ in range(2):
        assert automation.status(space) == found
    assert found["unlocked"] is False
    assert [change["what"] for change in found["changes"]] == ["unlocked", "locked"]
    assert found["changes"][1]["why"] == "override_rate is 0.3, the limit is 0.2"
    assert found["changes"][1]["numbers"]["override_rate"] == {"value": 0.3, "threshold": 0.2, "ok": False, "n": 100}


def test_only_the_last_100_videos_count(space: Workspace) -> None:
    drop_in(space.root, 50, 50)
    drop_in(space.root, 100, 10, first=50)
    assert automation.status(space)["override_rate"]["value"] == 0.1


def test_a_handful_of_videos_never_unlocks(space: Workspace) -> None:
    drop_in(space.root, 19, 0, confidence=0.99)
    automation.rate(space, 10)
    found = automation.status(space)
    assert (found["override_rate"]["value"], found["override_rate"]["ok"]) == (0.0, False)
    assert found["missing"] == ["override_rate: only 19 of at least 20 videos judged"]
    drop_in(space.root, 1, 0, confidence=0.99, first=19)
    assert automation.status(space)["unlocked"] is True


def test_a_video_is_overridden_if_one_of_its_scenes_was(space: Workspace) -> None:
    predicted(space, "film", [(0.0, 0.9), (30.0, 0.9)], calibrated=True)
    samples = [found.sample for found in space.store.samples("scenes")]
    loop.correct(space, [(sample, "action" if sample.start_s else "suspense") for sample in samples], trigger=False)
    assert automation.status(space)["override_rate"]["all"] == {"value": 1.0, "n": 1}


def test_random_picks_count_as_soon_as_there_are_twenty(space: Workspace) -> None:
    for number in range(40):
        predicted(space, f"v{number}", [(0.0, 0.9)], calibrated=True)
    for number in range(19):
        answered(space, f"v{number}", "action", "random")
    for number in range(20, 40):
        answered(space, f"v{number}", "suspense", "own")
    found = automation.status(space)["override_rate"]
    assert (found["basis"], found["n"]) == ("all", 39)
    answered(space, "v19", "suspense", "random")
    found = automation.status(space)["override_rate"]
    assert (found["basis"], found["n"], found["value"]) == ("random", 20, 0.05)
    assert found["all"] == {"value": 0.525, "n": 40}


def test_the_hook_is_the_first_scene_and_must_be_calibrated(space: Workspace) -> None:
    predicted(space, "a", [(40.0, 0.1), (0.0, 0.9)], calibrated=True)
    predicted(space, "b", [(0.0, 0.7), (9.0, 0.2)], calibrated=True)
    predicted(space, "c", [(0.0, 0.1)], calibrated=False)
    predicted(space, "d", [(0.0, None), (5.0, 0.9)], calibrated=True)
    found = automation.status(space)["mean_hook_confidence"]
    assert (found["value"], found["n"], found["uncalibrated"], found["unmeasured"]) == (0.8, 2, 1, 1)


def test_uncalibrated_confidence_is_no_measurement(space: Workspace) -> None:
    predicted(space, "a", [(0.0, 0.99)], calibrated=False)
    found = automation.status(space)["mean_hook_confidence"]
    assert found["value"] is None
    assert "not calibrated" in found["missing"]


def test_what_a_later_version_says_of_an_answered_hook_does_not_count(space: Workspace) -> None:
    predicted(space, "a", [(0.0, 0.6)], calibrated=True)
    answered(space, "a", "action", "own")
    later = space.store.predictions("a-0.0")[0]
    space.store.add_predictions([replace(later, id="new", version="v2", confidence=1.0, at=4e9)])
    assert automation.status(space)["mean_hook_confidence"]["value"] == 0.6


def test_a_rating_off_the_scale_is_refused_and_not_kept(rushes: Callable[..., Ran], tmp_path: Path) -> None:
    for wrong in ("10.1", "nan", "87"):
        assert rushes("automation", "rate", wrong, "-w", tmp_path).code == 2
    assert rushes("automation", "status", "-w", tmp_path, "--json").json["system_rating"]["value"] is None
    with pytest.raises(WrongUseError):
        automation.rate(loop.open_workspace(tmp_path), float("inf"))


def test_the_seeds_meta_file_follows_and_keeps_its_other_keys(space: Workspace) -> None:
    path = space.models / "training_meta.json"
    theirs = {"currentVersion": "v1.2-baseline", "systemRating": 7.2, "overrideRate": 18.5, "automationUnlocked": False}
    path.write_text(json.dumps(theirs | {"meanHookConfidence": 0.71, "tasks": {"speech": {}}}))
    drop_in(space.root, 40, 2)
    automation.rate(space, 8.7)
    assert json.loads(path.read_text()) == {
        "currentVersion": "v1.2-baseline", "systemRating": 8.7, "overrideRate": 5.0, "automationUnlocked": True,
        "meanHookConfidence": 0.8, "tasks": {"speech": {}}}  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 100).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_chance_is_what_drawing_rates_gives(counted: tuple[int, int]) -> None:
    k, n = counted
    drawn = np.random.default_rng(7).beta(k + 1, n - k + 1, 40_000)
    assert chance_above(0.2, Share(k, n)) == pytest.approx(float((drawn > 0.2).mean()), abs=0.012)


def test_ninety_five_percent_assurance_takes_at_most_13_in_100() -> None:
    assert (chance_above(0.2, Share(13, 100)) or 1) < 0.05 < (chance_above(0.2, Share(14, 100)) or 0)
    assert chance_above(0.2, Share(0, 0)) is None
