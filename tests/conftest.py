"""Nothing of a test reaches the user's own files; one trained workspace is made per session and copied."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TEXTUAL_ANIMATIONS"] = "none"
HOMES = ("CONFIG", "DATA", "CACHE", "STATE")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """User configuration, data and cache folders of the test alone."""
    home = tmp_path_factory.mktemp("home")
    for name in HOMES:
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    for name in [name for name in os.environ if name.startswith("RUSHES_")]:
        monkeypatch.delenv(name)
    return home


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def rushes(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command through the program's own door."""
    from tui.cli import app
    from tui.commands.common import guarded

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = guarded(lambda: app([str(argument) for argument in arguments], standalone_mode=False))
        found = capsys.readouterr()
        assert "Traceback" not in found.err + found.out
        return Ran(code, found.out, found.err)

    return run


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int, int], Path]:
    """A folder with so many clips of the drawn user for a task and their manifest.csv; drawn once per session."""
    import csv

    from core import tasks
    from core.demo.user import user_clips
    from core.manifest import VALUE_COLUMN

    def folder(task: str, count: int, seed: int = 1) -> Path:
        found = tmp_path_factory.getbasetemp() / f"drawn-{task}-{count}-{seed}"
        if not found.exists():
            clips = user_clips(task, count, seed, found)
            with (found / "manifest.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["file", VALUE_COLUMN[tasks.get(task).kind], "group"])
                writer.writerows([clip.path.name, clip.truth, clip.group] for clip in clips)
        return found

    return folder


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, drawn: Callable[[str, int, int], Path]) -> Path:
    """A workspace of ratings with 54 imported answers and the version their import trained, in a real worker."""
    from core import importing, loop
    from core.training import jobs

    root = tmp_path_factory.mktemp("trained") / "workspace"
    space = loop.open_workspace(root)
    importing.run(space, drawn("ratings", 54, 1) / "manifest.csv", "ratings")
    *_, ended = jobs.follow(space, jobs.every(space)[0].job_id)
    assert ended.state == "Completed", ended.error
    space.close()
    return root


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Path:
    """A copy of the trained workspace."""
    return Path(shutil.copytree(trained_once, tmp_path / "trained"))
