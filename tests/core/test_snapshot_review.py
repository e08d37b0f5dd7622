"""What Review reads: orders, filters, rows, look-alikes, statistics, the file of a clip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import loop
from core.errors import MediaError, RushesError, WrongUseError
from core.review import answers
from core.review.queue import picked_by, remember
from core.review.search import example, parse
from core.snapshot import review
from core.store.records import Prediction, Sample
from core.workspace import Workspace

SAID: tuple[tuple[str | None, float | None], ...] = (
    ("action", 0.4), ("dialogue", 0.6), ("action", 0.9), (None, None), ("suspense", 0.5),
)  # fmt: skip


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """Five clips s0 to s4 of one file; s3 could not be judged."""
    made = loop.open_workspace(tmp_path / "ws")
    (made.data / "videos" / "shared.avi").write_bytes(b"RIFF")
    made.store.add_samples(
        [
            Sample(
                f"s{n}", "scenes", f"g{n}", media="training_data/videos/shared.avi", captured_at=float(n),
                speaker="Anna" if n % 2 else None, source="cam_1" if n < 2 else "camX1",
                extra={"file": f"clip_{n}.avi"},
            )
            for n in range(len(SAID))
        ]
    )  # fmt: skip
    made.store.add_predictions([said(f"s{n}", value, sure) for n, (value, sure) in enumerate(SAID)])
    yield made
    made.close()


def said(sample: str, value: str | None, sure: float | None, **facts: Any) -> Prediction:
    known: dict[str, Any] = {"task": "scenes", "version": "factory", "kind": "model"} | facts
    return Prediction(
        f"p-{sample}", sample, known["task"], known["version"], known["kind"], value, sure, True, {}, (), 1.0, 1.0,
        None if value else "no picture in it",
    )  # fmt: skip


def listed(space: Workspace, order: Any, line: str = "") -> list[str]:
    return list(review.take(space, "scenes", order, line).listing.ids)


def test_every_order_lists_what_it_says(space: Workspace):
    assert sorted(listed(space, "queue")) == ["s0", "s1", "s2", "s3", "s4"]
    assert listed(space, "newest") == ["s4", "s3", "s2", "s1", "s0"]
    assert listed(space, "unsure") == ["s3", "s0", "s4", "s1", "s2"]
    assert listed(space, "wrong") == []
    sample = space.store.sample("s2")
    assert sample is not None
    loop.correct(space, [(sample, "dialogue")], trigger=False)
    assert "s2" not in listed(space, "queue")
    assert listed(space, "newest") == ["s4", "s3", "s2", "s1", "s0"]
    reading = review.take(space, "scenes", "wrong")
    assert reading.listing.ids == ("s2",)
    assert reading.listing.reasons["s2"] == "factory said action (0.90), you said dialogue"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", "s4 s3 s2 s1 s0"),
        ("label:ACTION", "s2 s0"),
        ("speaker:anna", "s3 s1"),
        ("speaker:anna label:dialogue", "s1"),
        ("source:cam_1", "s1 s0"),
        ("cam_1", "s1 s0"),
        ("clip_3", "s3"),
        ("state:failed", "s3"),
        ("state:answered", ""),
        ("state:waiting suspense", "s4"),
        ('"clip_4.avi"', "s4"),
        ("100%", ""),
    ],
)
def test_the_filter_keeps_what_meets_all_its_words(space: Workspace, line: str, wanted: str):
    assert listed(space, "newest", line) == wanted.split()
    assert set(listed(space, "queue", line)) == set(wanted.split())


@pytest.mark.parametrize("line", ["colour:red", "state:asleep", "speaker:", "score:good"])
def test_a_word_the_filter_does_not_know_is_refused(space: Workspace, line: str):
    with pytest.raises(WrongUseError):
        review.take(space, "scenes", "newest", line)


@pytest.mark.parametrize(
    ("scale", "line", "words"),
    [
        ((0.0, 1.0), "score:3..4", "score:3..4 is not within 0 to 1. For instance score:0.6..0.8."),
        ((0.0, 5.0), "score:5.1..", "is not within 0 to 5. For instance score:3..4."),
        ((0.0, 5.0), "score:4..3", "is not within"),
        ((0.0, 5.0), "score:nan", "is not within"),
    ],
)
def test_a_score_off_the_scale_is_refused_with_one_that_is_on_it(scale: tuple[float, float], line: str, words: str):
    with pytest.raises(WrongUseError, match=re.escape(words)):
        parse(line, scale)
    assert parse(f"score:{example(scale)}", scale).conditions


@given(st.text(max_size=40))
def test_any_line_is_a_filter_or_is_refused(line: str):
    try:
        found = parse(line)
    except WrongUseError:
        return
    assert all(condition.count("?") == len(values) for condition, values in found.conditions)


def test_scores_are_filtered_on_the_scale_they_are_shown_on(tmp_path: Path):
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "rushes.toml").write_text("[ratings]\nscale = [0, 5]\n")
    space = loop.open_workspace(tmp_path / "ws")
    space.store.add_samples([Sample(f"s{n}", "ratings", "g", captured_at=float(n)) for n in range(3)])
    space.store.add_predictions(
        [said(f"s{n}", value, 0.5, task="ratings") for n, value in enumerate((0.5, 0.7, 0.9))]  # pyright: ignore[reportArgumentType]
    )
    found = {line: review.take(space, "ratings", "newest", line).listing.ids for line in ("score:3..4", "score:4.5..")}
    assert found == {"score:3..4": ("s1",), "score:4.5..": ("s2",)}
    space.close()


def test_rows_say_why_they_are_there_and_leave_deleted_clips_out(space: Workspace):
    reading = review.take(space, "scenes", "newest")
    answers.hide(space, "scenes", ["s1"])
    found = review.items(space, reading, ["s0", "s1", "s3", "nothing"])
    assert list(found) == ["s0", "s3"]
    assert found["s0"].reason == "unsure: action 0.40"
    assert found["s3"].reason == "the model had no answer: no picture in it"
    (space.data / "videos" / "shared.avi").unlink()
    gone = review.items(space, reading, ["s0"])["s0"]
    assert gone.row.state == "missing"
    with pytest.raises(MediaError, match="media missing"):
        review.media_path(space, gone.row.sample)


def test_the_order_is_kept_until_a_clip_comes_or_goes(space: Workspace):
    first = review.take(space, "scenes", "queue")
    sample = space.store.sample("s0")
    assert sample is not None
    loop.correct(space, [(sample, None)], trigger=False)
    second = review.take(space, "scenes", "queue", "", first)
    assert second.listing is first.listing
    assert second.counts == {"pending": 4, "answered": 1}
    answers.hide(space, "scenes", ["s1"])
    assert set(review.take(space, "scenes", "queue", "", second).listing.ids) == {"s2", "s3", "s4"}


def test_only_rows_that_were_shown_count_as_picks_of_the_queue(space: Workspace):
    reading = review.take(space, "scenes", "queue")
    shown = list(reading.listing.picks.values())[:2]
    remember(space, "scenes", shown)
    samples = {row.sample.id: row.sample for row in space.store.samples("scenes")}
    found = {one: picked_by(space, sample) for one, sample in samples.items()}
    assert {one: pick for one, pick in found.items() if pick != "own"} == {
        row.sample_id: row.picked_by for row in shown
    }
    assert not review.take(space, "scenes", "queue", "label:action").listing.picks


def test_statistics_of_a_task_without_answers_are_empty_and_not_made_up(space: Workspace):
    found = review.statistics(space, "scenes")
    assert found.accuracy["accuracy"]["value"] is None
    assert (found.compared, found.disagree, found.window) == (0, None, None)


def test_a_clip_is_deleted_and_one_undo_brings_it_back(space: Workspace):
    from core.review.undo import undo

    answers.hide(space, "scenes", ["s0", "s1"])
    assert listed(space, "newest") == ["s4", "s3", "s2"]
    assert undo(space, "scenes").op == "delete"
    assert listed(space, "newest") == ["s4", "s3", "s2", "s1", "s0"]
    with pytest.raises(RushesError):
        undo(space, "scenes")
