"""A workspace worth keeping, and how two are compared byte for byte."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import importing, loop
from core.workspace import Workspace
from tests.conftest import Drawn, Once

NOT_KEPT = ("cache", "logs", "backups")


@pytest.fixture(scope="session")
def filled_once(once: Once, drawn: Drawn) -> Path:
    """Eight rated pictures, a setting, an unfinished recording and what no backup holds."""

    def fill(folder: Path) -> None:
        space = loop.open_workspace(folder / "ws")
        importing.run(space, drawn("ratings", 8, 3) / "manifest.csv", "ratings")
        (space.root / "rushes.toml").write_text("[train]\nevery = 70\n")
        (space.incoming / "webcam1.avi").write_bytes(b"half a recording")
        (space.cache / "made-again").write_bytes(b"x")
        (space.models / "ratings").mkdir(exist_ok=True)
        (space.models / "ratings" / "large.safetensors").write_bytes(bytes(range(256)) * 12_000)  # three chunks
        (space.models / "ratings" / "empty").write_bytes(b"")
        space.close()

    return once("filled", fill) / "ws"


@pytest.fixture
def filled(filled_once: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of it, open."""
    space = loop.open_workspace(Path(shutil.copytree(filled_once, tmp_path / "ws")))
    yield space
    space.close()


def contents(root: Path) -> dict[str, str]:
    """Every file that a backup holds, with its hash; the catalog apart, whose copy may be laid out otherwise."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        kept = name.split("/")[0] not in NOT_KEPT and "incoming" not in name and not name.startswith("rushes.db")
        if path.is_file() and kept and not name.endswith("lock"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
