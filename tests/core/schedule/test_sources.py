"""Seed 004's smoke test: the scheduler's own child process captures, scores, gates and stores a network camera."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import loop, schedule
from core.demo.degrade import degrade
from core.demo.frames import draw_picture
from core.errors import RushesError
from core.media.clip import Frames
from core.media.encode import write_image
from core.schedule.sources import capture_once
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.capture.camera import camera

Rushes = Callable[..., Ran]


def picture(kind: str | None) -> Frames:
    """A drawn picture, (1, H, W, 3): untouched, or badly damaged."""
    image = draw_picture(5)
    return (image if kind is None else degrade(image, kind, 1.0, 3))[None]


@pytest.fixture
def space(tmp_path: Path) -> Generator[Workspace]:
    opened = loop.open_workspace(tmp_path / "w")
    yield opened
    opened.close()


def configure(home: Path, **sections: str) -> None:
    """The user's own settings: `[ratings]` from ratings=..., `[sources.NAME]` from the others."""
    path = home / "config" / "rushes" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {name: name if name in ("ratings", "capture", "schedule") else f"sources.{name}" for name in sections}
    path.write_text("".join(f"[{names[name]}]\n{text}\n" for name, text in sections.items()))


def reopened(space: Workspace) -> Workspace:
    space.close()
    return loop.open_workspace(space.root)


def rows(space: Workspace, query: str) -> list[dict[str, Any]]:
    space.store.refresh()
    with space.store.catalog.read() as db:
        return list(db.query(query))


def test_a_camera_run_updates_the_webcam_writes_inferences_and_gates_by_the_threshold(
    space: Workspace, own_home: Path
) -> None:
    with camera(picture(None)) as sharp, camera(picture("blur")) as blurred:
        # First without a gate: what does the version say of the two?
        both = {name: f'url = "{url}"\ngate = false' for name, url in (("pier", sharp), ("hut", blurred))}
        configure(own_home, **both)
        space = reopened(space)
        assert [capture_once(space, name).passed for name in ("pier", "hut")] == [1, 1]
        cams = {row["id"]: row for row in rows(space, "SELECT * FROM webcams")}
        assert cams.keys() == {"pier", "hut"}
        good, bad = cams["pier"]["ai_rating"], cams["hut"]["ai_rating"]
        assert 0 <= bad < good <= 5
        assert {row["ai_model_version"] for row in cams.values()} == {"factory"}
        assert len(list(space.pending.iterdir())) == 2, "gate = false keeps everything"

        # Then with the threshold between them, in both directions.
        both = {name: f'url = "{url}"\nregion = "north"' for name, url in (("pier", sharp), ("hut", blurred))}
        configure(own_home, **both, ratings=f"threshold = {(good + bad) / 10}")
        space = reopened(space)
        for path in space.pending.iterdir():
            path.unlink()
        for name in ("source pier", "source hut"):
            ran = schedule.run_now(space, name)
            assert ran["ok"], ran["said"]
    inferences = rows(space, "SELECT * FROM snapshot_ai_inferences ORDER BY id")
    assert len(inferences) == 4
    latest = {row["id"]: row["inference_id"] for row in rows(space, "SELECT * FROM webcams")}
    assert latest == {"pier": inferences[2]["id"], "hut": inferences[3]["id"]}, "the latest score is shown"
    kept = list(space.pending.iterdir())
    assert len(kept) == 1
    snapshots = {row["webcam_id"]: row for row in rows(space, "SELECT * FROM webcam_snapshots")}
    assert space.root / snapshots["pier"]["firebase_url"] == kept[0]
    states = {row.sample.source: row.state for row in space.store.samples("ratings")}
    assert states == {"pier": "pending", "hut": "skipped"}, "nobody is asked about a picture that is gone"
    assert list(space.incoming.iterdir()) == []
    entries = {entry["name"]: entry for entry in schedule.status(space)["entries"]}
    assert entries["source pier"]["last_success"] is not None
    assert entries["source pier"]["next_due"] > time.time()
    space.close()


def test_a_dead_camera_is_an_error_of_its_entry_and_nothing_else(
    rushes: Rushes, own_home: Path, tmp_path: Path
) -> None:
    with camera(picture(None)) as gone:
        configure(own_home, pier=f'url = "{gone}"')
    ran = rushes("scheduler", "now", "source pier", "-w", tmp_path, "--json")
    assert (ran.code, ran.json["exit_code"]) == (1, 1)
    assert "does not answer" in ran.json["said"]
    entry = rushes("scheduler", "status", "-w", tmp_path, "--json").json["entries"][-1]
    assert "does not answer" in entry["last_error"]
    assert entry["last_success"] is None
    assert list((tmp_path / "training_data" / "incoming").iterdir()) == []


def test_a_folder_gives_its_newest_picture_with_region_and_phase(
    space: Workspace, own_home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shots"
    for age, name in enumerate(("new.jpg", "old.jpg")):
        write_image(folder / name, picture(None)[0])
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    configure(own_home, pier=f'url = "{folder}"\nregion = "north"\nlatitude = 60.0\nlongitude = 10.0')
    space = reopened(space)
    assert capture_once(space, "pier").refused == ()
    (row,) = space.store.samples("ratings")
    assert (row.sample.extra["file"], row.sample.region) == ("new.jpg", "north")
    assert row.sample.phase in ("sunrise", "sunset", "day", "night")
    assert row.sample.captured_at == pytest.approx(time.time(), abs=60)
    assert sorted(path.name for path in folder.iterdir()) == ["new.jpg", "old.jpg"], "the user's files stay"
    space.close()


def test_a_source_of_scenes_gives_a_clip(space: Workspace, own_home: Path) -> None:
    frames = np.stack([np.roll(picture(None)[0][::4, ::4], 6 * step, axis=1) for step in range(10)])
    with camera(frames) as url:
        configure(own_home, pier=f'url = "{url}"\ntask = "scenes"', capture="clip_seconds = 1.2")
        space = reopened(space)
        report = capture_once(space, "pier")
    assert (report.passed, report.dropped, report.unscored) == (1, 0, 0)
    (row,) = space.store.samples("scenes")
    assert row.sample.duration_s == pytest.approx(1.2, abs=0.3)
    assert row.prediction is not None
    assert row.prediction.value in ("action", "dialogue", "suspense", "atmosphere", "transition")
    assert list(space.incoming.iterdir()) == []
    space.close()


def test_speech_without_consent_is_refused(space: Workspace, own_home: Path) -> None:
    frames = np.stack([picture(None)[0][::4, ::4]] * 2)
    with camera(frames) as url:
        configure(own_home, pier=f'url = "{url}"\ntask = "speech"', capture="clip_seconds = 0.3")
        space = reopened(space)
        with pytest.raises(RushesError, match="consent"):
            capture_once(space, "pier")
    assert [*space.incoming.iterdir(), *space.pending.iterdir()] == []
    space.close()


def test_sources_of_a_workspace_nobody_trusts_are_not_scheduled(rushes: Rushes, tmp_path: Path) -> None:
    (tmp_path / "rushes.toml").write_text('[sources.spy]\nurl = "http://127.0.0.1:9/x"\n')
    ran = rushes("scheduler", "status", "-w", tmp_path, "--json")
    assert [entry["name"] for entry in ran.json["entries"] if "spy" in entry["name"]] == []
    assert "[sources] in this workspace's rushes.toml is ignored" in json.dumps(ran.json["notes"])
    assert rushes("scheduler", "now", "source spy", "-w", tmp_path).code == 2
