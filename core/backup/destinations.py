"""Where backups go: a store of objects that are put once and never changed. The adapters lie beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from core.errors import StoreError, WrongUseError
from core.settings import BackupSettings
from core.workspace import Workspace

S3, RCLONE = "s3://", "rclone:"
OWN = "backups"  # folder of the workspace that takes backups where no destination is set
MOST = 1 << 30  # bytes of one object; the largest is the manifest, 130 bytes for a file


class MissingError(StoreError):
    """There is no object of that name."""


class Destination(Protocol):
    """Immutable objects by name, such as "packs/3fa1...".

    Attributes:
        where: as the user wrote it.
        remote: it lies on somebody else's machine.
    """

    where: str
    remote: bool

    def put(self, name: str, data: bytes) -> None:
        """Keep an object, durably when this returns. One of that name and length is left as it is; of another length
        it was cut off somehow, and is replaced.

        Raises:
            StoreError: it cannot be kept; nothing of that name is there.
        """
        ...

    def get(self, name: str) -> bytes:
        """An object, at most `MOST` bytes.

        Raises:
            MissingError: there is none.
            StoreError: it cannot be read.
        """
        ...

    def names(self, prefix: str) -> dict[str, int]:
        """The objects "prefix/..." without the prefix, with their sizes in bytes.

        Raises:
            StoreError: the place cannot be read.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove an object; a missing one is fine.

        Raises:
            StoreError: it cannot be removed.
        """
        ...


def at(where: str, settings: BackupSettings) -> Destination:
    """The destination a user names: a folder, `s3://bucket/prefix` or `rclone:remote:path`.

    Raises:
        WrongUseError: it is none of these.
    """
    if where.startswith(S3):
        from core.backup.s3 import Bucket

        return Bucket(where, settings.endpoint_url, settings.timeout_s)
    if where.startswith(RCLONE):
        from core.backup.rclone import Remote

        return Remote(where)
    if not where.strip() or "://" in where or "\0" in where:
        what = "is not a place for backups"
        raise WrongUseError(what, where=where, do="Name a folder, s3://bucket/prefix or rclone:remote:path.")
    from core.backup.folder import Folder

    return Folder(Path(where))


def chosen(space: Workspace, to: list[str] | None = None) -> list[str]:
    """What was asked for, else what is set, else the workspace's own folder; folders by their whole path."""
    found = to or space.settings.backup.destinations or [str(space.root / OWN)]
    return list(dict.fromkeys(map(_whole, found)))


def _whole(where: str) -> str:
    """A folder is remembered, and must be found again from wherever the next command runs."""
    is_folder = where.strip() and not where.startswith(RCLONE) and "://" not in where and "\0" not in where
    return str(Path(where).expanduser().absolute()) if is_folder else where


def too_large(name: str, size: int) -> StoreError:
    """One sentence on an object that no backup of ours would hold."""
    return StoreError(f"is too large to be part of a backup ({size} bytes)", where=name)
