from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core import backup, loop, privacy
from core.errors import RushesError, WrongUseError
from core.store import forgotten
from core.training import jobs
from tests.conftest import Ran
from tests.core.privacy import used


@pytest.fixture
def lived_in(trained: Path, tmp_path: Path) -> used.Used:
    return used.use(trained, tmp_path / "elsewhere")


def everything_else(rushes: Callable[..., Ran], lived_in: used.Used, tmp_path: Path) -> None:
    """Exports, vectors, numbers of posts: what other rooms keep of the sample."""
    name = Path(lived_in.sample.media or "").name
    (tmp_path / "posts.csv").write_text(
        "content_id,platform,posted_at,measured_at,views,likes,caption\n"
        f"post-1,tiktok,2026-11-01T10:00:00Z,2026-11-02T10:00:00Z,100,10,{used.WORDS}\n"
        f"post-2,tiktok,2026-11-01T11:00:00Z,2026-11-02T10:00:00Z,50,5,made of {name}\n"
    )
    for command in (
        ("export", "dataset"),
        ("embeddings", "store", "-t", "ratings", "--all"),
        ("embeddings", "store", "--name", "house", "--like", lived_in.sample.id),
        ("metrics", "import", tmp_path / "posts.csv"),
        ("metrics", "link", "post-1", lived_in.sample.id),
        ("review", "list", "-t", "ratings"),
        ("insights", "daily", "--date", "2026-11-02"),
    ):
        ran = rushes(*command, "-w", lived_in.root)
        assert ran.code == 0, (command, ran.err, ran.out)


def test_nothing_of_a_forgotten_sample_is_left_in_any_byte(
    lived_in: used.Used, rushes: Callable[..., Ran], tmp_path: Path
) -> None:
    everything_else(rushes, lived_in, tmp_path)
    before = used.found(lived_in.root, lived_in.marks)
    assert {line.split(" in ")[0].split(" names ")[0] for line in before} == set(lived_in.marks)
    said = rushes("forget", lived_in.sample.id, "--yes", "--json", "-w", lived_in.root).json
    assert used.found(lived_in.root, lived_in.marks) == []
    assert said["samples"] == [lived_in.sample.id]
    assert said["models_trained_on_it"] == ["ratings/v1"]
    assert len(said["backups_holding_it"]) == 1
    assert said["left"] == []
    assert lived_in.sample.media in said["erased"]
    assert rushes("forget", "--finish", "--json", "-w", lived_in.root).json["erased"] == []


def test_a_training_that_learnt_from_it_is_not_resumed(lived_in: used.Used) -> None:
    from core import tasks
    from core.training import dataset
    from core.training.request import Request

    space = loop.open_workspace(lived_in.root)
    job = jobs.every(space)[0]
    privacy.forget(space, [lived_in.sample.id[:12]])
    request = Request(speaker=None, recipe={}, frozen=jobs.folder(space, job.job_id) / "manifest_full.csv",
                      folder=space.cache / "again")  # fmt: skip
    with pytest.raises(RushesError, match="forgotten"):
        dataset.gather(space, tasks.get("ratings"), request)
    before = used.state(space)
    space.store.rebuild()
    assert used.state(space) == before
    assert all(item.sample.id != lived_in.sample.id for item in space.store.answered("ratings"))
    space.close()


def ids(space: loop.Workspace) -> list[str]:
    return [row.sample.id for row in space.store.samples("ratings", limit=50, newest_first=False)]


def test_the_rest_of_a_bulk_answer_still_counts_and_can_be_undone(small: loop.Workspace) -> None:
    bulk = [item for item in small.store.answered("ratings") if item.correction.value == 0.5]
    privacy.forget(small, [bulk[0].sample.id])
    assert [item.sample.id for item in small.store.answered("ratings") if item.correction.value == 0.5] == [
        bulk[1].sample.id
    ]
    assert small.store.problems() == []
    deleted = small.store.batches("ratings")[0]
    small.store.undo("ratings", deleted)
    small.store.undo("ratings", bulk[0].correction.batch)
    assert small.store.count("ratings", "answered") == 1


def test_an_undo_of_what_is_gone_goes_too(small: loop.Workspace) -> None:
    first = small.store.answered("ratings")[0]
    undone = small.store.undo("ratings", first.correction.batch)
    small.store.undo("ratings", undone)
    privacy.forget(small, [first.sample.id])
    assert [line["op"] for line in used.lines(small.root, "annotations.jsonl")] == ["set"] * 3 + ["delete"]
    assert small.store.problems() == []


def test_hidden_and_unanswered_samples_can_be_forgotten(small: loop.Workspace) -> None:
    shown = set(ids(small))
    hidden = {str(line["sample"]) for line in used.lines(small.root, "annotations.jsonl")} - shown
    pending = small.store.samples("ratings", state="pending")[0].sample
    found = privacy.forget(small, [*hidden, pending.id])
    assert set(found.samples) == {*hidden, pending.id}
    marks = {one: one for one in found.samples} | {"file": Path(pending.media or "").name}
    assert used.found(small.root, marks) == []


def test_by_speaker_and_by_source(small: loop.Workspace) -> None:
    from dataclasses import replace

    one, other = (row.sample for row in small.store.samples("ratings", state="pending"))
    small.store.add_samples([replace(one, speaker="Ada"), replace(other, source="door camera")])
    assert privacy.forget(small, speaker="Ada").samples == (one.id,)
    assert privacy.forget(small, source="door camera").samples == (other.id,)
    with pytest.raises(WrongUseError, match="speaker"):
        privacy.forget(small, speaker="Ada")


def test_a_beginning_that_fits_nobody_or_many_is_wrong_use(small: loop.Workspace, rushes: Callable[..., Ran]) -> None:
    before = used.state(small)
    assert rushes("forget", "zzzz", "--yes", "-w", small.root).code == 2
    assert rushes("forget", "--yes", "-w", small.root).code == 2
    start = (
        next(one[0] for one in ids(small) if sum(other[0] == one[0] for other in ids(small)) > 1)
        if len({one[0] for one in ids(small)}) < len(ids(small))
        else "zzzz"
    )
    assert rushes("forget", start, "--yes", "-w", small.root).code == 2
    assert used.state(small) == before


def test_a_dry_run_names_what_would_go_and_changes_nothing(small: loop.Workspace, rushes: Callable[..., Ran]) -> None:
    one = small.store.answered("ratings")[0].sample
    said = rushes("forget", one.id, "--dry-run", "--json", "-w", small.root).json
    assert one.media in said["erased"]
    assert "training_data/annotations.jsonl" in said["erased"]
    assert said["dry_run"]
    assert one.id in ids(small)
    assert (small.root / (one.media or "")).exists()


def test_a_file_that_another_sample_needs_stays_until_that_one_goes(small: loop.Workspace) -> None:
    from dataclasses import replace

    one = small.store.answered("ratings")[0].sample
    # A second scene of the same file, which was taken in under a name that is gone since.
    small.store.add_samples(
        [replace(one, id="5e0e0000-0000-4000-8000-000000000002", media="training_data/pending/x.png")]
    )
    found = privacy.forget(small, [one.id])
    assert found.kept_media == (one.media,)
    assert "another sample" in found.notes[0]
    second = small.store.sample("5e0e0000-0000-4000-8000-000000000002")
    assert second is not None
    assert second.media == one.media
    assert (small.root / (one.media or "")).exists()
    privacy.forget(small, [second.id])
    assert not (small.root / (one.media or "")).exists()


def test_what_the_language_model_is_shown_no_longer_has_it(small: loop.Workspace) -> None:
    from core.training.dataset import past_pairs, side_of

    said = small.store.answered("ratings")
    train = next(item for item in said if side_of(item.sample.group, small.settings.train.split_seed) == "train")
    again = [(train.sample, 0.75)]
    from core.store.records import Prediction

    small.store.add_predictions([
        Prediction("p1", train.sample.id, "ratings", "v1", "model", 0.125, 0.5, False, {}, (), 1.0, 1.0)
    ])  # fmt: skip
    loop.correct(small, again, trigger=False)
    assert ("0.125", "0.75") in past_pairs(small, "ratings", 8)
    privacy.forget(small, [train.sample.id])
    assert past_pairs(small, "ratings", 8) == []


def test_a_version_is_named_with_the_words_frozen_into_it(small: loop.Workspace) -> None:
    from core import registry
    from core.privacy import lineage

    known = lineage.frozen_words(small, ["speech/factory"], {"xyzzyq"})
    assert known == {}
    words = lineage.words_of(registry.card(small, "speech", "factory").spec.params)
    some = sorted(word for word in words if len(word) > 2)[:2]
    assert lineage.frozen_words(small, ["speech/factory"], {*some, "xyzzyq"}) == {"speech/factory": some}


def test_versions_that_started_from_one_that_learnt_it_are_named_too() -> None:
    from core.privacy.lineage import with_descendants

    bases = [
        ("a/v1", "a", None),
        ("a/v2", "a", "v1"),
        ("a/v3", "a", "v2"),
        ("a/v4", "a", "factory"),
        ("b/v2", "b", "v1"),
    ]
    assert with_descendants({"a/v1"}, bases) == {"a/v1", "a/v2", "a/v3"}


def test_while_a_training_runs_nothing_is_forgotten(small: loop.Workspace) -> None:
    from core.files import locked

    one = ids(small)[0]
    with locked(small.jobs / jobs.WORKER_LOCK), pytest.raises(RushesError, match="training"):
        privacy.forget(small, [one])
    assert one in ids(small)
    assert not forgotten.read(small.root)


def test_the_list_of_the_forgotten_says_nothing(small: loop.Workspace) -> None:
    one = small.store.answered("ratings")[0].sample
    privacy.forget(small, [one.id])
    path = forgotten.path_of(small.root)
    assert path.stat().st_mode & 0o777 == 0o600
    assert one.id not in path.read_text()
    assert (one.media_hash or "?") not in path.read_text()
    assert forgotten.read(small.root).has(one.id)
    assert not forgotten.read(small.root).has(ids(small)[0])


def test_every_named_eraser_exists() -> None:
    from importlib import import_module

    from core.privacy.places import ERASERS, erasers

    assert list(erasers()) == list(ERASERS)
    for name in ERASERS:
        module, _, attribute = name.partition(":")
        assert callable(getattr(import_module(module), attribute))


def test_a_backup_made_before_is_named(small: loop.Workspace, tmp_path: Path) -> None:
    made = backup.now(small, [str(tmp_path / "elsewhere")], unencrypted=True)
    one = small.store.answered("ratings")[0].sample
    assert privacy.forget(small, [one.id]).backups_holding_it == (made.id,)
