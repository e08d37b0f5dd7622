"""The database that metrics lie in: SQLite beside the journals, or PostgreSQL; opened, guarded, explained.

On PostgreSQL everything lies in a schema of its own, `rushes`, so that tables of other programs with the seed's names
stay untouched.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StoreError
from core.files import private_dir
from core.store.catalog import BUSY_S, DamagedError
from core.store.damage import is_damage, set_aside

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

SCHEMA = "rushes"
CONNECT_S = 10


class Database:
    """One database; whoever uses it from several threads holds a lock.

    Args:
        where: a file, or a PostgreSQL address.
        replaceable: a damaged file may be moved aside, because everything in it can be made again.

    Attributes:
        generation: grows whenever another, possibly empty, database is looked at.
    """

    def __init__(self, where: Path | str, *, replaceable: bool = False) -> None:
        self.path = where if isinstance(where, Path) else None
        self.address = None if isinstance(where, Path) else where
        self.replaceable = replaceable
        self.generation = 0
        self._engine: Engine | None = None
        self._inode = 0

    @property
    def dialect(self) -> str:
        return "postgresql" if self.path is None else "sqlite"

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection for looking; fetch everything before leaving.

        Raises:
            StoreError: the database cannot be reached or read.
        """
        with self._explained(), self.engine().connect() as conn:
            yield conn

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A connection inside one transaction that is committed when the block ends well.

        Raises:
            StoreError: the database cannot be reached or written.
        """
        with self._explained(), self.engine().execution_options(begin="BEGIN IMMEDIATE").begin() as conn:
            yield conn

    def close(self) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def follow(self) -> None:
        """Change over when another process has put a new file in the old one's place."""
        if self._engine is not None and self.path and _inode(self.path) != self._inode:
            self.close()

    def engine(self) -> Engine:
        """The open engine; its tables are there.

        Raises:
            StoreError: the database cannot be reached.
        """
        self.follow()
        if self._engine is None:
            self.generation += 1
            with self._explained():
                self._engine = self._open_file(self.path) if self.path else self._open_server()
            if self.path:
                self._inode = _inode(self.path)
        return self._engine

    def _open_file(self, path: Path) -> Engine:
        from sqlalchemy import URL, create_engine, event

        private_dir(path.parent)
        with suppress(FileExistsError):  # SQLite would make it readable for others
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        engine = create_engine(
            URL.create("sqlite", database=str(path.absolute())), connect_args={"timeout": BUSY_S}, pool_size=1
        )
        event.listen(engine, "connect", self._prepare_file)
        event.listen(engine, "begin", _begin)
        self._make_tables(engine)
        return engine

    def _prepare_file(self, conn: Any, record: object) -> None:
        del record
        conn.isolation_level = None  # we say BEGIN ourselves
        if conn.execute("PRAGMA journal_mode").fetchone()[0] not in ("delete", "memory"):
            conn.execute("PRAGMA journal_mode = DELETE")
        conn.execute("PRAGMA temp_store = MEMORY")
        conn.execute("PRAGMA cache_size = -65536")  # 64 MiB: keys arrive in no order, the default 2 MiB thrashes
        # What can be made again may miss the last moment after a power cut; what cannot, may not.
        conn.execute(f"PRAGMA synchronous = {'NORMAL' if self.replaceable else 'FULL'}")

    def _open_server(self) -> Engine:
        from sqlalchemy import create_engine, event, exc, make_url, text

        try:
            url = make_url(str(self.address))
        except exc.ArgumentError:
            raise _bad_address() from None
        if url.get_backend_name() not in ("postgresql", "postgres"):
            raise _bad_address()
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": CONNECT_S}, pool_size=1
        )
        event.listen(engine, "connect", _prepare_server)
        with engine.begin() as conn:
            if not conn.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": SCHEMA}):
                conn.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        self._make_tables(engine)
        return engine

    def _make_tables(self, engine: Engine) -> None:
        from sqlalchemy import inspect

        from core.insights.metrics.tables import METADATA, names

        found = inspect(engine)
        there = set(found.get_table_names(SCHEMA if self.path is None else None))
        for table in METADATA.sorted_tables:
            if table.name not in there:
                continue
            columns = {str(one["name"]) for one in found.get_columns(table.name)}
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            if not columns >= set(names(table)) or set(keys) != {column.name for column in table.primary_key}:
                raise StoreError(
                    f"has a table {table.name} that another program made", where=self.path, do="Choose another file."
                )
        if any(table.name not in there for table in METADATA.sorted_tables):
            with engine.execution_options(begin="BEGIN IMMEDIATE").begin() as conn:
                METADATA.create_all(conn)

    @contextmanager
    def _explained(self) -> Generator[None]:
        from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

        try:
            yield
        except DBAPIError as error:
            if isinstance(error, IntegrityError) or (self.path and isinstance(error, ProgrammingError)):
                raise
            if self.path and isinstance(error.orig, sqlite3.Error) and is_damage(error.orig, self.path):
                self._set_aside(self.path)
                raise DamagedError("was damaged", where=self.path, do="Try again.") from error
            first = str(error.orig).strip().partition("\n")[0]
            where = self.path or "the database of database.url"
            raise StoreError(f"cannot be used ({first})", where=where, do=self._advice()) from error

    def _set_aside(self, path: Path) -> None:
        if self.replaceable:
            inode = _inode(path)
            self.close()
            set_aside(path, inode)

    def _advice(self) -> str:
        if self.path:
            return "Check the disk and the folder's permissions."
        return "Check that it runs, the address, and the password in ~/.pgpass or PGPASSWORD."


def _bad_address() -> StoreError:
    return StoreError("is not the address of a PostgreSQL database", where="database.url", do="See: rushes config")


def _begin(conn: Connection) -> None:
    # Two processes that both read first and then write would deadlock, hence IMMEDIATE for writers.
    conn.exec_driver_sql(str(conn.get_execution_options().get("begin", "BEGIN")))


def _prepare_server(conn: Any, record: object) -> None:
    del record
    with conn.cursor() as cursor:
        cursor.execute(f"SET search_path TO {SCHEMA}")
        cursor.execute("SET TIME ZONE 'UTC'")
    conn.commit()


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0
