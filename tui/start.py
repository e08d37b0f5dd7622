"""The quick door: opens the screens without the machinery of the commands, which would cost the first paint 0.1 s.

It knows the options of a plain start alone; everything else, wrong use too, is left to the commands.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OPTIONS = {
    "-w": "workspace", "--workspace": "workspace", "-s": "source", "--source": "source", "-t": "task", "--task": "task",
}  # fmt: skip


@dataclass(slots=True)
class Start:
    """What was asked for."""

    workspace: str | None = None
    source: str | None = None
    task: str | None = None

    def run(self) -> int:
        """Open the screens; returns the exit code when the user has left.

        Raises:
            WrongUseError: there is no terminal to draw on and hear keys from, or no such task.
        """
        _require_terminal()
        if self.task is not None:
            from core import tasks

            tasks.require(self.task)
        gc.disable()  # until the first paint: looking through what was just imported costs it 40 ms
        from core.root import find_root
        from tui.app import run

        return run(find_root(Path(self.workspace) if self.workspace else None)[0], self.source, self.task)


def _require_terminal() -> None:
    if "TEXTUAL_DRIVER" in os.environ:  # `rushes web` draws in a browser
        return
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        from core.errors import WrongUseError

        raise WrongUseError("the screens need a terminal", do="What they do exists as commands too: rushes --help")


def plain(arguments: Sequence[str]) -> Start | None:
    """A start without a command, or None when the commands have to read these arguments."""
    start, rest = Start(), list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name not in OPTIONS or (equals and not name.startswith("--")):
            return None
        if not equals:
            if not rest or rest[0].startswith("-"):
                return None
            value = rest.pop(0)
        setattr(start, OPTIONS[name], value)
    return start
