"""How long a retraining takes: python -m tests.benchmarks.training [--task T] [--clips N] [--data FOLDER] [--json].

From asking for the training to the deployed, evaluated version, by the real worker. `first`: N - 50 answered clips
and cold caches: every clip is decoded, measured and seen by the network's frozen layers. `second`: 50 more are answered
(measured when they came in, as always) and only those are new to the frozen layers; it starts from the first's
version, and the network's graph for ONNX is known. `cpu_seconds` is the worker's processor time. Clips are drawn, or a
task's come from FOLDER's manifest.csv (speech: 600 real ones are what the limit means).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from core import importing, loop, registry, tasks
from core.capture.consent import give_consent
from core.demo.user import user_clips
from core.errors import RushesError
from core.files import remove_tree
from core.manifest import VALUE_COLUMN
from core.training import control, jobs
from core.workspace import Workspace

NEW = 50  # corrections that queue a training
LIMIT_S = {"scenes": 60.0, "ratings": 60.0, "speech": 300.0}
AT_HAND = {"scenes": 200, "ratings": 600, "speech": 200}  # drawn clips by default
SETTINGS = '[train]\nautomatic = false\nauto_deploy = "always"\n'


def main() -> None:
    """Time both retrainings of each task and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=sorted(LIMIT_S), action="append", help="one task only; may be repeated")
    parser.add_argument(
        "--clips", type=int, default=0, help="clips at hand in the end; 0 = 200 (ratings 600), or all of --data"
    )
    parser.add_argument("--data", type=Path, help="folder with a manifest.csv of the chosen task")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    names: list[str] = asked.task or sorted(LIMIT_S)
    if asked.data and len(names) != 1:
        parser.error("--data needs one --task")
    report: dict[str, Any] = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="rushes-benchmark-") as scratch:
            report[name] = timed(name, Path(scratch), asked.data, asked.clips)
        if not asked.json:
            print(name, report[name])
    report["machine"] = {"cpus": os.cpu_count(), "load": [round(part, 2) for part in os.getloadavg()]}
    print(json.dumps(report) if asked.json else report["machine"])


def timed(name: str, scratch: Path, data: Path | None, clips: int) -> dict[str, Any]:
    """Both times of one task, and whether they keep the limits."""
    rows, header = (rows_of(data / "manifest.csv")) if data else drawn(name, clips or AT_HAND[name], scratch / "clips")
    rows = rows[:clips] if clips else rows
    if len(rows) < 3 * NEW:
        raise SystemExit(f"{len(rows)} clips are too few: at least {3 * NEW}")
    loop.open_workspace(scratch / "workspace").close()
    (scratch / "workspace" / "rushes.toml").write_text(SETTINGS)
    space = loop.open_workspace(scratch / "workspace")
    if tasks.get(name).keeps_face:
        give_consent(space, name, by="benchmark: drawn or public recordings")
    bring_in(space, name, rows[:-NEW], header, scratch / "first.csv")
    remove_tree(space.cache)
    first = train_once(space, name)
    bring_in(space, name, rows[-NEW:], header, scratch / "second.csv")
    second = train_once(space, name)
    space.close()
    limit = int(LIMIT_S[name])
    ratio = first["seconds"] / second["seconds"]
    return {
        "clips": len(rows),
        "first_s": first["seconds"],
        "second_s": second["seconds"],
        "ratio": round(ratio, 2),
        f"within_{limit}": max(first["seconds"], second["seconds"]) <= limit,
        "three_times_faster": ratio >= 3.0,
        "first": first,
        "second": second,
    }


def drawn(name: str, count: int, folder: Path) -> tuple[list[list[str]], list[str]]:
    """Rows and header of a manifest of so many drawn clips."""
    kind = tasks.get(name).kind
    made = user_clips(name, count, 1, folder)
    return [[str(clip.path), str(clip.truth), clip.group] for clip in made], ["file", VALUE_COLUMN[kind], "group"]


def rows_of(manifest: Path) -> tuple[list[list[str]], list[str]]:
    """Rows of a manifest with full paths, and its header."""
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    rows = [line | {"file": str(manifest.parent / line["file"])} for line in lines]
    return [list(row.values()) for row in rows], list(rows[0])


def bring_in(space: Workspace, name: str, rows: list[list[str]], header: list[str], manifest: Path) -> None:
    """Import answered clips; nothing trains by itself."""
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    began = time.monotonic()
    found = importing.run(space, manifest, name)
    print(f"{name}: {found.imported} clips in {time.monotonic() - began:.0f} s", file=sys.stderr)
    if found.errors:
        raise SystemExit(f"{len(found.errors)} clips were refused, the first: {found.errors[0]}")


def train_once(space: Workspace, name: str) -> dict[str, Any]:
    """Ask for a training and wait until its version answers.

    Raises:
        SystemExit: it failed, or its version was not deployed.
    """
    began = time.monotonic()
    job = jobs.submit(space, name)
    jobs.ensure_worker(space)
    shown, spent = "", 0.0
    for now in jobs.follow(space, job.job_id):
        job = now
        if job.stage != shown:
            shown = job.stage
            print(f"{name}: {time.monotonic() - began:5.1f} s {shown}", file=sys.stderr)
        spent = max(spent, cpu_seconds(jobs.folder(space, job.job_id)))
    seconds = time.monotonic() - began
    try:
        champion = registry.pointer(space, name).champion
    except RushesError as error:
        raise SystemExit(str(error)) from None
    if job.state != "Completed" or champion != job.model_version:
        raise SystemExit(f"{name}: {job.state}, {champion} answers: {job.error}")
    known = job.metrics or {}
    card = registry.card(space, name, champion)
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(spent, 1),
        "base": card.base,
        "metrics": known.get("metrics"),
        "timings": known.get("timings"),
        "load": round(os.getloadavg()[0], 2),
    }


def cpu_seconds(folder: Path) -> float:
    """Processor time of the worker so far: what a busy machine does not change much."""
    total = 0.0
    for pid in control.pids(folder):
        with suppress(psutil.NoSuchProcess):
            used = psutil.Process(pid).cpu_times()
            total += used.user + used.system
    return total


if __name__ == "__main__":
    main()
