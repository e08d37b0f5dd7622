"""Unpacks a data set's archive, which anybody may have made: only plain files at known places, only so many bytes.

What a header claims is never believed: bytes are counted as they come, also of what is compressed.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import CancelledError, StoreError
from core.exporting.archive import FORMAT, MANIFEST, SCHEMA_VERSION
from core.exporting.items import Report, Stop
from core.files import BLOCK, private_dir
from core.settings import LimitsSettings

# Everything else in an archive is passed by.
KNOWN = re.compile(
    r"manifest\.json|index\.jsonl|training_data/[a-z_]+\.jsonl|training_data/(videos|frames)/[^/]+"
    r"|models/training_meta\.json|models/[a-z0-9_]+/[^/]+|manifests/[a-z0-9_]+/[^/]+"
)
LONGEST_HEADER = 1 << 20  # bytes; names and comments of a member
MOST_MANIFEST = 256 << 20  # bytes; a million files
WHAT = "is not a data set that can be read"


class Listed(BaseModel):
    """A file as the manifest names it; the hash is of the member as it lies in the archive."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sha256: str
    bytes: int


class Manifest(BaseModel):
    """What the archive says of itself; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: str
    schema_version: int
    program: str = ""
    anonymised: bool = False
    light: bool = False
    labels: dict[str, list[str]] = {}
    scale: tuple[float, float] = (0.0, 1.0)
    files: dict[str, Listed]


@dataclass(slots=True)
class Unpacked:
    """An archive's files in a folder.

    Attributes:
        damaged: files that are not what the manifest says; they must not be used.
    """

    folder: Path
    manifest: Manifest
    damaged: set[str] = field(default_factory=set[str])

    def path(self, name: str) -> Path | None:
        """A file that is there and is what the manifest says."""
        path = self.folder / name
        return path if path.is_file() and self.sound(name) else None

    def sound(self, name: str) -> bool:
        return name not in self.damaged and f"{name}.gz" not in self.damaged


def unpack(archive: Path, folder: Path, limits: LimitsSettings, *, report: Report, stop: Stop) -> Unpacked:
    """Unpack into an empty folder of ours.

    Raises:
        StoreError: it is no data set, holds what could leave the folder, or more than `limits` allow.
        CancelledError: `stop` said so.
    """
    hashes: dict[str, str] = {}
    budget = Budget(limits, archive)
    try:
        with archive.open("rb") as file:
            whole = max(1, os.fstat(file.fileno()).st_size)
            guarded = _Guarded(file)
            # Only `read`, `tell` and `seek` are needed of the many methods that the stub asks for.
            with tarfile.open(fileobj=guarded, mode="r:") as tar:  # pyright: ignore[reportArgumentType, reportCallIssue]
                for member, content in _members(tar, archive, budget):
                    if stop():
                        raise CancelledError("stopped")
                    if KNOWN.fullmatch(member.name.removesuffix(".gz")):
                        hashes[member.name] = _keep(member.name, content, folder, budget)
                    report(file.tell() / whole)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError, RecursionError) as error:
        raise StoreError(f"{WHAT} ({_reason(error)})", where=archive) from None
    except OSError as error:
        raise StoreError(f"cannot be unpacked ({error.strerror or error})", where=archive) from None
    manifest = read_manifest(folder / MANIFEST, archive)
    damaged = {name for name, listed in manifest.files.items() if hashes.get(name) != listed.sha256}
    return Unpacked(folder, manifest, damaged | (hashes.keys() - manifest.files.keys() - {MANIFEST}))


def read_manifest(path: Path, archive: Path) -> Manifest:
    """The manifest of an unpacked archive.

    Raises:
        StoreError: there is none, it is damaged, or of a later version of this program.
    """
    try:
        if path.stat().st_size > MOST_MANIFEST:
            raise StoreError(f"{WHAT} (its manifest is too large)", where=archive)
        return parse_manifest(path.read_bytes(), archive)
    except FileNotFoundError:
        raise StoreError("is no data set of ours, or is cut short: it has no manifest", where=archive) from None


def parse_manifest(data: bytes, archive: Path) -> Manifest:
    """The manifest in these bytes.

    Raises:
        StoreError: it is damaged, or of a later version of this program.
    """
    try:
        found = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:2])
        raise StoreError(f"{WHAT} (its manifest: {name} {first['msg'].lower()})", where=archive) from None
    if found.format != FORMAT:
        raise StoreError(f"is a {found.format[:40]!r}, not a data set", where=archive)
    if found.schema_version > SCHEMA_VERSION:
        raise StoreError("was made by a newer version of Rushes", where=archive, do="Update Rushes.")
    return found


class Budget:
    """How much may still come out of an archive."""

    def __init__(self, limits: LimitsSettings, archive: Path) -> None:
        self._bytes, self._files = int(limits.archive_gb * 1e9), limits.archive_files
        self._limits, self._archive = limits, archive

    def spend(self, count: int) -> None:
        """Count bytes.

        Raises:
            StoreError: they are too many.
        """
        self._bytes -= count
        if self._bytes < 0:
            what = f"holds more than {self._limits.archive_gb:g} GB"
            raise StoreError(what, where=self._archive, do="If that is meant: rushes config limits.archive_gb")

    def file(self) -> None:
        """Count a member.

        Raises:
            StoreError: they are too many.
        """
        self._files -= 1
        if self._files < 0:
            what = f"holds more than {self._limits.archive_files} files"
            raise StoreError(what, where=self._archive, do="If that is meant: rushes config limits.archive_files")


class _Guarded:
    """The archive as tarfile reads it; a header that claims to be huge or negative is not read into memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= LONGEST_HEADER:
            raise tarfile.ReadError("a header is too long")
        return self._file.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _members(tar: tarfile.TarFile, archive: Path, budget: Budget) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]]:
    """The plain files of an archive.

    Raises:
        StoreError: one is no plain file, or lies outside.
    """
    seen: set[str] = set()
    while (member := tar.next()) is not None:
        tar.members = []  # pyright: ignore[reportAttributeAccessIssue]  # a million of them would pile up
        budget.file()
        name = member.name
        if wrong := _wrong(member) or ("is there twice" if name in seen else None):
            raise StoreError(f"{WHAT}: {ascii(name)[:120]} {wrong}", where=archive, do="Nothing was taken from it.")
        seen.add(name)
        if member.isdir():
            continue
        content = tar.extractfile(member)
        assert content is not None
        yield member, _blocks(content, member)


def _wrong(member: tarfile.TarInfo) -> str | None:
    parts = PurePosixPath(member.name).parts
    if member.size < 0:
        return "has no size"
    if not (member.isfile() or member.isdir()) or member.issparse():
        return "is no plain file"
    if not parts or member.name.startswith("/") or ".." in parts or "\\" in member.name:
        return "would leave the folder"
    if not member.name.isprintable() or any(len(part.encode("utf-8", "surrogateescape")) > 250 for part in parts):
        return "has a name that cannot be used"
    return None


def _blocks(content: IO[bytes], member: tarfile.TarInfo) -> Iterator[bytes]:
    left = member.size
    while left > 0:
        block = content.read(min(BLOCK, left))
        if not block:
            raise EOFError("it is cut short")
        left -= len(block)
        yield block


def _keep(name: str, content: Iterator[bytes], folder: Path, budget: Budget) -> str:
    """Write one file, unpacked; returns the hash of what lay in the archive."""
    path = folder / name.removesuffix(".gz")
    for parent in reversed(path.relative_to(folder).parents):
        private_dir(folder / parent)
    digest = hashlib.sha256()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as out:
        unzip: Any = zlib.decompressobj(wbits=31) if name.endswith(".gz") else None
        for block in content:
            digest.update(block)
            for part in _inflated(unzip, block) if unzip else (block,):
                budget.spend(len(part))
                out.write(part)
        if unzip and not unzip.eof:
            raise EOFError(f"{name} is cut short")
    return digest.hexdigest()


def _inflated(unzip: Any, block: bytes) -> Iterator[bytes]:
    """A bounded piece at a time: a kilobyte may stand for a megabyte."""
    rest = block
    while rest:
        yield unzip.decompress(rest, BLOCK)
        if unzip.eof:
            if unzip.unused_data:
                raise ValueError("something follows a compressed file")
            return
        rest = unzip.unconsumed_tail


def _reason(error: Exception) -> str:
    said = str(error)
    return said if said and said.isprintable() and len(said) < 80 else type(error).__name__
