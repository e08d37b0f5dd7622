"""How far a training is and how long it will take, as somebody who watches it reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.training import progress
from core.training.progress import Pace, Progress


def test_no_time_is_promised_before_there_is_a_measurement() -> None:
    pace = Pace()
    assert pace.eta(1, 0.0) is None
    assert pace.eta(19, 50.0) is None
    assert pace.eta(20, 51.0) is None


def test_the_time_left_follows_the_pace_of_the_training_itself() -> None:
    pace = Pace()
    pace.eta(20, 100.0)  # the slow start does not count
    assert pace.eta(50, 130.0) == pytest.approx(50.0)  # 1 s per per cent


def test_what_comes_after_the_training_takes_what_it_took_the_last_time() -> None:
    pace = Pace(after_s=9.0)
    pace.eta(20, 0.0)
    assert pace.eta(50, 3.0) == pytest.approx(3.0 + 9.0)
    assert pace.eta(80, 6.0) == pytest.approx(9.0)
    assert pace.eta(85, 10.0) == pytest.approx(5.0)
    assert pace.eta(95, 30.0) == 0.0
    unknown = Pace()
    unknown.eta(20, 0.0)
    assert unknown.eta(85, 10.0) is None


@given(
    steps=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 100)), max_size=30),
    after=st.none() | st.floats(0, 1e3),
)
@settings(deadline=None, max_examples=60)
def test_the_time_left_is_never_negative(steps: list[tuple[float, float]], after: float | None) -> None:
    pace, now = Pace(after), 0.0
    for passed, percent in sorted(steps, key=lambda step: step[1]):
        now += passed
        left = pace.eta(percent, now)
        assert left is None or left >= 0


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    writer = Progress(tmp_path / progress.NAME)
    writer.say(10, "preparing")
    writer.say(30, "training", loss=0.5)
    writer.close()
    with (tmp_path / progress.NAME).open("ab") as file:
        file.write(b'{"progress": 40, "stage": "trai')
    assert progress.last(tmp_path)["progress"] == 30
    assert [line["stage"] for line in progress.lines(tmp_path)] == ["preparing", "training"]


def test_a_replaced_file_is_read_from_its_new_beginning(tmp_path: Path) -> None:
    writer = Progress(tmp_path / progress.NAME)
    writer.say(60, "training")
    before = progress.stamp(tmp_path)
    os.rename(tmp_path / progress.NAME, tmp_path / "progress.1")
    assert progress.last(tmp_path) == {}
    again = Progress(tmp_path / progress.NAME)
    again.say(10, "preparing")
    assert progress.last(tmp_path)["progress"] == 10
    assert progress.stamp(tmp_path) != before
    for each in (writer, again):
        each.close()


def test_only_the_end_of_a_long_file_is_read(tmp_path: Path) -> None:
    line = json.dumps({"progress": 1, "stage": "x" * 200}).encode() + b"\n"
    (tmp_path / progress.NAME).write_bytes(line * 2000 + b'{"progress": 2, "stage": "new"}\n')
    assert progress.last(tmp_path)["stage"] == "new"


@given(raw=st.binary(max_size=300))
@settings(deadline=None, max_examples=80)
def test_no_bytes_in_the_file_trouble_the_reader(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("job")
    (folder / progress.NAME).write_bytes(raw + b'\n{"progress": true}\n[1]\n{"progress": 5, "stage": "s"}\n' + raw[:5])
    found = progress.lines(folder)
    assert {"progress": 5, "stage": "s"} in found
    assert progress.last(folder) == found[-1]


def test_seconds_are_summed_per_stage(tmp_path: Path) -> None:
    writer = Progress(tmp_path / progress.NAME)
    for stage in ("loading", "training", "training", "done"):
        writer.say(20, stage)
    writer.close()
    assert set(writer.timings) == {"loading", "training"}
    assert all(seconds >= 0 for seconds in writer.timings.values())
