"""Readings that are dear to make, kept in this process until what they rest on has changed."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from core.workspace import Workspace

View = TypeVar("View")
MOST = 16  # readings; one per view and platform
HOUR_S = 3600.0
_KNOWN: OrderedDict[tuple[str, ...], tuple[object, Any]] = OrderedDict()
_LOCK = threading.Lock()


def now() -> float:
    """UTC seconds; one place, so that pictures can have a clock that stands."""
    return time.time()


def kept(space: Workspace, name: str, platform: str | None, make: Callable[[], View]) -> View:
    """`make()`, or what it gave before for the same journals, settings and hour of the day.

    Journals are every truth a view rests on: metrics, answers, links. The hour decides what "next" is.
    """
    key = (str(space.root), name, platform or "")
    mark = (_journals(space), space.settings.insights.model_dump_json(), now() // HOUR_S)
    with _LOCK:
        before = _KNOWN.get(key)
    if before is not None and before[0] == mark:
        return before[1]
    made = make()
    with _LOCK:
        _KNOWN[key] = (mark, made)
        _KNOWN.move_to_end(key)
        while len(_KNOWN) > MOST:
            _KNOWN.popitem(last=False)
    return made


def _journals(space: Workspace) -> tuple[tuple[str, int, int], ...]:
    found: list[tuple[str, int, int]] = []
    for path in sorted(space.data.glob("*.jsonl")):
        try:
            seen = path.stat()
        except FileNotFoundError:  # replaced just now; the next look finds it
            continue
        found.append((path.name, seen.st_mtime_ns, seen.st_size))
    return tuple(found)
