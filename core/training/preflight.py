"""What this machine and workspace are fit for (seed 002's preflight): memory, disk, GPU, SQLite, files, models."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from core import registry, tasks
from core.errors import RushesError
from core.workspace import Workspace

RAM_GB, DISK_GB, VRAM_GB = 8.0, 2.0, 2.0  # seed 002: required, required, recommended
RECOMMENDED_ANSWERS = 100
# WAL can corrupt a database below this release when two processes write; we use journal_mode=DELETE everywhere.
SQLITE_WAL_SAFE = (3, 51, 3)


@dataclass(slots=True)
class Preflight:
    """Seed 002's result: warnings and recommendations never block, errors do."""

    gpu: str | None = None
    ram_gb: float = 0.0
    disk_gb: float = 0.0
    sqlite: str = sqlite3.sqlite_version
    warnings: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    recommendations: list[str] = field(default_factory=list[str])

    @property
    def ok(self) -> bool:
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "gpu": self.gpu,
            "ram_gb": self.ram_gb,
            "disk_gb": self.disk_gb,
            "sqlite": self.sqlite,
            "warnings": self.warnings,
            "errors": self.errors,
            "recommendations": self.recommendations,
        }

    def lines(self) -> list[str]:
        head = f"RAM {self.ram_gb} GB, disk {self.disk_gb} GB free, GPU {self.gpu or 'none'}, SQLite {self.sqlite}"
        marked = [f"✗ {text}" for text in self.errors] + [f"! {text}" for text in self.warnings]
        return [head, *marked, *(f"→ {text}" for text in self.recommendations), "✓ fit" if self.ok else "✗ not fit"]


def check(space: Workspace) -> Preflight:
    """Look at the machine and the workspace; takes a few seconds, because it loads every task's model."""
    import psutil

    found = Preflight(
        ram_gb=round(psutil.virtual_memory().total / 2**30, 1),
        disk_gb=round(shutil.disk_usage(space.root).free / 2**30, 1),
    )
    if found.ram_gb < RAM_GB:
        found.errors.append(f"Insufficient RAM ({found.ram_gb} GB) - minimum {RAM_GB:.0f}GB required")
    if found.disk_gb < DISK_GB:
        found.errors.append(f"Insufficient disk space ({found.disk_gb} GB) - minimum {DISK_GB:.0f}GB required")
    if not os.access(space.root, os.W_OK):
        found.errors.append(f"The workspace {space.root} cannot be written")
    if sqlite3.sqlite_version_info < SQLITE_WAL_SAFE:
        found.recommendations.append(
            f"SQLite {found.sqlite} has the WAL-reset bug; Rushes therefore uses journal_mode=DELETE"
        )
    _gpu(found)
    _tasks(space, found)
    found.warnings += space.store.problems()
    return found


def _gpu(found: Preflight) -> None:
    import torch  # 2.6 s; doctor and the training process may wait for it

    if not torch.cuda.is_available():
        found.recommendations.append("No GPU found: trainings run on the CPU, which is enough for small models")
        return
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    found.gpu = f"{torch.cuda.get_device_name(0)} ({memory:.0f} GB)"
    if memory < VRAM_GB:
        found.warnings.append(f"Little GPU memory ({memory:.1f} GB) - {VRAM_GB:.0f}GB recommended")


def _tasks(space: Workspace, found: Preflight) -> None:
    for name in tasks.names():
        try:
            served = registry.serving(space, name)
            if served.problem:
                found.warnings.append(f"{name}: {served.problem}")
        except RushesError as error:
            found.errors.append(error.sentence())
        count = space.store.count_answered(name)
        if count < space.settings.train.minimum:
            found.recommendations.append(
                f"{name}: {count} answers, at least {space.settings.train.minimum} are needed to train"
            )
        elif count < RECOMMENDED_ANSWERS:
            found.recommendations.append(f"{name}: {count} answers; {RECOMMENDED_ANSWERS} or more train better")
