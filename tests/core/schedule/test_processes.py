"""Two schedulers and two screens on one workspace: one owner, one training, no error, no lost row."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import loop, schedule
from core.store.records import Sample
from core.training import jobs
from tests.conftest import Ran

Drawn = Callable[[str, int, int], Path]
ENOUGH = 20  # answers that queue a training here

# What a screen does: answers its share of the clips, one by one, as fast as it can.
SCREEN = """
import sys
from pathlib import Path
from core import loop
space = loop.open_workspace(Path(sys.argv[1]), create=False)
for identity in sys.argv[2:]:
    loop.correct(space, [(space.store.sample(identity), 0.4)])
space.close()
"""


@contextmanager
def scheduler(root: Path) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-m", "tui.cli", "scheduler", "run", "-w", str(root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory, drawn: Drawn) -> Path:
    """A workspace with clips that wait for answers, and the training set to twenty."""
    root = tmp_path_factory.mktemp("captured") / "w"
    space = loop.open_workspace(root)
    (root / "rushes.toml").write_text(f"[train]\nevery = {ENOUGH}\nminimum = {ENOUGH}\n")
    files = sorted(drawn("ratings", 54, 1).glob("*.jpg"))[: ENOUGH + 4]
    assert all(isinstance(clip, Sample) for clip in loop.capture(space, files, "ratings"))
    space.close()
    return root


@pytest.fixture
def root(captured: Path, tmp_path: Path) -> Path:
    """A copy of that workspace."""
    return Path(shutil.copytree(captured, tmp_path / "w"))


def test_two_schedulers_and_two_screens_train_once_and_lose_nothing(root: Path) -> None:
    space = loop.open_workspace(root)
    clips = [row.sample.id for row in space.store.samples("ratings")]
    with scheduler(root) as first:
        assert f"process {first.pid} is the scheduler" in heard(first)
        with scheduler(root) as second:
            assert f"another scheduler (process {first.pid}) runs here" in heard(second)
            screens = [
                subprocess.Popen([sys.executable, "-c", SCREEN, str(root), *share], stderr=subprocess.PIPE, text=True)
                for share in (clips[::2], clips[1::2])
            ]
            checks = [schedule.run_now(space, "training check") for _ in range(2)]
            complaints = [screen.communicate(timeout=120)[1] for screen in screens]
            assert complaints == ["", ""]
            assert {check["exit_code"] for check in checks} <= {0, 75}
            assert schedule.run_now(space, "training check")["ok"]
            (job,) = jobs.every(space)
            if job.state not in jobs.ENDED:
                jobs.cancel(space, job.job_id)  # that it is one is what counts here; other tests train to the end
            *_, ended = jobs.follow(space, job.job_id)
            assert ended.state in ("Cancelled", "Completed"), ended.error

            first.terminate()
            assert first.wait(60) == 0
            assert f"process {second.pid} is the scheduler" in heard(second)
    assert second.returncode == 0
    assert [one.job_id for one in jobs.every(space)] == [job.job_id]
    assert space.store.count_answered("ratings") == len(clips)
    assert space.store.rebuild()["answers"] == len(clips)
    assert space.store.problems() == []
    logs = "".join(path.read_text() for path in (root / "logs").iterdir())
    assert "Traceback" not in logs
    space.close()


def test_a_scheduler_that_was_killed_leaves_its_place_to_the_next(rushes: Callable[..., Ran], tmp_path: Path) -> None:
    with scheduler(tmp_path) as first:
        heard(first)
        refused = rushes("scheduler", "run", "--once", "-w", tmp_path)
        assert (refused.code, f"process {first.pid}" in refused.err) == (1, True)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(60)
    assert rushes("scheduler", "status", "-w", tmp_path, "--json").json["owner"] is None
    assert rushes("scheduler", "run", "--once", "-w", tmp_path).code in (0, 1)  # 1: its orphan may still be at work


def test_two_checks_at_the_same_moment_queue_one_training(root: Path) -> None:
    space = loop.open_workspace(root, flags={"train": {"automatic": False}})
    clips = [row.sample for row in space.store.samples("ratings")]
    loop.correct(space, [(clip, 0.4) for clip in clips])
    assert jobs.every(space) == []
    script = "import sys; from pathlib import Path; from core import loop; from core.schedule import checks; "
    script += "space = loop.open_workspace(Path(sys.argv[1])); sys.stdin.read(1); print(checks.training(space, ''))"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdin is not None
        process.stdin.write(".")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    (job,) = jobs.every(space)
    if job.state not in jobs.ENDED:
        jobs.cancel(space, job.job_id)
    *_, ended = jobs.follow(space, job.job_id)
    assert ended.state in ("Cancelled", "Completed"), ended.error
    assert len(jobs.every(space)) == 1
    space.close()
