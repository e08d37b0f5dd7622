"""What this machine and this workspace are fit for (seed 002's preflight), with thresholds from the settings.

Looks before a training (`require`) and for `rushes doctor` (`check`, which also loads every task's model).
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core import registry, tasks
from core.errors import RushesError
from core.log import correlation, new_correlation
from core.training import machine
from core.workspace import Workspace

TITLE, STATUS = "System Requirements Not Met", 400  # seed 002
# WAL can corrupt a database below this release when two processes write; we use journal_mode=DELETE everywhere.
SQLITE_WAL_SAFE = (3, 51, 3)
BUSY_S = 5.0  # how long another process may hold the catalog
GOOD_MEMORY_GB = 4.0  # seed 002's advice on what should be free


@dataclass(slots=True)
class Preflight:
    """Seed 002's result: warnings and recommendations never block, errors do.

    Attributes:
        gpu: name and memory; None where there is none or it was not looked for.
        estimate_seconds: per task, what a training now would take; filled by `rushes doctor`.
    """

    gpu: str | None = None
    vram_gb: float | None = None
    ram_gb: float = 0.0
    disk_gb: float = 0.0
    cores: int = 1
    sqlite: str = sqlite3.sqlite_version
    estimate_seconds: dict[str, float | None] = field(default_factory=dict[str, float | None])
    warnings: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    recommendations: list[str] = field(default_factory=list[str])

    @property
    def ok(self) -> bool:
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok} | asdict(self)

    def lines(self) -> list[str]:
        head = f"RAM {self.ram_gb} GB, disk {self.disk_gb} GB free, GPU {self.gpu or 'none'}, SQLite {self.sqlite}"
        times = [
            f"{name}: a training takes about {'an unknown time' if took is None else f'{took:.0f} s'}"
            for name, took in self.estimate_seconds.items()
        ]
        marked = [f"✗ {text}" for text in self.errors] + [f"! {text}" for text in self.warnings]
        advice = [f"→ {text}" for text in self.recommendations]
        return [head, *times, *marked, *advice, "✓ fit" if self.ok else "✗ not fit"]


class PreflightError(RushesError):
    """A training that may not start; carries the whole result."""

    def __init__(self, found: Preflight) -> None:
        self.found = found
        self.correlation = correlation.get() if correlation.get() != "-" else new_correlation()
        advice = " ".join(f"{text}." for text in found.recommendations) or "See: rushes doctor"
        super().__init__(f"Training cannot proceed. {'; '.join(found.errors)}", do=advice)

    def to_json(self) -> dict[str, Any]:
        """Seed 002's answer."""
        return {
            "title": TITLE,
            "status": STATUS,
            "detail": self.what,
            "correlationId": self.correlation,
            "warnings": self.found.warnings,
            "errors": self.found.errors,
            "recommendations": self.found.recommendations,
        }


def check(space: Workspace, task: str | None = None, *, gpu: bool = True) -> Preflight:
    """Look at the machine and the workspace.

    Args:
        task: look at what a training of this task needs; None looks at all tasks and loads their models (seconds).
        gpu: look for a GPU, which imports torch (2.6 s): never in the screens' process.
    """
    found = Preflight(disk_gb=machine.free_disk(space.root), cores=machine.cores())
    _memory(space, found)
    if found.disk_gb < space.settings.preflight.disk_gb:
        least = space.settings.preflight.disk_gb
        found.errors.append(f"Insufficient disk space ({found.disk_gb} GB) - minimum {least:g}GB required")
        found.recommendations.append("Free some disk space, or move the workspace to a larger disk")
    if gpu:
        _gpu(space, found)
    _folders(space, found)
    _catalog(space, found, whole=task is None)
    for name in tasks.names() if task is None else [task]:
        _answers(space, found, name, required=task is not None)
        if task is None:
            _model(space, found, name)
    found.warnings += [*space.loaded.notes, *space.store.problems()]
    return found


def require(space: Workspace, task: str, *, gpu: bool = True) -> Preflight:
    """As `check`, before a training.

    Raises:
        PreflightError: something a training needs is missing.
    """
    found = check(space, task, gpu=gpu)
    if not found.ok:
        raise PreflightError(found)
    return found


def _memory(space: Workspace, found: Preflight) -> None:
    memory, least = machine.memory(), space.settings.preflight.ram_gb
    found.ram_gb = memory.total
    if memory.total < least:
        within = ", as a container or service limit allows" if memory.limited else ""
        found.errors.append(f"Insufficient RAM ({memory.total} GB{within}) - minimum {least:g}GB required")
    is_tight = memory.available < min(GOOD_MEMORY_GB, least)
    if is_tight:
        found.warnings.append(f"Only {memory.available} GB of memory are free now")
    if is_tight or memory.total < least:
        found.recommendations.append(f"Ensure at least {GOOD_MEMORY_GB:g}GB RAM is available for training")


def _gpu(space: Workspace, found: Preflight) -> None:
    known, wished = machine.gpu(), space.settings.preflight.vram_gb
    if known is None:
        found.recommendations.append("No GPU found: trainings run on the CPU, which is enough for small models")
        return
    found.gpu, found.vram_gb = f"{known.name} ({known.memory:.0f} GB)", known.memory
    if known.memory < wished:
        found.warnings.append(f"Little GPU memory ({known.memory} GB) - {wished:g}GB recommended")


def _folders(space: Workspace, found: Preflight) -> None:
    for folder, reason in machine.unwritable([space.root, space.data, space.jobs, space.models]):
        found.errors.append(f"{folder} cannot be written ({reason})")
        found.recommendations.append(f"See who may write in {folder}, and whether the disk is full")
    if kind := machine.network_file_system(space.root):
        found.warnings.append(
            f"The workspace lies on a network file system ({kind}), where file locks may not hold between machines"
        )
        found.recommendations.append("Use the workspace from one machine at a time, or move it to a local disk")


def _catalog(space: Workspace, found: Preflight, *, whole: bool) -> None:
    if whole and sqlite3.sqlite_version_info < SQLITE_WAL_SAFE:
        found.recommendations.append(
            f"SQLite {found.sqlite} has the WAL-reset bug; Rushes therefore uses journal_mode=DELETE"
        )
    try:
        said = _quick_check(space.store.catalog.path)
    except sqlite3.OperationalError as error:
        found.warnings.append(f"The catalog cannot be checked now ({error})")
        return
    if said != ["ok"]:
        found.errors.append(f"The catalog is damaged: {'; '.join(said)}")
        found.recommendations.append("Make the catalog again from the journals: rushes rebuild")


def _quick_check(path: Path) -> list[str]:
    """What SQLite says of the file itself; an open connection would look at pages it read long ago."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
    try:
        return [str(row[0]) for row in db.execute("PRAGMA quick_check(3)").fetchall()]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return [str(error)]
    finally:
        db.close()


def _answers(space: Workspace, found: Preflight, name: str, *, required: bool) -> None:
    count, least = space.store.count_answered(name), space.settings.train.minimum
    wished = space.settings.preflight.recommended
    if count < least and required:
        found.errors.append(f"Insufficient annotations ({count}) - minimum {least} required")
        found.recommendations.append(f"Answer at least {least - count} more clips of {name}")
    elif count < least:
        found.recommendations.append(f"{name}: {count} answers, at least {least} are needed to train")
    elif count < wished:
        text = f"{name}: {count} answers; {wished} or more train better"
        (found.warnings if required else found.recommendations).append(text)


def _model(space: Workspace, found: Preflight, name: str) -> None:
    try:
        if problem := registry.serving(space, name).problem:
            found.warnings.append(f"{name}: {problem}")
    except RushesError as error:
        found.errors.append(error.sentence())
