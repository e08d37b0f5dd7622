"""What opening a catalog would change, found without changing it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

OUTDATED = "outdated"
_APPLIED = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'rushes'"


def pending(path: Path) -> list[str]:
    """The migration steps that an existing catalog lacks; `[OUTDATED]` where it would be moved away instead.

    None for a catalog that is not there yet, is damaged, or is of a later program: nothing is migrated then.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return []
    try:
        conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)
        try:
            columns = {row[1] for row in conn.execute("PRAGMA table_info(journal_positions)")}
            if columns and "inode" not in columns:
                return [OUTDATED]
            applied = {row[0] for row in conn.execute(_APPLIED)}
        finally:
            conn.close()
    except sqlite3.DatabaseError:
        return []
    from core.store.migrations import KNOWN  # sqlite-utils takes 140 ms to import

    return sorted(KNOWN - applied) if columns and applied <= KNOWN else []
