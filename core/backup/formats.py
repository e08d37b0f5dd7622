"""What lies at a destination: its label, packs of chunks, an index for each pack, a manifest for each backup.

    rushes-backup.json     whose backups these are, and whether they are encrypted
    packs/<sha256>         chunks one after the other; the name is the hash of the stored bytes
    indexes/<sha256>       which chunk lies where in one pack
    manifests/<id>         one backup: its files with their chunks
Everything but the label is encrypted where the label says so; a chunk's own hash is then seen nowhere outside.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import StoreError

LABEL, PACKS, INDEXES, MANIFESTS = "rushes-backup.json", "packs", "indexes", "manifests"
CHUNK = 1 << 20  # bytes; an append to a journal costs at most one chunk anew
PACK = 32 << 20  # bytes from which a pack is closed: 10,000 small clips take about ten fsyncs
EMPTY = hashlib.sha256(b"").hexdigest()
IDENTITY = re.compile(r"\d{6,}-\d{8}T\d{6}Z-[0-9a-f]{8}")

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(_Part):
    """What a destination is."""

    schema_version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    workspace: str
    encrypted: bool


class Index(_Part):
    """Which chunk lies where in a pack: hash, offset and length in its plain bytes.

    Attributes:
        size: bytes of the pack as it is stored.
        readers: public keys that this and the pack were encrypted to; empty where that is not known.
    """

    schema_version: Literal[1] = 1
    pack: Hash
    size: Size
    chunks: tuple[tuple[Hash, Size, Size], ...]
    readers: tuple[str, ...] = ()


class File(_Part):
    """One file. `chunks` is empty for a file of at most one chunk, whose hash is the file's."""

    path: Annotated[str, Field(min_length=1, max_length=4096)]
    size: Size
    mode: Size
    sha256: Hash
    chunks: tuple[Hash, ...] = ()

    def parts(self) -> tuple[str, ...]:
        """Hashes of its chunks in order; none for an empty file."""
        return self.chunks or ((self.sha256,) if self.size else ())


class LeftOut(_Part):
    """What is not in a backup, and why."""

    path: str
    why: str


class Manifest(_Part):
    """One backup.

    Attributes:
        sequence: counts the backups of a destination; their order is this, never the clock.
        created_at: UTC seconds since 1970.
        chunk: bytes of each chunk of a file but its last.
        journals: the length of each journal at the backup's moment, bytes.
        pointers: which version answered, per task.
        rows: how many rows the journals gave, by table; None where the catalog was behind them.
        hash: of all the rest.
    """

    schema_version: Literal[1] = 1
    id: str
    sequence: Size
    created_at: float
    workspace: str
    chunk: Annotated[int, Field(ge=4096, le=64 << 20)] = CHUNK
    files: tuple[File, ...]
    journals: dict[str, int]
    pointers: dict[str, Any]
    rows: dict[str, int] | None
    left_out: tuple[LeftOut, ...]
    hash: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names: set[str] = set()
        for file in self.files:
            parts = file.path.split("/")
            # An empty part covers absolute paths too.
            if any(part in ("", ".", "..") for part in parts) or "\0" in file.path or file.path in names:
                raise ValueError(f"the path {file.path[:200]!r} is not one of a workspace")
            if len(file.parts()) != -(-file.size // self.chunk):
                raise ValueError(f"{file.path[:200]!r} has other chunks than its size asks for")
            names.add(file.path)
        for folder in {file.path[:at] for file in self.files for at in _slashes(file.path)}:
            if folder in names:
                raise ValueError(f"{folder[:200]!r} is both a file and a folder")
        return self

    def sealed(self) -> Self:
        """With its hash."""
        return self.model_copy(update={"hash": self.digest()})

    def digest(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"hash"}).encode()).hexdigest()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Place(NamedTuple):
    """Where a chunk lies in a pack's plain bytes."""

    pack: str
    offset: int
    length: int


def _slashes(path: str) -> Iterator[int]:
    return (at for at, sign in enumerate(path) if sign == "/")


Known = TypeVar("Known", bound=BaseModel)


def decode(kind: type[Known], data: bytes, where: str) -> Known:
    """Read an object.

    Raises:
        StoreError: it is not one of ours, was changed, or comes from a later version of this program.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:3])
        message = f"is not part of a backup that can be read ({name}: {first['msg'].lower()})"
        raise StoreError(message, where=where) from None


def decode_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest and hold it against its hash.

    Raises:
        StoreError: as `decode`.
    """
    found = decode(Manifest, data, where)
    if found.hash != found.digest():
        raise StoreError("is damaged: it does not have the hash it names", where=where)
    return found
