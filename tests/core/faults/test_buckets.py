"""A bucket's server that fails, stalls and lies: nothing is believed that is not there; the next backup is whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import backup, loop
from core.backup import keys, s3
from core.errors import RushesError, StoreError
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.faults.proxy import Fault, Proxy

TIMEOUT_S = 1.0
NAMES = "/rushes/"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def proxy(server: str) -> Iterator[Proxy]:
    import threading

    found = Proxy(server)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    found.over.set()
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture
def far(proxy: Proxy, base: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace that is backed up into a bucket behind the proxy, one backup being there already."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(s3, "ATTEMPTS", 2)
    bucket = f"b{abs(hash(str(base))):x}"
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[backup]\nendpoint_url = "{proxy.url}"\ndestinations = ["s3://{bucket}/rushes"]\ntimeout_s = {TIMEOUT_S}\n'
    )
    keys.set_up()
    s3.Bucket("s3://any", proxy.url).client.create_bucket(Bucket=bucket)
    space = loop.open_workspace(base / "ws")
    backup.now(space)
    (space.data / "videos" / "more.bin").write_bytes(bytes(range(256)) * 1000)
    space.store.note("tick", {"number": 1})
    yield space
    space.close()


def is_whole(space: Workspace, identity: str) -> bool:
    vault, name = backup.pick(backup.of(space), identity)
    return backup.verify(vault, name).ok


FOR_A_WHILE = [
    Fault("503", times=1), Fault("reset", "GET", NAMES, times=1), Fault("stall", "PUT", "/packs/", times=1),
]  # fmt: skip


@pytest.mark.parametrize("fault", FOR_A_WHILE, ids=lambda fault: f"{fault.kind} {fault.method}".strip())
def test_trouble_for_a_moment_is_got_over(proxy: Proxy, far: Workspace, fault: Fault) -> None:
    fault.met = 0
    with proxy.failing(fault):
        made = backup.now(far)
    assert not made.failed
    assert is_whole(far, made.id)


def test_a_line_that_breaks_while_restoring_is_got_over(proxy: Proxy, far: Workspace, tmp_path: Path) -> None:
    made = backup.now(far)
    vault, name = backup.pick(backup.of(far), made.id)
    with proxy.failing(Fault("reset", "GET", "/packs/", times=2)) as fault:
        backup.restore(vault, name, tmp_path / "back")
    assert fault.met == 2
    assert (tmp_path / "back" / "training_data" / "videos" / "more.bin").stat().st_size == 256_000


LASTING = [
    Fault("500", "PUT", "/packs/"), Fault("403", "PUT", "/manifests/"), Fault("swallowed", "PUT", "/packs/"),
    Fault("lied", "PUT", "/packs/"), Fault("stall", "PUT", "/indexes/"),
]  # fmt: skip


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: f"{fault.kind} {fault.place}".strip())
def test_what_was_not_stored_is_not_believed_and_the_next_backup_is_whole(
    proxy: Proxy, far: Workspace, fault: Fault
) -> None:
    before, begin = [row.id for row in backup.listing(far)], time.monotonic()
    fault.met = 0
    with proxy.failing(fault), pytest.raises(RushesError) as caught:
        backup.now(far)
    assert fault.met
    assert time.monotonic() - begin < 20, "it is given up in time"
    assert "s3://" in caught.value.sentence()
    assert [row.id for row in backup.listing(far)] == before
    assert is_whole(far, backup.now(far).id)


def test_bytes_that_are_altered_on_their_way_back_are_noticed(proxy: Proxy, far: Workspace, tmp_path: Path) -> None:
    made = backup.now(far)
    vault, name = backup.pick(backup.of(far), made.id)
    for place in ("/packs/", "/manifests/"):
        with proxy.failing(Fault("altered", "GET", place)):
            assert not backup.verify(vault).ok, place
            assert place != "/packs/" or not backup.drill(far, vault, name).ok
            with pytest.raises(StoreError):
                backup.restore(vault, name, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert backup.verify(vault).ok
    backup.restore(vault, name, tmp_path / "back")


def test_bytes_that_were_altered_on_their_way_there_are_found_and_stored_anew(proxy: Proxy, far: Workspace) -> None:
    """The server took other bytes without a word: length and name fit, only reading them tells."""
    with proxy.failing(Fault("altered upload", "PUT", "/packs/")):
        try:
            made = backup.now(far)
        except StoreError:
            made = None  # it noticed by the checksum: better still
    if made:
        vault, name = backup.pick(backup.of(far), made.id)
        assert not backup.verify(vault, name).ok
        assert backup.verify(vault, set_aside=True).set_aside
    again = backup.now(far)
    assert again.new_blobs > 0
    assert is_whole(far, again.id)


def test_a_bucket_that_is_gone_or_forbidden_is_a_sentence_for_people(
    proxy: Proxy, far: Workspace, rushes: Callable[..., Ran]
) -> None:
    ran = rushes("backup", "now", "--to", "s3://never-made/x", "-w", far.root)
    assert ran.code == 1
    assert "s3://never-made/x" in ran.err
    with proxy.failing(Fault("403")):
        for command in ("now", "list"):
            ran = rushes("backup", command, "-w", far.root)
            assert ran.code == 1, command
            assert "AccessDenied" in ran.err
            assert "Check bucket and rights" in ran.err
