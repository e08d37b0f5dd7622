"""Files that survive a crash and that nobody else may read: atomic writes, locks, hashes, paths that stay inside."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from core.errors import StoreError

BLOCK = 1 << 20  # bytes per read while hashing and copying


def private_dir(path: Path) -> Path:
    """Make a folder (and its parents) that only its owner can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def fsync_dir(path: Path) -> None:
    """Make renames and new names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_mark(pid: int) -> str:
    """How the names of a process's temporary files begin."""
    return f".{pid}-"


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A temporary name beside `path`, fsynced and renamed over it when the block ends well, removed when not.

    The temporary name keeps the suffix, because encoders choose their container by it; it begins with a dot and
    `temporary_mark` of this process, so that what a killed process left can be told from a living one's work.
    """
    private_dir(path.parent)
    mark = temporary_mark(os.getpid())
    handle, name = tempfile.mkstemp(prefix=mark, suffix=path.suffix, dir=path.parent)  # mkstemp makes it 0600
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o600)
        os.replace(temporary, path)
        fsync_dir(path.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replace a file whole: either the old or the new content is there, never half of it."""
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def write_in_place(path: Path, data: bytes) -> None:
    """Replace a file's content but not the file, which others may hold open for appending.

    Cut short by a kill it lacks its end, or has old bytes there still: only for files whose cleaning is repeated.
    """
    with path.open("rb+") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def read_regular(path: Path, most: int) -> bytes:
    """What a regular file (or the one a link leads to) holds; a pipe or a device is refused, never waited for.

    Raises:
        OSError: missing or unreadable, not a regular file, or more than `most` bytes.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe would wait for its writer
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
    return data


def _pump(source: IO[bytes], sink: Callable[[bytes], object]) -> str:
    digest = hashlib.sha256()
    while block := source.read(BLOCK):
        digest.update(block)
        sink(block)
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    """The file's sha256 in hex."""
    with path.open("rb") as source:
        return _pump(source, len)


def copy_private(source: Path, target: Path) -> str:
    """Copy durably and privately in one pass; returns the content's sha256 in hex."""
    with replacing(target) as temporary, source.open("rb") as reader, temporary.open("wb") as writer:
        return _pump(reader, writer.write)


@contextmanager
def locked(path: Path, *, blocking: bool = True) -> Generator[IO[bytes]]:
    """Hold an exclusive flock on a file, made if missing.

    Raises:
        BlockingIOError: another process holds it and `blocking` is false.
    """
    private_dir(path.parent)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
        yield file


def inside(root: Path, relative: str) -> Path:
    """The file a journal or archive names, provided it lies inside the workspace.

    Raises:
        StoreError: the path is absolute, climbs out with "..", or leaves through a symbolic link.
    """
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts or "\0" in relative or not relative:
        raise StoreError("the path leaves the workspace", where=relative[:200])
    path = root / parts
    try:
        stays = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a link to itself, a name no file can have
        stays = False
    if not stays:
        raise StoreError("the path leaves the workspace through a link", where=relative[:200])
    return path


def swap_in(folder: Path, target: Path, aside: Path) -> bool:
    """Let a finished folder take a place; what was there, unless it was empty, goes aside. Returns whether it did.

    A kill in between leaves both beside each other.

    Raises:
        OSError: it cannot be done; what was there is there again.
    """
    is_taken = target.is_dir() and any(target.iterdir())
    if is_taken:
        os.rename(target, aside)
    try:
        os.rename(folder, target)
    except OSError:
        if is_taken:
            os.rename(aside, target)
        raise
    fsync_dir(target.parent)
    return is_taken


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it; a missing one is fine."""
    shutil.rmtree(path, ignore_errors=True)
