"""A backup and back: byte for byte, consistent, cheap when nothing changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core import backup, loop
from core.backup import formats
from core.backup.destinations import OWN
from core.errors import CancelledError, StoreError, WrongUseError
from core.files import locked
from core.workspace import Workspace
from tests.core.backup.conftest import contents


def newest(space: Workspace, *places: str) -> tuple[backup.Vault, str]:
    return backup.pick(backup.of(space, places), None)


def test_what_comes_back_is_what_was_there(filled: Workspace, tmp_path: Path) -> None:
    made = backup.now(filled, [str(tmp_path / "disk")])
    before = contents(filled.root)
    found = backup.restore(*newest(filled, str(tmp_path / "disk")), tmp_path / "back")
    assert contents(tmp_path / "back") == before
    assert found.files == made.files == len(before) + 1  # the catalog
    assert not made.encrypted
    assert found.safety_copy is None
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "back").rglob("*")}
    assert modes == {0}, "nobody else may read it"
    there = loop.open_workspace(tmp_path / "back", create=False)
    try:
        assert there.store.count_answered("ratings") == 8
        assert there.settings.train.every == 70
        assert there.store.problems() == []
    finally:
        there.close()


def test_a_backup_of_an_unchanged_workspace_stores_nothing_anew(filled: Workspace, tmp_path: Path) -> None:
    first = backup.now(filled, [str(tmp_path / "disk")])
    again = backup.now(filled, [str(tmp_path / "disk")])
    assert first.new_blobs > 8
    assert again.new_blobs == 0
    assert again.files == first.files
    assert again.bytes < first.bytes
    assert [row.id for row in backup.listing(filled, [str(tmp_path / "disk")])] == [first.id, again.id]


def test_an_appended_journal_costs_its_last_part_only(filled: Workspace, tmp_path: Path) -> None:
    filled.store.note("filler", {"text": "x" * 3_500_000})
    backup.now(filled, [str(tmp_path / "disk")])
    (filled.root / "rushes.db").unlink()  # its pages change as well, and are not what is looked at
    filled.close()
    journal = filled.data / "events.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"kind": "filler", "at": 1.0}\n')
    space = loop.open_workspace(filled.root)
    vault = newest(space, str(tmp_path / "disk"))[0]
    known = set(vault.places())
    backup.now(space, [str(tmp_path / "disk")])
    manifest = vault.manifest(newest(space, str(tmp_path / "disk"))[1])
    file = next(file for file in manifest.files if file.path == "training_data/events.jsonl")
    assert len(file.parts()) == 4
    assert [part in known for part in file.parts()] == [True, True, True, False]
    assert manifest.journals[file.path] == journal.stat().st_size == file.size
    space.close()


def test_the_catalog_in_it_is_sound_and_as_far_as_the_journals(filled: Workspace, tmp_path: Path) -> None:
    backup.now(filled, [str(tmp_path / "disk")])
    vault, name = newest(filled, str(tmp_path / "disk"))
    manifest = vault.manifest(name)
    assert manifest.rows is not None
    assert manifest.rows["answers"] == 8
    backup.restore(vault, name, tmp_path / "back")
    conn = sqlite3.connect(tmp_path / "back" / "rushes.db")
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    conn.close()
    assert {"cache", "logs", "training_data/incoming"} <= {item.path for item in manifest.left_out}


def test_without_a_destination_it_goes_into_the_workspace_and_not_into_itself(filled: Workspace) -> None:
    first = backup.now(filled)
    assert first.destinations[0].where == str(filled.root / OWN)
    assert backup.now(filled).new_blobs == 0
    manifest = newest(filled)[0].manifest(first.id)
    assert not [file.path for file in manifest.files if file.path.startswith(OWN)]
    with pytest.raises(WrongUseError, match="would be backed up itself"):
        backup.now(filled, [str(filled.root / "copies")])


def test_a_destination_that_fails_does_not_keep_the_others_from_theirs(filled: Workspace, tmp_path: Path) -> None:
    made = backup.now(filled, [str(tmp_path / "not-mounted" / "disk"), str(tmp_path / "disk")])
    assert [(one.where, bool(one.error)) for one in made.destinations] == [
        (str(tmp_path / "disk"), False),
        (str(tmp_path / "not-mounted" / "disk"), True),
    ]
    assert not (tmp_path / "not-mounted").exists()
    assert backup.verify(newest(filled, str(tmp_path / "disk"))[0]).ok
    with pytest.raises(StoreError, match="Is its disk mounted"):
        backup.now(filled, [str(tmp_path / "not-mounted" / "disk")])


def test_a_set_destination_that_lost_its_backups_is_not_begun_anew_unasked(filled: Workspace, own_home: Path) -> None:
    disk = own_home / "disk"
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[backup]\ndestinations = ["{disk}"]\n')
    space = loop.open_workspace(filled.root)
    backup.now(space)
    shutil.rmtree(disk)
    disk.mkdir()  # an empty mount point
    with pytest.raises(StoreError, match="held backups and is empty now"):
        backup.now(space)
    assert list(disk.iterdir()) == []
    assert backup.now(space, [str(disk)]).new_blobs > 8
    space.close()


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_backed_up(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked_away = filled.data / "videos" / "locked.bin"
    locked_away.write_bytes(b"x")
    real = os.open

    def refusing(path: Any, *rest: Any, **more: Any) -> int:  # whoever runs the tests may read everything
        if os.fspath(path) == str(locked_away):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refusing)
    made = backup.now(filled, [str(tmp_path / "disk")])
    assert "training_data/videos/locked.bin cannot be read (Permission denied)" in made.left_out
    assert backup.verify(newest(filled, str(tmp_path / "disk"))[0]).ok


def test_the_backups_that_hold_a_content_are_named(filled: Workspace, tmp_path: Path) -> None:
    place = [str(tmp_path / "disk")]
    backup.now(filled, place)
    (filled.data / "videos" / "face.bin").write_bytes(b"a face")
    holds = backup.now(filled, place)
    wanted = {hashlib.sha256(b"a face").hexdigest()}
    assert [row.id for row in backup.holding(filled, wanted, place)] == [holds.id]


def test_pruning_sweeps_what_killed_writes_left(filled: Workspace, tmp_path: Path) -> None:
    backup.now(filled, [str(tmp_path / "disk")])
    rest = tmp_path / "disk" / formats.PACKS / ".123-rest"
    rest.write_bytes(b"half")
    backup.prune(filled, newest(filled, str(tmp_path / "disk"))[0])
    assert not rest.exists()


def test_two_destinations_at_once_hold_the_same_backup(filled: Workspace, tmp_path: Path) -> None:
    places = [str(tmp_path / "one"), str(tmp_path / "two")]
    backup.now(filled, places[:1])
    made = backup.now(filled, places)
    assert [one.new_blobs > 0 for one in made.destinations] == [False, True]
    for place in places:
        vault, name = newest(filled, place)
        assert name == made.id
        assert backup.verify(vault).ok


def test_another_workspace_is_refused_at_the_same_place(filled: Workspace, tmp_path: Path) -> None:
    backup.now(filled, [str(tmp_path / "disk")])
    other = loop.open_workspace(tmp_path / "other")
    with pytest.raises(StoreError, match="another workspace's backups"):
        backup.now(other, [str(tmp_path / "disk")])
    other.close()


def test_two_backups_at_once_are_refused(filled: Workspace, tmp_path: Path) -> None:
    with locked(filled.root / OWN / "backup.lock"), pytest.raises(StoreError, match="runs already"):
        backup.now(filled, [str(tmp_path / "disk")])


def test_a_stopped_backup_is_none_and_the_next_one_is_whole(filled: Workspace, tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(CancelledError):
        backup.now(
            filled, [str(tmp_path / "disk")], report=lambda done, _of: seen.append(done), stop=lambda: len(seen) > 3
        )
    assert backup.listing(filled, [str(tmp_path / "disk")]) == []
    backup.now(filled, [str(tmp_path / "disk")])
    assert backup.verify(newest(filled, str(tmp_path / "disk"))[0]).ok


def test_the_order_of_backups_is_not_the_clocks(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(tmp_path / "disk")
    first = backup.now(filled, [place])
    monkeypatch.setattr("core.backup.making.time.time", lambda: 1000.0)  # the clock was set back to 1970
    second = backup.now(filled, [place])
    assert "-19700101T" in second.id
    assert newest(filled, place)[1] == second.id
    vault = newest(filled, place)[0]
    assert backup.prune(filled, vault, 1).removed == (first.id,)
    assert backup.verify(vault).ok


def test_files_that_are_moved_while_it_runs_are_found_again(filled: Workspace, tmp_path: Path) -> None:
    pending = filled.pending / "clip.bin"
    pending.write_bytes(b"a clip that is answered just now")
    moved = filled.data / "videos" / "clip.bin"

    def answer(_done: int, _of: int) -> None:
        if pending.exists():
            pending.rename(moved)

    backup.now(filled, [str(tmp_path / "disk")], report=answer)
    backup.restore(*newest(filled, str(tmp_path / "disk")), tmp_path / "back")
    assert (tmp_path / "back" / "training_data" / "videos" / "clip.bin").read_bytes() == moved.read_bytes()


def test_links_and_pipes_are_named_as_left_out(filled: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not of this workspace")
    (filled.data / "videos" / "link.mp4").symlink_to(tmp_path / "secret")
    os.mkfifo(filled.data / "videos" / "pipe.mp4")
    made = backup.now(filled, [str(tmp_path / "disk")])
    assert "training_data/videos/link.mp4 is not a file" in made.left_out
    assert "training_data/videos/pipe.mp4 is not a file" in made.left_out


def test_pruning_keeps_what_the_kept_ones_need(filled: Workspace, tmp_path: Path) -> None:
    place = str(tmp_path / "disk")
    old = filled.data / "videos" / "old.bin"
    old.write_bytes(b"1" * 2_000_000)
    backup.now(filled, [place])
    old.unlink()
    shutil.rmtree(filled.models / "ratings")
    (filled.data / "videos" / "new.bin").write_bytes(b"2" * 2_000_000)
    last = backup.now(filled, [place])
    vault = newest(filled, place)[0]
    found = backup.prune(filled, vault, 1)
    assert found.kept == (last.id,)
    assert backup.verify(vault).ok
    backup.restore(vault, last.id, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(filled.root)
    (filled.data / "videos" / "third.bin").write_bytes(b"3" * 100)
    for path in (filled.data / "frames").iterdir():
        path.unlink()
    assert backup.now(filled, [place]).new_blobs > 0


def test_a_pack_that_nobody_needs_goes(filled: Workspace, tmp_path: Path) -> None:
    place = str(tmp_path / "disk")
    backup.now(filled, [place])
    (filled.data / "videos" / "extra.bin").write_bytes(b"e" * 5000)
    backup.now(filled, [place])
    (filled.data / "videos" / "extra.bin").unlink()
    last = backup.now(filled, [place])
    vault = newest(filled, place)[0]
    assert backup.prune(filled, vault, 1).packs == 1
    assert backup.verify(vault, last.id).ok


def test_a_manifest_says_what_it_holds(filled: Workspace, tmp_path: Path) -> None:
    made = backup.now(filled, [str(tmp_path / "disk")])
    found = json.loads((tmp_path / "disk" / formats.MANIFESTS / made.id).read_bytes())
    assert found["schema_version"] == 1
    assert found["workspace"] == filled.store.events("workspace")[0]["id"]
    assert {"path", "size", "mode", "sha256", "chunks"} == found["files"][0].keys()
    assert found["journals"]["training_data/events.jsonl"] > 0
    status = backup.status(filled)
    assert status.last is not None
    assert status.last["id"] == made.id
    assert str(backup.last_backup(filled)).endswith("Z")
