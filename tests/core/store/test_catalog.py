from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from core import tasks
from core.errors import StoreError
from core.store.store import Store
from tests.core.store.samples import correction, dump, sample, values

ADDER = """
import sys
from pathlib import Path
from core import tasks
from core.store.store import Store
from tests.core.store.samples import correction, sample
store = Store(Path(sys.argv[1]), tasks.codecs())
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 15):
    clip = sample(number)
    store.add_samples([clip])
    store.add_corrections([(clip, correction(clip, "action"))])
"""


def test_two_processes_opening_and_answering_at_once_lose_nothing(tmp_path: Path):
    children = [subprocess.Popen([sys.executable, "-c", ADDER, str(tmp_path), str(start)]) for start in (0, 100)]
    assert [child.wait(60) for child in children] == [0, 0]
    store = Store(tmp_path, tasks.codecs())
    before = dump(store)
    assert store.count_answered("scenes") == 30
    store.rebuild()
    assert dump(store) == before


def test_threads_may_share_a_store_and_hold_a_transaction(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())

    def answer(start: int) -> None:
        for number in range(start, start + 8):
            store.add_corrections([(sample(number), correction(sample(number), "action"))])
            with store.catalog.write() as db:
                db.table("jobs").insert({"job_id": str(number), "task": "scenes", "state": "Queued"})
                store.count_answered("scenes")

    threads = [threading.Thread(target=answer, args=(start,), daemon=True) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.count_answered("scenes") == 24
    with store.catalog.read() as db:
        assert db.table("jobs").count == 24


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())

    def fail() -> None:
        with store.catalog.write() as db:
            db.table("jobs").insert({"job_id": "1"})
            store.add_corrections([(sample(1), correction(sample(1), "action"))])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.catalog.read() as db:
        assert db.table("jobs").count == 0
    store.refresh()
    assert values(store) == ["action"]


def test_damage_under_a_running_program_is_mended_at_the_next_question(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    store.add_corrections([(sample(number), correction(sample(number), "action")) for number in range(200)])
    with (tmp_path / "rushes.db").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(24)  # from the change counter on; before it SQLite would rather believe its own cache
        file.write(os.urandom(size - 24))
        os.fsync(file.fileno())
    assert store.count_answered("scenes") == 200
    assert (tmp_path / "rushes.db.damaged-1").exists()
    assert any("was damaged" in problem for problem in store.problems())


def test_a_second_program_changes_over_to_the_new_catalog(tmp_path: Path):
    one, two = Store(tmp_path, tasks.codecs()), Store(tmp_path, tasks.codecs())
    one.add_corrections([(sample(1), correction(sample(1), "action"))])
    (tmp_path / "rushes.db").unlink()
    one.refresh()
    assert values(two) == ["action"]
    with one.catalog.write() as db:
        db.table("jobs").insert({"job_id": "1"})
    with two.catalog.read() as db:
        assert db.table("jobs").count == 1


def test_a_stale_rollback_journal_does_not_reach_the_new_file(tmp_path: Path):
    (tmp_path / "rushes.db").write_bytes(os.urandom(9000))
    (tmp_path / "rushes.db-journal").write_bytes(os.urandom(600))
    Store(tmp_path, tasks.codecs())
    assert not (tmp_path / "rushes.db-journal").exists()
    assert sqlite3.connect(tmp_path / "rushes.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_catalog_of_a_newer_program_is_left_alone(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    with store.catalog.write() as db:
        db.table("_sqlite_migrations").insert({"migration_set": "rushes", "name": "m9999", "applied_at": ""})
    with pytest.raises(StoreError, match="newer version"):
        Store(tmp_path, tasks.codecs())


READER = """
import os, sys
from pathlib import Path
import sqlite_utils, sqlite_utils.migrations
from core import tasks
from core.errors import StoreError
from core.store import migrations
from core.store.store import Store
from tests.core.store.samples import correction, sample
codecs = tasks.codecs()
if os.geteuid() == 0:
    os.setuid(65534)
store = Store(Path(sys.argv[1]), codecs)
print(store.count_answered("scenes"))
with store.catalog.read() as db:
    print(db.table("jobs").count)
for write in (lambda: store.add_corrections([(sample(2), correction(sample(2), "action"))]),
              lambda: store.catalog.write().__enter__()):
    try:
        write()
    except StoreError as error:
        print(error)
"""


def test_a_workspace_that_may_only_be_read_is_read():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = Store(root, tasks.codecs())
        store.add_corrections([(sample(1), correction(sample(1), "action"))])
        with store.catalog.write() as db:
            db.table("jobs").insert({"job_id": "1"})
        store.close()
        for path in (*root.rglob("*"), root):
            path.chmod(0o555 if path.is_dir() else 0o444)
        found = subprocess.run([sys.executable, "-c", READER, folder], capture_output=True, text=True, check=True)
        root.chmod(0o700)
    answered, jobs, journal, catalog = found.stdout.splitlines()
    assert (answered, jobs) == ("1", "1")
    assert "may not be written by you; nothing was saved" in journal
    assert "cannot be written" in catalog


def test_where_nothing_can_be_made_reading_finds_nothing_and_writing_says_why():
    store = Store(Path("/proc/rushes"), tasks.codecs())
    assert store.count_answered("scenes") == 0
    assert any("read into memory" in problem for problem in store.problems())
    with pytest.raises(StoreError, match="nothing was saved"):
        store.add_samples([sample(1)])


def test_a_journal_that_is_a_folder_is_reported_and_the_others_are_read(tmp_path: Path):
    (tmp_path / "training_data" / "events.jsonl").mkdir(parents=True)
    store = Store(tmp_path, tasks.codecs())
    store.add_corrections([(sample(1), correction(sample(1), "action"))])
    assert values(store) == ["action"]
    assert any("events.jsonl: is not a file" in problem for problem in store.problems())
    with pytest.raises(StoreError, match="is a folder"):
        store.note("consent", {"given": True})


def test_looking_when_nothing_changed_costs_less_than_a_millisecond(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    start = time.process_time()
    for _ in range(100):
        store.refresh()
    assert (time.process_time() - start) / 100 < 0.001


def test_importing_the_store_does_not_import_its_sqlite_tools():
    program = "import sys, core.store.store; print('sqlite_utils' in sys.modules, 'numpy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False False\n"


def test_what_the_catalog_holds_is_private(tmp_path: Path):
    Store(tmp_path, tasks.codecs()).add_samples([sample(1)])
    for path in (tmp_path / "rushes.db", tmp_path / "training_data" / "events.jsonl"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_catalog_of_the_first_release_is_set_aside_and_made_again(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    store.add_corrections([(sample(1), correction(sample(1), "action"))])
    store.close()
    old = sqlite3.connect(tmp_path / "rushes.db")
    old.executescript(
        "DROP TABLE journal_positions; CREATE TABLE journal_positions (journal TEXT);"
        "DELETE FROM _sqlite_migrations WHERE name = 'm0004_schedule'"
    )
    old.close()
    store = Store(tmp_path, tasks.codecs())
    assert values(store) == ["action"]
    assert any("earlier version" in problem for problem in store.problems())
