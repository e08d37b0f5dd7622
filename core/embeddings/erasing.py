"""Erasing vectors of forgotten samples: rows, caches, journal lines, kept import files, rows in a database."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.embeddings import ledger, reading, rows
from core.embeddings.types import EmbeddingType
from core.errors import RushesError
from core.files import remove_tree
from core.gone import Gone
from core.store import kept
from core.store.records import Json
from core.workspace import Workspace

YOUNG_S = 600.0


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Erase every vector of these samples, and brand styles that were made of them; names what was rewritten.

    Raises:
        StoreError: a file or the database cannot be written; what was erased until then stays erased.
    """
    marks = gone.marks()
    found = _journal(space, marks) + _orphans(space)
    found += _catalog(space, marks)
    if (space.cache / "vectors").exists():  # small beside the risk: they are made again from the catalog
        remove_tree(space.cache / "vectors")
        found.append("cache/vectors")
    if url := space.settings.database.url:
        from core.embeddings.postgres import Postgres

        database = Postgres(url)
        try:
            if count := database.erase(marks):
                found.append(f"database: {count} vectors")
        finally:
            database.close()
    return found


def _catalog(space: Workspace, marks: frozenset[str]) -> list[str]:
    listed = json.dumps(sorted(marks))
    query = """SELECT collection, id FROM embeddings WHERE key IN (SELECT value FROM json_each(?1))
        OR sample IN (SELECT value FROM json_each(?1)) OR content IN (SELECT value FROM json_each(?1))
        OR EXISTS (SELECT 1 FROM json_each(metadata, '$.samples') m JOIN json_each(?1) g ON g.value = m.value)"""
    with space.store.catalog.derive() as db:
        db.conn.execute("PRAGMA secure_delete = ON")
        hits = db.conn.execute(query, [listed]).fetchall()
        for place in {place for place, _ in hits}:
            rows.remove(db, place, [(row,) for other, row in hits if other == place])
    return ["rushes.db"] if hits else []


def _journal(space: Workspace, marks: frozenset[str]) -> list[str]:
    """Rewrite the journal's lines and the import files that they name."""
    book = ledger.Ledger(space.store)
    renamed: dict[str, str] = {}

    def keep(line: Json) -> Json | None:
        if line.get("op") == "import":
            return _import(space.root, line, marks, renamed)
        if line.get("op") == "delete":
            keys = [key for key in line.get("keys") or [] if key not in marks]
            return line | {"keys": keys} if keys else None
        if line.get("op") in ("set", "update") and _is_of(line, marks):
            return None
        return line

    if not book.journal.path.exists() or not _concerns(book, space.root, marks):
        return []
    book.journal.rewrite(keep)
    for old in renamed:
        (space.root / old).unlink(missing_ok=True)
    book.mirror.refresh()
    return [f"training_data/{ledger.NAME}", *(name for name in renamed.values() if name)]


def _orphans(space: Workspace) -> list[str]:
    """Kept files that no journal names: a process was killed between rewriting its journal and removing them."""
    folder, now = space.root / kept.FOLDER, time.time()
    if not folder.is_dir():
        return []
    named = b"".join(path.read_bytes() for path in space.data.glob("*.jsonl"))
    removed: list[str] = []
    for path in folder.iterdir():
        is_ours = len(path.stem) == 64 and not path.name.startswith(".")
        # A file is kept before its line is written: what is young may be about to be named.
        if is_ours and path.stem.encode() not in named and now - path.stat().st_ctime > YOUNG_S:
            path.unlink()
            removed.append(f"{kept.FOLDER}/{path.name}")
    return removed


def _concerns(book: ledger.Ledger, root: Path, marks: frozenset[str]) -> bool:
    for line in book.journal.read():
        data = line.data or {}
        if data.get("op") == "import":
            if _hit(_read(root, data), marks):
                return True
        elif _is_of(data, marks) or not marks.isdisjoint(_texts(data.get("keys"))):
            return True
    return False


def _is_of(line: Json, marks: frozenset[str]) -> bool:
    if not marks.isdisjoint(_texts([line.get(name) for name in ("key", "sample", "content")])):
        return True
    metadata: Any = line.get("metadata")
    if isinstance(line.get("metadata_json"), str):
        try:
            metadata = json.loads(line["metadata_json"])
        except ValueError:
            metadata = None
    return isinstance(metadata, dict) and not marks.isdisjoint(_texts(metadata.get("samples")))


def _texts(given: Any) -> list[str]:
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


def _read(root: Path, line: Json) -> rows.Rows | None:
    try:
        path = kept.find(root, str(line.get("file")))
        kind = EmbeddingType(str(line.get("type")))
        return reading.read(path, kind, str(line.get("encoder_id")), suffix=f".{line.get('format')}").rows
    except (RushesError, ValueError):
        return None


def _hit(found: rows.Rows | None, marks: frozenset[str]) -> list[int]:
    """Places of rows that are of something forgotten."""
    if found is None:
        return []

    def column(values: Sequence[str | None] | None, place: int) -> str | None:
        return values[place] if values else None

    return [
        place
        for place, key in enumerate(found.keys)
        if key in marks or column(found.samples, place) in marks or column(found.contents, place) in marks
    ]


def _import(root: Path, line: Json, marks: frozenset[str], renamed: dict[str, str]) -> Json | None:
    """The line with a file that lacks the forgotten rows; None where nothing is left."""
    found = _read(root, line)
    hits = frozenset(_hit(found, marks))
    if found is None or not hits:
        return line
    left = [place for place in range(len(found.keys)) if place not in hits]
    old = str(line["file"])
    if not left:
        renamed[old] = ""
        return None
    file = kept.keep_bytes(root, ledger.as_npz(found.picked(left)), ".npz")
    renamed[old] = file.file
    return line | {"file": file.file, "sha256": file.sha256, "format": "npz", "rows": len(left)}
