"""The tasks a workspace can learn: each folder here that defines `TASK` is one."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import WrongUseError

if TYPE_CHECKING:
    from core.store.codec import Codec
    from core.tasks.base import Task


@cache
def names() -> tuple[str, ...]:
    """Task names, sorted; found by looking at the folders, so a new task is one new folder."""
    return tuple(sorted(path.parent.name for folder in __path__ for path in Path(folder).glob("*/journal.py")))


def require(name: str) -> None:
    """See that there is a task of that name; nothing is imported.

    Raises:
        WrongUseError: there is none.
    """
    if name not in names():
        raise WrongUseError(f"there is no task called {name!r}", do=f"Tasks are {', '.join(names())}.")


@cache
def get(name: str) -> Task:
    """The task of that name.

    Raises:
        WrongUseError: there is none.
    """
    require(name)
    return import_module(f"core.tasks.{name}.task").TASK


@cache
def codecs() -> dict[str, Codec]:
    """Journal codecs by journal file name; light to import (no OpenCV)."""
    found = [import_module(f"core.tasks.{name}.journal").CODEC for name in names()]
    return {codec.journal: codec for codec in found}
