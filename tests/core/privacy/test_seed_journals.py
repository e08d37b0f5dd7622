"""Forgetting what a seed's own journal says: its lines know no times of ours, or odd ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import backup, loop, privacy
from core.privacy import tracing
from core.workspace import Workspace
from tests.conftest import Ran

RATED = {"framePath": "old/frame_0001.png", "rating": 0.5, "metadata": {}}
SCENE = {"videoId": "old-film", "sceneId": "scene-1", "timestamp": "0:05", "originalLabel": "action",
         "correctedLabel": "dialogue", "confidence": 0.5, "audioFeatures": None}  # fmt: skip
SPOKEN = {"id": "s1", "video_path": "old/quagga.avi", "raw_output": "A QUAGGA", "llm_correction": "",
          "ground_truth": "meerschaum quagga", "was_correct": False}  # fmt: skip


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


def drop_in(space: Workspace, journal: str, *lines: dict[str, Any]) -> None:
    (space.data / journal).write_text("".join(json.dumps(line) + "\n" for line in lines))
    space.store.refresh()


@pytest.mark.parametrize(
    ("journal", "line"),
    [
        ("annotations.jsonl", RATED),
        ("corrections.jsonl", SCENE),
        ("corrections.jsonl", SCENE | {"correctedAt": "2024-05-01T12:00:00Z"}),
        ("samples.jsonl", SPOKEN),
        ("samples.jsonl", SPOKEN | {"timestamp": 1714564800.0}),
    ],
)
def test_a_sample_of_a_seeds_journal_is_forgotten_and_backups_are_named(
    space: Workspace, rushes: Callable[..., Ran], journal: str, line: dict[str, Any]
) -> None:
    before = backup.now(space)
    drop_in(space, journal, line)
    made = backup.now(space)
    ((sample,),) = [[row.sample.id for row in space.store.answered(task)] for task in space.store.codecs
                    if space.store.count_answered(task)]  # fmt: skip
    space.close()
    for flag in ("--dry-run", "--yes"):
        said = rushes("forget", sample, flag, "--json", "-w", space.root).json
        # When the file was dropped in nobody can tell, so a backup from before it is named too.
        assert said["backups_holding_it"] == [before.id, made.id]
    assert (space.data / journal).read_text() == ""


# What JSON can say in the place of a time.
odd = st.one_of(
    st.none(), st.booleans(), st.text(max_size=8), st.integers(-(10**30), 10**30), st.just(1e400), st.just(1e308),
    st.floats(), st.sampled_from(["2024-05-01T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]),
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=odd, timestamp=odd, corrected=odd)
def test_whatever_a_line_says_of_its_time_its_sample_can_be_forgotten(
    space: Workspace, at: object, timestamp: object, corrected: object
) -> None:
    if not backup.listing(space):
        backup.now(space)
    times = {"at": at, "correctedAt": corrected}
    drop_in(space, "annotations.jsonl", RATED | times | {"timestamp": timestamp})
    drop_in(space, "corrections.jsonl", SCENE | times)
    drop_in(space, "samples.jsonl", SPOKEN | times | {"timestamp": timestamp})
    event = {"kind": "sample", "id": "e1", "task": "ratings", "group": "g", "at": at, "captured_at": timestamp}
    consent = {"kind": "consent", "task": "speech", "given": True, "by": "x", "at": at}
    drop_in(
        space,
        "events.jsonl",
        consent,
        event,
        {"kind": "prediction", "sample": "e1", "task": "ratings", "at": timestamp},
    )
    known = tracing.traces(space)
    assert "e1" in known
    assert all(0 <= trace.since < 1e11 for trace in known.values())
    assert privacy.forget(space, list(known), dry_run=True).samples == tuple(sorted(known))
    privacy.agreed_lines(privacy.agreed(space))


PASSED_OVER = {
    "samples.jsonl": (SPOKEN | {"timestamp": "yesterday"}, "s1"),
    "annotations.jsonl": (RATED | {"rating": 7, "metadata": {"speaker": "Ada Quagga"}}, "old/frame_0001.png"),
    "corrections.jsonl": (SCENE | {"correctedAt": "yesterday"}, "old-film scene-1"),
}
SOUND = {"id": "s2", "sceneId": "scene-2", "framePath": "b.png", "video_path": "b.avi", "rating": 0.25,
         "correctedAt": "2024-05-01T12:00:00Z", "timestamp": 1.5, "metadata": {}, "ground_truth": "other",
         "raw_output": "", "correctedLabel": "action"}  # fmt: skip


def test_lines_that_are_passed_over_are_said_and_can_be_forgotten(space: Workspace, rushes: Callable[..., Ran]) -> None:
    for journal, (bad, _) in PASSED_OVER.items():
        drop_in(space, journal, bad, bad | SOUND)
    space.close()
    said = rushes("doctor", "-w", space.root).err  # seconds: it looks at the whole machine
    assert all(f"{journal} line 1" in said for journal in PASSED_OVER)
    for journal, (bad, called) in PASSED_OVER.items():
        assert rushes("forget", called, "--yes", "-w", space.root).code == 0
        assert [json.loads(line) for line in (space.data / journal).read_text().splitlines()] == [bad | SOUND]
    said = rushes("doctor", "-w", space.root).err
    assert not any(f"{journal} line 1" in said for journal in PASSED_OVER)


def test_a_time_in_milliseconds_is_taken_as_such(space: Workspace) -> None:
    drop_in(space, "samples.jsonl", SPOKEN | {"timestamp": 1714564800123})
    (found,) = space.store.answered("speech")
    assert found.correction.at == 1714564800.123
