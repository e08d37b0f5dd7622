"""A version in shadow: it answers beside the champion, and takes over or rests when the evidence says so."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from core import loop, registry, shadow
from core.errors import WrongUseError
from core.manifest import VALUE_COLUMN
from core.store.records import Correction, Sample
from core.workspace import Workspace

Drawn = Callable[[str, int, int], Path]
COUNT = 30


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    """The trained workspace; version v1 was learnt from the user, the factory's model never met them."""
    found = loop.open_workspace(trained)
    yield found
    found.close()


def captured(space: Workspace, drawn: Drawn, count: int) -> list[tuple[Sample, float]]:
    """Clips of the same user that nobody was trained on, with what the user will answer."""
    folder = drawn("ratings", COUNT, 2)
    with (folder / "manifest.csv").open() as file:
        truths = {row["file"]: float(row[VALUE_COLUMN["score"]]) for row in csv.DictReader(file)}
    files = sorted(truths)[:count]
    found = list(loop.capture(space, [folder / name for name in files], "ratings"))
    return [(sample, truths[name]) for sample, name in zip(found, files, strict=True) if isinstance(sample, Sample)]


def answer(space: Workspace, given: Sequence[tuple[Sample, float]]) -> None:
    """The user answers; kept as `loop.correct` keeps it, without what follows from it there."""
    for sample, truth in given:
        space.store.add_corrections([(sample, Correction("", sample.id, "ratings", truth, 0.0, ""))])


def both_say(space: Workspace, given: Sequence[tuple[Sample, float]]) -> None:
    """Champion and challenger answer before the user does."""
    samples = [sample for sample, _ in given]
    loop.predict(space, registry.load_version(space, "ratings", registry.pointer(space, "ratings").champion), samples)
    shadow.answer(space, samples)


def test_the_challenger_answers_beside_the_champion_and_both_are_kept(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "v1", reason="test", challenger="factory")
    clips = captured(space, drawn, 3)
    both_say(space, clips)
    for sample, _ in clips:
        said = {prediction.kind: prediction.version for prediction in space.store.predictions(sample.id)}
        assert said == {"model": "v1", "shadow": "factory"}
        latest = space.store.latest(sample.id)
        assert latest is not None
        assert latest.version == "v1"  # what the user is shown


def test_without_a_challenger_nothing_answers_in_shadow(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "v1", reason="test")
    clips = captured(space, drawn, 1)
    assert shadow.answer(space, [sample for sample, _ in clips]) == []
    assert shadow.status(space, "ratings") is None
    assert shadow.settle(space, "ratings") is None


def test_the_better_version_comes_back_by_itself(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "v1", reason="test")
    registry.deploy(space, "ratings", "factory", reason="a worse one", challenger="v1")
    clips = captured(space, drawn, COUNT)
    both_say(space, clips)
    said: list[str | None] = []
    while not any(said):
        answer(space, [clips[len(said)]])
        said.append(shadow.settle(space, "ratings"))
    notice = said[-1]
    assert notice is not None
    assert notice.startswith("v1 answers again instead of factory")
    assert "mae" in notice
    assert len(said) > 3
    active = registry.pointer(space, "ratings")
    assert (active.champion, active.challenger) == ("v1", None)
    assert notice.split(". ", 1)[1] in space.store.events("deployment")[-1]["reason"]
    assert shadow.settle(space, "ratings") is None


def test_a_challenger_shown_to_be_worse_rests(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "v1", reason="test", challenger="factory")
    clips = captured(space, drawn, COUNT)
    both_say(space, clips)
    answer(space, clips)
    notice = shadow.settle(space, "ratings")
    assert notice is not None
    assert notice.startswith("v1 stays, factory no longer answers in shadow")
    active = registry.pointer(space, "ratings")
    assert (active.champion, active.challenger) == ("v1", None)


def test_the_running_comparison_is_shown_and_nothing_happens_while_it_is_open(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "v1", reason="test", challenger="factory")
    clips = captured(space, drawn, 4)
    both_say(space, clips)
    before = shadow.status(space, "ratings")
    answer(space, clips)
    after = shadow.status(space, "ratings")
    assert before is not None
    assert after is not None
    assert (after["champion"], after["challenger"], after["verdict"]) == ("v1", "factory", "caution")
    assert after["n"] == before["n"] + 3  # the group answered last is still open
    assert after["difference"] < 0
    assert "more corrections would settle it" in after["sentence"]
    assert shadow.settle(space, "ratings") is None
    assert registry.pointer(space, "ratings").challenger == "factory"


def test_a_damaged_challenger_is_dropped_and_the_champion_goes_on(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "factory", reason="test", challenger="v1")
    registry.model_path(space, "ratings", "v1").write_bytes(b"not a model")
    clips = captured(space, drawn, 2)
    assert shadow.answer(space, [sample for sample, _ in clips]) == []
    active = registry.pointer(space, "ratings")
    assert (active.champion, active.challenger) == ("factory", None)
    assert "cannot be used" in space.store.events("deployment")[-1]["reason"]


def test_a_challenger_that_won_but_was_damaged_since_is_dropped_too(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "factory", reason="test", challenger="v1")
    clips = captured(space, drawn, COUNT)
    both_say(space, clips)
    answer(space, clips)
    registry.model_path(space, "ratings", "v1").write_bytes(b"not a model")
    assert shadow.settle(space, "ratings") is None
    active = registry.pointer(space, "ratings")
    assert (active.champion, active.challenger) == ("factory", None)


def test_a_clip_that_cannot_be_measured_is_a_failed_answer(space: Workspace, drawn: Drawn):
    registry.deploy(space, "ratings", "v1", reason="test", challenger="factory")
    ((sample, _),) = captured(space, drawn, 1)
    assert sample.media is not None
    (space.root / sample.media).unlink()
    for kept in space.cache.rglob(f"{sample.id}.npz"):
        kept.unlink()
    (said,) = shadow.answer(space, [sample])
    assert said.value is None
    assert said.error


def test_starting_and_stopping_by_hand(space: Workspace):
    registry.deploy(space, "ratings", "v1", reason="test")
    shadow.start(space, "ratings", "factory")
    assert registry.pointer(space, "ratings").challenger == "factory"
    shadow.stop(space, "ratings")
    assert registry.pointer(space, "ratings").challenger is None
    with pytest.raises(WrongUseError, match="champion"):
        shadow.start(space, "ratings", "v1")


def test_the_commands_compare_start_show_and_stop(trained: Path, rushes: Callable[..., Any]):
    place = ("--task", "ratings", "--json", "--workspace", trained)
    compared = rushes("models", "compare", "factory", "v1", *place)
    assert compared.code == 0
    assert compared.json["metric"] == "mae"
    assert compared.json["a"] > compared.json["b"]
    assert rushes("models", "shadow", "factory", *place).json["challenger"] == "factory"
    assert rushes("models", "shadow", *place).json["n"] == 54
    assert rushes("models", "shadow", "--off", *place).json["challenger"] is None
    assert rushes("models", "shadow", "v1", *place).code == 2
    assert rushes("models", "shadow", "v1", "--off", *place).code == 2
    assert rushes("models", "compare", "factory", "v9", *place).code == 2
