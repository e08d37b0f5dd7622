"""The capture gate matches the threshold; the phase matches the sun."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from pathlib import Path

import pytest

from core import loop, registry, tasks
from core.capture.gate import passes, policy
from core.capture.phase import phase_at
from core.workspace import Workspace

RATINGS = tasks.get("ratings")


@pytest.fixture
def space(tmp_path: Path) -> Generator[Workspace]:
    opened = loop.open_workspace(tmp_path / "w")
    yield opened
    opened.close()


@pytest.mark.parametrize(("value", "verdict"), [(0.8, True), (0.7999, False), (1.0, True), (0.0, False), (None, None)])
def test_a_score_passes_from_the_threshold_on(value: float | None, verdict: bool | None) -> None:
    assert passes(RATINGS, RATINGS.default_spec().model_copy(update={"threshold": 0.8}), value) is verdict


def test_labels_and_texts_always_pass() -> None:
    for name, value in (("scenes", "action"), ("speech", "")):
        task = tasks.get(name)
        assert passes(task, task.default_spec(), value) is True
        assert passes(task, task.default_spec(), None) is None


def test_the_environment_beats_the_setting_and_the_setting_the_version(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = RATINGS.default_spec().model_copy(update={"threshold": 0.7})
    assert policy(space, theirs).threshold == 0.7
    (space.root / "rushes.toml").write_text("[ratings]\nscale = [0.0, 5.0]\nthreshold = 0.6\n")
    wished = loop.open_workspace(space.root)
    assert policy(wished, theirs).threshold == 0.6
    monkeypatch.setenv("RUSHES_THRESHOLD", "4.5")
    served = registry.serving(wished, "ratings").predictor.spec
    assert policy(wished, served).threshold == pytest.approx(0.9)
    wished.close()


@pytest.mark.parametrize(
    ("hour", "minute", "phase"),
    [(12, 0, "day"), (6, 15, "sunrise"), (18, 15, "sunset"), (0, 0, "night")],
)
def test_the_phase_follows_the_sun_at_the_equinox_in_greenwich(hour: int, minute: int, phase: str) -> None:
    assert phase_at(51.48, 0.0, dt.datetime(2026, 3, 20, hour, minute, tzinfo=dt.UTC).timestamp()) == phase


def test_where_the_sun_does_not_set_there_is_no_night() -> None:
    midnight = dt.datetime(2026, 6, 21, 23, 0, tzinfo=dt.UTC).timestamp()
    assert phase_at(78.2, 15.6, midnight) == "day"  # Longyearbyen, local midnight
    assert phase_at(78.2, 15.6, midnight + 183 * 86400) == "night"


def test_without_a_place_there_is_no_phase() -> None:
    assert phase_at(None, 10.0, 0.0) is None
    assert phase_at(10.0, None, 0.0) is None
