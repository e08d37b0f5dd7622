"""What may be learnt from, on which side, with which weight; exports of a real workspace."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import importing, loop, registry, tasks
from core.errors import CancelledError, RushesError
from core.store.records import Answered, Correction, Sample
from core.training import dataset
from core.training.dataset import fold_of, side_of, weights
from core.training.request import Request
from core.workspace import Workspace
from tests.conftest import Ran

RATINGS = tasks.get("ratings")
Rushes = Callable[..., Ran]


def answered(group: str, order: int) -> Answered:
    sample = Sample(id=f"{group}-{order}", task="scenes", group=group, media_hash=f"{order:064x}")
    return Answered(
        sample, Correction(id=str(order), sample=sample.id, task="scenes", value="action", at=0, batch="b"), order
    )


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    """54 answered pictures with a trained version, open."""
    found = loop.open_workspace(trained)
    yield found
    found.close()


def again(space: Workspace, **settings: dict[str, Any]) -> Workspace:
    """The same workspace under other settings."""
    return loop.open_workspace(space.root, flags=settings)


def reword(space: Workspace, item: Answered, value: float | None = None, **changes: Any) -> None:
    """Answer a sample again, with something else said of it."""
    loop.correct(space, [(replace(item.sample, **changes), value or item.correction.value)], trigger=False)


def drop_in(space: Workspace, *lines: dict[str, Any]) -> None:
    """Lines of another system in the journal."""
    space.store.append_lines("ratings", list(lines))


def test_seed_000_weights_recent_videos_seventy_thirty():
    # 150 videos of one sample: the last 100 share 70 %, all 150 share 30 %.
    rows = [answered(f"video-{number}", number) for number in range(150)]
    shares = np.array(weights(rows))
    assert shares.mean() == pytest.approx(1)
    old, new = shares[0], shares[-1]
    assert new / old == pytest.approx((0.7 / 100 + 0.3 / 150) / (0.3 / 150))
    assert (shares[50:] == new).all()


def test_a_videos_weight_is_shared_by_its_samples():
    shares = weights([answered("long", 0), answered("long", 1), answered("long", 2), answered("short", 3)])
    assert shares[0] == pytest.approx(shares[3] / 3)


def test_a_group_never_changes_side_and_sides_are_about_70_15_15():
    sides = [side_of(f"group-{number}", 7) for number in range(4000)]
    assert sides == [side_of(f"group-{number}", 7) for number in range(4000)]
    counted = {side: sides.count(side) / 4000 for side in ("train", "val", "test")}
    assert counted == pytest.approx({"train": 0.70, "val": 0.15, "test": 0.15}, abs=0.02)
    assert {fold_of(f"group-{number}", 7, 4) for number in range(50)} == {0, 1, 2, 3}


def test_an_export_says_what_a_training_learns_from(space: Workspace, rushes: Rushes, tmp_path: Path):
    found = rushes("dataset", "export", "-t", "ratings", "--out", tmp_path / "out", "--json", "-w", space.root)
    assert found.code == 0
    assert list(found.json) == ["hash", "full", "train", "val", "test", "excluded"]
    assert (found.json["full"], found.json["excluded"]) == (54, {})
    full = (tmp_path / "out" / "manifest_full.csv").read_bytes()
    assert hashlib.sha256(full).hexdigest() == found.json["hash"]
    rows = list(csv.DictReader(full.decode().splitlines()))
    assert [row["snapshot_id"] for row in rows] == [item.sample.id for item in space.store.answered("ratings")]
    assert all((space.root / row["file"]).is_file() and row["label_source"] == "imported" for row in rows)
    assert all((row["is_good"] == "true") == (float(row["label_value"]) >= 0.8) for row in rows)
    assert dataset.gather(space, RATINGS, Request()).hash == found.json["hash"]
    text = rushes("dataset", "export", "-t", "ratings", "--out", tmp_path / "out", "-w", space.root)
    assert "54 samples" in text.out


def test_another_process_exports_the_same_bytes(space: Workspace, tmp_path: Path):
    code = "import sys; from tui.cli import app; app(sys.argv[1:])"
    for name in ("one", "two"):
        command = ["dataset", "export", "-t", "ratings", "--out", tmp_path / name, "-w", space.root]
        subprocess.run([sys.executable, "-c", code, *map(str, command)], check=True, capture_output=True,
                       cwd=Path(__file__).parents[3])  # fmt: skip
    files = [sorted((tmp_path / name).iterdir()) for name in ("one", "two")]
    assert [path.name for path in files[0]] == [path.name for path in files[1]]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def test_an_export_leaves_a_foreign_folder_alone(space: Workspace, rushes: Rushes, tmp_path: Path):
    (tmp_path / "letter.txt").write_text("dear")
    found = rushes("dataset", "export", "-t", "ratings", "--out", tmp_path, "-w", space.root)
    assert found.code == 1
    assert "not an earlier export" in found.err
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["letter.txt"]


def test_what_is_left_out_is_counted_by_reason(space: Workspace, tmp_path: Path):
    items = space.store.answered("ratings")
    (space.root / str(items[0].sample.media)).unlink()
    reword(space, items[1], rating_count=1)
    frames = space.root / "training_data" / "frames"
    (frames / "broken.jpg").write_bytes(b"no picture")
    (frames / "twin.jpg").write_bytes((space.root / str(items[2].sample.media)).read_bytes())
    drop_in(space, {"framePath": "broken.jpg", "rating": 0.5}, {"framePath": "twin.jpg", "rating": 0.25})
    found = dataset.export(space, RATINGS, tmp_path / "out")
    assert found["excluded"] == {
        "cannot be judged: is not a video or an image": 1, "duplicate content": 1, "missing media": 1}  # fmt: skip
    assert found["full"] == 53
    # The last answer in the journal wins, whichever sample it was given to.
    rows = dataset.gather(space, RATINGS, Request()).rows
    twins = [row for row in rows if row.media_hash == items[2].sample.media_hash]
    assert [row.value for row in twins] == [0.25]
    strict = again(space, dataset={"min_rating_count": 2})
    assert dataset.gather(strict, RATINGS, Request()).excluded["too few ratings"] >= 50
    strict.close()


def test_an_unknown_label_is_left_out_instead_of_failing_the_training(tmp_path: Path, drawn: Callable[..., Path]):
    space = loop.open_workspace(tmp_path / "w")
    importing.run(space, drawn("scenes", 6, 1) / "manifest.csv", "scenes")
    labels = [str(item.correction.value) for item in space.store.answered("scenes")]
    scenes = tasks.get("scenes")
    registry.define_labels(space, scenes, sorted(set(labels) - {labels[0]}))
    found = dataset.gather(space, scenes, Request())
    assert found.excluded == {"unknown label": labels.count(labels[0])}
    assert len(found.examples) == 6 - labels.count(labels[0])
    space.close()


def test_seed_004s_scale_shows_in_label_value_and_the_stored_value_stays_exact(space: Workspace):
    item = space.store.answered("ratings")[0]
    reword(space, item, 0.74)
    five = again(space, ratings={"scale": (0.0, 5.0)})
    row = next(row for row in dataset.gather(five, RATINGS, Request()).rows if row.snapshot_id == item.sample.id)
    assert (row.label_value, row.value, row.is_good) == (3.7, 0.74, False)
    five.close()


def test_a_speakers_dataset_holds_only_that_speaker(space: Workspace):
    items = space.store.answered("ratings")
    for item in items[:3]:
        reword(space, item, speaker="Ada")
    found = dataset.gather(space, RATINGS, Request(speaker="Ada"))
    assert {row.speaker for row in found.rows} == {"Ada"}
    assert (len(found.examples), found.parameters["speaker"]) == (3, "Ada")
    with pytest.raises(RushesError, match=r"no answer of ratings is of speaker 'Bob'\. Known speakers: Ada"):
        dataset.gather(space, RATINGS, Request(speaker="Bob"))


def test_a_look_alike_learns_on_its_seeds_side(space: Workspace):
    items = space.store.answered("ratings")
    seed = items[0].sample
    other = next(item.sample for item in items if side_of(item.sample.group, 7) != side_of(seed.group, 7))
    space.store.note("look_alike", {"sample": other.id, "seed": seed.id})
    space.store.note("look_alike", {"sample": seed.id, "seed": other.id})  # a circle ends
    rows = {row.snapshot_id: row for row in dataset.gather(space, RATINGS, Request()).rows}
    assert rows[other.id].group in (seed.group, other.group)
    third = next(item.sample for item in items if item.sample.id not in (seed.id, other.id)
                 and side_of(item.sample.group, 7) != rows[seed.id].split)  # fmt: skip
    space.store.note("look_alike", {"sample": third.id, "seed": seed.id})
    rows = {row.snapshot_id: row for row in dataset.gather(space, RATINGS, Request()).rows}
    assert rows[third.id].split == side_of(rows[third.id].group, 7)
    assert rows[third.id].group != third.group


def test_a_resumed_job_learns_from_exactly_what_it_began_with(space: Workspace, tmp_path: Path):
    first = dataset.gather(space, RATINGS, Request())
    dataset.write_manifests(first, tmp_path / "job")
    manifest = tmp_path / "job" / "manifest_full.csv"
    items = space.store.answered("ratings")
    reword(space, items[0], 0.123, group="elsewhere", speaker="Ada")
    other = again(space, train={"split_seed": 99}, dataset={"good_at": 0.1, "min_rating_count": 9})
    frozen = dataset.gather(other, RATINGS, Request(frozen=manifest))
    assert frozen.hash == first.hash == hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert [example.truth for example in frozen.examples] == [example.truth for example in first.examples]
    assert [example.side for example in frozen.examples] == [example.side for example in first.examples]
    assert [example.weight for example in frozen.examples] == [example.weight for example in first.examples]
    assert [example.group for example in frozen.examples] == [example.group for example in first.examples]
    other.close()

    space.store.delete("ratings", [items[1].sample.id])
    (space.root / str(items[2].sample.media)).unlink()
    with pytest.raises(RushesError, match=r"2 of the 54 samples .* were deleted, forgotten or lost"):
        dataset.gather(space, RATINGS, Request(frozen=manifest))
    with pytest.raises(RushesError, match="cannot be read"):
        dataset.gather(space, RATINGS, Request(frozen=tmp_path / "gone.csv"))


def test_measuring_reports_progress_and_stops_when_asked(space: Workspace, tmp_path: Path):
    seen: list[float] = []
    dataset.gather(space, RATINGS, Request(), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    with pytest.raises(CancelledError):
        dataset.export(space, RATINGS, tmp_path / "out", stop=lambda: True)
    assert not (tmp_path / "out").exists()


def test_export_meta_names_the_parameters(space: Workspace, tmp_path: Path):
    dataset.export(space, RATINGS, tmp_path / "out")
    meta = json.loads((tmp_path / "out" / "export_meta.json").read_text())
    assert meta["task"] == "ratings"
    assert meta["parameters"] == {
        "split_seed": 7, "min_rating_count": 1, "good_at": 0.8, "scale": [0.0, 1.0], "features": "quality/1",
        "speaker": None}  # fmt: skip
