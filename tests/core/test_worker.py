"""The training process: stopped in time, deaf to a closing terminal, alone however many start it."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import loop, registry
from core.errors import CancelledError
from core.training import audit, control, jobs, record
from core.worker import Orders
from core.workspace import Workspace

# The worker itself, with a training that sits in one long torch call: no Python runs, so no signal is heard.
DEAF = """
import sys
from pathlib import Path
from core import loop, worker

def train(space, task, *, report, stop, request):
    import torch
    report(20, "training")
    matrix = torch.rand(6000, 6000)
    while True:
        torch.linalg.svd(matrix)

loop.train = train
worker.main(Path(sys.argv[1]))
"""
# The same between two steps: signals are heard at once, the flag is not looked at.
PATIENT = """
import sys, time
from pathlib import Path
from core import loop, worker

def train(space, task, *, report, stop, request):
    report(20, "training")
    while True:
        time.sleep(600)

loop.train = train
worker.main(Path(sys.argv[1]))
"""

PATIENCE_S = 60.0  # far beyond what any of this takes; reached only when a test fails


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(trained)
    yield found
    found.close()


def worker(script: str, root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, str(root)], start_new_session=True)


def until(what: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def at_training(space: Workspace, job_id: str) -> Callable[[], bool]:
    return lambda: jobs.get(space, job_id).stage == "training"


def files(space: Workspace) -> set[str]:
    return {str(path.relative_to(space.root)) for path in space.models.rglob("*") if path.is_file()}


def test_a_training_inside_a_long_torch_call_is_cancelled_within_two_seconds(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert control.KILL_AFTER_S == 2.0
    monkeypatch.setattr(control, "GIVE_UP_AFTER_S", PATIENCE_S)  # a busy machine frees the killed one's memory late
    before = files(space)
    job = jobs.submit(space, "ratings")
    process = worker(DEAF, space.root)
    until(at_training(space, job.job_id))
    waiting = jobs.submit(space, "scenes")  # has no answers, so it fails as soon as somebody takes it
    start = time.monotonic()
    ended = jobs.cancel(space, job.job_id)
    assert time.monotonic() - start < control.GIVE_UP_AFTER_S
    assert (ended.state, ended.model_version) == ("Cancelled", None)
    assert process.wait() == -signal.SIGKILL
    assert files(space) - before == set()
    *_, after = jobs.follow(space, waiting.job_id)  # another worker drains the rest of the queue
    assert after.state == "Failed"
    assert [line["state"] for line in audit.history(space, 2)] == ["Cancelled", "Failed"]


def test_a_training_between_two_steps_ends_at_the_first_signal_and_the_queue_goes_on(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert control.TERM_AFTER_S == 1.0
    monkeypatch.setattr(control, "KILL_AFTER_S", PATIENCE_S)  # no second signal comes, however busy the machine is
    monkeypatch.setattr(control, "GIVE_UP_AFTER_S", PATIENCE_S)
    job, waiting = jobs.submit(space, "ratings"), jobs.submit(space, "scenes")
    process = worker(PATIENT, space.root)
    until(at_training(space, job.job_id))
    start = time.monotonic()
    assert jobs.cancel(space, job.job_id).state == "Cancelled"
    assert time.monotonic() - start < control.KILL_AFTER_S
    assert process.wait() == 0
    *_, after = jobs.follow(space, waiting.job_id)
    assert after.state == "Failed"
    assert "Insufficient annotations" in (after.error or "")


def test_a_machine_that_shuts_down_leaves_a_training_to_resume(space: Workspace) -> None:
    job, waiting = jobs.submit(space, "ratings"), jobs.submit(space, "scenes")
    process = worker(PATIENT, space.root)
    until(at_training(space, job.job_id))
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    ended = jobs.get(space, job.job_id)
    assert ended.state == "Failed"
    assert "told to stop (SIGTERM); start it again on the same answers: rushes jobs resume" in (ended.error or "")
    assert jobs.get(space, waiting.job_id).state == "Queued"


def test_an_order_takes_effect_only_where_nothing_is_left_half_made() -> None:
    orders = Orders()
    with pytest.raises(CancelledError, match="SIGTERM"), orders.obeyed():
        orders.hear(signal.SIGTERM, None)
    orders.end_one()
    assert orders.for_one
    polite = Orders()
    polite.end_one()
    polite.hear(signal.SIGTERM, None)  # one that was meant for the job before
    assert not polite.told
    later = Orders()
    later.hear(signal.SIGTERM, None)
    assert later.told
    with pytest.raises(CancelledError), later.obeyed():
        pytest.fail("it had been told already")


def start_in_a_terminal(root: Path) -> tuple[subprocess.Popen[bytes], int]:
    """`rushes train --wait` with a terminal of its own; returns it and the terminal's other end."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "tui.cli", "train", "--task", "ratings", "--wait", "--workspace", str(root)]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    return process, master


def test_two_terminals_start_one_training_and_closing_both_does_not_stop_it(space: Workspace) -> None:
    terminals = [start_in_a_terminal(space.root) for _ in range(2)]
    known = {job.job_id for job in jobs.every(space)}
    until(lambda: len(jobs.every(space)) > len(known))
    (job,) = [job for job in jobs.every(space) if job.job_id not in known]
    until(lambda: jobs.get(space, job.job_id).progress > 0)
    for process, master in terminals:
        os.close(master)
        process.kill()
        process.wait()
    *_, ended = jobs.follow(space, job.job_id)
    assert ended.state == "Completed"
    assert ended.model_version == "v2"
    assert {job.job_id for job in jobs.every(space)} == known | {job.job_id}
    log = "".join(path.read_text() for path in space.logs.glob("rushes-*.log"))
    assert log.count(f"job {job.job_id} (ratings) starts") == 1
    assert "ERR" not in log


def test_a_killed_training_is_resumed_on_the_answers_it_had(space: Workspace) -> None:
    killed = jobs.submit(space, "ratings", name="evening")
    jobs.ensure_worker(space)
    manifest = jobs.folder(space, killed.job_id) / record.MANIFEST
    until(manifest.exists)
    os.killpg(int((jobs.folder(space, killed.job_id) / "pid").read_text()), signal.SIGKILL)
    until(lambda: jobs.notice_dead(space))
    sample = space.store.answered("ratings")[0].sample
    loop.correct(space, [(sample, 0.123)])  # after the killed training had begun
    again = jobs.resume(space, killed.job_id)
    jobs.ensure_worker(space)
    *_, ended = jobs.follow(space, again.job_id)
    assert (ended.state, ended.name) == ("Completed", "evening")
    assert (jobs.folder(space, again.job_id) / record.MANIFEST).read_bytes() == manifest.read_bytes()
    assert registry.card(space, "ratings", str(ended.model_version)).model_dump()["name"] == "evening"
    assert_runs_come_back(space)


def tables(space: Workspace) -> list[tuple[object, ...]]:
    with space.store.catalog.read() as db:
        return list(
            db.execute(
                "select r.model_version, r.task, r.job_id, r.params_json, r.notes, r.trained_at, l.snapshot_id, "
                "l.label_source, l.label_value, l.split, l.included_at from model_training_runs r "
                "left join model_training_snapshot_labels l on l.training_run_id = r.id order by 1, 7"
            ).fetchall()
        )


def assert_runs_come_back(space: Workspace) -> None:
    """A lost catalog gets its runs back from cards and job folders, row for row."""
    before = tables(space)
    assert len(before) == 108
    assert {row[9] for row in before} == {"fold"}
    space.store.catalog.path.unlink()
    fresh = loop.open_workspace(space.root)
    assert tables(fresh) == []
    assert record.restore_runs(fresh) == 2
    assert tables(fresh) == before
    assert record.restore_runs(fresh) == 0
    shutil.rmtree(fresh.jobs)
    with fresh.store.catalog.write() as db:
        db.execute("delete from model_training_snapshot_labels")
        db.execute("delete from model_training_runs")
    assert record.restore_runs(fresh) == 2  # from cards and the audit log, without the labels
    assert [row[0] for row in tables(fresh)] == ["ratings/v1", "ratings/v2"]
    fresh.close()
