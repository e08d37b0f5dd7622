"""The SQLite file beside the journals: opened, migrated, guarded, replaced when damaged.

What the journals hold can always be read into it again; when it cannot be written at all it is kept in memory.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StoreError
from core.files import private_dir
from core.store.damage import OutdatedError, is_damage, set_aside

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_S = 30.0  # a replay of 100,000 lines holds the file for seconds


MENDED = "It was moved aside and is made again from the journals, which are unharmed; try again."


class DamagedError(StoreError):
    """The file was no longer a sound SQLite database; an empty one is in its place."""


class UnwritableError(StoreError):
    """The file cannot be written or read now: the disk is full, or does not work."""


_UNWRITABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


class Catalog:
    """One connection, used by one thread at a time.

    Attributes:
        lock: guards the connection; whoever needs more than one look in a row holds it.
        generation: grows whenever another, possibly empty, database is looked at.
        in_memory: nothing that is written here lasts.
        notes: what happened to the file, as sentences.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        self.in_memory = False
        self.notes: list[str] = []
        self.lock = threading.RLock()
        self._inode = 0
        self._db = self._open()

    @contextmanager
    def read(self) -> Generator[Database]:
        """The database for a short look; fetch everything before leaving.

        Raises:
            StoreError: it cannot be read.
        """
        with self.lock, self._explained():
            self.follow()
            yield self._db

    @contextmanager
    def write(self) -> Generator[Database]:
        """The database inside one transaction, for what no journal holds (jobs, runs).

        Raises:
            StoreError: it cannot be written.
        """
        if self.in_memory:
            raise StoreError("cannot be written", where=self.path, do="Make the workspace writable.")
        with self.derive() as db:
            yield db

    @contextmanager
    def derive(self) -> Generator[Database]:
        """As `write`, for what the journals hold: works in memory too."""
        with self.lock, self._explained():
            self.follow()
            if self._db.conn.in_transaction:
                with self._db.atomic():
                    yield self._db
                return
            self._db.conn.execute("BEGIN IMMEDIATE")  # two processes that both read first would deadlock
            try:
                yield self._db
                self._db.conn.execute("COMMIT")
            except BaseException:  # ctrl+c too: an open transaction would keep everybody else out
                self._db.rollback()
                raise

    def follow(self) -> None:
        """Change over when another process has put a new file in the old one's place."""
        with self.lock:
            if not self.in_memory and not self._db.conn.in_transaction and _inode(self.path) != self._inode:
                self._db.close()
                self._db = self._open()

    def check(self) -> None:
        """Read the whole file, some seconds for a large one; a damaged one is moved aside.

        Raises:
            DamagedError: it was damaged; an empty one is in its place.
        """
        with self.lock, self._explained():
            self.follow()
            said = self._db.conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if said != "ok":
                self._start_anew()
                raise DamagedError(f"was damaged ({said})", where=self.path, do=MENDED)

    def _start_anew(self) -> None:
        """Move the damaged file aside and open an empty one; the next question replays the journals into it."""
        if not self.in_memory:
            self._db.close()
            self._move_aside(self._inode)
            self._db = self._open()

    def give_up(self, reason: StoreError) -> None:
        """Go on in memory: what the journals hold can be read also where nothing can be written."""
        with self.lock:
            self._db.close()
            self._db = self._open_in_memory(reason.__cause__ or reason.what)

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self._db.close()

    @property
    def in_transaction(self) -> bool:
        """Whether the thread that holds the lock is inside `write`."""
        return self._db.conn.in_transaction

    def version(self) -> int:
        """Changes when another process wrote (PRAGMA data_version)."""
        with self.read() as db:
            return db.conn.execute("PRAGMA data_version").fetchone()[0]

    def _open(self) -> Database:
        self.generation += 1
        for _ in range(2):
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if not is_damage(error, self.path):
                    return self._open_in_memory(error)
                self._move_aside(_inode(self.path))
            except OutdatedError:
                self._move_aside(_inode(self.path), "was made by an earlier version")
            except OSError as error:
                return self._open_in_memory(error.strerror)
        return self._connect()

    def _connect(self) -> Database:
        private_dir(self.path.parent)
        with suppress(FileExistsError):  # SQLite would make it readable for others
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        for target in (self.path, self.path.parent):
            if not os.access(target, os.W_OK):
                raise PermissionError(0, "it may not be written")
        inode = _inode(self.path)
        db = _database(str(self.path))
        self._inode = inode
        return db

    def _open_in_memory(self, reason: object) -> Database:
        self.generation += 1
        self.in_memory = True
        self.notes.append(f"{self.path.name} cannot be used ({reason}); the journals were read into memory instead")
        return _database(":memory:", self.path)

    def _move_aside(self, inode: int, why: str = "was damaged") -> None:
        if target := set_aside(self.path, inode):
            self.notes.append(f"{self.path.name} {why}; it was moved to {target.name} and made again")

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            if not is_damage(error, self.path):
                unwritable = getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNWRITABLE
                kind = UnwritableError if unwritable else StoreError
                raise kind(f"cannot be used ({error})", where=self.path, do=_advice(error)) from error
            self._start_anew()
            raise DamagedError(f"was damaged ({error})", where=self.path, do=MENDED) from error


def _database(path: str, copy_of: Path | None = None) -> Database:
    from sqlite_utils import Database  # 140 ms

    from core.store import migrations

    conn = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False)
    try:
        if copy_of:
            _copy(copy_of, conn)
        # WAL can corrupt below SQLite 3.51.3 when two processes checkpoint at once.
        if conn.execute("PRAGMA journal_mode").fetchone()[0] not in ("delete", "memory"):
            conn.execute("PRAGMA journal_mode = DELETE")
        conn.execute("PRAGMA temp_store = MEMORY")
        # One fsync less per write than FULL; a power cut may at worst cost the catalog, never a journal.
        conn.execute("PRAGMA synchronous = NORMAL")
        db = Database(conn, execute_plugins=False)
        if migrations.steps.pending(db) or not migrations.is_known(db):
            conn.execute("BEGIN IMMEDIATE")
            migrations.apply(db)
            conn.execute("COMMIT")
    except BaseException:  # ctrl+c too: an open connection keeps its lock
        conn.close()
        raise
    return db


def _copy(path: Path, target: sqlite3.Connection) -> None:
    """Fill an empty database from a file that can at least be read."""
    with suppress(sqlite3.DatabaseError):
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            source.backup(target)
        finally:
            source.close()


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _advice(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
        return f"Another process has held it for {BUSY_S:.0f} s; try again."
    return "The journals are unharmed; see: rushes rebuild"
