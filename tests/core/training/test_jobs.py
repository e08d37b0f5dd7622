"""The queue of trainings: order, one of a kind, cancelling, death and resuming, without training anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import loop
from core.errors import WrongUseError
from core.files import locked
from core.training import audit, control, jobs
from core.training.progress import Progress
from core.workspace import Workspace

HOLDER = """
import sys, time
from pathlib import Path
from core.files import locked
from core.training import control
folder = Path(sys.argv[1])
with locked(folder / control.LOCK):
    control.write_pid(folder)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[Workspace]:
    """No worker is started: the queue itself is looked at. Holds who asked for one."""
    asked: list[Workspace] = []
    monkeypatch.setattr(jobs, "ensure_worker", asked.append)
    return asked


def holder(folder: Path) -> subprocess.Popen[bytes]:
    """A process that holds a job's lock as a training would."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def running(space: Workspace, job: jobs.Job) -> subprocess.Popen[bytes]:
    """Make a waiting job a running one, in a process that only holds its lock."""
    process = holder(jobs.folder(space, job.job_id))
    assert jobs.start(space, job.job_id)
    return process


def test_the_most_urgent_goes_first_and_then_the_oldest(space: Workspace) -> None:
    for task, priority in (("scenes", 0), ("ratings", 5), ("speech", 0)):
        jobs.submit(space, task, priority=priority)
    order: list[str] = []
    while job := jobs.next_queued(space):
        order.append(job.task)
        jobs.change(space, job.job_id, "Completed")
    assert order == ["ratings", "scenes", "speech"]


def test_asking_twice_queues_once_and_keeps_the_higher_priority(space: Workspace) -> None:
    first = jobs.submit(space, "ratings", priority=3)
    again = jobs.submit(space, "ratings", priority=1, name="evening")
    assert (again.job_id, again.priority, again.name) == (first.job_id, 3, "evening")


def test_another_speaker_or_recipe_is_another_training(space: Workspace) -> None:
    plain = jobs.submit(space, "speech")
    mine = jobs.submit(space, "speech", params={"speaker": "me"})
    longer = jobs.submit(space, "speech", params={"recipe": {"epochs": 90}})
    assert len({plain.job_id, mine.job_id, longer.job_id}) == 3
    assert jobs.submit(space, "speech", params={"speaker": "me"}).job_id == mine.job_id


def test_a_jobs_json_has_seed_002s_fields(space: Workspace) -> None:
    job = jobs.submit(space, "ratings", name="mine")
    wanted = {"job_id", "task", "state", "progress", "stage", "eta_seconds", "error", "created_at", "completed_at",
              "metrics", "model_path", "model_version", "name", "priority", "started_at", "params"}  # fmt: skip
    assert set(job.to_json()) == wanted
    jobs.change(space, job.job_id, "Completed", model_version="v3")
    ended = jobs.get(space, job.job_id).to_json()
    assert (ended["progress"], ended["model_path"]) == (100.0, "models/ratings/model_v3.onnx")


def test_a_waiting_job_is_cancelled_at_once_and_nobody_takes_it(space: Workspace, quiet: list[Workspace]) -> None:
    job = jobs.submit(space, "ratings")
    assert jobs.cancel(space, job.job_id).state == "Cancelled"
    assert jobs.next_queued(space) is None
    assert not jobs.start(space, job.job_id)
    assert quiet == []
    with pytest.raises(WrongUseError, match="has ended already"):
        jobs.cancel(space, job.job_id)


def test_only_one_process_takes_a_job(space: Workspace) -> None:
    job = jobs.submit(space, "ratings")
    assert [jobs.start(space, job.job_id) for _ in range(3)] == [True, False, False]


def test_a_training_whose_process_was_killed_is_failed_with_a_reason(space: Workspace) -> None:
    job = jobs.submit(space, "ratings")
    process = running(space, job)
    progress = Progress(jobs.folder(space, job.job_id) / "progress.jsonl")
    progress.say(43, "training")
    progress.close()
    assert jobs.notice_dead(space) == []
    assert jobs.get(space, job.job_id).progress == 43
    process.kill()
    process.wait()
    (dead,) = jobs.notice_dead(space)
    assert dead.state == "Failed"
    assert dead.error is not None
    assert "killed or crashed at 43 % (training)" in dead.error
    assert f"rushes jobs resume {job.job_id}" in dead.error
    assert (dead.progress, dead.stage) == (43, "training")
    assert jobs.notice_dead(space) == []
    (line,) = audit.history(space)
    assert (line["jobId"], line["state"], line["system"]["cpus"]) == (job.job_id, "Failed", os.cpu_count())
    assert 0 <= line["durationSeconds"] < 60


def test_the_queue_goes_on_when_a_training_was_killed(space: Workspace, quiet: list[Workspace]) -> None:
    process = running(space, jobs.submit(space, "ratings"))
    jobs.submit(space, "scenes")
    process.kill()
    process.wait()
    assert quiet == []
    assert len(jobs.notice_dead(space)) == 1
    assert quiet == [space]
    assert jobs.notice_dead(space) == []
    assert quiet == [space]


def test_every_reading_command_notices_a_dead_training(space: Workspace, rushes: Callable[..., object]) -> None:
    from tests.conftest import Ran

    for command in (["list"], ["show", "ID"], ["history"], ["stats"]):
        job = jobs.submit(space, "ratings")
        process = running(space, job)
        process.kill()
        process.wait()
        ran = rushes("jobs", *(job.job_id if word == "ID" else word for word in command), "--json", "-w", space.root)
        assert isinstance(ran, Ran)
        assert ran.code == 0
        assert jobs.get(space, job.job_id).state == "Failed"
    assert rushes_json(rushes("jobs", "stats", "--json", "-w", space.root))["failed"] == 4


def rushes_json(ran: object) -> dict[str, object]:
    from tests.conftest import Ran

    assert isinstance(ran, Ran)
    return ran.json


def test_what_a_killed_training_left_half_made_is_removed(space: Workspace) -> None:
    job = jobs.submit(space, "ratings")
    process = running(space, job)
    folder = space.models / "ratings"
    folder.mkdir(parents=True)
    mark = f".{process.pid}-"
    left = [folder / f"{mark}abc.onnx", jobs.folder(space, job.job_id) / f"{mark}x", space.cache / f"{mark}y.npz"]
    left += [folder / "model_v4.safetensors", folder / "model_v4.json"]
    others = [folder / ".999999-other.onnx", folder / "model_v3.json", folder / "model_v3.safetensors"]
    for path in (*left, *others):
        path.write_text(json.dumps({"job_id": job.job_id if path.stem == "model_v4" else "somebody"}))
    process.kill()
    process.wait()
    jobs.notice_dead(space)
    assert not [path for path in left if path.exists()]
    assert all(path.exists() for path in others)


def test_a_death_between_the_last_two_writes_keeps_the_training_completed(space: Workspace) -> None:
    from dataclasses import replace

    job = jobs.submit(space, "ratings")
    process = running(space, job)
    done = replace(jobs.get(space, job.job_id), state="Completed", completed_at=time.time(), model_version="v2")
    facts = {"n": 54, "verdict": "accept", "metrics": {"mae": 0.1}}
    audit.append(space, audit.line(done, facts, {}))
    process.kill()
    process.wait()
    jobs.notice_dead(space)
    found = jobs.get(space, job.job_id)
    assert (found.state, found.model_version, found.metrics) == ("Completed", "v2", facts)
    assert len(audit.history(space)) == 1


def test_a_failed_training_is_resumed_with_its_own_wishes(space: Workspace) -> None:
    job = jobs.submit(space, "speech", params={"speaker": "me", "recipe": {"epochs": 3}}, name="mine", priority=2)
    with pytest.raises(WrongUseError, match="it is queued"):
        jobs.resume(space, job.job_id)
    jobs.change(space, job.job_id, "Failed", error="killed")
    first = jobs.resume(space, job.job_id)
    assert (first.name, first.priority, first.params["speaker"]) == ("mine", 2, "me")
    assert first.params["resumes"] == job.job_id
    assert jobs.frozen_manifest(space, first) is None  # killed before it wrote one: learns from everything
    manifest = jobs.folder(space, job.job_id) / "manifest_full.csv"
    manifest.write_text("snapshot_id\n")
    jobs.change(space, first.job_id, "Failed", error="killed")
    second = jobs.resume(space, first.job_id)
    assert jobs.frozen_manifest(space, second) == manifest
    jobs.change(space, second.job_id, "Completed")
    with pytest.raises(WrongUseError, match="it is completed"):
        jobs.resume(space, second.job_id)


def test_a_process_that_hears_nothing_is_killed_within_two_seconds(
    space: Workspace, quiet: list[Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert control.KILL_AFTER_S == 2.0
    monkeypatch.setattr(control, "GIVE_UP_AFTER_S", 60.0)  # a busy machine is late to tell that it has died
    job = jobs.submit(space, "ratings")
    process = running(space, job)
    os.kill(process.pid, signal.SIGSTOP)
    jobs.submit(space, "scenes")
    start = time.monotonic()
    assert jobs.cancel(space, job.job_id).state == "Cancelled"
    assert control.KILL_AFTER_S - 0.1 < time.monotonic() - start < control.GIVE_UP_AFTER_S
    assert process.wait() == -signal.SIGKILL
    assert quiet == [space]  # the rest of the queue goes on
    assert audit.history(space)[-1]["state"] == "Cancelled"


def test_a_process_with_the_dead_ones_number_is_left_alone(space: Workspace, quiet: list[Workspace]) -> None:
    job = jobs.submit(space, "ratings")
    process = running(space, job)
    process.kill()
    process.wait()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    (jobs.folder(space, job.job_id) / control.PID).write_text(str(stranger.pid))
    with pytest.raises(WrongUseError, match="has ended already"):
        jobs.cancel(space, job.job_id)
    assert stranger.poll() is None
    stranger.communicate(b"\n")
    assert stranger.returncode == 0
    assert quiet == []


def test_several_who_ask_do_not_take_each_other_for_the_training(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not control.held(lock)
    with locked(lock):
        assert control.held(lock)
    assert not control.held(lock)
    assert not lock.with_name("other").exists()


def test_several_processes_are_started_through_torchrun(tmp_path: Path) -> None:
    alone = control.command(tmp_path, 7, 1)
    assert alone[1:] == ["-P", "-m", "core.worker", str(tmp_path), "7"]
    together = control.command(tmp_path, 7, 2)
    assert together[1:8] == ["-P", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    assert together[8:] == ["core.worker", str(tmp_path), "kept"]
