"""Several processes at once on one workspace: answers, undos, deletions and backups; no lost row, no torn line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core import backup, loop
from tests.core.faults.actions import TASK
from tests.core.store.samples import dump

WORKER = """
import random, sys
from pathlib import Path
from core import loop
from tests.core.faults import actions
space = loop.open_workspace(Path(sys.argv[1]), create=False)
rng, names = random.Random(int(sys.argv[2])), sys.argv[3].split(",")
def send(line):
    sys.stdout.buffer.write(line + b"\\n")
    sys.stdout.flush()
for _ in range(int(sys.argv[4])):
    try:
        actions.ACTIONS[rng.choice(names)](space, rng, send)
    except loop.RushesError as error:  # another one was faster: undone already, a backup runs already
        send(b'{"refused": 1}')
space.close()
"""
MANY = {
    "two": ["correct,correct_many,skip", "correct,undo"],
    "four": ["correct,correct_many", "correct,undo,delete", "correct,skip", "backup,rebuild"],
}


@pytest.mark.parametrize("workers", MANY.values(), ids=MANY)
def test_processes_writing_at_once_lose_nothing(base: Path, workers: list[str]) -> None:
    root = base / "ws"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(root), str(seed), names, "4" if "backup" in names else "20"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[3],
        )
        for seed, names in enumerate(workers)
    ]  # fmt: skip
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * len(workers), ended
    done = [said["done"] for out, _ in ended for said in map(json.loads, out.splitlines()) if "done" in said]
    journal = (root / "training_data" / "annotations.jsonl").read_bytes()
    assert journal.endswith(b"\n")
    lines = [json.loads(line) for line in journal.splitlines()]
    batches = {line["batch"] for line in lines}
    assert {one["batch"] for one in done if "batch" in one} <= batches
    undone = [one["of"] for one in done if one["do"] == "undo"]
    assert {line["undoes"] for line in lines if line.get("op") == "undo"} == set(undone)
    for batch in batches:
        mine = [at for at, line in enumerate(lines) if line["batch"] == batch]
        assert mine == list(range(mine[0], mine[0] + lines[mine[0]]["batch_n"])), "no batch is mixed with another"
    space = loop.open_workspace(root)
    assert [one for one in space.store.problems() if "damaged" in one or "cut short" in one] == []
    rows = dump(space.store)
    space.store.rebuild()
    assert dump(space.store) == rows
    for one in (one["id"] for one in done if one["do"] == "backup"):
        vault, name = backup.pick(backup.of(space, [str(base / "disk")]), one)
        assert backup.verify(vault, name).ok
        backup.restore(vault, name, base / name)
        path = base / name / "training_data" / "annotations.jsonl"
        copied = path.read_bytes() if path.exists() else b""  # it may have been made before the first answer
        assert journal.startswith(copied), "a backup holds a beginning of the journal"
        assert not copied or copied.endswith(b"\n"), "and no torn line"
    assert space.store.count(TASK, "answered") > 0
    space.close()
