"""An append-only JSONL file that survives kills: each append is locked, repaired, written, fsynced, unlocked.

Nobody keeps a journal open. It knows lines and bytes only; what they mean is `lines` and `events`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import IO

from core import limits
from core.errors import StoreError
from core.files import fsync_dir, private_dir, replacing
from core.store import wire
from core.store.reading import BLOCK, EDGE, Line, Snapshot, last_line_start, take
from core.store.records import Json

_REASONS = {
    errno.EROFS: "is on a read-only file system",
    errno.EACCES: "may not be written by you",
    errno.EPERM: "may not be written by you",
    errno.ENOSPC: "cannot be written, the disk is full",
    errno.EDQUOT: "cannot be written, your disk quota is used up",
    errno.EISDIR: "is a folder, not a file",
}


def _all(lines: Sequence[Json]) -> Sequence[bool]:
    return [True] * len(lines)


def unwritable(error: OSError, path: Path) -> StoreError:
    """One sentence on why `path` cannot be written."""
    reason = _REASONS.get(error.errno or 0, f"cannot be written ({error.strerror})")
    return StoreError(f"{reason}; nothing was saved", where=path, do="Check the disk and the folder's permissions.")


class Journal:
    """One journal file; it need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def torn(self) -> Path:
        """Where the rests of interrupted writes are set aside."""
        return self.path.with_name(f"{self.path.name}.torn")

    def append(self, lines: Sequence[Json], sift: Callable[[Sequence[Json]], Sequence[bool]] = _all) -> list[str]:
        """Add lines; they are durable when this returns.

        Args:
            sift: says under the lock which lines may be written; what it raises leaves the file as it is.

        Returns:
            What had to be repaired first, as sentences.

        Raises:
            StoreError: the file cannot be written; nothing was added.
        """
        encoded = [wire.encode(line) for line in lines]
        if any(len(line) > limits.now().line for line in encoded):
            raise StoreError("the line would be longer than limits.line_mb; nothing was saved", where=self.path)
        try:
            with self.hold() as file:
                content = b"".join(compress(encoded, sift(lines)))
                if not content:
                    return []
                repaired = self._repair(file)
                self._write(file, content)
                return repaired
        except OSError as error:
            raise unwritable(error, self.path) from None

    @contextmanager
    def hold(self, *, shared: bool = False) -> Generator[int]:
        """The journal's lock, as the open file's descriptor; `shared` only keeps writers out and needs a file."""
        flags = os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT | os.O_APPEND
        if not shared:
            private_dir(self.path.parent)
        while True:
            # Not a regular file (a pipe, a device) would block or never end.
            file = os.open(self.path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
            try:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise IsADirectoryError(errno.EISDIR, "is not a regular file")
                fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
                # `rewrite` may have put another file here while we waited for the lock of the old one.
                if self._is_current(file):
                    yield file
                    return
            finally:
                os.close(file)

    def _is_current(self, file: int) -> bool:
        try:
            return os.fstat(file).st_ino == os.stat(self.path).st_ino
        except FileNotFoundError:
            return False

    def _write(self, file: int, content: bytes) -> None:
        before = os.fstat(file).st_size
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, before)
            raise
        if before == 0:
            fsync_dir(self.path.parent)

    def _repair(self, file: int) -> list[str]:
        """Make the file end in a newline: a whole last line is kept, a torn one is set aside."""
        size = os.fstat(file).st_size
        start = last_line_start(file, size)
        if start == size:
            return []
        try:
            if size - start > limits.now().line:
                raise ValueError("no line of ours is so long")
            wire.decode(os.pread(file, size - start, start))
        except ValueError:
            self._set_aside(file, start, size)
            os.ftruncate(file, start)
            return [f"{self.path.name}: a write was interrupted; its {size - start} bytes are in {self.torn.name}"]
        os.write(file, b"\n")
        return []

    def _set_aside(self, file: int, start: int, end: int) -> None:
        with open(os.open(self.torn, os.O_APPEND | os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600), "ab") as aside:
            _copy(file, start, end, aside)
            aside.write(b"\n")
            aside.flush()
            os.fsync(aside.fileno())

    def snapshot(self) -> Snapshot:
        """The file as it stands, open for reading; close it soon. A missing file is an empty snapshot.

        Raises:
            StoreError: something is there that cannot be read.
        """
        try:
            with self.hold(shared=True) as file:
                shot = take(file)
                fcntl.flock(file, fcntl.LOCK_UN)  # the snapshot's descriptor would keep the lock
                return shot
        except FileNotFoundError:
            return Snapshot.empty()
        except OSError as error:
            reason = "is not a file" if error.errno == errno.EISDIR else f"cannot be read ({error.strerror})"
            raise StoreError(reason, where=self.path) from None

    def read(self) -> list[Line]:
        """All lines, readable or not, blank ones left out."""
        with self.snapshot() as shot:
            return list(shot.lines())

    def rewrite(
        self,
        change: Callable[[Json], Json | None],
        *,
        look: Callable[[Iterable[Json]], None] = lambda _lines: None,
        spoilt: Callable[[bytes], bool] = lambda _raw: False,
    ) -> int:
        """Replace the journal, under its lock and atomically, by what `change` makes of each line (None drops it).

        What `change` gives back as it was keeps its bytes. Returns how many lines went.

        Args:
            look: is shown all readable lines first, under the same lock.
            spoilt: whether an unreadable line goes too (asked for each megabyte of it); it stays as it is otherwise.

        Raises:
            StoreError: the file cannot be written; it is as it was.
        """
        gone = 0
        try:
            with self.hold() as file:
                self._repair(file)
                with (
                    replacing(self.path) as temporary,
                    temporary.open("wb", buffering=BLOCK) as out,
                    take(file) as shot,
                ):
                    look(line.data for line in shot.lines() if line.data is not None)
                    for line in shot.lines():
                        kept = line.data and change(line.data)
                        if line.data is None:
                            if _any_of(file, line.start, line.end, spoilt):
                                gone += 1
                            else:
                                _copy(file, line.start, line.end, out)
                        elif kept is None:
                            gone += 1
                        elif kept is line.data:
                            _copy(file, line.start, line.end, out)
                        else:
                            out.write(wire.encode(kept))
        except OSError as error:
            raise unwritable(error, self.path) from None
        return gone


def _any_of(file: int, start: int, end: int, spoilt: Callable[[bytes], bool]) -> bool:
    """Whether a part of a file is spoilt, looked at in blocks that overlap by more than any path is long."""
    while start < end:
        if spoilt(os.pread(file, min(BLOCK, end - start), start)):
            return True
        start += BLOCK - EDGE if end - start > BLOCK else BLOCK
    return False


def _copy(file: int, start: int, end: int, out: IO[bytes]) -> None:
    """Copy a part of a file a block at a time, however long the line is."""
    while start < end and (block := os.pread(file, min(BLOCK, end - start), start)):
        out.write(block)
        start += len(block)
