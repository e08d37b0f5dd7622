"""Due work in child processes of their own session: started, waited for, stopped after a limit or on the way out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.files import private_dir
from core.schedule import state
from core.schedule.due import Due
from core.workspace import Workspace

POLITE_S = 5.0  # between the request to end and the end
KEPT = 2000  # bytes of what a child said that are handed on, its end
NOT_STARTED = 127  # as a shell says it


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run ended; `said` is what the child wrote."""

    name: str
    ok: bool
    exit_code: int
    seconds: float
    said: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Children:
    """The child processes of one scheduler. Safe for several threads."""

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self._lock = threading.Lock()
        self._living: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, entry: Due) -> Ran | None:
        """Do the entry's work and wait for its end; None where the scheduler is on its way out."""
        begin, log = time.time(), self._log(entry)
        size = log.stat().st_size if log.exists() else 0
        with self._lock:
            if self._stopped:
                return None
            state.write(self.space, entry.name, next_due=entry.when.after(begin))
            try:
                child = self._start(entry, log)
            except OSError as error:
                why = f"the process cannot be started ({error.strerror})"
                state.write(self.space, entry.name, last_error=why)
                return Ran(entry.name, False, NOT_STARTED, 0.0, why)
            self._living.add(child)
        try:
            code = child.wait(self.space.settings.schedule.timeout_s)
        except subprocess.TimeoutExpired:
            _end(child)
            code = child.returncode
            limit = self.space.settings.schedule.timeout_s
            state.write(self.space, entry.name, last_error=f"stopped after {limit:g} s (schedule.timeout_s)")
        else:
            self._note_death(entry, code, begin)
        finally:
            with self._lock:
                self._living.discard(child)
        return Ran(entry.name, code == 0, code, round(time.time() - begin, 2), _said(log, size))

    def stop(self) -> None:
        """Ask all living children to end, and make those that do not; nothing is started afterwards."""
        with self._lock:
            self._stopped = True
            living = list(self._living)
        for child in living:
            _signal(child, signal.SIGTERM)
        limit = time.monotonic() + POLITE_S
        for child in living:
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(limit - time.monotonic(), 0))
            _end(child)

    def _start(self, entry: Due, log: Path) -> subprocess.Popen[bytes]:
        private_dir(self.space.logs)
        handle = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "core.schedule", str(self.space.root), entry.name],
                cwd=self.space.root,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                start_new_session=True,
            )
        finally:
            os.close(handle)

    def _log(self, entry: Due) -> Path:
        return self.space.logs / f"due-{re.sub(r'[^A-Za-z0-9_-]+', '-', entry.name)[:60]}.log"

    def _note_death(self, entry: Due, code: int, begin: float) -> None:
        """A child writes down its own end, unless it was killed."""
        if code >= 0:
            return
        with self._lock:
            if self._stopped:  # not its fault: it is due again at the next start
                state.write(self.space, entry.name, last_error="stopped with the scheduler", next_due=begin)
            else:
                state.write(self.space, entry.name, last_error=f"ended by signal {-code}")


def _said(log: Path, since: int) -> str:
    with log.open("rb") as file:
        file.seek(max(since, file.seek(0, os.SEEK_END) - KEPT))
        return file.read().decode(errors="replace").strip()


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        _signal(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(POLITE_S)
    if child.poll() is None:
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
