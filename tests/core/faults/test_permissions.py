"""Folders and files that may not be written any more: a sentence each, nothing half-done, and on again when mended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import HOMES
from tests.core.faults.actions import TASK

LOSER = """
import json, os, random, sys
from pathlib import Path
import onnx, onnxruntime, sqlite_utils.migrations, cv2, tomlkit
from core import loop, backup
from core.errors import RushesError
from tests.core.faults import actions, checking
base, lost, wanted = Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(",")
codecs = loop.tasks.codecs()
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
found, _, _ = checking.look_and_work(base / "ws", None)
for name in lost:
    (base / name).chmod(0o500 if (base / name).is_dir() else 0o400)
said, heard = {}, []
space = loop.open_workspace(base / "ws", create=False)
for name in wanted:
    try:
        actions.ACTIONS[name](space, random.Random(3), heard.append)
    except (RushesError, OSError) as error:
        said[name] = str(error)
space.close()
there, wrong, _ = checking.look_and_work(base / "ws", None)
same = {key: there[key] == found[key] for key in found}
for name in lost:
    (base / name).chmod(0o700 if (base / name).is_dir() else 0o600)
after, wrong_after, sent = checking.look_and_work(base / "ws", 5, with_backup=True)
print(json.dumps({"said": said, "same": same, "wrong": wrong_after, "sent": len(sent)}))
"""


def lose(made: Path, lost: str, wanted: str) -> Any:
    """What a process that is not root sees; not below pytest's own folder, where nobody else may go."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        base = Path(shutil.copytree(made, Path(folder) / "made"))
        for name in HOMES:
            (base / "home" / name.lower() / "rushes").mkdir(parents=True)
        if os.geteuid() == 0:
            for path in (base, *base.rglob("*")):
                os.chown(path, 65534, 65534)
        return _run(base, lost, wanted)


def _run(base: Path, lost: str, wanted: str) -> Any:
    homes = {f"XDG_{name}_HOME": str(base / "home" / name.lower()) for name in HOMES}
    ran = subprocess.run(
        [sys.executable, "-c", LOSER, str(base), lost, wanted], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[3], env=os.environ | homes,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize(
    ("lost", "wanted"),
    [
        ("ws/training_data,ws/training_data/events.jsonl", "correct,skip"),
        (f"ws/models/{TASK}", "deploy,version"),
        ("disk,disk/packs,disk/indexes,disk/manifests", "backup"),
        ("ws", "setting"),
    ],
)
def test_lost_permission_is_a_sentence_and_changes_nothing(made_once: Path, lost: str, wanted: str) -> None:
    found = lose(made_once, lost, wanted)
    assert set(found["said"]) >= {wanted.split(",")[0], wanted.split(",")[-1]}
    assert all("ermission denied" in said or "may not be written" in said for said in found["said"].values())
    assert all(found["same"].values()), found["same"]
    assert found["wrong"] == []
    assert found["sent"] == 4, "an answer and a backup work again"
