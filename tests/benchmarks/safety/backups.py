"""How long backups take: an unchanged workspace against reading and hashing all of it, a first one against restic.

5,000 files, three interleaved rounds, medians. restic is Debian's package; where it is missing that figure is null.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from core import backup, loop
from core.workspace import Workspace
from tests.benchmarks.safety import template
from tests.benchmarks.safety.fuzz import own_home

ROUNDS = 3
SMALL = 40_000  # bytes of a clip; every fiftieth is fifty times as large
WAIT_S = 0.2  # a file changed this moment is hashed again (`core.backup.hashes.FRESH_NS`)


def run(files: int = 5_000, folder: Path | None = None) -> dict[str, Any]:
    """`incremental_ratio`: unchanged backup / walk-and-hash; `full_vs_restic`: first backup / restic's; and seconds.

    Args:
        folder: where to work; a temporary one by default. The disk under it is what is measured.
    """
    with tempfile.TemporaryDirectory(dir=folder) as made, own_home(Path(made) / "home"):
        return _measured(Path(made), files)


def _measured(base: Path, files: int) -> dict[str, Any]:
    root = template.make(base / "workspace")
    _clips(root / "training_data" / "videos", files)
    time.sleep(WAIT_S)  # time itself is what is waited for: the files' stamps must be in the past
    restic = shutil.which("restic")
    spent: dict[str, list[float]] = {"walk": [], "unchanged": [], "full": [], "restic": []}
    space = loop.open_workspace(root)
    try:
        backup.now(space, [str(base / "kept")])
        for turn in range(ROUNDS):
            spent["walk"].append(_timed(lambda: _walk_and_hash(root)))
            spent["unchanged"].append(_timed(lambda: backup.now(space, [str(base / "kept")])))
            spent["full"].append(_timed(lambda turn=turn: _first(space, base / f"first-{turn}")))
            if restic:
                spent["restic"].append(_restic(restic, root, base / f"restic-{turn}"))
    finally:
        space.close()
    median = {name: statistics.median(times) for name, times in spent.items() if times}
    return {
        "incremental_ratio": round(median["unchanged"] / median["walk"], 3),
        "full_vs_restic": round(median["full"] / median["restic"], 3) if "restic" in median else None,
        "files": files,
        "seconds": {name: round(value, 3) for name, value in median.items()},
    }


def _clips(folder: Path, count: int) -> None:
    rng = Random(5)
    for number in range(count):
        size = rng.randrange(SMALL // 2, SMALL * 3 // 2) * (50 if number % 50 == 0 else 1)
        (folder / f"training_{number}.avi").write_bytes(rng.randbytes(size))


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _walk_and_hash(root: Path) -> int:
    count = 0
    for place, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                hashlib.file_digest(file, "sha256")
            count += 1
    return count


def _first(space: Workspace, place: Path) -> None:
    """A first backup that knows nothing of the files yet."""
    (space.cache / "backup" / "hashes.json").unlink()
    backup.now(space, [str(place)])


def _restic(program: str, root: Path, repository: Path) -> float:
    environment = os.environ | {"RESTIC_PASSWORD": "x", "RESTIC_REPOSITORY": str(repository)}
    environment["RESTIC_CACHE_DIR"] = str(repository.with_suffix(".cache"))
    subprocess.run([program, "init", "-q"], env=environment, check=True, capture_output=True)
    command = [program, "backup", "-q", str(root)]
    return _timed(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))
