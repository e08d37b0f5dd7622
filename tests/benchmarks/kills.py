"""Kill -9 at random moments of training and of deploying: `python -m tests.benchmarks.kills --json`.

After every kill the pointer must name a version that loads and proves itself, no version's files may have changed, and
nothing half-made may stay; after the last one a training must run to its end.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from pydantic import ValidationError

from core import importing, loop, registry
from core.errors import ModelError
from core.files import sha256_file
from core.registry import Pointer
from core.training import jobs, progress
from core.workspace import Workspace

TASK = "ratings"
# Where the kills of one round fall, and how many: `swap` is a process that does nothing but deploy.
ROUND = {"start": 2, "preparing": 3, "training": 4, "exporting": 2, "deploying": 1, "swap": 8}
SWAP_S = 0.4  # a swap takes some 0.1 s; several fit before the kill
SWAPPER = """
import itertools, sys
from pathlib import Path
from core import loop, registry
space = loop.open_workspace(Path(sys.argv[1]), create=False)
for number, version in enumerate(itertools.cycle(["factory", "v1"])):
    registry.deploy(space, "ratings", version, reason="kill test")
    if number == 0:
        print("swapping", flush=True)
"""


@dataclass(slots=True)
class Found:
    """What the kills did. `half_made`: files of unfinished versions, and temporary ones, left after the clearing."""

    kills: int = 0
    unloadable: int = 0
    overwritten: int = 0
    half_made: int = 0
    next_job: str = ""
    seconds: float = 0.0


def run(space: Workspace, kills: int, seed: int, say: Callable[[str], None] = lambda _: None) -> Found:
    """Kill so many times, then let one training run to its end. The workspace has a version v1 trained in it."""
    rng, found, start = random.Random(seed), Found(), time.monotonic()
    versions = _versions(space)
    moments: list[str] = []
    while len(moments) < kills:
        more = [moment for moment, count in ROUND.items() for _ in range(count)]
        rng.shuffle(more)
        moments += more
    for moment in moments[:kills]:
        lengths, where = _lengths(space), rng.random()
        while not (_kill_swap(space, where) if moment == "swap" else _kill_training(space, moment, where, lengths)):
            say(f"{moment}: it was over before the kill; once more")
            # A later training may be faster than the one that was measured.
            lengths, where = _lengths(space), rng.random()
        found.kills += 1
        _check(space, found, versions)
        say(f"{found.kills}: killed in {moment} at {where:.2f} of it")
    job = jobs.submit(space, TASK)
    *_, ended = jobs.follow(space, job.job_id)
    found.next_job = ended.state
    _check(space, found, versions)
    found.seconds = round(time.monotonic() - start, 1)
    return found


def _lengths(space: Workspace) -> dict[str, float]:
    """Seconds of each part of the newest uninterrupted training of this workspace."""
    job = next(job for job in jobs.every(space, task=TASK) if job.state == "Completed")
    timings: dict[str, float] = (job.metrics or {})["timings"]
    preparing, after = ("loading corrections", "measuring features"), ("evaluating", "exporting", "deploying")
    return {
        "start": (job.started_at or 0.0) - job.created_at,
        "preparing": sum(timings[stage] for stage in preparing),
        "training": sum(seconds for stage, seconds in timings.items() if stage not in (*preparing, *after)),
        "exporting": timings["exporting"],
        "deploying": timings["deploying"],
    }


def _part(percent: float, stage: str) -> str:
    if stage in ("evaluating", "exporting", "deploying", "done"):
        return stage
    return "training" if percent >= progress.TRAINING[0] else "preparing"


def _kill_training(space: Workspace, moment: str, where: float, lengths: dict[str, float]) -> bool:
    """Start a training and kill its process group in that part; False if the training ended first."""
    job = jobs.submit(space, TASK)
    jobs.ensure_worker(space)
    worker = next(child for child in psutil.Process().children() if "core.worker" in child.cmdline())
    folder = jobs.folder(space, job.job_id)
    while moment != "start" and worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        last = progress.last(folder)
        if last and _part(last["progress"], last["stage"]) == moment:
            break
        time.sleep(0.005)
    try:
        worker.wait(where * lengths[moment])
    except psutil.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    else:
        return False
    jobs.notice_dead(space)
    return jobs.get(space, job.job_id).state in ("Failed", "Queued")


def _kill_swap(space: Workspace, where: float) -> bool:
    """Kill a process that swaps the champion again and again."""
    process = subprocess.Popen(
        [sys.executable, "-c", SWAPPER, str(space.root)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(where * SWAP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
    return process.returncode == -signal.SIGKILL


def _versions(space: Workspace) -> dict[str, str]:
    """The hash of every version's files."""
    folder = registry.folder(space, TASK)
    whole = {path.stem for path in folder.glob("model_v*.onnx")}
    return {path.name: sha256_file(path) for path in folder.glob("model_v*.*") if path.stem in whole}


def _check(space: Workspace, found: Found, versions: dict[str, str]) -> None:
    folder = registry.folder(space, TASK)
    try:
        active = Pointer.model_validate_json((folder / "active.json").read_bytes())
        registry.prove(space, TASK, active.champion)
    except (OSError, ValidationError, ModelError):
        found.unloadable += 1
    now = _versions(space)
    found.overwritten += sum(now.get(name) != digest for name, digest in versions.items())
    versions.update(now)
    whole = {path.stem for path in folder.glob("model_v*.onnx")}
    lonely = [path for path in folder.glob("model_v*.*") if path.stem not in whole]
    cardless = [stem for stem in whole if not (folder / f"{stem}.json").exists()]
    found.half_made += len(lonely) + len(cardless) + sum(path.suffix == ".onnx" for path in folder.glob(".*"))


def make_workspace(root: Path) -> Workspace:
    """A workspace of ratings with 54 answers and the version trained on them."""
    from core.demo.user import user_clips

    drawn = root / "drawn"
    clips = user_clips(TASK, 54, 1, drawn)
    with (drawn / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "score", "group"])
        writer.writerows([clip.path.name, clip.truth, clip.group] for clip in clips)
    space = loop.open_workspace(root / "workspace")
    importing.run(space, drawn / "manifest.csv", TASK)
    *_, ended = jobs.follow(space, jobs.every(space)[0].job_id)
    if ended.state != "Completed":
        raise SystemExit(f"the first training failed: {ended.error}")
    return space


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        space = make_workspace(Path(folder))
        found = run(space, asked.kills, asked.seed, lambda text: print(text, file=sys.stderr, flush=True))
        space.close()
    payload: dict[str, Any] = asdict(found)
    print(json.dumps(payload) if asked.json else "\n".join(f"{name}: {value}" for name, value in payload.items()))


if __name__ == "__main__":
    main()
