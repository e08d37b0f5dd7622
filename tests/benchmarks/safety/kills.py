"""kill -9, a thousand times: `python -m tests.benchmarks.safety.kills [--count 1000] [--seed 1] [--every-point]`.

Half of the kills fall at a random write point (before the call, with half of its bytes written, after it), half at a
random time. After each one the workspace is opened and all of it is looked at: every answer that was said to be saved,
at most one that was not, the catalog row for row as rebuilt, versions, pointer, settings, backups read and hashed, and
the next answer. `--every-point` kills each action once at every write point in every way instead.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[3]
WAYS = ["before", "half", "after"]
PART = 50  # kills of one request, so that a run shows where it is


@contextmanager
def _breaker(folder: Path) -> Generator[tuple[IO[str], IO[str]]]:
    homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.core.faults.child", str(folder / "work")], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | homes | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        if not json.loads(process.stdout.readline() or "{}").get("ready"):
            raise SystemExit("processes cannot be traced here: Linux on x86-64 is needed")
        yield process.stdin, process.stdout
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _ask(pipes: tuple[IO[str], IO[str]], wanted: dict[str, Any]) -> Any:
    pipes[0].write(json.dumps(wanted) + "\n")
    pipes[0].flush()
    return json.loads(pipes[1].readline())


def run(count: int = 1000, seed: int = 1) -> dict[str, Any]:
    """Random kills.

    Returns:
        `kills`; `lost`: after how many something that was said to be saved was gone; `unreadable`: after how many the
        workspace could not be opened or looked at; `wrong`: everything that was not as it should be; `seconds`.
    """
    total: dict[str, Any] = {"kills": 0, "lost": 0, "unreadable": 0, "wrong": []}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, _breaker(Path(folder)) as pipes:
        while total["kills"] < count:
            wanted = {"random": min(PART, count - total["kills"]), "seed": seed * 100_000 + total["kills"]}
            found = _ask(pipes, wanted)
            for name in total:
                total[name] += found[name]
            print(f"{total['kills']} kills", *found["wrong"], sep="\n", file=sys.stderr)
    return total | {"seconds": round(time.monotonic() - begin, 1)}


def every_point() -> dict[str, Any]:
    """Each action killed at every write point in every way: points and kills by action, and what was wrong."""
    from tests.core.faults.actions import ACTIONS

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, _breaker(Path(folder)) as pipes:
        for name in ACTIONS:
            if name != "careless":
                found[name] = _ask(pipes, {"sweep": name, "how": WAYS, "most": 1 << 30, "seed": 0})
                print(f"{name}: {found[name]}", file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every-point", action="store_true")
    given = parser.parse_args()
    print(json.dumps(every_point() if given.every_point else run(given.count, given.seed)))


if __name__ == "__main__":
    main()
