"""The clock: one owner, due work in child processes, and nothing lost when it is stopped or killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest

from core import loop, schedule
from core.errors import StoreError
from core.schedule import state
from core.schedule.children import Children, Ran
from core.schedule.clock import Clock
from core.schedule.due import find
from core.settings import Settings
from core.workspace import Workspace
from tests.conftest import Ran as Command
from tests.core.schedule.silent import silent_camera

LONG_S = 60  # far beyond what any of this takes; reached only when a test fails
AT_AN_HOUR = {"daily learning", "weekly backup and export"}  # due as well where their hour comes just now


@pytest.fixture
def space(tmp_path: Path) -> Generator[Workspace]:
    opened = loop.open_workspace(tmp_path / "w")
    yield opened
    opened.close()


@pytest.fixture
def hanging(tmp_path: Path, own_home: Path) -> Generator[tuple[Workspace, Event]]:
    """A workspace with a source that hangs, and the event that it was called."""
    with silent_camera() as (url, called):
        path = own_home / "config" / "rushes" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text(f'[sources.pier]\nurl = "{url}"\n')
        opened = loop.open_workspace(tmp_path / "w")
        yield opened, called
        opened.close()


def run_hanging(space: Workspace) -> tuple[Children, Thread]:
    entry = find(space.settings, "source pier")
    assert entry is not None
    children = Children(space)
    thread = Thread(target=children.run, args=[entry])
    thread.start()
    return children, thread


def test_what_is_due_runs_in_a_child_and_is_written_down(space: Workspace) -> None:
    ran: Queue[Ran] = Queue()
    clock = Clock(space, on_ran=ran.put)
    assert clock.start()
    try:
        ended: dict[str, Ran] = {}
        while len(ended.keys() - AT_AN_HOUR) < 2:
            one = ran.get(timeout=LONG_S)
            ended[one.name] = one
        assert schedule.status(space)["owner"] == os.getpid()
    finally:
        clock.stop()
    assert ended.keys() - AT_AN_HOUR == {"training check", "automation gate"}
    assert all(one.ok for one in ended.values())
    known = state.read(space)
    for name in ended:
        found = known[name]
        assert found.last_success is not None
        assert found.last_error is None
        assert found.pid not in (None, os.getpid())
        assert (found.next_due or 0) > time.time()
    assert known["training check"].next_due == pytest.approx(time.time() + 600, abs=LONG_S)
    assert schedule.status(space)["owner"] is None


def test_a_second_clock_stands_by_and_takes_over(space: Workspace) -> None:
    for entry in schedule.status(space)["entries"]:
        state.write(space, entry["name"], next_due=time.time() + 1000)  # nothing is due in this test
    first, second = Clock(space), Clock(space, look_s=0.05)
    assert first.start()
    try:
        assert not second.start()
        first.stop()
        assert second.became_owner.wait(LONG_S)
    finally:
        first.stop()
        second.stop()


def test_stopping_while_it_takes_over_ends_too(space: Workspace) -> None:
    clock = Clock(space, look_s=0.05)
    writing = sqlite3.connect(space.store.catalog.path, isolation_level=None)
    with state.owning(space):
        assert not clock.start()
        writing.execute("BEGIN IMMEDIATE")  # another process writes: the clock cannot note what is due
    while not state.is_held(state.owner_lock(space)):
        time.sleep(0.01)
    stopping = Thread(target=clock.stop, daemon=True)
    stopping.start()
    stopping.join(0.5)
    writing.execute("ROLLBACK")
    writing.close()
    stopping.join(LONG_S / 3)
    assert not stopping.is_alive()
    assert schedule.status(space)["owner"] is None


def test_a_slept_through_run_is_made_up_for_once(space: Workspace) -> None:
    week, now = 7 * 86400, time.time()  # one moment for all: an hour at which something is due may come meanwhile
    state.write(space, "automation gate", next_due=now - week)
    state.write(space, "training check", next_due=now + 500)
    assert [one["name"] for one in schedule.run_once(space, now=now)] == ["automation gate"]
    assert schedule.run_once(space, now=now) == []


def test_a_clock_set_back_a_year_still_runs_things_within_their_interval(space: Workspace) -> None:
    year, now = 365 * 86400, time.time()
    state.write(space, "training check", next_due=now + year)
    state.write(space, "automation gate", next_due=now + year)
    assert schedule.run_once(space, now=now) == []
    assert (state.read(space)["training check"].next_due or 0) <= now + 600


def test_stopping_ends_the_children_and_what_was_cut_off_is_due_again(hanging: tuple[Workspace, Event]) -> None:
    space, called = hanging
    children, thread = run_hanging(space)
    assert called.wait(LONG_S)
    children.stop()
    thread.join(LONG_S)
    assert not thread.is_alive()
    found = state.read(space)["source pier"]
    assert found.last_error == "stopped with the scheduler"
    assert (found.next_due or time.time() + 1) <= time.time()
    assert not state.is_held(state.run_lock(space, "source pier"))


def test_a_child_that_is_killed_is_noticed(hanging: tuple[Workspace, Event]) -> None:
    space, called = hanging
    _, thread = run_hanging(space)
    assert called.wait(LONG_S)
    assert schedule.status(space)["entries"][-1]["running"] is True
    os.kill(state.read(space)["source pier"].pid or 0, signal.SIGKILL)
    thread.join(LONG_S)
    assert state.read(space)["source pier"].last_error == "ended by signal 9"
    assert schedule.status(space)["entries"][-1]["running"] is False


def test_the_same_thing_never_runs_twice_at_a_time(hanging: tuple[Workspace, Event]) -> None:
    space, called = hanging
    children, thread = run_hanging(space)
    assert called.wait(LONG_S)
    again = schedule.run_now(space, "source pier")
    assert (again["ok"], again["exit_code"]) == (False, 75)
    assert "runs already" in again["said"]
    children.stop()
    thread.join(LONG_S)


def test_what_takes_too_long_is_stopped(hanging: tuple[Workspace, Event]) -> None:
    space, _ = hanging
    short = loop.open_workspace(space.root, flags={"schedule": {"timeout_s": 0.2}})
    assert schedule.run_now(short, "source pier")["ok"] is False
    assert state.read(space)["source pier"].last_error == "stopped after 0.2 s (schedule.timeout_s)"
    short.close()


def test_a_source_added_while_the_clock_runs_is_taken_up(space: Workspace, own_home: Path) -> None:
    for entry in schedule.status(space)["entries"]:
        state.write(space, entry["name"], next_due=time.time() + 1000)
    ran: Queue[Ran] = Queue()
    clock = Clock(space, look_s=0.05, on_ran=ran.put)
    assert clock.start()
    try:
        path = own_home / "config" / "rushes" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text('[sources.pier]\nurl = "/no/such/place"\n')
        while (ended := ran.get(timeout=LONG_S)).name in AT_AN_HOUR:
            pass
    finally:
        clock.stop()
    assert (ended.name, ended.ok) == ("source pier", False)
    assert "does not exist" in (state.read(space)["source pier"].last_error or "")


def test_a_part_plugs_in_by_being_there(rushes: Callable[..., Command], tmp_path: Path) -> None:
    entries = rushes("scheduler", "status", "-w", tmp_path, "--json").json["entries"]
    found = {entry["name"]: entry["available"] for entry in entries}
    assert found["training check"] is True
    there = find(Settings(), "training check")
    assert there is not None
    assert replace(there, run="core.no_such_part.weekly:run").available is False
    for name in (name for name, available in found.items() if not available):
        ran = rushes("scheduler", "now", name, "-w", tmp_path)
        assert (ran.code, "not available yet" in ran.err) == (1, True)


def test_a_name_that_is_not_scheduled_is_wrong_use(rushes: Callable[..., Command], tmp_path: Path) -> None:
    ran = rushes("scheduler", "now", "backup", "-w", tmp_path)
    assert (ran.code, "weekly backup and export" in ran.err) == (2, True)


def test_a_workspace_that_cannot_be_written_is_refused_in_a_sentence(space: Workspace) -> None:
    space.store.refresh()
    (space.root / "jobs").rmdir()
    (space.root / "jobs").write_text("in the way")
    clock = Clock(space)
    with pytest.raises(StoreError, match="cannot be scheduled"):
        clock.start()
    clock.stop()
