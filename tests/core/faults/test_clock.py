"""A clock that was set back, by an hour or a year: the order of things is the journals', and nothing waits for ever."""

from __future__ import annotations

import time

import pytest

from core import backup, loop
from core.backup import weekly
from core.schedule import due, run_once, state
from core.store.store import Store
from core.training import jobs
from core.workspace import Workspace
from tests.core.faults.actions import TASK
from tests.core.store.samples import dump

BACK = {"an hour": 3600.0, "a year": 365 * 86400.0}


@pytest.mark.parametrize("back", BACK.values(), ids=BACK)
def test_the_last_answer_counts_whatever_the_clock_says(
    space: Workspace, back: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [row.sample for row in space.store.samples(TASK)[:2]]
    loop.correct(space, [(first, 0.1)], trigger=False)
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() - back)
    batch = loop.correct(space, [(first, 0.9)], trigger=False)[0].batch
    loop.correct(space, [(second, 0.4)], trigger=False)
    assert [item.correction.value for item in space.store.answered(TASK)] == [0.9, 0.4]
    assert space.store.batches(TASK)[1] == batch, "newest first, by the journal"
    space.store.undo(TASK, batch)
    assert [item.correction.value for item in space.store.answered(TASK)] == [0.1, 0.4]
    rows = dump(space.store)
    again = Store(space.root, space.codecs)
    again.rebuild()
    assert dump(again) == rows
    again.close()


@pytest.mark.parametrize("back", BACK.values(), ids=BACK)
def test_the_schedule_goes_on(space: Workspace, back: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    for entry in due.table(space.settings):
        state.write(space, entry.name, last_started=now, last_success=now, next_due=entry.when.after(now))
    earlier = now - back
    monkeypatch.setattr(time, "time", lambda: earlier)
    assert run_once(space, now=earlier) == [], "nothing runs twice because of it"
    known = state.read(space)
    for entry in due.table(space.settings):
        if entry.available:
            waits = (known[entry.name].next_due or 0) - earlier
            assert waits <= entry.when.after(earlier) - earlier, f"{entry.name} does not wait for the old time"


def test_jobs_keep_their_order(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    true = time.time
    first = jobs.submit(space, TASK)
    monkeypatch.setattr(time, "time", lambda: true() - BACK["a year"])
    jobs.cancel(space, first.job_id)
    second = jobs.submit(space, TASK)
    assert {job.job_id: job.state for job in jobs.every(space)} == {
        first.job_id: "Cancelled", second.job_id: "Queued",
    }  # fmt: skip


def test_a_proof_from_the_future_does_not_put_the_next_one_off(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.now(space)
    weekly.drill(space)
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() - BACK["a year"])
    assert "restored and proved" in weekly.run(space, "weekly")
    drills = space.store.events("drill")
    assert len(drills) == 2
    assert all(drill["ok"] for drill in drills)
