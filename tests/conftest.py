"""Nothing of a test reaches the user's own files; what is costly is made once for all test processes and copied."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.files import locked
from core.workspace import Workspace

# Here, or each folder of tests that asks would start a server of its own.
from tests.pg import postgres as postgres
from tests.pg import postgres_server as postgres_server

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Hundreds of processes are started: where none may keep what it compiled, each compiles torch anew, 2 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# What the terminal or a service that runs tests says of itself decides colours, widths and where words are broken.
_OURS = {"TEXTUAL_SNAPSHOT_TEMPDIR"}  # the pictures' own, which a test process gets from the one that started it
for _name in [name for name in os.environ if name.startswith("TEXTUAL_") and name not in _OURS] + [
    "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS", "LINES", "TERMINAL_WIDTH",
]:  # fmt: skip
    os.environ.pop(_name, None)
os.environ["TEXTUAL_ANIMATIONS"] = "none"
HOMES = ("CONFIG", "DATA", "CACHE", "STATE")
Drawn = Callable[[str, int, int], Path]
Once = Callable[[str, Callable[[Path], object]], Path]


def _move_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HOMES:
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    for name in [name for name in os.environ if name.startswith("RUSHES_")]:
        monkeypatch.delenv(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: screens, disks and other processes are waited for much of the time."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """User configuration, data and cache folders of the test alone."""
    home = tmp_path_factory.mktemp("home")
    _move_in(home, monkeypatch)
    return home


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Have a folder filled by the test process that needs it first; all others wait and find it filled.

    Who changes what is in it works on a copy.
    """
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "once"

    def folder(name: str, fill: Callable[[Path], object]) -> Path:
        found = shared / name
        with locked(shared / f"{name}.lock"):
            if not found.exists():
                begun = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=shared))
                with pytest.MonkeyPatch.context() as patch:
                    _move_in(tmp_path_factory.mktemp("home"), patch)
                    fill(begun)
                begun.rename(found)
        return found

    return folder


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
def drawn(once: Once) -> Drawn:
    """A folder with so many clips of the drawn user for a task and their manifest.csv; to be read only."""
    import csv

    from core import tasks
    from core.demo.user import user_clips
    from core.manifest import VALUE_COLUMN

    def folder(task: str, count: int, seed: int = 1) -> Path:
        def draw(found: Path) -> None:
            clips = user_clips(task, count, seed, found)
            with (found / "manifest.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["file", VALUE_COLUMN[tasks.get(task).kind], "group"])
                writer.writerows([clip.path.name, clip.truth, clip.group] for clip in clips)

        return once(f"drawn-{task}-{count}-{seed}", draw)

    return folder


@pytest.fixture(scope="session")
def trained_once(once: Once, drawn: Drawn) -> Path:
    """A workspace of ratings with 54 imported answers and the version their import trained, in a real worker."""
    from core import importing, loop
    from core.training import jobs

    def train(folder: Path) -> None:
        space = loop.open_workspace(folder / "workspace")
        importing.run(space, drawn("ratings", 54, 1) / "manifest.csv", "ratings")
        *_, ended = jobs.follow(space, jobs.every(space)[0].job_id)
        assert ended.state == "Completed", ended.error
        space.close()

    return once("trained", train) / "workspace"


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Path:
    """A copy of the trained workspace."""
    return Path(shutil.copytree(trained_once, tmp_path / "trained"))


@pytest.fixture(scope="session")
def graphs(once: Once, trained_once: Path) -> Path:
    """Where a workspace keeps the networks it traced: the one that was trained on ratings is there already."""
    return once("graphs", lambda folder: shutil.copytree(trained_once / "cache" / "export", folder, dirs_exist_ok=True))


@pytest.fixture
def versioned(once: Once) -> Callable[[Path], Workspace]:
    """Put the workspace of `tests.tui.versions.made` into a folder that is not there, and open it."""
    from core import loop
    from tests.tui import versions

    def put(root: Path) -> Workspace:
        shutil.copytree(once("versions", lambda folder: versions.made(folder / "ws").close()) / "ws", root)
        return loop.open_workspace(root)

    return put
