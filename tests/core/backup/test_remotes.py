"""Buckets and rclone: the same promises far away. The bucket's server is real HTTP; rclone needs its program."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core import backup
from core.backup import formats, keys
from core.backup.destinations import Destination, MissingError, at
from core.backup.folder import Folder
from core.backup.s3 import Bucket
from core.errors import StoreError, WrongUseError
from core.settings import BackupSettings
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.backup.conftest import contents

needs_rclone = pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket's address; settings and credentials lie where a user has them."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "hidden-id", "AWS_SECRET_ACCESS_KEY": "hidden-secret", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    name = f"b{hashlib.sha256(str(own_home).encode()).hexdigest()[:12]}"
    config.write_text(f'[backup]\nendpoint_url = "{server}"\ndestinations = ["s3://{name}/rushes/mine"]\n')
    client(server).create_bucket(Bucket=name)
    return f"s3://{name}/rushes/mine"


@cache  # each one reads its service's description, which takes 0.2 s
def client(server: str) -> Any:
    return Bucket("s3://any", server).client


def places(tmp_path: Path, server: str) -> list[Destination]:
    (tmp_path / "far").mkdir()
    name = f"c{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    client(server).create_bucket(Bucket=name)
    found: list[Destination] = [Folder(tmp_path / "near"), Bucket(f"s3://{name}/a/b", server)]
    if shutil.which("rclone"):
        found.append(at(f"rclone::local:{tmp_path / 'far'}", BackupSettings()))
    return found


@pytest.mark.usefixtures("bucket")
def test_every_destination_keeps_objects_alike(tmp_path: Path, server: str) -> None:
    for place in places(tmp_path, server):
        assert place.names("packs") == {}
        with pytest.raises(MissingError):
            place.get("packs/x")
        place.put("packs/x", b"first")
        place.put("packs/x", b"other")
        assert place.get("packs/x") == b"first", "what is there is never changed"
        place.put("packs/cut", b"fir")
        place.put("packs/cut", b"whole")
        assert place.get("packs/cut") == b"whole", "unless it was cut off"
        place.delete("packs/cut")
        large = os.urandom(17 << 20)  # in parts, where there are parts
        place.put("packs/y", large)
        place.put("packs/y", bytes(17 << 20))
        assert place.get("packs/y") == large
        place.put("label", b"{}")
        assert place.names("packs") == {"x": 5, "y": 17 << 20}
        place.delete("packs/x")
        place.delete("packs/x")
        assert place.names("packs").keys() == {"y"}


def test_a_bucket_takes_a_backup_encrypted_and_gives_it_back(
    bucket: str, server: str, filled: Workspace, tmp_path: Path, own_home: Path, rushes: Callable[..., Ran]
) -> None:
    secret = keys.set_up()
    ran = rushes("backup", "now", "--json", "-w", filled.root)
    assert ran.code == 0, ran.err
    assert ran.json["encrypted"]
    assert rushes("backup", "now", "--json", "-w", filled.root).json["new_blobs"] == 0
    assert rushes("backup", "verify", "-w", filled.root).code == 0
    before = contents(filled.root)
    drilled = rushes("backup", "drill", "--json", "-w", filled.root).json
    assert drilled["ok"], drilled
    there = client(server).list_objects_v2(Bucket=bucket.split("/")[2])["Contents"]
    assert all(item["Key"].startswith("rushes/mine/") for item in there)
    shutil.rmtree(own_home / "config" / "rushes" / "backup")
    (tmp_path / "key.txt").write_text(secret)
    ran = rushes(
        "backup", "restore", "latest", "--from", bucket, "--into", tmp_path / "back", "--key", tmp_path / "key.txt",
        "-w", tmp_path / "no-workspace",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert contents(tmp_path / "back") == before
    logged = b"".join(path.read_bytes() for path in filled.logs.iterdir())
    assert b"hidden-secret" not in logged
    assert secret.encode() not in logged


@pytest.mark.usefixtures("bucket")
def test_what_a_bucket_lost_or_changed_is_found(bucket: str, server: str, filled: Workspace) -> None:
    keys.set_up()
    backup.now(filled)
    name = bucket.split("/")[2]
    pack = client(server).list_objects_v2(Bucket=name, Prefix=f"rushes/mine/{formats.PACKS}/")["Contents"][0]["Key"]
    body = bytearray(client(server).get_object(Bucket=name, Key=pack)["Body"].read())
    body[len(body) // 2] ^= 1
    client(server).put_object(Bucket=name, Key=pack, Body=bytes(body))
    vault, identity = backup.pick(backup.of(filled), None)
    assert "is damaged" in backup.verify(vault).problems[0]
    assert not backup.drill(filled, vault, identity).ok
    client(server).delete_object(Bucket=name, Key=pack)
    again = backup.now(filled)
    assert again.new_blobs > 0
    assert backup.verify(vault, again.id).ok


@pytest.mark.usefixtures("bucket")
def test_an_upload_that_breaks_off_leaves_no_paid_parts(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client(server).create_bucket(Bucket="breaks-off")
    place = Bucket("s3://breaks-off/x", server)
    upload_part, calls = place.client.upload_part, list[int]()

    def until_the_line_breaks(**about: Any) -> Any:
        calls.append(about["PartNumber"])
        if len(calls) == 2:
            from botocore.exceptions import EndpointConnectionError

            raise EndpointConnectionError(endpoint_url=server)
        return upload_part(**about)

    monkeypatch.setattr(place.client, "upload_part", until_the_line_breaks)
    with pytest.raises(StoreError, match="cannot be reached"):
        place.put("packs/big", bytes(17 << 20))
    assert place.names("packs") == {}
    assert "Uploads" not in client(server).list_multipart_uploads(Bucket="breaks-off")


def test_a_bucket_that_is_not_there_or_not_answering_is_one_sentence(
    bucket: str, filled: Workspace, own_home: Path, rushes: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.set_up()
    ran = rushes("backup", "now", "--to", "s3://never-made-bucket/x", "-w", filled.root)
    assert ran.code == 1
    assert "s3://never-made-bucket/x" in ran.err
    config = own_home / "config" / "rushes" / "config.toml"
    config.write_text('[backup]\nendpoint_url = "http://127.0.0.1:9"\n')
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    ran = rushes("backup", "now", "--to", bucket, "-w", filled.root)
    assert ran.code == 1
    assert "Check the network and try again" in ran.err
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(own_home))
    ran = rushes("backup", "now", "--to", bucket, "-w", filled.root)
    assert ran.code == 1
    assert "AWS_PROFILE" in ran.err


def test_a_workspace_of_somebody_else_names_no_destination(filled: Workspace, own_home: Path) -> None:
    from core import loop

    (filled.root / "rushes.toml").write_text('[backup]\ndestinations = ["s3://theirs/x"]\nencrypt = "never"\n')
    space = loop.open_workspace(filled.root)
    assert space.settings.backup == BackupSettings()
    assert "rushes config --trust" in space.loaded.notes[0]
    assert own_home.is_dir()
    space.close()


@pytest.mark.parametrize("where", ["s3://", "rclone:nothing", "rclone:--config=/x:y", "ftp://x/y", " "])
def test_places_that_make_no_sense_are_refused(where: str) -> None:
    with pytest.raises(WrongUseError):
        at(where, BackupSettings())


@needs_rclone
def test_rclone_takes_a_backup_and_gives_it_back(filled: Workspace, tmp_path: Path) -> None:
    keys.set_up()
    (tmp_path / "drive").mkdir()
    where = f"rclone::local:{tmp_path / 'drive'}"
    made = backup.now(filled, [where])
    assert made.encrypted
    vault, name = backup.pick(backup.of(filled, [where]), None)
    assert backup.verify(vault).ok
    backup.restore(vault, name, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(filled.root)


def test_rclone_that_is_not_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="rclone is not installed"):
        at("rclone:drive:backups", BackupSettings()).names("packs")


@needs_rclone
def test_what_rclone_says_is_passed_on() -> None:
    with pytest.raises(StoreError, match="rclone"):
        at("rclone:there-is-no-such-remote:x", BackupSettings()).put("packs/x", b"data")
