"""Keys that change: every backup opens whole with each key it was made for, and no proof rests on another one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core import backup, loop
from core.backup import formats, keys
from core.backup.vault import Vault
from core.errors import StoreError
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.backup.conftest import contents


@pytest.fixture
def first(own_home: Path) -> str:
    """The first recovery key; all backups are encrypted."""
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[backup]\nencrypt = "always"\n')
    return keys.set_up()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def opened(space: Workspace, place: Path, key: str | None = None) -> Vault:
    """The place as a machine sees it that has this key alone; none: as this machine does."""
    return backup.of(space, [str(place)], key, alone=True)[0]


def of_before(space: Workspace, place: Path) -> None:
    """Make the indexes such that do not say who can read them."""
    vault = opened(space, place)
    for name, index in vault.indexes().items():
        (place / formats.INDEXES / name).unlink()
        sealed = vault.keys.seal(index.model_dump_json(exclude={"readers"}).encode())
        (place / formats.INDEXES / hashlib.sha256(sealed).hexdigest()).write_bytes(sealed)


def test_a_backup_opens_with_the_recovery_key_of_its_day(
    first: str, filled: Workspace, place: Path, tmp_path: Path, own_home: Path, rushes: Callable[..., Ran]
) -> None:
    old = backup.now(filled, [str(place)])
    second = keys.set_up(again=True)
    assert backup.now(filled, [str(place)]).new_blobs == old.new_blobs, "nothing there opens with the new key"
    new = backup.now(filled, [str(place)])
    assert new.new_blobs == 0
    shutil.rmtree(own_home / "config")  # another machine
    (tmp_path / "first").write_text(first)
    (tmp_path / "second").write_text(second)
    (tmp_path / "both").write_text(f"# of March\n{first}\n# of May\n{second}\n")
    ran = rushes("backup", "verify", old.id, "--from", place, "--key", tmp_path / "first", "-w", filled.root)
    assert ran.code == 0, ran.out
    runs = [(old, "first"), (new, "second"), (old, "both"), (new, "both")]
    for number, (made, key) in enumerate(runs):
        into = tmp_path / f"back{number}"
        ran = rushes("backup", "restore", made.id, "--from", place, "--key", tmp_path / key, "--into", into)
        assert ran.code == 0, ran.err
        assert contents(into) == contents(filled.root)
    ran = rushes("backup", "restore", new.id, "--from", place, "--key", tmp_path / "first", "--into", tmp_path / "no")
    assert ran.code == 1
    assert "which may hold several" in ran.err


def test_a_drill_with_a_key_rests_on_that_key_alone(
    first: str, filled: Workspace, place: Path, tmp_path: Path, rushes: Callable[..., Ran]
) -> None:
    made = backup.now(filled, [str(place)])
    second = keys.set_up(again=True)
    for name, key in (("first", first), ("second", second)):
        (tmp_path / name).write_text(key)
    where = ("--from", place, "-w", filled.root)
    for command in ("drill", "verify"):
        assert rushes("backup", command, made.id, "--key", tmp_path / "first", *where).code == 0
        ran = rushes("backup", command, made.id, "--key", tmp_path / "second", *where)
        assert ran.code == 1
        assert "cannot be decrypted" in ran.out


def test_what_was_opened_with_another_key_is_not_taken_for_there(
    first: str, filled: Workspace, place: Path, own_home: Path
) -> None:
    backup.now(filled, [str(place)])
    shutil.rmtree(own_home / "config" / "rushes" / "backup")  # another machine, with the workspace restored
    second = keys.set_up()
    theirs = opened(filled, place, first)
    assert backup.verify(theirs).ok
    assert theirs.places()
    made = backup.now(filled, [str(place)])
    assert made.new_blobs > 8
    assert backup.verify(opened(filled, place), made.id).ok
    assert backup.drill(filled, opened(filled, place, second), made.id).ok


def test_pruning_keeps_all_while_what_stays_cannot_be_restored(first: str, filled: Workspace, place: Path) -> None:
    backup.now(filled, [str(place)])
    (filled.data / "videos" / "more.bin").write_bytes(b"more")
    last = backup.now(filled, [str(place)])
    stored = sorted(place.rglob("*"))
    second = keys.set_up(again=True)
    with pytest.raises(StoreError, match="not known to open with the recovery key that holds"):
        backup.prune(filled, opened(filled, place), 1)
    with pytest.raises(StoreError, match="cannot be decrypted"):
        backup.prune(filled, opened(filled, place, second), 1)
    assert sorted(place.rglob("*")) == stored
    renewed = backup.now(filled, [str(place)])
    (place / formats.PACKS).rename(place / "away")
    with pytest.raises(StoreError, match="parts of the backup are missing"):
        backup.prune(filled, opened(filled, place), 1)
    (place / "away").rename(place / formats.PACKS)
    assert backup.verify(opened(filled, place, first), last.id).ok
    assert backup.prune(filled, opened(filled, place), 1).kept == (renewed.id,)
    assert backup.verify(opened(filled, place, second), renewed.id).ok


def test_backups_that_do_not_say_who_reads_them_are_read_and_not_built_upon(
    first: str, filled: Workspace, place: Path, tmp_path: Path
) -> None:
    old = backup.now(filled, [str(place)])
    of_before(filled, place)
    assert backup.verify(opened(filled, place, first), old.id).ok
    backup.restore(opened(filled, place, first), old.id, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(filled.root)
    assert backup.now(filled, [str(place)]).new_blobs == old.new_blobs
    assert backup.now(filled, [str(place)]).new_blobs == 0


@pytest.mark.parametrize("kept", ["readable", "encrypted"])
def test_backups_whose_label_is_gone_are_listed_restored_and_labelled_again(
    request: pytest.FixtureRequest,
    filled: Workspace,
    place: Path,
    tmp_path: Path,
    kept: str,
    rushes: Callable[..., Ran],
) -> None:
    if kept == "encrypted":
        request.getfixturevalue("first")
    space = loop.open_workspace(filled.root)
    made, label = backup.now(space, [str(place)]), place / formats.LABEL
    for damage in (label.unlink, lambda: label.write_text("{")):
        damage()
        ran = rushes("backup", "list", "--from", place, "-w", tmp_path / "none")
        assert made.id in ran.out
        assert ("encrypted" in ran.out) == (kept == "encrypted")
        into = tmp_path / f"back{label.exists()}"
        assert rushes("backup", "restore", "latest", "--from", place, "--into", into).code == 0
        assert contents(into) == contents(filled.root)
        ran = rushes("backup", "verify", "--from", place, "-w", filled.root)
        assert ran.code == 1
        assert formats.LABEL in ran.out
    label.unlink()
    assert backup.now(space, [str(place)]).new_blobs == 0
    assert backup.verify(opened(space, place)).ok
    space.close()
