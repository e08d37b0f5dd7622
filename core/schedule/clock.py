"""The clock: APScheduler in memory, one owner per workspace; each due thing becomes a child process.

What must survive a restart or a night's sleep is in `schedule_state`, not here.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import RushesError, StoreError
from core.log import logger
from core.schedule import state
from core.schedule.children import Children, Ran
from core.schedule.due import Due, table
from core.schedule.when import Every, next_due
from core.settings import load, user_file
from core.workspace import Workspace

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

LOOK_S = 5.0  # how often the clock looks for a free place, changed settings and a clock that was set
SET_BACK_S = 60.0  # the wall clock behind the machine's own by this much was set back, not adjusted
AT_ONCE = 4  # children of one scheduler; more would only wait for the same two cores


class Clock:
    """Runs what is due while it lives. A second one on the same workspace stands by and takes over.

    Args:
        on_owner: called, from any thread, when this clock has become the one that runs things.
        on_ran: called, from any thread, when something due has ended.
    """

    def __init__(
        self,
        space: Workspace,
        *,
        look_s: float = LOOK_S,
        on_owner: Callable[[], None] = lambda: None,
        on_ran: Callable[[Ran], None] = lambda _: None,
    ) -> None:
        self.space = space
        self.look_s = look_s
        self.on_owner = on_owner
        self.on_ran = on_ran
        self.became_owner = threading.Event()
        self._children = Children(space)
        self._entries: list[Due] = []
        self._stamps: tuple[Any, ...] = ()
        self._seen = (0.0, 0.0)
        self._held = ExitStack()
        self._looking = threading.Lock()
        self._stopped = False
        self._scheduler: BackgroundScheduler | None = None

    @property
    def is_owner(self) -> bool:
        return self.became_owner.is_set()

    def start(self) -> bool:
        """Start the clock's threads and return; whether this clock owns the workspace's schedule.

        Raises:
            StoreError: the workspace cannot be written; nothing was started.
        """
        from apscheduler.schedulers.background import BackgroundScheduler  # 80 ms

        _to_our_log("apscheduler")
        pools = {
            name: {"type": "threadpool", "max_workers": size} for name, size in (("default", AT_ONCE), ("look", 1))
        }
        defaults = {"coalesce": True, "max_instances": 1}
        self._scheduler = BackgroundScheduler(timezone=dt.UTC, executors=pools, job_defaults=defaults)
        try:
            self._look()
        except RushesError:
            self._scheduler = None
            raise
        self._scheduler.add_job(
            self._look, "interval", seconds=self.look_s, id="look", executor="look", misfire_grace_time=None
        )
        self._scheduler.start()
        return self.is_owner

    def stop(self) -> None:
        """Stop the clock; children are asked to end, and ended after 5 s. What was cut off is due again."""
        self._children.stop()
        # APScheduler waits for a running look while it holds the locks that a look needs to plan.
        with self._looking:
            self._stopped = True
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None
        self._held.close()
        self.became_owner.clear()

    def _look(self) -> None:
        with self._looking:
            if self._stopped:
                return
            self._own_or_follow()

    def _own_or_follow(self) -> None:
        if not self.is_owner:
            self._try_to_own()
            return
        state.owner_lock(self.space).touch()
        if self._was_set_back():
            logger.warning("the clock was set back; due times are worked out anew")
            self._plan(self._entries)
        elif (stamps := _stamps(self.space)) != self._stamps:
            self._stamps = stamps
            self._reload()

    def _try_to_own(self) -> None:
        with ExitStack() as trial:
            try:
                trial.enter_context(state.owning(self.space))
            except BlockingIOError:
                return
            except OSError as error:
                raise StoreError(f"cannot be scheduled ({error.strerror})", where=self.space.root) from None
            self._stamps = _stamps(self.space)
            self._plan(table(self.space.settings))
            self._held = trial.pop_all()
        logger.info("this process is the scheduler now")
        self.became_owner.set()
        self.on_owner()

    def _reload(self) -> None:
        try:
            settings = load(self.space.root).settings
        except RushesError as error:
            logger.error("the changed settings are not used: %s", error)
            return
        if (entries := table(settings)) != self._entries:
            self._plan(entries)

    def _was_set_back(self) -> bool:
        wall, steady = time.time(), time.monotonic()
        before, self._seen = self._seen, (wall, steady)
        return before[0] > 0 and (wall - before[0]) - (steady - before[1]) < -SET_BACK_S

    def _plan(self, entries: list[Due]) -> None:
        """Tell APScheduler what is due when; what passed while nothing ran is due now, once."""
        assert self._scheduler is not None
        known, now = state.read(self.space), time.time()
        for gone in {entry.name for entry in self._entries} - {entry.name for entry in entries}:
            if self._scheduler.get_job(gone):
                self._scheduler.remove_job(gone)
        self._entries = entries
        for entry in (entry for entry in entries if entry.available):
            before = known.get(entry.name)
            stored = before.next_due if before else None
            when = next_due(entry.when, stored, now, grace_s=entry.grace_s, catch_up=entry.catch_up)
            if when != stored:
                state.write(self.space, entry.name, next_due=when)
            self._scheduler.add_job(
                self._run, trigger(entry), args=[entry], id=entry.name, replace_existing=True,
                next_run_time=dt.datetime.fromtimestamp(when, dt.UTC), misfire_grace_time=max(round(entry.grace_s), 1),
            )  # fmt: skip

    def _run(self, entry: Due) -> None:
        ran = self._children.run(entry)
        if ran is None:
            return
        if not ran.ok:
            logger.warning("%s: %s", entry.name, ran.said or f"exit code {ran.exit_code}")
        self.on_ran(ran)


def trigger(entry: Due) -> Any:
    """The entry's rule in APScheduler's words."""
    from apscheduler.triggers.cron import CronTrigger
    from apscheduler.triggers.interval import IntervalTrigger

    if isinstance(entry.when, Every):
        return IntervalTrigger(seconds=int(entry.when.seconds), timezone=dt.UTC)
    return CronTrigger(day_of_week=entry.when.weekday, hour=entry.when.hour, minute=0, second=0, timezone=dt.UTC)


class _Forward(logging.Handler):
    """Hands a library's records to our log; without a handler they would go to the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.handle(record)


def _to_our_log(library: str) -> None:
    theirs = logging.getLogger(library)
    if not any(isinstance(handler, _Forward) for handler in theirs.handlers):
        theirs.addHandler(_Forward(logging.WARNING))
        theirs.propagate = False


def _stamps(space: Workspace) -> tuple[Any, ...]:
    return tuple(_stamp(path) for path in (space.root / "rushes.toml", user_file()))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size)
