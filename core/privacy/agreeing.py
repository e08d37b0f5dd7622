"""What the user agreed to about faces, over all tasks that keep them."""

from __future__ import annotations

import time
from typing import Any

from core import tasks
from core.capture import consent
from core.errors import WrongUseError
from core.workspace import Workspace

Json = dict[str, Any]


def agreed(space: Workspace) -> dict[str, Json | None]:
    """For each task that keeps faces the newest word: given, at (UTC seconds), by; None where nobody was asked."""
    return {name: consent.said(space, name) for name in _faces()}


def agreed_lines(found: dict[str, Json | None]) -> list[str]:
    """The same for a terminal."""
    return [f"consent to keep clips of faces ({task}): {_line(word)}" for task, word in found.items()]


def require_faces(task: str) -> None:
    """See that a task keeps faces at all.

    Raises:
        WrongUseError: it does not.
    """
    if task not in _faces():
        raise WrongUseError(f"{task} keeps no faces", do=f"These do: {', '.join(_faces())}.")


def _faces() -> list[str]:
    return [name for name in tasks.names() if tasks.get(name).keeps_face]


def _line(word: Json | None) -> str:
    if word is None:
        return "not asked yet"
    return f"{'given' if word['given'] else 'withdrawn'} {_day(word['at'])} ({word['by']})"


def _day(at: object) -> str:
    try:
        return time.strftime("on %Y-%m-%d", time.gmtime(float(str(at))))
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"
