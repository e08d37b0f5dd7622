"""Before a catalog is migrated the answers are exported, once, and nothing else happens to the workspace."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from pathlib import Path

import pytest
from sqlite_utils import Database

from core import loop
from core.store import migrations
from core.store.pending import pending

LAST = sorted(migrations.KNOWN)[-1]


def age(root: Path, step: str = LAST) -> None:
    """Give the workspace a catalog that lacks this step and all after it."""
    (root / "rushes.db").unlink()
    conn = sqlite3.connect(root / "rushes.db")
    migrations.steps.apply(Database(conn), stop_before=step)
    conn.commit()
    conn.close()


def exports(root: Path) -> list[Path]:
    return sorted((root / "exports").glob("before-migration-*.tar")) if (root / "exports").exists() else []


def test_the_answers_are_exported_before_a_migration(trained: Path):
    before = {name: (trained / "training_data" / name).read_bytes() for name in ("annotations.jsonl", "events.jsonl")}
    age(trained)
    assert pending(trained / "rushes.db") == [LAST]
    space = loop.open_workspace(trained)
    assert exports(trained) == []  # nothing happens before the store is needed
    assert space.store.count_answered("ratings") == 54
    (made,) = exports(trained)
    assert made.name.endswith(f"-{LAST}.tar")
    assert pending(trained / "rushes.db") == []
    with tarfile.open(made, "r:") as tar:
        names = tar.getnames()
        journal = tar.extractfile("training_data/annotations.jsonl")
        assert journal is not None
        assert len(journal.readlines()) == 54
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)["light"] is True
    assert "models/ratings/model_v1.json" in names
    assert not [name for name in names if name.endswith((".jpg", ".onnx"))]
    assert {name: (trained / "training_data" / name).read_bytes() for name in before} == before
    space.close()
    again = loop.open_workspace(trained)
    assert again.store.count_answered("ratings") == 54
    assert len(exports(trained)) == 1
    again.close()


def test_an_outdated_catalog_that_will_be_moved_away_counts_too(trained: Path):
    (trained / "rushes.db").unlink()
    conn = sqlite3.connect(trained / "rushes.db")
    conn.execute("CREATE TABLE journal_positions (journal TEXT PRIMARY KEY, offset INTEGER)")
    conn.commit()
    conn.close()
    assert pending(trained / "rushes.db") == ["outdated"]
    space = loop.open_workspace(trained)
    assert space.store.count_answered("ratings") == 54
    (made,) = exports(trained)
    assert made.name.endswith("-outdated.tar")
    space.close()


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 100])
def test_a_missing_or_damaged_catalog_is_no_migration(content: bytes | None, trained: Path):
    (trained / "rushes.db").unlink()
    if content is not None:
        (trained / "rushes.db").write_bytes(content)
    assert pending(trained / "rushes.db") == []
    space = loop.open_workspace(trained)
    assert space.store.count_answered("ratings") == 54
    assert exports(trained) == []
    space.close()


def test_without_answers_there_is_nothing_to_export(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "ws")
    space.store.refresh()
    space.close()
    age(tmp_path / "ws")
    again = loop.open_workspace(tmp_path / "ws")
    again.store.refresh()
    assert exports(tmp_path / "ws") == []
    again.close()


def test_an_export_that_fails_does_not_keep_the_workspace_shut(trained: Path):
    age(trained)
    (trained / "exports").write_text("a file is in the way")
    space = loop.open_workspace(trained)
    assert space.store.count_answered("ratings") == 54
    space.close()
