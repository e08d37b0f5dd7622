"""What was backed up when and proven when, as a line each in `backups/history.jsonl`; drills are events besides.

Not in `events.jsonl`: a backup that changed what it backs up would never find a workspace unchanged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

from core.backup.destinations import OWN
from core.store.journal import Journal
from core.workspace import Workspace

LATEST = 2.5e11  # seconds since 1970: the year 9892, after which calendars end
DRILL = "drill"  # the event's kind


@dataclass(frozen=True, slots=True)
class Status:
    """Where a workspace stands; times in UTC seconds since 1970, None: never.

    Attributes:
        last_backup: when all or some destinations took a backup last.
        last: that backup's line: id, where, files, size, bytes, encrypted, failed.
        last_proven: when the restore was last tried and worked of that place of the last backup where this is
            longest ago; `unproven` are those of its places where it never was.
        failing: those of its places where the newest drill failed.
        last_drill: the newest drill's event: at, id, ok, checks, where.
    """

    last_backup: float | None
    last: dict[str, Any] | None
    last_proven: float | None
    last_drill: dict[str, Any] | None
    unproven: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()


def note(space: Workspace, line: dict[str, Any]) -> None:
    """Keep one backup's line."""
    _journal(space).append([line])


def read(space: Workspace) -> list[dict[str, Any]]:
    """All backups' lines, oldest first; unreadable ones are passed over."""
    return [line.data for line in _journal(space).read() if line.data and _is_whole(line.data)]


def _is_whole(line: dict[str, Any]) -> bool:
    """Whether what is worked with is of its kind; the file may have been written to by anybody."""
    places: Any = line.get("destinations", [])
    numbers = (line.get("size", 0), line.get("files", 0))
    at = line.get("at")
    return (
        isinstance(places, list)
        and all(isinstance(one, dict) for one in cast("list[Any]", places))
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
        and isinstance(at, int | float)
        and 0 <= at < LATEST
    )


def was_at(space: Workspace, where: str) -> bool:
    """Whether a destination ever took a backup."""
    taken = (one for line in read(space) for one in line.get("destinations", []))
    return any(one.get("where") == where and not one.get("error") for one in taken)


def status(space: Workspace) -> Status:
    """What the screens say of backups."""
    made, drills, known = read(space), space.store.events(DRILL), proven(space)
    last = made[-1] if made else None
    places = [str(one.get("where")) for one in (last or {}).get("destinations", [])]
    newest = {str(event.get("where")): bool(event.get("ok")) for event in drills}
    return Status(
        last_backup=float(last["at"]) if last else None,
        last=last,
        last_proven=min((known[where] for where in places if where in known), default=None),
        last_drill=drills[-1] if drills else None,
        unproven=tuple(where for where in places if where not in known),
        failing=tuple(where for where in places if not newest.get(where, True)),
    )


def proven(space: Workspace) -> dict[str, float]:
    """When a restore was last tried and worked, by place; UTC seconds since 1970."""
    return {str(one.get("where")): float(one["at"]) for one in space.store.events(DRILL) if one.get("ok")}


def trials(space: Workspace) -> dict[tuple[str, str], bool]:
    """How the newest drill of a backup ended, by its id and where it lies."""
    return {(str(one.get("id")), str(one.get("where"))): bool(one.get("ok")) for one in space.store.events(DRILL)}


def last_backup(space: Workspace) -> str | None:
    """When the last backup was made, as seed 000's `lastBackup` has it; None: never."""
    made = read(space)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(made[-1]["at"]))) if made else None


def _journal(space: Workspace) -> Journal:
    return Journal(space.root / OWN / "history.jsonl")
