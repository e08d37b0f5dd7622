"""What is written down of each due thing (table `schedule_state`), and the locks that say who runs what."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.files import locked
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class State:
    """Times in UTC seconds since 1970; None: never.

    Attributes:
        last_error: why the last run failed; None after a success.
        pid: the process of the last run.
    """

    name: str
    last_started: float | None = None
    last_success: float | None = None
    last_error: str | None = None
    next_due: float | None = None
    pid: int | None = None
    heartbeat: float | None = None


def read(space: Workspace) -> dict[str, State]:
    """All states by name."""
    with space.store.catalog.read() as db:
        return {row["name"]: State(**row) for row in db.query("SELECT * FROM schedule_state")}


def write(space: Workspace, name: str, **columns: Any) -> None:
    """Set some columns of one entry."""
    with space.store.catalog.write() as db:
        db.table("schedule_state").upsert({"name": name} | columns, pk="name")


def owner_lock(space: Workspace) -> Path:
    """Held by the one scheduler of a workspace; holds its pid, and its time is the scheduler's last sign of life."""
    return space.jobs / "scheduler.lock"


def run_lock(space: Workspace, name: str) -> Path:
    """Held by the child process that does this entry's work."""
    return space.jobs / f"due-{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock"


@contextmanager
def owning(space: Workspace) -> Generator[IO[bytes]]:
    """Be the workspace's scheduler.

    Raises:
        BlockingIOError: another process is.
    """
    with locked(owner_lock(space), blocking=False) as file:
        file.truncate()
        file.write(str(os.getpid()).encode())
        file.flush()
        yield file


def owner(space: Workspace) -> int | None:
    """The process id of the scheduler that runs now."""
    path = owner_lock(space)
    if not is_held(path):
        return None
    text = path.read_text()
    return int(text) if text.isdigit() else None


def is_held(path: Path) -> bool:
    """Whether some process holds a lock."""
    if not path.exists():
        return False
    try:
        with locked(path, blocking=False):
            return False
    except BlockingIOError:
        return True
