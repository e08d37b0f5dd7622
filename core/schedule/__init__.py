"""What runs by itself (DESIGN 3): training checks, scheduled sources, backups, the daily learning.

`due` is the table, `when` the arithmetic, `state` what is written down, `clock` the running scheduler, `children` and
`__main__` the processes that do the work.
"""

from __future__ import annotations

import time
from typing import Any

from core.errors import RushesError, WrongUseError
from core.schedule import due, state
from core.schedule.when import next_due
from core.workspace import Workspace

Json = dict[str, Any]


def status(space: Workspace) -> Json:
    """Who runs the schedule, and each thing that is due; times in UTC seconds since 1970, None where never."""
    known = state.read(space)
    owner = state.owner(space)
    return {
        "owner": owner,
        "heartbeat": state.owner_lock(space).stat().st_mtime if owner else None,
        "entries": [_shown(space, entry, known.get(entry.name)) for entry in due.table(space.settings)],
        "notes": list(space.loaded.notes),
    }


def _shown(space: Workspace, entry: due.Due, found: state.State | None) -> Json:
    known = found or state.State(entry.name)
    return {
        "name": entry.name,
        "what": entry.what,
        "every": entry.when.text,
        "available": entry.available,
        "running": state.is_held(state.run_lock(space, entry.name)),
        "last_started": known.last_started,
        "last_success": known.last_success,
        "last_error": known.last_error,
        "next_due": known.next_due if entry.available else None,
    }


def run_now(space: Workspace, name: str) -> Json:
    """Do one entry's work now, in its own process, and wait for it; the schedule goes on as it was.

    Raises:
        WrongUseError: there is no such entry.
        RushesError: the part that does it is not there yet.
    """
    from core.schedule.children import Children

    entry = due.find(space.settings, name)
    if entry is None:
        names = ", ".join(known.name for known in due.table(space.settings))
        raise WrongUseError(f"nothing called {name!r} is scheduled", do=f"There are: {names}.")
    if not entry.available:
        raise RushesError("is not available yet", where=name)
    ran = Children(space).run(entry)
    assert ran is not None
    return ran.to_json()


def run_once(space: Workspace, *, now: float | None = None) -> list[Json]:
    """Do everything that is due, once, one after the other; returns how each ended.

    Raises:
        RushesError: another process is the scheduler.
    """
    from core.schedule.children import Children

    try:
        with state.owning(space):
            children = Children(space)
            found = (children.run(entry) for entry in _due(space, time.time() if now is None else now))
            return [ran.to_json() for ran in found if ran is not None]
    except BlockingIOError:
        raise taken(space) from None


def taken(space: Workspace) -> RushesError:
    """What to say where another process is the scheduler."""
    return RushesError(f"another scheduler (process {state.owner(space) or 'unknown'}) runs here", where=space.root)


def _due(space: Workspace, now: float) -> list[due.Due]:
    known = state.read(space)
    found: list[due.Due] = []
    for entry in due.table(space.settings):
        if not entry.available:
            continue
        before = known.get(entry.name)
        stored = before.next_due if before else None
        when = next_due(entry.when, stored, now, grace_s=entry.grace_s, catch_up=entry.catch_up)
        if when <= now:
            found.append(entry)
        elif when != stored:
            state.write(space, entry.name, next_due=when)
    return found


__all__ = ["run_now", "run_once", "status", "taken"]
