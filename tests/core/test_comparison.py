"""Two versions are compared on what neither was trained on, once per video, in an order that only grows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import comparison, loop, pairing, registry, tasks
from core.errors import WrongUseError
from core.manifest import VALUE_COLUMN
from core.pairing import Pair
from core.store.records import Correction, Sample
from core.workspace import Workspace

Drawn = Callable[[str, int, int], Path]


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    """The trained workspace: v1, cross-validated on 54 pictures of 18 groups, against the factory's version."""
    found = loop.open_workspace(trained)
    yield found
    found.close()


def answered(space: Workspace, drawn: Drawn, first: int, last: int) -> list[Sample]:
    """New clips of the user, answered, but judged by no version yet."""
    folder = drawn("ratings", 30, 2)
    with (folder / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))[first:last]
    samples = list(loop.capture(space, [folder / row["file"] for row in rows], "ratings"))
    for sample, row in zip(samples, rows, strict=True):
        assert isinstance(sample, Sample)
        truth = float(row[VALUE_COLUMN["score"]])
        space.store.add_corrections([(sample, Correction("", sample.id, "ratings", truth, 0.0, ""))])
    return [sample for sample in samples if isinstance(sample, Sample)]


def test_what_the_training_judged_is_where_a_comparison_starts(space: Workspace):
    found = comparison.compare(space, "ratings", "factory", "v1", fill=False)
    known = registry.card(space, "ratings", "v1").evidence
    assert (found.n, found.found.n) == (54, 18)
    assert found.to_json()["difference"] == pytest.approx(known["difference"])
    assert found.to_json()["interval"] == pytest.approx(known["interval"])
    assert found.metric == "mae"


def test_what_a_version_was_trained_on_cannot_speak_for_it(space: Workspace):
    assert comparison.fill(space, "ratings", "v1", [item.sample for item in space.store.answered("ratings")][:6])
    assert comparison.fill(space, "ratings", "factory", [item.sample for item in space.store.answered("ratings")][:6])
    assert pairing.pairs(space, "ratings", "factory", "v1") == []
    assert comparison.compare(space, "ratings", "factory", "v1").n == 54


def test_what_its_base_was_trained_on_cannot_speak_for_a_version_either(space: Workspace, drawn: Drawn):
    fresh = answered(space, drawn, 0, 3)
    with space.store.catalog.write() as db:
        run = db.table("model_training_runs").insert(
            {"model_version": "ratings/v2", "task": "ratings", "params_json": json.dumps({"base": "v1"})}
        )
        db.table("model_training_snapshot_labels").insert_all(
            {"training_run_id": run.last_pk, "snapshot_id": fresh[at].id, "split": split}
            for at, split in enumerate(("train", "val", "test"))
        )
    seen = space.store.lineage("ratings", ["v2"])
    assert set(seen.versions) >= {"v2", "v1"}
    assert {item.sample.id for item in space.store.answered("ratings")} - seen.samples == {fresh[2].id}


def test_later_answers_are_joined_and_nothing_counts_twice(space: Workspace, drawn: Drawn):
    answered(space, drawn, 0, 6)
    found = comparison.compare(space, "ratings", "factory", "v1")
    assert (found.n, found.found.n) == (54 + 5, 18 + 5)  # the sixth may still get company
    again = comparison.compare(space, "ratings", "factory", "v1", fill=False)
    assert again == found
    kinds = {said.kind for item in space.store.answered("ratings")[-3:] for said in
             space.store.predictions(item.sample.id)}  # fmt: skip
    assert kinds == {"shadow"}


def test_without_the_trainings_file_the_later_answers_remain(space: Workspace, drawn: Drawn):
    answered(space, drawn, 0, 6)
    (kept,) = space.jobs.glob(f"*/{pairing.EVIDENCE_FILE}")
    kept.write_text(kept.read_text()[:-40])
    assert comparison.compare(space, "ratings", "factory", "v1").n == 5
    kept.unlink()
    assert comparison.compare(space, "ratings", "factory", "v1").n == 5


def test_a_version_whose_training_was_forgotten_is_judged_by_what_came_after_it(space: Workspace, drawn: Drawn):
    with space.store.catalog.write() as db:
        db.execute("DELETE FROM model_training_snapshot_labels")
        db.execute("DELETE FROM model_training_runs")
    answered(space, drawn, 0, 4)
    assert comparison.compare(space, "ratings", "factory", "v1").n == 3


def test_a_deleted_clip_leaves_the_comparison(space: Workspace):
    first = space.store.answered("ratings")[0].sample.id
    space.store.delete("ratings", [first])
    assert comparison.compare(space, "ratings", "factory", "v1", fill=False).n == 53


def test_exchanging_the_versions_mirrors_the_comparison(space: Workspace, drawn: Drawn):
    answered(space, drawn, 0, 4)
    one = comparison.compare(space, "ratings", "factory", "v1")
    other = comparison.compare(space, "ratings", "v1", "factory")
    assert one.found.mean == pytest.approx(-other.found.mean)
    assert one.found.mean > 0
    assert (one.better, one.worse) == (other.worse, other.better)
    assert one.values == tuple(reversed(other.values or ()))


def test_the_document_has_what_scripts_read(space: Workspace):
    found = comparison.compare(space, "ratings", "factory", "v1", fill=False).to_json()
    assert {"metric", "a", "b", "difference", "interval", "verdict", "more_corrections"} <= found.keys()
    assert found["difference"] == pytest.approx(found["a"] - found["b"])  # an error: less is better
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    json.dumps(found, allow_nan=False)


def test_an_unknown_version_is_named(space: Workspace):
    with pytest.raises(WrongUseError, match="v7"):
        comparison.compare(space, "ratings", "factory", "v7")


def test_versions_without_common_answers_say_so(space: Workspace):
    found = comparison.weigh("ratings", "v1", "v2", [], [])
    assert "no answers that neither was trained on" in found.sentence()
    assert found.to_json()["a"] is None
    assert found.verdict == "caution"
    del space


def test_scenes_are_counted_by_accuracy_and_a_settled_comparison_says_which_is_better():
    pairs = [Pair(str(at), str(at), 1.0, float(at % 4 == 0), at) for at in range(40)]
    found = comparison.weigh("scenes", "v1", "v2", pairs, [])
    assert found.values == pytest.approx((0.0, 0.75))
    assert found.verdict == "accept"
    assert (
        "v2 is better than v1: accuracy 0.00 -> 0.75 on 40 new clips, better on 30 and worse on 0" in found.sentence()
    )


def test_an_open_comparison_says_how_many_more_would_settle_it():
    pairs = [Pair(str(at), str(at // 2), float(at % 4 < 2), float(at % 3 == 0), at) for at in range(60)]
    found = comparison.weigh("scenes", "v1", "v2", pairs, [])
    assert found.verdict == "caution"
    assert found.more_corrections is not None
    assert found.more_corrections >= 2 * (found.found.more or 0)  # two clips to a video
    assert f"about {found.more_corrections} more corrections would settle it" in found.sentence()
    assert "of 30 videos or sessions" in found.sentence()


def test_a_text_with_more_wrong_words_than_words_is_simply_wrong():
    speech = tasks.get("speech")
    assert pairing.loss(speech, "set blue", "please bin it now with green") == 1.0
    assert pairing.loss(speech, "set blue", None) == 1.0
    assert pairing.loss(speech, "set blue", "set red") == 0.5
    assert pairing.loss(tasks.get("scenes"), "action", "action") == 0.0
    assert pairing.loss(tasks.get("ratings"), 0.8, 0.5) == pytest.approx(0.3)


def test_a_group_is_one_observation_and_counts_once():
    held = [Pair("a", "x", 1.0, 0.0, 3), Pair("b", "y", 0.0, 0.0, 1), Pair("c", "x", 0.0, 0.0, 2)]
    later = [Pair("d", "z", 1.0, 0.0, 10), Pair("e", "z", 0.0, 0.0, 11), Pair("f", "x", 1.0, 0.0, 12),
             Pair("g", "z", 1.0, 0.0, 13), Pair("h", "w", 1.0, 0.0, 14)]  # fmt: skip
    found = pairing.observations(held, later)
    assert [[pair.sample for pair in one.pairs] for one in found] == [["b"], ["c", "a"], ["d", "e"]]
    assert [one.difference for one in found] == [0.0, 0.5, 0.5]


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=30), st.lists(st.integers(0, 6), max_size=8))
def test_what_was_counted_never_changes_when_answers_are_added(groups: list[int], before: list[int]):
    held = [Pair(f"h{at}", str(group), 1.0, 0.0, at) for at, group in enumerate(before)]
    later = [Pair(f"l{at}", str(group), at / 31, 0.0, 100 + at) for at, group in enumerate(groups)]
    counted: list[pairing.Observation] = []
    for n in range(len(later) + 1):
        found = pairing.observations(held, later[:n])
        assert found[: len(counted)] == counted
        counted = found
    names = [one.pairs[0].group for one in counted]
    assert len(names) == len(set(names))
