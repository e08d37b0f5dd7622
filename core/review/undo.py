"""Taking the user's last action back: one after the other, without limit, also after a restart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from core import tasks
from core.errors import RushesError
from core.store.records import Value
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

_LINES = (
    "SELECT op, sample, value FROM corrections WHERE task = ? AND batch = ? AND op IN ('set', 'delete') ORDER BY line"
)


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back: the action, its samples, the answer they had been given (None: they had been deleted)."""

    task: str
    batch: str
    op: str  # "set" or "delete"
    samples: tuple[str, ...]
    values: tuple[Value | None, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def undo(space: Workspace, task: str) -> Undone:
    """Take back the newest action of a task that still counts; what was valid before it is valid again.

    Raises:
        RushesError: there is nothing left to undo.
    """
    owner = tasks.get(task)
    space.store.refresh()
    batch = next(iter(space.store.batches(owner.name, 1)), None)
    if batch is None:
        raise RushesError(f"there is nothing to undo in {owner.name}")
    lines = space.store.mirror.ask(lambda db: _lines(db, owner.name, batch))
    space.store.undo(owner.name, batch)
    return Undone(owner.name, batch, lines[0][0], tuple(line[1] for line in lines), tuple(line[2] for line in lines))


def _lines(db: Database, task: str, batch: str) -> list[Any]:
    return db.conn.execute(_LINES, [task, batch]).fetchall()
