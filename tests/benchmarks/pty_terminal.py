"""A terminal without a picture: runs a program on a pty, reads what it writes as fast as a link would, types keys.

Knows just enough of the protocol to see single updates (synchronized output) and the words in them.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

CHUNK = 4096  # of a slow link; a fast one is emptied in larger pieces
SYNC_QUERY, SYNC_ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"
ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
HALF_BLOCK = "▀".encode()
PLACED = re.compile(rb"\x1b\[(\d+);\d+H(.*?)(?=\x1b\[\d+;\d+H|$)", re.DOTALL)
PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Update:
    """One update of the screen: when its last byte was read, and what it wrote."""

    at: float
    data: bytes

    @property
    def words(self) -> str:
        return ESCAPES.sub(b"", self.data).decode(errors="replace")

    @property
    def is_picture(self) -> bool:
        return self.data.count(HALF_BLOCK) > 50

    @property
    def picture_rows(self) -> set[int]:
        """The rows of the screen in which a part of the picture was written."""
        return {int(row) for row, text in PLACED.findall(self.data) if HALF_BLOCK in text}


def pictures(updates: list[Update]) -> int:
    """How many pictures were drawn, however many pieces each came in: a row that is written anew begins another."""
    found, rows = 0, set[int]()
    for update in updates:
        new = update.picture_rows
        if not found or new & rows:
            found += bool(new)
            rows = new
        else:
            rows |= new
    return found


class Terminal:
    """A running program and all it wrote. Use as a context manager: the program is ended at the end.

    Args:
        rate: bytes a second that are taken from the pty; None = as fast as they come.
    """

    def __init__(
        self, command: list[str], columns: int, rows: int, env: dict[str, str], rate: float | None = None
    ) -> None:
        self.updates: list[Update] = []
        self.taken = 0
        self._rate = rate
        self._rest = b""
        self._early = b""  # before the first update, whose bounds nobody has asked for yet
        self._lock = threading.Condition()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self._reader.join(5)
        os.close(self._master)

    def _read(self) -> None:
        due = time.perf_counter()
        while True:
            try:
                data = os.read(self._master, CHUNK if self._rate else 16 * CHUNK)
            except OSError:  # EIO: the program has ended
                return
            now = time.perf_counter()
            if self._rate is not None:
                due = max(due, now) + len(data) / self._rate
                if (pause := due - now) > 0:
                    time.sleep(pause)
                now = time.perf_counter()
            if SYNC_QUERY in data:
                os.write(self._master, SYNC_ANSWER)
            with self._lock:
                self.taken += len(data)
                self._split(data, now)
                self._lock.notify_all()

    def _split(self, data: bytes, now: float) -> None:
        if not self.updates:
            self._early += data
        self._rest += data
        while (end := self._rest.find(END)) >= 0:
            self.updates.append(Update(now, self._rest[:end].rpartition(BEGIN)[2]))
            self._rest = self._rest[end + len(END) :]

    def type(self, keys: str) -> float:
        """Press keys; returns when."""
        at = time.perf_counter()
        os.write(self._master, keys.encode())
        return at

    def wait(self, seen: Callable[[Update], bool], since: float = 0.0, patience: float = PATIENCE_S) -> Update:
        """The first update after `since` that shows something.

        Raises:
            TimeoutError: it never came; the message ends with what was written last.
        """
        end, looked = time.perf_counter() + patience, 0
        with self._lock:
            while True:
                for update in self.updates[looked:]:
                    if update.at >= since and seen(update):
                        return update
                looked = len(self.updates)
                if not self._lock.wait(max(0.0, end - time.perf_counter())):
                    last = " | ".join(" ".join(update.words.split())[-300:] for update in self.updates[-3:])
                    raise TimeoutError(f"never shown; last: {last}")

    def wait_early(self, marker: bytes) -> float:
        """When the marker was first read, also before updates are bounded; seconds since the start.

        Raises:
            TimeoutError: it was never written.
        """
        end = time.perf_counter() + PATIENCE_S
        with self._lock:
            while marker not in ESCAPES.sub(b"", self._early) and not any(marker in one.data for one in self.updates):
                if not self._lock.wait(max(0.0, end - time.perf_counter())):
                    raise TimeoutError(f"{marker!r} was never shown: {self._early[-400:]!r}")
            return time.perf_counter() - self.started

    def settle(self, quiet: float = 2.0) -> None:
        """Wait until nothing was written for so many seconds."""
        seen, end = -1, time.perf_counter() + PATIENCE_S
        while seen != self.taken:
            if time.perf_counter() > end:
                raise TimeoutError("it never falls silent")
            seen = self.taken
            time.sleep(quiet)

    def cpu_seconds(self) -> float:
        """Processor time of the program alone, without its children."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system
