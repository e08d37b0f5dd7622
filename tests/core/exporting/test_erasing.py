"""Exports in the workspace that hold something of a forgotten sample go; the others stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core import privacy
from core.errors import StoreError
from core.exporting import annotations, dataset, folder, huggingface, pairs, splits
from core.exporting.erasing import erase
from core.exporting.items import Report
from core.gone import Gone
from core.store.records import Sample
from core.workspace import Workspace


def gone(*samples: Sample, words: tuple[str, ...] = ()) -> Gone:
    media = {sample.media for sample in samples if sample.media}
    hashes = {sample.media_hash for sample in samples if sample.media_hash}
    return Gone(frozenset(one.id for one in samples), frozenset(media), frozenset(hashes), frozenset(words))


@pytest.fixture
def exported(taught: Workspace) -> Workspace:
    place = folder.home(taught)
    dataset.export(taught, place / "scenes.tar", task="scenes")
    dataset.export(taught, place / "ratings.tar", task="ratings")
    dataset.export(taught, place / "ratings-light.tar", task="ratings", light=True)
    dataset.export(taught, place / "hidden.tar", task="scenes", anonymous=True, light=True)
    annotations.export(taught, place / "annotations")
    huggingface.export(taught, place / "hf", task="scenes")
    splits.export(taught, place / "manifests", task="ratings")
    pairs.export_llm(taught, place / "llm")
    return taught


def left(space: Workspace) -> list[str]:
    return sorted(path.name for path in (space.root / "exports").iterdir())


def test_what_holds_the_sample_goes_and_what_does_not_stays(exported: Workspace):
    one = exported.store.answered("ratings")[3].sample
    found = erase(exported, gone(one))
    assert sorted(found) == ["exports/annotations", "exports/hidden.tar", "exports/manifests",
                             "exports/ratings-light.tar", "exports/ratings.tar"]  # fmt: skip
    assert left(exported) == ["hf", "llm", "scenes.tar"]
    assert erase(exported, gone(one)) == []


def test_words_are_found_where_there_is_no_id(taught: Workspace):
    spoken = taught.store.answered("speech")[0]
    place = folder.home(taught) / "llm"
    pairs.export_llm(taught, place)
    (place / folder.MARK).unlink()
    erase(taught, gone(spoken.sample, words=(str(spoken.correction.value),)))
    assert not place.exists()


def test_what_cannot_be_read_or_was_not_finished_goes(taught: Workspace):
    place = folder.home(taught)
    (place / "broken.tar").write_bytes(b"\0" * 3000)
    (place / ".exporting-x").mkdir()
    (place / ".123-abc.tar").write_bytes(b"x")
    (place / "notes.txt").write_text("my own notes")
    scene = taught.store.answered("scenes")[0].sample
    assert len(erase(taught, gone(scene))) == 3
    assert left(taught) == ["notes.txt"]


def test_without_exports_there_is_nothing_to_do(empty: Workspace):
    assert erase(empty, Gone(frozenset({"x"}), frozenset(), frozenset(), frozenset())) == []
    assert not Path(empty.root / "exports").exists()


EXPORTS: dict[str, Callable[[Workspace, Path, Report], object]] = {
    "archive": lambda space, to, report: dataset.export(space, to, task="speech", light=True, report=report),
    "anonymous archive": lambda space, to, report: dataset.export(
        space, to, task="speech", light=True, anonymous=True, report=report
    ),
    "folder": lambda space, to, report: pairs.export_llm(space, to, report=report),
    "manifests": lambda space, to, report: splits.export(space, to, task="speech", report=report),
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_what_is_forgotten_while_it_is_exported_is_not_written(taught: Workspace, tmp_path: Path, kind: str):
    spoken = taught.store.answered("speech")[0].sample
    (tmp_path / "out").mkdir()

    def forget(part: float) -> None:
        if part > 0.9 and taught.store.sample(spoken.id):
            privacy.forget(taught, [spoken.id])

    with pytest.raises(StoreError, match="a clip was forgotten meanwhile; nothing was exported"):
        EXPORTS[kind](taught, tmp_path / "out" / "export", forget)
    assert list((tmp_path / "out").iterdir()) == []
