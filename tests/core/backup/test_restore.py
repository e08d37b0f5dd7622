"""A restore never writes over what lives, never outside its folder, and leaves nothing half-done."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import backup, loop
from core.backup import finding, formats, keys
from core.backup.destinations import OWN
from core.backup.folder import Folder
from core.backup.formats import File, Manifest
from core.backup.vault import Vault
from core.errors import CancelledError, StoreError, WrongUseError
from core.files import locked
from core.settings import BackupSettings
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.backup.conftest import contents

CONTENT = b"pwned"
HASH = hashlib.sha256(CONTENT).hexdigest()


def made_by_hand(place: Path, *paths: str, size: int = len(CONTENT), validate: bool = True) -> tuple[Vault, str]:
    """A backup that somebody else put there."""
    vault = Vault.make(Folder(place), "somebody", keys.load(), place / "cache", encrypted=False)
    vault.add_pack(CONTENT, [(HASH, 0, len(CONTENT))])
    name = "000001-20260101T000000Z-00000000"
    files = tuple(File(path=path, size=size, mode=0o6777, sha256=HASH) for path in paths)
    values: dict[str, Any] = {
        "id": name, "sequence": 1, "created_at": 0.0, "workspace": "somebody", "files": files, "journals": {},
        "pointers": {}, "rows": None, "left_out": (),
    }  # fmt: skip
    whole = (
        Manifest(**values) if validate else Manifest.model_construct(schema_version=1, chunk=1 << 20, hash="", **values)
    )
    vault.add_manifest(whole.sealed())
    return vault, name


@pytest.mark.parametrize(
    "paths",
    [("../out",), ("/tmp/out",), ("a/../../out",), ("a//b",), ("./a",), ("a", "a/b"), ("a", "a"), ("a\0b",), ("..",)],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, paths: tuple[str, ...], rushes: Callable[..., Ran]) -> None:
    (tmp_path / "disk").mkdir()
    made_by_hand(tmp_path / "disk", *paths, validate=False)
    before = sorted(tmp_path.rglob("*"))
    ran = rushes("backup", "restore", "latest", "--into", tmp_path / "back", "--from", tmp_path / "disk")
    assert ran.code == 1
    assert "is not part of a backup that can be read" in ran.err
    assert sorted(tmp_path.rglob("*")) == before


def test_nobody_else_may_run_or_read_what_comes_back(tmp_path: Path) -> None:
    backup.restore(*made_by_hand(tmp_path / "disk", "rushes.toml"), tmp_path / "back")
    assert (tmp_path / "back" / "rushes.toml").stat().st_mode & 0o7777 == 0o700
    assert (tmp_path / "back").stat().st_mode & 0o7777 == 0o700


def test_a_manifest_that_asks_for_more_than_the_disk_has_is_refused(tmp_path: Path) -> None:
    paths = [f"f{number}" for number in range(3)]
    vault, name = made_by_hand(tmp_path / "disk", *paths, size=1 << 60, validate=False)
    with pytest.raises(StoreError, match="other chunks than its size"):
        vault.manifest(name)
    with pytest.raises(StoreError, match="another length"):
        backup.restore(*made_by_hand(tmp_path / "two", "a", size=1000), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    vault, name = made_by_hand(tmp_path / "disk", "a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "back").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WrongUseError, match="not a folder"):
        backup.restore(vault, name, tmp_path / "back")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_living_workspace_is_only_replaced_when_told_to_and_stays_beside(filled: Workspace) -> None:
    backup.now(filled)
    vault, name = backup.pick(backup.of(filled), None)
    as_it_was = contents(filled.root)
    (filled.root / "rushes.toml").write_text("[train]\nevery = 90\n")
    changed = contents(filled.root)
    with pytest.raises(WrongUseError, match="a living workspace"):
        backup.restore(vault, name, filled.root)
    assert contents(filled.root) == changed
    filled.close()
    with locked(filled.jobs / "worker.lock"), pytest.raises(WrongUseError, match="still runs"):
        backup.restore(vault, name, filled.root, replace=True)
    found = backup.restore(vault, name, filled.root, replace=True)
    assert contents(filled.root) == as_it_was
    assert found.safety_copy is not None
    assert contents(Path(found.safety_copy)) == changed
    assert (filled.root / OWN / formats.LABEL).exists(), "the backups made so far are still at hand"
    again = loop.open_workspace(filled.root)
    assert backup.now(again).files == found.files
    again.close()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    vault, name = made_by_hand(tmp_path / "disk", "a")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(WrongUseError, match="not empty and not a workspace"):
        backup.restore(vault, name, tmp_path / "home", replace=True)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.txt"]


def test_a_stopped_restore_leaves_nothing_and_a_killed_ones_rest_is_swept(filled: Workspace, tmp_path: Path) -> None:
    backup.now(filled, [str(tmp_path / "disk")])
    vault, name = backup.pick(backup.of(filled, [str(tmp_path / "disk")]), None)
    (tmp_path / ".back.restoring-dead").mkdir()
    with pytest.raises(CancelledError):
        backup.restore(vault, name, tmp_path / "back", stop=lambda: True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".back", "back"))]


def test_what_settles_a_restore_runs_before_it_is_in_place(filled: Workspace, tmp_path: Path) -> None:
    backup.now(filled, [str(tmp_path / "disk")])
    vault, name = backup.pick(backup.of(filled, [str(tmp_path / "disk")]), None)

    def forget(folder: Path) -> None:
        assert not (tmp_path / "back").exists()
        (folder / "training_data" / "events.jsonl").unlink()

    backup.restore(vault, name, tmp_path / "back", settle=forget)
    assert not (tmp_path / "back" / "training_data" / "events.jsonl").exists()


def test_a_place_without_backups_says_so(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with pytest.raises(StoreError, match="holds no backups"):
        finding.vaults(BackupSettings(), [str(tmp_path / "disk")])
    assert os.listdir(tmp_path / "disk") == []


def test_the_parts_that_are_missing_are_counted_and_not_those_that_are_there(filled: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    first = backup.now(filled, [str(place)], unencrypted=True)
    packs = set((place / "packs").iterdir())
    (filled.data / "more.jsonl").write_text('{"a": 1}\n')
    second = backup.now(filled, [str(place)], unencrypted=True)
    (vault,) = backup.of(filled, [str(place)])
    new = {chunk for file in vault.manifest(second.id).files for chunk in file.parts()}
    new -= {chunk for file in vault.manifest(first.id).files for chunk in file.parts()}
    for path in set((place / "packs").iterdir()) - packs:
        path.unlink()
    (vault,) = backup.of(filled, [str(place)])
    with pytest.raises(StoreError, match=f": {len(new)} parts of the backup are missing"):
        backup.restore(vault, second.id, tmp_path / "back")


def test_a_place_whose_first_backup_never_ended_is_not_called_good(tmp_path: Path) -> None:
    vault = Vault.make(Folder(tmp_path / "disk"), "somebody", keys.load(), tmp_path / "cache", encrypted=False)
    found = backup.verify(vault)
    assert (found.ok, found.problems) == (False, (f"{vault.where}: holds no backups",))


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", [formats.LABEL, "manifests/000002-20260101T000000Z-00000000", "indexes/" + "0" * 64])
def test_a_pipe_or_device_among_the_backups_is_not_waited_for(
    filled: Workspace, tmp_path: Path, kind: str, name: str, rushes: Callable[..., Ran]
) -> None:
    place = tmp_path / "disk"
    made = backup.now(filled, [str(place)])
    (place / name).unlink(missing_ok=True)
    os.mkfifo(place / name) if kind == "pipe" else (place / name).symlink_to("/dev/zero")
    assert made.id in rushes("backup", "list", "--from", place, "-w", filled.root).out
    ran = rushes("backup", "restore", "latest", "--from", place, "--into", tmp_path / "back", "-w", filled.root)
    assert ran.code == 0, ran.err
    assert rushes("backup", "now", "--to", place, "-w", filled.root).code == (1 if name == formats.LABEL else 0)


def test_an_empty_id_is_wrong_use_and_a_living_workspace_takes_no_other_in(
    filled: Workspace, tmp_path: Path, rushes: Callable[..., Ran]
) -> None:
    backup.now(filled)
    where = ("-w", filled.root)
    assert rushes("backup", "restore", "", "--into", tmp_path / "back", *where).code == 2
    assert rushes("backup", "drill", "", *where).code == 2
    assert rushes("backup", "verify", "", *where).code == 2
    for inside in (filled.data / "zz", filled.root / OWN / "zz", filled.root / "a" / "b"):
        ran = rushes("backup", "restore", "latest", "--into", inside, "--replace", *where)
        assert ran.code == 2
        assert "lies in the living workspace" in ran.err
        assert not inside.exists()
    assert not (tmp_path / "back").exists()
