"""Brings a backup's files into a new folder: each pack is fetched once, each chunk and each file hashed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from core.backup.formats import PACKS, File, Manifest, Place
from core.backup.vault import Vault
from core.errors import CancelledError, StoreError
from core.files import inside, private_dir, remove_tree, sha256_file

Report = Callable[[int, int], None]  # chunks done, of how many
Stop = Callable[[], bool]


def unpack(
    vault: Vault, manifest: Manifest, folder: Path, *, report: Report = lambda _done, _of: None,
    stop: Stop = lambda: False,
) -> None:  # fmt: skip
    """Write all files of a backup into an empty folder of ours. Nothing is written outside of it.

    Raises:
        StoreError: parts are missing or damaged, or the disk has no room.
        CancelledError: `stop` said so.
    """
    if shutil.disk_usage(folder).free < manifest.size:
        raise StoreError(f"has no room for {manifest.size} bytes", where=folder.parent)
    wanted: dict[str, list[tuple[File, int]]] = {}
    for name in sorted({str(parent) for file in manifest.files for parent in PurePosixPath(file.path).parents}):
        private_dir(inside(folder, name))  # one by one: parents that are made along would be open to others
    for file in manifest.files:
        path = inside(folder, file.path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        for number, chunk in enumerate(file.parts()):
            wanted.setdefault(chunk, []).append((file, number * manifest.chunk))
    for done, (chunk, data) in enumerate(fetched(vault, wanted, vault.places()), 1):
        if stop():
            raise CancelledError("was stopped")
        for file, offset in wanted[chunk]:
            if len(data) != min(manifest.chunk, file.size - offset):
                raise StoreError("has a part of another length than its size asks for", where=file.path)
            _write(folder / file.path, data, offset)
        report(done, len(wanted))
    for file in manifest.files:
        os.chmod(folder / file.path, file.mode & 0o700 | 0o600)


def fetched(
    vault: Vault, wanted: Mapping[str, object], places: Mapping[str, list[Place]]
) -> Iterator[tuple[str, bytes]]:
    """Each chunk with its bytes, which have its hash; from another pack where one is damaged.

    Raises:
        StoreError: a chunk is nowhere, or damaged everywhere.
    """
    left, bad = dict.fromkeys(wanted), dict[str, str]()
    other = " or for another key" if vault.label.encrypted else ""
    do = "Give all recovery keys there are in one file: --key FILE. " if other else ""
    while left:
        packs: dict[str, list[tuple[str, Place]]] = {}
        for chunk in left:
            good = [place for place in places.get(chunk, []) if place.pack not in bad]
            if not good:
                missing = sum(not places.get(one) for one in left)
                why = next(iter(bad.values()), f"{vault.where}: {missing} parts of the backup are missing{other}")
                raise StoreError(why, do=f"{do}Try another destination or an earlier backup.")
            packs.setdefault(good[0].pack, []).append((chunk, good[0]))
        for pack, chunks in packs.items():
            try:
                data = vault.stored(PACKS, pack)
            except StoreError as error:
                bad[pack] = error.sentence()
                continue
            for chunk, place in chunks:
                part = data[place.offset : place.offset + place.length]
                if hashlib.sha256(part).hexdigest() == chunk:
                    del left[chunk]
                    yield chunk, part
                else:
                    bad[pack] = f"{vault.where}: {PACKS}/{pack}: holds other bytes than its index says"


def wrong(folder: Path, manifest: Manifest) -> list[str]:
    """Files whose bytes on the disk do not have the manifest's hash."""
    return [file.path for file in manifest.files if sha256_file(inside(folder, file.path)) != file.sha256]


@contextmanager
def scratch(parent: Path, start: str) -> Generator[Path]:
    """A new folder in `parent`, removed at the end unless it was renamed; what killed ones left is removed first."""
    private_dir(parent)
    for old in [path for path in parent.iterdir() if path.name.startswith(start) and path.is_dir()]:
        with _held(old) as free:
            if free:
                remove_tree(old)
    folder = parent / f"{start}{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    with _held(folder):
        try:
            yield folder
        finally:
            remove_tree(folder)


@contextmanager
def _held(folder: Path) -> Generator[bool]:
    """Whether we hold the folder now: its lock says that somebody works in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _write(path: Path, data: bytes, offset: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(handle, rest, offset)
            rest, offset = rest[written:], offset + written
    except OSError as error:
        raise StoreError(f"cannot be written ({error.strerror})", where=path) from None
    finally:
        os.close(handle)
