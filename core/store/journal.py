"""An append-only JSONL file that survives kills: every append is locked, repaired, written, fsynced.

Nobody keeps a journal open. A line counts when it ends in a newline, or when it is the last and whole.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import StoreError
from core.files import fsync_dir, locked, replacing
from core.store.records import Json

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line: where it lies in bytes, what it says, or why it cannot be read."""

    start: int
    end: int
    data: Json | None
    problem: str | None = None


def encode(line: Json) -> bytes:
    """One JSON line. What is not a number (NaN, infinity) becomes null."""
    try:
        text = _dump(line)
    except ValueError:
        text = _dump(_finite(line))
    return text.encode("utf-8", "replace") + b"\n"


_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(name): _finite(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value


def parse(raw: bytes) -> Json:
    """One line's object.

    Raises:
        ValueError: it is not a JSON object.
    """
    try:
        data = json.loads(raw)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(data, dict):
        raise ValueError("is not a JSON object")
    return data


class Journal:
    """One journal file; it need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, lines: Sequence[Json]) -> None:
        """Add lines; they are durable when this returns, and readers see all of them or none as a batch.

        Raises:
            StoreError: the file cannot be written; nothing was added.
        """
        content = b"".join(encode(line) for line in lines)
        try:
            fresh = not self.path.exists()
            with self._held() as file:
                end = self._repair(file)
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(end)
                    raise
            if fresh:
                fsync_dir(self.path.parent)
        except OSError as error:
            raise StoreError(f"cannot be written ({error.strerror}); nothing was saved", where=self.path) from None

    @contextmanager
    def _held(self) -> Generator[IO[bytes]]:
        while True:
            with locked(self.path) as file:
                # Another process may have replaced the file (forget) while we waited for its lock.
                if self.path.exists() and os.fstat(file.fileno()).st_ino == self.path.stat().st_ino:
                    yield file
                    return

    def _repair(self, file: IO[bytes]) -> int:
        """Leave the file ending in a newline, a torn last line set aside; returns the end, where it is positioned."""
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return 0
        start = _last_line_start(file, end)
        if start == end:
            return end
        file.seek(start)
        tail = file.read()
        try:
            parse(tail)
        except ValueError:
            with open(os.open(self.torn, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600), "ab") as aside:
                aside.write(tail + b"\n")
            file.truncate(start)
            return file.seek(start)
        file.seek(end)
        file.write(b"\n")
        return end + 1

    @property
    def torn(self) -> Path:
        """Where torn last lines are set aside."""
        return self.path.with_name(f"{self.path.name}.torn")

    def read(self, offset: int = 0) -> Iterator[Line]:
        """Lines from a byte offset on; blank ones are skipped, unreadable ones come with their problem.

        A last line without a newline is given only if it is whole: another process may be writing it.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"cannot be read ({error.strerror})", where=self.path) from None
        with file:
            file.seek(offset)
            start = offset
            for raw in file:
                end = start + len(raw)
                if raw.strip():
                    try:
                        yield Line(start, end, parse(raw))
                    except ValueError as error:
                        if not raw.endswith(b"\n"):
                            return
                        yield Line(start, end, None, str(error))
                start = end

    def rewrite(self, change: Callable[[Json], Json | None]) -> int:
        """Replace the journal under its lock by the lines `change` returns (None drops one); returns how many went."""
        gone = 0
        with self._held(), replacing(self.path) as temporary, temporary.open("wb") as out:
            for line in self.read():
                kept = change(line.data) if line.data is not None else None
                gone += kept is None
                if kept is not None:
                    out.write(encode(kept))
        return gone


def _last_line_start(file: IO[bytes], end: int) -> int:
    at = end
    while at > 0:
        step = min(BLOCK, at)
        file.seek(at - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            return at - step + found + 1
        at -= step
    return 0
