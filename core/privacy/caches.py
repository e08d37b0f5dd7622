"""Erases what is kept to save time, and log lines: a cache file that names a sample goes, whoever made it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.files import sha256_file, write_atomic
from core.gone import DROPPED, Gone
from core.workspace import Workspace

DOCUMENTS = (".json",)
TEXTS = (".txt", ".md", ".html", ".log")  # what was copied from a screen, drafts of reports
UNFINISHED = re.compile(r"\.(\d+)-")  # how core.files calls what is being written, by the process's number
BLOCK = 1 << 20  # bytes
OVERLAP = 4096  # bytes; longer than any path


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Erase samples from cache/ and logs/; see `core.gone`."""
    done = [path for path in files(space.cache) if path != space.forgetting and _cached(path, gone)]
    done += [path for path in files(space.logs) if _logged(path, gone)]
    done += [path for path in files(space.root) if _unfinished(path)]
    return sorted(path.relative_to(space.root).as_posix() for path in done)


def files(folder: Path) -> Iterator[Path]:
    """The regular files below a folder."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _unfinished(path: Path) -> bool:
    """Remove a file that a killed process was writing: half of a journal, a clip, a report."""
    found = UNFINISHED.match(path.name)
    if not found or _lives(int(found[1])):
        return False
    path.unlink(missing_ok=True)
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def mentions(path: Path, gone: Gone) -> bool:
    """Whether a file's bytes name a sample; read a megabyte at a time."""
    with path.open("rb") as file:
        before = b""
        while block := file.read(BLOCK):
            if gone.named((before + block).decode("utf-8", "replace")):
                return True
            before = block[-OVERLAP:]
    return False


def _cached(path: Path, gone: Gone) -> bool:
    try:
        is_image = path.parent.name == "images" and sha256_file(path) in gone.hashes
        is_quoting = path.suffix in TEXTS and gone.quoted(path.read_text(encoding="utf-8", errors="replace"))
        if gone.named(path.name) or is_image or is_quoting:
            path.unlink()
        elif not mentions(path, gone):
            return False
        elif path.suffix in DOCUMENTS:
            _document(path, gone)
        else:
            path.unlink()
    except FileNotFoundError:
        return False
    return True


def _document(path: Path, gone: Gone) -> None:
    try:
        clean: Any = gone.without(json.loads(path.read_bytes()))
    except ValueError:
        clean = DROPPED
    if clean is DROPPED:
        path.unlink(missing_ok=True)
    else:
        write_atomic(path, json.dumps(clean))


def _logged(path: Path, gone: Gone) -> bool:
    """Blank out lines in place: the processes that append to a log hold the file itself."""
    at, blanks = 0, list[tuple[int, int]]()
    for line in path.read_bytes().splitlines(keepends=True):
        if _is_about(line, gone):
            blanks.append((at, len(line.rstrip(b"\r\n"))))
        at += len(line)
    if blanks:
        with path.open("rb+") as file:
            for start, length in blanks:
                file.seek(start)
                file.write(b"-" * length)
            file.flush()
            os.fsync(file.fileno())
    return bool(blanks)


def _is_about(line: bytes, gone: Gone) -> bool:
    text = line.decode("utf-8", "replace")
    return gone.named(text) or gone.quoted(text)


def left(space: Workspace, gone: Gone) -> list[str]:
    """Files of the workspace that still name a sample after everything was erased.

    Media hold pixels and no ids, and backups are named apart; the rest is read to its last byte.
    """
    skipped = {space.kept("clip"), space.kept("image"), space.root / "backups"}
    found: list[str] = []
    for path in files(space.root):
        if path == space.forgetting or any(path.is_relative_to(folder) for folder in skipped):
            continue
        if gone.named(path.name) or mentions(path, gone):
            found.append(path.relative_to(space.root).as_posix())
    return sorted(found)
