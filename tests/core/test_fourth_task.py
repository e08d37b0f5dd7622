"""A fourth task with a known kind of value is one new folder; no other room is touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import core.tasks
from core import importing, judging, loop, registry, worker
from core.training import jobs

JOURNAL = """
from dataclasses import replace
from core.store.identity import derived_id
from core.tasks.ratings.journal import RatingsCodec

class LoudnessCodec(RatingsCodec):
    task = "daylight"
    journal = "daylight.jsonl"

    def decode(self, line):
        sample, correction = super().decode(line)
        return replace(sample, task=self.task), replace(correction, task=self.task)

CODEC = LoudnessCodec()
"""
TASK = """
from core.tasks.daylight.journal import CODEC
from core.tasks.ratings.task import Ratings

class Daylight(Ratings):
    name = "daylight"
    codec = CODEC

TASK = Daylight()
"""


@pytest.fixture
def daylight(tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "more" / "daylight"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "journal.py").write_text(JOURNAL)
    (folder / "task.py").write_text(TASK)
    core.tasks.__path__.append(str(folder.parent))
    for cached in (core.tasks.names, core.tasks.get, core.tasks.codecs):
        cached.cache_clear()
    yield
    core.tasks.__path__.pop()
    for cached in (core.tasks.names, core.tasks.get, core.tasks.codecs):
        cached.cache_clear()


@pytest.mark.usefixtures("daylight")
def test_a_new_folder_is_a_task_that_learns(
    tmp_path: Path, drawn: Callable[[str, int, int], Path], monkeypatch: pytest.MonkeyPatch
):
    started: list[object] = []
    monkeypatch.setattr(jobs, "ensure_worker", started.append)  # another process would not have the folder
    clips = shutil.copytree(drawn("ratings", 54, 1), tmp_path / "clips")
    space = loop.open_workspace(tmp_path / "w", flags={"recipe": {"daylight": {"epochs": 1}}})
    assert importing.run(space, clips / "manifest.csv", "daylight").imported == 54
    assert len((space.data / "daylight.jsonl").read_text().splitlines()) == 54
    worker.run(space, jobs.every(space)[0])
    assert jobs.every(space)[0].state == "Completed"
    served = registry.serving(space, "daylight").predictor
    assert served.version == "v1"
    picture = sorted(clips.glob("*.jpg"))[0]
    assert next(judging.judge_files(served, [picture])).value is not None
    space.close()
