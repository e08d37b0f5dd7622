"""Telling a damaged catalog from other trouble, and moving it away once, however many processes notice."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path


class OutdatedError(Exception):
    """The file has the first release's tables; all it holds but old queue states is in the journals."""


_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: sqlite3.Error, path: Path) -> bool:
    """Whether an error means that the file is no longer a sound database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    # A spoilt header can look like any mistake in a query; only the file itself can tell.
    return code in _DAMAGE or (code == sqlite3.SQLITE_ERROR and not _is_sound(path))


def _is_sound(path: Path) -> bool:
    conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        # A file that was emptied under an open connection is a sound database too, of nothing.
        ours = conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'journal_positions'").fetchone()
        return ours is not None and conn.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in (*_DAMAGE, sqlite3.SQLITE_ERROR)
    finally:
        conn.close()


def set_aside(path: Path, inode: int) -> Path | None:
    """Rename the file to `<name>.damaged-<n>` together with its rollback journal.

    Args:
        inode: the damaged file; another one in its place is left alone.

    Returns:
        The new name, or None when another process was faster.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not path.exists() or path.stat().st_ino != inode:
            return None
        target = _free(path)
        # A rollback journal left here would be played into the new file.
        journal = path.with_name(f"{path.name}-journal")
        if journal.exists():
            os.replace(journal, target.with_name(f"{target.name}-journal"))
        os.replace(path, target)
        os.fsync(folder)
        return target
    finally:
        os.close(folder)


def _free(path: Path) -> Path:
    number = 1
    while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return target
