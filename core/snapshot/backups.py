"""What Backups shows: what runs by itself, when it did, when it is due, and what was backed up."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.workspace import Workspace

BACKUP = "weekly backup and export"  # the schedule's entry; Training's button runs it too


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that runs by itself; times in UTC seconds since 1970, None: never.

    Attributes:
        what: a sentence on what it does.
        every: its rule in words.
        last_error: why the last run failed; None after a success.
    """

    name: str
    what: str
    every: str
    running: bool
    last_started: float | None
    last_success: float | None
    last_error: str | None
    next_due: float | None


@dataclass(frozen=True, slots=True)
class Made:
    """How the workspace is backed up; times in UTC seconds since 1970, None: never.

    Attributes:
        at: when the last backup was made.
        size: bytes of all it holds.
        where: the places that took it; `failed`: those that did not.
        proven: when a restore was last tried and worked, of the place where that is longest ago; `broken` when the
            newest trial failed.
        unproven: places where none ever worked.
    """

    at: float | None
    size: int
    where: tuple[str, ...]
    failed: tuple[str, ...]
    proven: float | None
    broken: bool
    unproven: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backups:
    """One reading.

    Attributes:
        owner: the process that runs the schedule now; `ours` when it is this one.
        in_app: the screens run the schedule while they are open (schedule.in_app).
        made: what was backed up.
    """

    owner: int | None
    ours: bool
    in_app: bool
    entries: tuple[Entry, ...]
    made: Made


@dataclass(frozen=True, slots=True)
class Copy:
    """One backup at one place.

    Attributes:
        made_at: UTC seconds since 1970.
        size: bytes of all it holds; None where this machine does not remember it.
        proven: how its newest drill ended; None: none was made.
    """

    id: str
    where: str
    made_at: float
    size: int | None
    encrypted: bool
    proven: bool | None


def copies(space: Workspace) -> tuple[Copy, ...]:
    """All backups that can be found now, newest first; asks every destination, so call it from a thread.

    Raises:
        StoreError: no destination can be read.
    """
    from core import backup

    trials = backup.trials(space)
    return tuple(
        Copy(one.id, one.where, one.created_at, one.size, one.encrypted, trials.get((one.id, one.where)))
        for one in reversed(backup.listing(space))
    )


def take(space: Workspace) -> Backups:
    """Read it all; call it from a thread."""
    from core import schedule

    names = [field.name for field in fields(Entry)]
    found: dict[str, Any] = schedule.status(space)
    return Backups(
        owner=found["owner"],
        ours=found["owner"] == os.getpid(),
        in_app=space.settings.schedule.in_app,
        entries=tuple(Entry(**{name: entry[name] for name in names}) for entry in found["entries"]),
        made=_made(space),
    )


def _made(space: Workspace) -> Made:
    from core import backup

    known = backup.status(space)
    places: list[dict[str, Any]] = (known.last or {}).get("destinations") or []
    return Made(
        at=known.last_backup,
        size=int((known.last or {}).get("size") or 0),
        where=tuple(str(one.get("where")) for one in places if not one.get("error")),
        failed=tuple(f"{one.get('where')}: {one['error']}" for one in places if one.get("error")),
        proven=known.last_proven,
        broken=bool(known.failing) or (known.last_drill is not None and not known.last_drill.get("ok")),
        unproven=known.unproven,
    )
