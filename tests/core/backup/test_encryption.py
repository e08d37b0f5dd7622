"""What leaves the machine is readable by this machine and by whoever holds the recovery key, by nobody else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core import backup
from core.backup import formats, keys
from core.errors import StoreError, WrongUseError
from core.settings import BackupSettings
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.backup.conftest import contents


@pytest.fixture
def always(own_home: Path) -> None:
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[backup]\nencrypt = "always"\n')


@pytest.fixture
def secret(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue("always")
    return keys.set_up()


@pytest.mark.usefixtures("secret")
def test_nothing_readable_lies_at_the_place(filled: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    made = backup.now(filled, [str(place)])
    assert made.encrypted
    vault, name = backup.pick(backup.of(filled, [str(place)]), None)
    hashes = {chunk for file in vault.manifest(name).files for chunk in file.parts()}
    stored = b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    names = {path.name for path in place.rglob("*")}
    assert not names & hashes
    for words in (b"events.jsonl", b"annotations", b'workspace": {', *(value.encode() for value in hashes)):
        assert words not in stored
    objects = [path for path in place.rglob("*") if path.is_file() and path.name != formats.LABEL]
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1") for path in objects)
    assert backup.now(filled, [str(place)]).new_blobs == 0


def test_another_machine_restores_with_the_recovery_key(
    secret: str, filled: Workspace, tmp_path: Path, own_home: Path, rushes: Callable[..., Ran]
) -> None:
    place = tmp_path / "disk"
    backup.now(filled, [str(place)])
    shutil.rmtree(own_home / "config")  # the other machine has neither key nor settings
    shutil.rmtree(filled.cache)
    ran = rushes("backup", "restore", "latest", "--from", place, "--into", tmp_path / "back")
    assert ran.code == 1
    assert "give the recovery key: --key FILE" in ran.err
    (tmp_path / "key.txt").write_text(f"# written down in March\n{secret.lower()}\n")
    ran = rushes(
        "backup", "restore", "latest", "--from", place, "--into", tmp_path / "back", "--key", tmp_path / "key.txt"
    )
    assert ran.code == 0, ran.err
    assert contents(tmp_path / "back") == contents(filled.root)
    assert secret not in ran.out + ran.err


@pytest.mark.usefixtures("secret")
def test_this_machine_drills_without_the_recovery_key(filled: Workspace, tmp_path: Path) -> None:
    backup.now(filled, [str(tmp_path / "disk")])
    vault, name = backup.pick(backup.of(filled, [str(tmp_path / "disk")]), None)
    assert backup.drill(filled, vault, name).ok
    assert backup.verify(vault).ok


def test_the_recovery_key_is_shown_once_and_kept_nowhere(own_home: Path, rushes: Callable[..., Ran]) -> None:
    shown = rushes("backup", "key", "--json").json["recovery_key"]
    assert shown.startswith("AGE-SECRET-KEY-1")
    again = rushes("backup", "key")
    assert again.code == 2
    assert "AGE-SECRET" not in again.out + again.err
    kept = [path for path in own_home.rglob("*") if path.is_file()]
    assert kept
    assert all(path.stat().st_mode & 0o077 == 0 and shown.encode() not in path.read_bytes() for path in kept)
    new = rushes("backup", "key", "--new", "--json").json["recovery_key"]
    assert new != shown


@pytest.mark.usefixtures("secret")
def test_a_wrong_key_opens_nothing(
    filled: Workspace, tmp_path: Path, own_home: Path, rushes: Callable[..., Ran]
) -> None:
    backup.now(filled, [str(tmp_path / "disk")])
    shutil.rmtree(own_home / "config")
    other = keys.set_up()
    shutil.rmtree(own_home / "config")
    (tmp_path / "key.txt").write_text(other)
    ran = rushes(
        "backup", "restore", "latest", "--from", tmp_path / "disk", "--into", tmp_path / "x", "--key",
        tmp_path / "key.txt",
    )  # fmt: skip
    assert ran.code == 1
    assert "cannot be decrypted" in ran.err
    (tmp_path / "key.txt").write_text("not a key")
    ran = rushes("backup", "list", "--from", tmp_path / "disk")
    assert ran.code == 0, "names and times need no key"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00 no text", b"AGE-SECRET-KEY-1QQQ", None])
def test_a_file_that_holds_no_key_is_said_in_a_sentence(
    filled: Workspace, tmp_path: Path, rushes: Callable[..., Ran], content: bytes | None
) -> None:
    backup.now(filled, [str(tmp_path / "disk")], unencrypted=True)
    key = tmp_path / "key.txt"
    if content is not None:
        key.write_bytes(content)
    ran = rushes("backup", "restore", "latest", "--from", tmp_path / "disk", "--into", tmp_path / "x", "--key", key)
    assert ran.code == 2
    assert "unexpected" not in ran.err
    assert not (tmp_path / "x").exists()


@pytest.mark.usefixtures("always")
def test_encryption_that_is_not_set_up_is_asked_for(filled: Workspace, tmp_path: Path) -> None:
    with pytest.raises(WrongUseError, match="rushes backup key"):
        backup.now(filled, [str(tmp_path / "disk")])
    assert not (tmp_path / "disk").exists()


@pytest.mark.usefixtures("secret")
def test_a_place_is_encrypted_or_not_and_never_both(filled: Workspace, tmp_path: Path) -> None:
    backup.now(filled, [str(tmp_path / "disk")], unencrypted=True)
    with pytest.raises(StoreError, match="holds unencrypted backups"):
        backup.now(filled, [str(tmp_path / "disk")])


def test_faces_are_not_sent_readable_unasked(filled: Workspace) -> None:
    from core.backup.destinations import at
    from core.backup.making import encrypts

    far = at("s3://bucket/prefix", BackupSettings())
    with pytest.raises(WrongUseError, match="not set up"):
        encrypts(filled, far, unencrypted=False)
    never = filled.loaded.model_copy(
        update={"settings": filled.settings.model_copy(update={"backup": BackupSettings(encrypt="never")})}
    )
    quiet = Workspace(filled.root, never, filled.codecs)
    with pytest.raises(WrongUseError, match="--unencrypted"):
        encrypts(quiet, far, unencrypted=False)
    assert not encrypts(quiet, far, unencrypted=True)
