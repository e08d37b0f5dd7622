"""One moment of a workspace: under the journals' locks their lengths, the catalog, pointers and settings are taken.

Everything else there never changes, or only its own beginning matters; it is read after the locks are gone.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from core import untrusted
from core.backup.formats import CHUNK, LeftOut
from core.backup.hashes import Stamp, stamp_of
from core.errors import StoreError
from core.files import private_dir, remove_tree
from core.log import logger
from core.store import queries
from core.store.reading import Snapshot, take
from core.store.replay import is_current
from core.workspace import Workspace

CATALOG = "rushes.db"
LEFT_OUT = {
    "cache": "is made again",
    "logs": "are of this machine",
    "backups": "are backups themselves",
    "exports": "are copies of what is here",
    "training_data/incoming": "is not judged yet",
}
# Replaced while others work; each is a few kB.
SMALL = re.compile(r"rushes\.toml|models/([^/]+/)?(active\.json|last_number|training_meta\.json|training-audit\.jsonl)")
OURS = re.compile(r"\.\d+-.*|.*\.lock|lock|rushes\.db.*")  # unfinished writes, locks, the living catalog
BUSY_S = 30.0


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the backup.

    Attributes:
        stamp: changes with the content; None for what must be read every time.
        blocks: its content in blocks of `CHUNK` bytes, the last one shorter; raises FileNotFoundError when it went.
    """

    path: str
    mode: int
    stamp: Stamp | None
    blocks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Frozen:
    """The moment; its sources can be read until the block ends."""

    sources: list[Source]
    left_out: list[LeftOut]
    journals: dict[str, int]
    pointers: dict[str, Any]
    rows: dict[str, int] | None


@contextmanager
def frozen(space: Workspace, scratch: Path) -> Generator[Frozen]:
    """The workspace as it stands now.

    Args:
        scratch: folder for the catalog's copy; emptied before and after.

    Raises:
        StoreError: a journal cannot be read.
    """
    space.store.refresh()
    remove_tree(scratch)  # what a killed backup left
    copy = private_dir(scratch) / CATALOG
    with ExitStack() as stack:
        stack.callback(remove_tree, scratch)
        left_out = [LeftOut(path=name, why=why) for name, why in LEFT_OUT.items() if (space.root / name).exists()]
        with ExitStack() as locks:
            shots = _take_journals(space, locks, stack)
            copied = _copy_catalog(space.root / CATALOG, copy)
            found = dict(walk(space.root, left_out))
            taken = {name: _whole(space.root / name) for name in found if SMALL.fullmatch(name)}
        journals = {f"training_data/{name}": shot for name, shot in shots.items()}
        sources = [journal_source(name, shot) for name, shot in journals.items()]
        sources += [Source(name, found[name].st_mode, None, partial(_cut, data)) for name, data in taken.items()]
        if copied:
            sources.append(Source(CATALOG, 0o600, None, partial(read, copy)))
        else:
            left_out.append(LeftOut(path=CATALOG, why="cannot be read; it is made again from the journals"))
        known = {source.path for source in sources}
        sources += [source_of(space.root, name, seen) for name, seen in found.items() if name not in known]
        lengths = {name: shot.whole + len(shot.tail) for name, shot in journals.items()}
        pointers = {name: _parsed(data) for name, data in taken.items() if name.endswith("active.json")}
        yield Frozen(sources, left_out, lengths, pointers, _rows(copy, shots) if copied else None)


def source_of(root: Path, name: str, seen: os.stat_result) -> Source:
    """A file that is read when its turn comes."""
    return Source(name, seen.st_mode, stamp_of(seen), partial(read, os.path.join(root, name)))


def walk(root: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, os.stat_result]]:
    """All files that belong into a backup, by their path; what does not and nobody would expect is added to a list."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:  # went meanwhile
            continue
        for entry in found:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if name in LEFT_OUT or OURS.fullmatch(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(name)
            elif seen := _seen(entry, name, left_out):
                yield name, seen


def _seen(entry: os.DirEntry[str], name: str, left_out: list[LeftOut]) -> os.stat_result | None:
    try:
        name.encode()
        seen = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except UnicodeEncodeError:
        left_out.append(LeftOut(path=ascii(name), why="has a name that is not text"))
        return None
    if not stat.S_ISREG(seen.st_mode):
        left_out.append(LeftOut(path=name, why="is not a file"))
        return None
    return seen


def read(path: Path | str) -> Iterator[bytes]:
    """A file's blocks, up to the length that it had when opened."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        size, at = os.fstat(handle).st_size, 0
        while at < size and (block := _filled(handle, at, min(CHUNK, size - at))):
            at += len(block)
            yield block
            if len(block) % CHUNK:
                return
    finally:
        os.close(handle)


def _filled(handle: int, at: int, length: int) -> bytes:
    """So many bytes, fewer only at the file's end."""
    block = os.pread(handle, length, at)
    while len(block) < length and (more := os.pread(handle, length - len(block), at + len(block))):
        block += more
    return block


def _cut(data: bytes) -> Iterator[bytes]:
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def journal_source(name: str, shot: Snapshot) -> Source:
    """A journal up to its length at that moment; what is appended meanwhile is not seen."""

    def blocks() -> Iterator[bytes]:
        size = shot.whole + len(shot.tail)
        for at in range(0, size, CHUNK):
            end = min(at + CHUNK, size)
            block = _filled(shot.file, at, max(min(end, shot.whole) - at, 0))
            yield block + shot.tail[max(at - shot.whole, 0) : max(end - shot.whole, 0)]

    seen = os.fstat(shot.file)
    return Source(name, seen.st_mode, None if shot.tail else stamp_of(seen), blocks)


def _take_journals(space: Workspace, locks: ExitStack, stack: ExitStack) -> dict[str, Snapshot]:
    shots: dict[str, Snapshot] = {}
    for name in sorted(space.store.journals):
        journal = space.store.journals[name]
        try:
            held = locks.enter_context(journal.hold(shared=True))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"cannot be read ({error.strerror})", where=journal.path) from None
        shots[name] = stack.enter_context(take(held))
        # The snapshot's descriptor would keep the lock when the journal's own is closed.
        locks.callback(fcntl.flock, shots[name].file, fcntl.LOCK_UN)
    return shots


def _copy_catalog(path: Path, copy: Path) -> bool:
    if not path.exists():
        return False
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)
        target = sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
    except sqlite3.DatabaseError as error:
        logger.warning("the catalog is not in the backup: %s", error)
        return False
    return True


def _rows(copy: Path, shots: dict[str, Snapshot]) -> dict[str, int] | None:
    from sqlite_utils import Database

    conn = sqlite3.connect(copy)
    try:
        db = Database(conn, execute_plugins=False)
        return queries.counts(db) if all(is_current(db, name, shot) for name, shot in shots.items()) else None
    except sqlite3.DatabaseError:
        return None
    finally:
        conn.close()


def _whole(path: Path) -> bytes:
    try:
        return b"".join(read(path))
    except FileNotFoundError:
        return b""


def _parsed(data: bytes) -> Any:
    try:
        return untrusted.loads(data)
    except ValueError:
        return None
