"""Backups in a folder: another disk, a mounted share. Objects are files, complete or not there."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.backup.destinations import MOST, MissingError
from core.errors import StoreError
from core.files import fsync_dir, private_dir, read_regular, replacing


class Folder:
    """A folder; it is made when the first object comes, the folder around it must be there."""

    remote = False

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.where = str(path)

    def put(self, name: str, data: bytes) -> None:
        path = self.path / name
        with self._explained():
            if path.exists() and path.stat().st_size == len(data):
                return
            self._make(path.parent)
            with replacing(path) as temporary:
                temporary.write_bytes(data)

    def _make(self, folder: Path) -> None:
        """Make a folder of ours durably. The one around them all is not made: its disk may not be mounted."""
        if folder.is_dir():
            return
        if folder == self.path and not folder.parent.is_dir():
            raise StoreError("is not there", where=folder.parent, do="Is its disk mounted? Make the folder otherwise.")
        if folder != self.path:
            self._make(folder.parent)
        private_dir(folder)
        fsync_dir(folder.parent)

    def get(self, name: str) -> bytes:
        path = self.path / name
        try:
            return read_regular(path, MOST)
        except FileNotFoundError:
            raise MissingError("is not there", where=path) from None
        except OSError as error:
            raise StoreError(f"cannot be read ({error.strerror})", where=path) from None

    def names(self, prefix: str) -> dict[str, int]:
        with self._explained():
            try:
                listed = list(os.scandir(self.path / prefix))
            except FileNotFoundError:
                return {}
            found: dict[str, int] = {}
            for one in listed:
                # Names with a dot in front are of writes that have not ended; pipes and devices are nobody's.
                with suppress(FileNotFoundError):
                    if one.name[0] != "." and one.is_file():
                        found[one.name] = one.stat().st_size
            return found

    def delete(self, name: str) -> None:
        path = self.path / name
        with self._explained():
            if path.exists():
                path.unlink()
                fsync_dir(path.parent)

    def sweep(self) -> None:
        """Remove what killed writes left. Nobody else may be writing."""
        with self._explained():
            for path in self.path.glob("*/.*-*"):
                path.unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            what = f"cannot be used ({error.strerror})"
            raise StoreError(what, where=self.where, do="Check the disk and who may write there.") from None
