"""Reading a journal while others append: what a snapshot shows never changes under the reader."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from core import limits
from core.store import wire
from core.store.records import Json

BLOCK = 1 << 20  # bytes
EDGE = 4096  # bytes at both ends of the part read that tell whether it is still the same


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, its bytes, what it says or why it cannot be read.

    `ended` is false for a last line without a newline.
    """

    number: int
    start: int
    end: int
    data: Json | None
    problem: str | None = None
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An open journal up to its length at one moment when nobody was writing.

    Only what comes after the last newline may ever be cut off by a repair, hence it is kept in memory.

    Attributes:
        file: descriptor, or -1 for a missing journal.
        stamp: inode, size and modification time in ns; (0, 0, 0) for a missing journal.
        whole: bytes up to and with the last newline.
        tail: the bytes after it; of a longer one than a line may be only the beginning.
    """

    file: int
    stamp: tuple[int, int, int]
    whole: int
    tail: bytes

    @staticmethod
    def empty() -> Snapshot:
        return Snapshot(-1, (0, 0, 0), 0, b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        if self.file >= 0:
            os.close(self.file)

    def fingerprint(self, offset: int) -> str:
        """A hash of the first and the last bytes before `offset`."""
        if offset == 0:
            return ""
        edge = min(EDGE, offset)
        return hashlib.sha256(os.pread(self.file, edge, 0) + os.pread(self.file, edge, offset - edge)).hexdigest()

    def lines(self, offset: int = 0, number: int = 0) -> Iterator[Line]:
        """Lines from a byte offset on, `number` lines lying before it; blank ones are passed over but counted."""
        for raw, size in self._raw(offset):
            number += 1
            end = offset + size
            if raw is None:
                yield Line(number, offset, end, None, _too_long())
            elif raw.strip(b" \t\r\n\0"):
                yield _line(number, offset, end, raw)
            offset = end
        if len(self.tail) > limits.now().line:
            yield Line(number + 1, offset, offset + len(self.tail), None, _too_long(), ended=False)
        elif self.tail.strip():
            yield _line(number + 1, offset, offset + len(self.tail), self.tail)

    def count(self, offset: int = 0) -> int:
        """How many ended lines there are from a byte offset on, blank ones included."""
        return sum(1 for _ in self._raw(offset))

    def _raw(self, offset: int) -> Iterator[tuple[bytes | None, int]]:
        """Each ended line with its length; None for one that is longer than may be, of which no more is held."""
        rest, size, most = b"", 0, limits.now().line
        while offset < self.whole:
            block = os.pread(self.file, min(BLOCK, self.whole - offset), offset)
            if not block:  # cut off by hand; the next look sees that
                return
            offset += len(block)
            first, *others = block.split(b"\n")
            if not others:
                rest, size = rest + first if size + len(first) <= most else b"", size + len(first)
                continue
            *done, last = others
            for raw in (rest + first, *done):
                length = size + len(first) if size else len(raw)
                yield (raw + b"\n" if length <= most else None), length + 1
                size = 0
            rest, size = last, len(last)


def _too_long() -> str:
    return f"is longer than {limits.now().line / limits.MEGA:g} MB (limits.line_mb) and was not read"


def _line(number: int, start: int, end: int, raw: bytes) -> Line:
    ended = raw.endswith(b"\n")
    try:
        return Line(number, start, end, wire.decode(raw.removeprefix(b"\xef\xbb\xbf")), ended=ended)
    except ValueError as error:
        problem = str(error) if ended else "was cut short while it was written"
        return Line(number, start, end, None, problem, ended)


def take(file: int) -> Snapshot:
    """A snapshot of a file that the caller has locked."""
    found = os.fstat(file)
    whole = last_line_start(file, found.st_size)
    tail = os.pread(file, min(found.st_size - whole, limits.now().line + 1), whole)
    return Snapshot(os.dup(file), (found.st_ino, found.st_size, found.st_mtime_ns), whole, tail)


def last_line_start(file: int, end: int) -> int:
    """Where what follows the last newline before `end` begins."""
    at = end
    while at > 0:
        step = min(BLOCK if at < end else EDGE, at)
        found = os.pread(file, step, at - step).rfind(b"\n")
        if found >= 0:
            return at - step + found + 1
        at -= step
    return 0
