"""Every way of spoiling the catalog: it is made again from the journals, row for row; only queue states may go."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from core import loop
from core.errors import RushesError
from core.schedule import state
from core.store.store import Store
from core.training import jobs
from core.workspace import Workspace
from tests.core.store.samples import correction, dump, prediction, sample, values

PAGE = 4096  # bytes
Damage = Callable[[Path], object]
WHOLE: dict[str, Damage] = {
    "deleted": lambda path: path.unlink(),
    "zero length": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a garbled header": lambda path: path.write_bytes(b"SQLite format 4\0" + path.read_bytes()[16:]),
    "another database": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(4080)),
    "text": lambda path: path.write_text("to be or not to be\n" * 1000),
}


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, dict[str, list[str]]]:
    """A workspace with 60 samples, its catalog's bytes and rows."""
    space = loop.open_workspace(tmp_path_factory.mktemp("catalog") / "ws")
    known = [sample(number) for number in range(60)]
    space.store.add_samples(known)
    space.store.add_predictions([prediction(one) for one in known[::2]])
    for one in known[::3]:
        space.store.add_corrections([(one, correction(one, "action"))])
    space.store.undo("scenes", space.store.batches("scenes")[0])
    state.write(space, "weekly backup and export", last_started=5.0)
    rows = dump(space.store)
    space.close()
    return space.root, (space.root / "rushes.db").read_bytes(), rows


@pytest.fixture
def root(filled_once: tuple[Path, bytes, dict[str, list[str]]]) -> Path:
    """The same workspace with its catalog as it was; the journals stay, so that nothing makes it be read anew."""
    found, content, _ = filled_once
    for path in found.glob("rushes.db*"):
        path.unlink()
    (found / "rushes.db").write_bytes(content)
    return found


def asked(space: Workspace) -> list[object]:
    """Everything that screens and the scheduler ask; a question that meets damage must work the second time."""
    questions: list[Callable[[], object]] = [
        lambda: values(space.store), lambda: space.store.samples("scenes", limit=1000), lambda: jobs.every(space),
        lambda: space.store.statistics("scenes"), lambda: state.read(space), lambda: space.store.batches("scenes"),
        lambda: space.store.events("consent"), space.store.problems,
    ]  # fmt: skip
    found: list[object] = []
    for question in questions:
        try:
            found.append(question())
        except RushesError as error:
            if "try again" not in error.sentence():
                raise
            found.append(question())
    return found


@pytest.mark.parametrize("damage", WHOLE.values(), ids=WHOLE)
def test_a_spoilt_catalog_is_made_again_row_for_row(
    root: Path, filled_once: tuple[Path, bytes, dict[str, list[str]]], damage: Damage
) -> None:
    damage(root / "rushes.db")
    space = loop.open_workspace(root)
    asked(space)
    assert dump(space.store) == filled_once[2]
    state.write(space, "weekly backup and export", last_started=6.0)
    space.close()


@pytest.mark.parametrize("damage", WHOLE.values(), ids=WHOLE)
def test_a_catalog_spoilt_while_it_is_open_is_made_again(
    root: Path, filled_once: tuple[Path, bytes, dict[str, list[str]]], damage: Damage
) -> None:
    space = loop.open_workspace(root)
    expected = values(space.store)
    damage(root / "rushes.db")
    asked(space)
    space.store.rebuild()
    assert values(space.store) == expected
    assert dump(space.store) == filled_once[2]
    space.close()
    again = loop.open_workspace(root)
    assert values(again.store) == expected
    again.close()


def test_a_page_of_garbage_anywhere_is_noticed_or_does_no_harm(
    root: Path, filled_once: tuple[Path, bytes, dict[str, list[str]]]
) -> None:
    """A seeded dozen of the pages; what the first question does not meet, `rushes rebuild` finds."""
    _, content, rows = filled_once
    rng = random.Random(17)
    pages = len(content) // PAGE
    for page in rng.sample(range(pages), 12):
        for path in root.glob("rushes.db*"):
            path.unlink()
        torn = rng.choice([rng.randbytes(PAGE), bytes(PAGE)])
        (root / "rushes.db").write_bytes(content[: page * PAGE] + torn + content[(page + 1) * PAGE :])
        space = loop.open_workspace(root)
        asked(space)
        assert len(values(space.store)) == 19, f"page {page}"
        space.store.rebuild()
        assert dump(space.store) == rows, f"page {page}"
        with space.store.catalog.read() as db:
            assert db.conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok", f"page {page}"
        state.write(space, "anything", last_started=1.0)
        assert jobs.every(space) == []
        space.close()


def test_what_is_damaged_in_the_queue_alone_is_mended_by_rebuilding(root: Path) -> None:
    space = loop.open_workspace(root)
    with space.store.catalog.read() as db:
        page = db.conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'jobs'").fetchone()[0]
    space.close()
    with (root / "rushes.db").open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    space = loop.open_workspace(root)
    expected = values(space.store)
    space.store.rebuild()
    assert jobs.every(space) == []
    assert values(space.store) == expected
    assert any("was damaged; it was moved to rushes.db.damaged-1" in note for note in space.store.problems())
    space.close()


def test_a_stale_rollback_journal_of_a_killed_process_is_played_back(tmp_path: Path) -> None:
    """SQLite's own: a transaction that was cut off while pages were written leaves the file as it was before."""
    import subprocess
    import sys

    space = loop.open_workspace(tmp_path / "ws")
    one = sample(1)
    space.store.add_samples([one])
    rows = dump(space.store)
    space.close()
    program = (
        "import os, signal, sqlite3, sys\n"
        "conn = sqlite3.connect(sys.argv[1])\n"
        "conn.execute('PRAGMA cache_size = 1')\n"
        "conn.execute('BEGIN IMMEDIATE')\n"
        "conn.execute('DELETE FROM samples')\n"
        "conn.executemany('INSERT INTO events VALUES (?, ?, 0, ?)', [(n, 'x', 'y' * 900) for n in range(10, 400)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "ws" / "rushes.db")], check=False)
    assert ended.returncode == -9
    assert (tmp_path / "ws" / "rushes.db-journal").exists()
    again = loop.open_workspace(tmp_path / "ws")
    assert dump(again.store) == rows
    again.close()


def test_two_programs_that_meet_the_same_damage_move_it_aside_once(root: Path) -> None:
    first = loop.open_workspace(root)
    second = Store(root, first.codecs)
    expected = values(first.store)
    content = (root / "rushes.db").read_bytes()
    (root / "rushes.db").write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    assert values(second) == expected
    assert values(first.store) == expected
    assert len(list(root.glob("rushes.db.damaged-*"))) == 1
    second.close()
    first.close()
