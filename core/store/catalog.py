"""The SQLite file beside the journals: opened, migrated, guarded. It can always be made again."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StoreError
from core.store import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_S = 30.0


class Catalog:
    """One connection, used by one thread at a time.

    Attributes:
        was_damaged: where the unreadable file was moved to, if it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.was_damaged: Path | None = None
        try:
            self.db = self._open()
        except sqlite3.OperationalError as error:
            raise StoreError(f"cannot be opened ({error})", where=path) from None
        except sqlite3.DatabaseError:
            self._set_aside()
            self.db = self._open()

    def _open(self) -> Database:
        from sqlite_utils import Database  # 140 ms

        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        _require_whole(self.path)
        connection = sqlite3.connect(self.path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
        # WAL can corrupt below SQLite 3.51.3 when two processes write at once.
        connection.execute("pragma journal_mode = delete")
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma foreign_keys = on")
        db = Database(connection)
        migrations.apply(db)
        return db

    def _set_aside(self) -> None:
        number = 1
        while (target := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        os.replace(self.path, target)
        self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
        self.was_damaged = target

    @contextmanager
    def read(self) -> Generator[Database]:
        """The database for a short look; fetch everything before leaving."""
        with self.lock:
            try:
                yield self.db
            except sqlite3.Error as error:
                raise StoreError(f"the catalog cannot be read ({error})", where=self.path, do=_MEND) from None

    @contextmanager
    def write(self) -> Generator[Database]:
        """The database inside one transaction, taken at once so that two processes never deadlock."""
        with self.lock:
            try:
                if self.db.conn.in_transaction:
                    yield self.db  # an outer write already holds the transaction
                    return
                self.db.execute("begin immediate")
                try:
                    yield self.db
                except BaseException:
                    self.db.execute("rollback")
                    raise
                self.db.execute("commit")
            except sqlite3.Error as error:
                raise StoreError(f"the catalog cannot be written ({error})", where=self.path, do=_MEND) from None

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self.db.close()


_MEND = "Nothing is lost: the journals are the truth. See: rushes doctor"


def _require_whole(path: Path) -> None:
    """Notice a truncated file by its header: bytes 16-17 hold the page size, 28-31 the number of pages."""
    with path.open("rb") as file:
        head = file.read(100)
    if not head:
        return
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    if head[:16] != b"SQLite format 3\0" or page * int.from_bytes(head[28:32], "big") > path.stat().st_size:
        raise sqlite3.DatabaseError("not a whole SQLite file")
