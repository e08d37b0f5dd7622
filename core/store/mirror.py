"""Keeps the catalog equal to the journals, whoever wrote them, and answers questions from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, TypeVar

from core.errors import StoreError
from core.log import logger
from core.store.catalog import Catalog, DamagedError
from core.store.journal import Journal
from core.store.reading import Snapshot
from core.store.replay import Table, empty, is_current, replay

if TYPE_CHECKING:
    from sqlite_utils import Database

T = TypeVar("T")
Stamp = tuple[int, int, int]


class Mirror:
    """Journals on one side, catalog on the other.

    Attributes:
        unreadable: journals that cannot be read now, with the sentence saying so; their rows stay as they were.
    """

    def __init__(self, catalog: Catalog, journals: Mapping[str, Journal], tables: Mapping[str, Table]) -> None:
        self.catalog = catalog
        self.journals = journals
        self.tables = tables
        self.unreadable: dict[str, str] = {}
        self._seen: dict[str, Stamp] = {}
        self._generation = 0

    def refresh(self) -> bool:
        """Take in what is new in the journals; a `stat` each when nothing is. Returns whether something was.

        Raises:
            StoreError: the catalog cannot be written.
        """
        with self.catalog.lock:
            if self.catalog.in_transaction:  # if that were rolled back, we would take lines for read that are not
                return False
            self.catalog.follow()
            if self._generation == self.catalog.generation:
                changed = [name for name, journal in self.journals.items() if _stamp(journal) != self._seen.get(name)]
            else:
                changed = list(self.journals)
            if changed:
                self._unharmed(lambda: self._take_in(changed))
            return bool(changed)

    def rebuild(self) -> None:
        """Empty what comes from journals and read all of them again; a catalog that is damaged anywhere goes first."""
        with self.catalog.lock:
            with suppress(DamagedError):
                self.catalog.check()
            self._unharmed(lambda: self._take_in(list(self.journals), anew=True))

    def ask(self, question: Callable[[Database], T]) -> T:
        """An answer from the catalog; a damaged one is made again first."""
        with self.catalog.lock:
            self.catalog.follow()
            if self._generation != self.catalog.generation:
                self.refresh()

            def look() -> T:
                with self.catalog.read() as db:
                    return question(db)

            return self._unharmed(look)

    def _unharmed(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except DamagedError:
            self._take_in(list(self.journals))
            return do()

    def _take_in(self, names: list[str], *, anew: bool = False) -> None:
        while True:
            with ExitStack() as stack:
                shots = self._snapshots(stack, names)
                if not anew and self._all_current(shots):
                    break
                # The snapshots come first: waiting for a journal while holding the catalog could be a deadlock.
                with self.catalog.derive() as db:
                    if all(_is_there(self.journals[name], shot) for name, shot in shots.items()):
                        if anew:
                            empty(db)
                        replay(db, self.tables, shots)
                        break
        self._seen |= {name: shot.stamp for name, shot in shots.items()}
        self._generation = self.catalog.generation

    def _snapshots(self, stack: ExitStack, names: list[str]) -> dict[str, Snapshot]:
        shots: dict[str, Snapshot] = {}
        for name in names:
            try:
                shots[name] = stack.enter_context(self.journals[name].snapshot())
                self.unreadable.pop(name, None)
            except StoreError as error:
                if name not in self.unreadable:
                    logger.warning("%s", error)
                self.unreadable[name] = error.sentence()
        return shots

    def _all_current(self, shots: Mapping[str, Snapshot]) -> bool:
        with self.catalog.read() as db:
            return all(is_current(db, name, shot) for name, shot in shots.items())


def _is_there(journal: Journal, shot: Snapshot) -> bool:
    """Whether the snapshot is still of the file at that path; a rewrite may have replaced it meanwhile."""
    return _stamp(journal)[0] == shot.stamp[0]


def _stamp(journal: Journal) -> Stamp:
    try:
        found = os.stat(journal.path)
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)
