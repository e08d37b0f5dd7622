"""What the doors share: a good workspace to copy, and everything that screens and commands read of one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from core import backup, loop, tasks
from core.errors import RushesError
from core.versions import FACTORY_FOLDER
from core.workspace import Workspace
from tests.benchmarks.safety import template


class FoundError(Exception):
    """Something a door promises does not hold."""


@dataclass
class Bench:
    """What the doors share: a good workspace to copy, a folder to work in, an ONNX file to dress."""

    folder: Path
    good: Path
    backups: Path
    _models: dict[str, Any] = field(default_factory=dict[str, Any])
    _number: int = 0

    @staticmethod
    def make(folder: Path) -> Bench:
        good = template.make(folder / "good")
        space = loop.open_workspace(good)
        backup.now(space, [str(folder / "backups")])
        space.close()
        return Bench(folder, good, folder / "backups")

    @contextlib.contextmanager
    def copy(self) -> Generator[Path]:
        """A workspace of its own; model files are shared, because nothing may write to them."""
        self._number += 1
        root = self.folder / f"w{self._number}"
        shutil.copytree(self.good, root, copy_function=_link_or_copy)
        try:
            yield root
        finally:
            shutil.rmtree(root)

    def model(self, task: str) -> Any:
        import onnx

        if task not in self._models:
            self._models[task] = onnx.load_model(FACTORY_FOLDER / f"{task}.onnx")
        return self._models[task]


def _link_or_copy(source: str, target: str) -> str:
    if source.endswith(".onnx"):
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


@contextlib.contextmanager
def opened(root: Path) -> Generator[Workspace]:
    space = loop.open_workspace(root)
    try:
        yield space
    finally:
        space.close()


def look(space: Workspace) -> None:
    """What the screens and commands read."""
    from core.automation import gate, publishing
    from core.backup import history
    from core.review import queue, triage
    from core.snapshot import capture, models, review
    from core.snapshot import training as trainings
    from core.snapshot.insights import gate as insights

    for task in tasks.names():
        answered(space.store.statistics, task)
        for row in space.store.samples(task):
            space.store.predictions(row.sample.id)
        for look in (capture.take, models.take, insights.take, trainings.take):
            answered(look, space, task)
        answered(review.statistics, space, task)
        answered(triage.states, space, task)
        answered(partial(queue.queue, limit=20), space, task)
    answered(gate.status, space)
    answered(publishing.entries, space)
    answered(history.status, space)
    space.store.problems()


def answered(look: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(RushesError):
        look(*arguments)
