"""The process that breaks things, warm for the whole session, and a small workspace of the same kind for the rest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import loop
from core.workspace import Workspace
from tests.conftest import HOMES, Once
from tests.core.faults import actions

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def breaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask the breaking process; see `tests.core.faults.child`."""
    folder = tmp_path_factory.mktemp("faults")
    homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in HOMES}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.core.faults.child", str(folder / "work")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[3], env=os.environ | homes | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    assert process.stderr
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr

    def ask(**wanted: Any) -> Any:
        stdin.write(json.dumps(wanted) + "\n")
        stdin.flush()
        if not (line := stdout.readline()):
            raise AssertionError(stderr.read()[-3000:])
        return json.loads(line)

    try:
        ready = stdout.readline()
        assert ready, stderr.read()[-3000:]
        if not json.loads(ready)["ready"]:
            pytest.skip("processes cannot be traced here (Linux on x86-64 only)")
        yield ask
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def made_once(once: Once) -> Path:
    """Six pictures, two versions, a backup at `disk` beside; made once."""
    return once("made", actions.make)


@pytest.fixture
def base(made_once: Path, tmp_path: Path) -> Path:
    """A copy: the workspace `ws` and what lies beside it."""
    return Path(shutil.copytree(made_once, tmp_path / "made"))


@pytest.fixture
def space(base: Path) -> Iterator[Workspace]:
    """The workspace of `base`, open."""
    found = loop.open_workspace(base / "ws")
    yield found
    found.close()
