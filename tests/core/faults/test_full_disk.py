"""A full disk: at every call that needs room, and a real small one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.faults.conftest import Ask
from tests.core.faults.test_kill_points import SEED

ACTIONS = ("correct", "correct_many", "undo", "skip", "capture", "deploy", "version", "backup", "setting", "rebuild")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_full_disk_costs_only_what_was_refused_in_a_sentence(breaker: Ask, action: str) -> None:
    found = breaker(sweep=action, how=["error", "full"], most=2, seed=SEED)
    assert found["tried"] == 2
    assert not found["wrong"], f"seed {SEED}"


SMALL = """
import ctypes, json, os, random, shutil, sys
from pathlib import Path
from core import loop
from core.errors import RushesError
from tests.core.faults import actions, checking
base, mount = Path(sys.argv[1]), Path(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
NEW_NAMESPACE, PRIVATE = 0x00020000, 1 << 18 | 1 << 14
if libc.unshare(NEW_NAMESPACE) or libc.mount(b"none", b"/", None, PRIVATE, None):
    sys.exit(77)
if libc.mount(b"tmpfs", os.fsencode(mount), b"tmpfs", 0, b"size=6m"):
    sys.exit(77)
shutil.copytree(base / "ws", mount / "ws")
for name in ("clip6.png", "model.onnx", "disk"):
    (shutil.copytree if (base / name).is_dir() else shutil.copy)(base / name, mount / name)
heard, refused, rng = [], [], random.Random(3)
space = loop.open_workspace(mount / "ws")
space.store.refresh()
(mount / "ballast").write_bytes(bytes(int(os.statvfs(mount).f_bavail * 4096 * 0.97)))
for number in range(6):
    for name in ("correct", "capture", "setting", "deploy", "version", "backup"):
        try:
            actions.ACTIONS[name](space, rng, heard.append)
        except (RushesError, OSError) as error:
            refused.append(f"{name}: {error}")
    if number == 3:  # the rest, so that not a byte is left
        with open(mount / "ballast2", "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
space.close()
answers = {}
for line in heard:
    said = json.loads(line).get("done", {})
    if said.get("do") == "correct":
        answers[said["sample"]] = said["value"]
full = loop.open_workspace(mount / "ws", create=False)
there = {row.sample.id: row.correction.value for row in full.store.samples("ratings", state="answered", limit=1000)}
lost = [one for one in answers if there.get(one) != answers[one]]
full.close()
(mount / "ballast").unlink()
(mount / "ballast2").unlink()
found, wrong, _ = checking.look_and_work(mount / "ws", 5, with_backup=True)
lost += [one for one in answers if found["answers"][one][1] != answers[one]]
print(json.dumps({"lost": lost, "wrong": wrong, "refused": refused, "answered": len(answers)}))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_really_fills_up_loses_nothing_that_was_saved(base: Path, tmp_path: Path) -> None:
    import json

    (tmp_path / "small").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", SMALL, str(base), str(tmp_path / "small")], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    if ran.returncode == 77:
        pytest.skip("nothing may be mounted here")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["lost"] == []
    assert found["wrong"] == []
    assert found["answered"] > 0
    assert any("disk is full" in said or "No space left" in said for said in found["refused"])
    assert "Traceback" not in ran.stderr
    assert "Logging error" not in ran.stderr
