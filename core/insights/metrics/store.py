"""How published posts did: the metrics store, with the operations of seed 001 and plain functions for our own use.

A write is durable in the journal first (`core.insights.metrics.journal`); the tables, in SQLite or
PostgreSQL, follow from it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import StoreError, WrongUseError
from core.files import locked
from core.insights.metrics import conversion, newest
from core.insights.metrics.database import Database
from core.insights.metrics.journal import (
    LINES,
    NAME,
    Position,
    TakeFile,
    append,
    position,
    put,
    replay,
    start_over,
    take_in,
)
from core.insights.metrics.requests import DailySnapshot, Json, ReadRequest, WriteRequest, require_usable
from core.insights.platforms import one_name
from core.insights.posts import Posts
from core.log import logger
from core.store.catalog import DamagedError
from core.store.journal import Journal
from core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

T = TypeVar("T")


class MetricsStore:
    """The metrics of a workspace, or of a single SQLite file. Safe for several threads and processes.

    Args:
        space: the workspace; settings say whether its tables lie in `rushes.db` or in PostgreSQL.
        db_path: a SQLite file of its own instead, as in seed 001; it then is the truth itself.

    Raises:
        WrongUseError: neither or both were given, or no database is named.
    """

    def __init__(self, space: Workspace | None = None, *, db_path: Path | str | None = None) -> None:
        if (space is None) == (db_path is None):
            raise WrongUseError("a metrics store needs a workspace, or the path of a database")
        self.space = space
        self.problems: list[str] = []
        self.lock = threading.RLock()
        self._seen: tuple[object, ...] = ()
        self._waiting = 0  # lines written here that the tables have not read
        if space is None:
            self.journal = None
            self.database = Database(Path(str(db_path)))
        else:
            self.journal = Journal(space.data / NAME)
            self.database = Database(_place(space), replaceable=space.settings.insights.metrics_in == "workspace")

    def __enter__(self) -> MetricsStore:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the tables catch up with what was written, and close the connections."""
        with self.lock:
            if self._waiting:
                self._catch_up()
            self.database.close()

    # Reading

    def posts(
        self,
        platform: str | None = None,
        until: float | None = None,
        *,
        without: Collection[str] = (),
        measured: bool = True,
    ) -> Posts:
        """All posts with their newest numbers at or before a moment (UTC seconds; None = now), in no certain order.

        Args:
            without: columns that are not needed and come back empty, of caption and the JSON columns: reading
                1,000,000 rows takes a third less time without them.
            measured: only posts with a measurement; else also content that is merely known.
        """
        name = None if platform is None else one_name(platform)
        return self.ask(lambda conn: newest.read(conn, name, until, without, measured=measured))

    def read(self, request: ReadRequest) -> list[Json]:
        """Rows of a kind as dictionaries, oldest first, JSON columns as lists and objects.

        Raises:
            WrongUseError: a time of the request is none.
        """
        return self.ask(lambda conn: conversion.read(conn, request))

    def snapshots(self, since: str | None = None, until: str | None = None) -> list[DailySnapshot]:
        """Daily snapshots by date, both ends included, oldest first."""
        return self.ask(lambda conn: conversion.snapshots(conn, since, until))

    # Writing

    def write(self, *requests: WriteRequest) -> None:
        """Keep measurements; all of them or, where one is wrong, none.

        Raises:
            WrongUseError: a value is wrong; which, and why.
            StoreError: they cannot be written, or name a sample that was forgotten.
        """
        now = time.time()
        for request in requests:
            require_usable(request)
        rows = [conversion.row_of(request, now) for request in requests if request.kind != "scores"]
        scores = [conversion.score_of(request, now) for request in requests if request.kind == "scores"]
        if rows:
            conversion.require_right(rows, now)
            self._keep({"op": "write", "rows": rows, "at": now})
        if scores:
            self._keep({"op": "scores", "rows": scores, "at": now})

    def put_scores(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep scores in the table alone, by its columns' names: what can be computed again needs no journal."""
        with self._writing() as conn:
            put(conn, self.database.dialect, "meta_learning_scores", [conversion.texts(row) for row in rows])

    def write_snapshot(self, snapshot: DailySnapshot) -> None:
        """Keep a day's snapshot, replacing that day's earlier one."""
        row = snapshot.to_json()
        row["created_at"] = time.time() if snapshot.created_at is None else snapshot.created_at
        self._keep({"op": "snapshot", "row": conversion.texts(row), "at": time.time()})

    def link(self, content_id: str, platform: str, sample: str | None) -> None:
        """Note which sample a post came from; None takes the link away.

        Raises:
            StoreError: it cannot be written, or the sample was forgotten.
        """
        mine = {"content_id": content_id, "platform": one_name(platform)}
        self._keep({"op": "link", **mine, "sample": sample, "at": time.time()})

    # Seed 001's names

    async def write_metrics(self, request: WriteRequest | Sequence[WriteRequest]) -> None:
        """As `write`, without blocking the event loop."""
        await asyncio.to_thread(self.write, *([request] if isinstance(request, WriteRequest) else request))

    async def read_metrics(self, request: ReadRequest) -> list[Json]:
        """As `read`."""
        return await asyncio.to_thread(self.read, request)

    async def write_daily_snapshot(self, snapshot: DailySnapshot) -> None:
        """As `write_snapshot`."""
        await asyncio.to_thread(self.write_snapshot, snapshot)

    async def read_daily_snapshots(self, since: str | None = None, until: str | None = None) -> list[DailySnapshot]:
        """As `snapshots`."""
        return await asyncio.to_thread(self.snapshots, since, until)

    # Journal and tables

    def refresh(self, *, wait: bool = True) -> None:
        """Take in what the tables have not read of the journal; a `stat` when there is nothing.

        Args:
            wait: until another process that is at it has ended; else what it has not reached is left to it.
        """
        with self.lock:
            if self.journal is None or self.space is None:
                return
            self.database.engine()
            if self._seen == self._stamp():
                return
            try:
                with self.exclusive(wait=wait):
                    self.take_in()
            except BlockingIOError:
                return

    @contextmanager
    def exclusive(self, *, wait: bool = True) -> Generator[None]:
        """Nobody else changes the tables; call `take_in` first.

        Raises:
            BlockingIOError: another process is at it, and `wait` is false.
            WrongUseError: the store has no journal.
        """
        if self.space is None:
            raise WrongUseError("files are imported into a workspace")
        with self.lock, locked(self.space.jobs / "metrics.lock", blocking=wait):
            yield

    def take_in(self, watched: str = "", take: TakeFile | None = None) -> None:
        """Take in what the tables have not read of the journal; the caller holds `exclusive`."""
        assert self.journal
        assert self.space
        self.database.engine()
        with self.journal.snapshot() as shot:
            self.problems = replay(self.database, shot, self.space.root, watched, take)
            self._seen = (shot.stamp, self.database.generation)
            self._waiting = 0

    def reached(self) -> Position:
        """How far the tables have read the journal."""
        with self.lock, self.database.read() as conn:
            return position(conn)

    def rebuild(self) -> int:
        """Make the tables again from the journal and the kept files; returns how many posts there are."""
        from sqlalchemy import func, select

        from core.insights.metrics.tables import CONTENT

        if self.journal is not None:
            with self.lock:
                start_over(self.database, self.journal)
                self._seen = ()
        return int(self.ask(lambda conn: conn.scalar(select(func.count()).select_from(CONTENT))) or 0)

    def _stamp(self) -> tuple[object, ...]:
        assert self.journal is not None
        try:
            found = self.journal.path.stat()
        except OSError:
            return ((0, 0, 0), self.database.generation)
        return ((found.st_ino, found.st_size, found.st_mtime_ns), self.database.generation)

    def _keep(self, line: Json) -> None:
        if self.journal is None or self.space is None:
            with self._writing() as conn:
                take_in(conn, self.database.dialect, line)
            return
        with self.lock:
            append(self.journal, line, self.space.store.forgotten)
            self._waiting += 1
            if self._waiting >= LINES:
                self._catch_up()

    def _catch_up(self) -> None:
        """Take in what was written here. The next read would do so too: a write waits for its journal alone."""
        try:
            self._unharmed(lambda: self.refresh(wait=False))
        except StoreError as error:  # it is saved
            logger.warning("saved, but %s", error)
        self._waiting = 0

    @contextmanager
    def _writing(self) -> Generator[Connection]:
        with self.lock, self.database.write() as conn:
            yield conn

    def ask(self, question: Callable[[Connection], T]) -> T:
        """An answer from the tables, which have read the journal to its end unless another process is at it."""

        def look() -> T:
            self.refresh(wait=False)
            with self.database.read() as conn:
                return question(conn)

        with self.lock:
            return self._unharmed(look)

    def _unharmed(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except DamagedError:
            if not self.database.replaceable:
                raise
            return do()


ModelMetricsStore = MetricsStore  # seed 001's name


def rebuild(space: Workspace) -> dict[str, int]:
    """Make the metrics' tables again, where there are metrics; returns how many posts there are,
    and how many lines or kept files could not be used (they are logged)."""
    if not (space.data / NAME).exists():
        return {}
    with MetricsStore(space) as store:
        posts = store.rebuild()
        for problem in store.problems:
            logger.warning("metrics: %s", problem)
        return {"posts": posts, "metrics_problems": len(store.problems)}


def _place(space: Workspace) -> Path | str:
    if space.settings.insights.metrics_in == "workspace":
        return space.root / "rushes.db"
    if not space.settings.database.url:
        raise WrongUseError(
            "insights.metrics_in says database, but none is named", where="settings", do="Set database.url."
        )
    return space.settings.database.url
