"""Erases samples' media: kept, pending and half-recorded ones, by name and by content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.errors import StoreError
from core.files import fsync_dir, inside, sha256_file
from core.gone import Gone
from core.store.places import Places
from core.workspace import Workspace


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Erase the media that no sample that stays is made of; see `core.gone`."""
    places = Places(space.root)
    found = {path for name in gone.media if "/" in name and (path := places.locate(name))}
    found |= {path.relative_to(space.root).as_posix() for path in _copies(space, gone)}
    for name in sorted(found):
        _remove(space.root, name)
    return sorted(found)


def _copies(space: Workspace, gone: Gone) -> Iterator[Path]:
    """Files of the media folders with the same bytes: a copy whose answer was never finished, a recording."""
    if not gone.hashes:
        return
    for folder in (space.kept("clip"), space.kept("image"), space.pending, space.incoming):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink() and sha256_file(path) in gone.hashes:
                yield path


def _remove(root: Path, name: str) -> None:
    try:
        path = inside(root, name)
        path.unlink(missing_ok=True)
        fsync_dir(path.parent)
    except OSError as error:
        raise StoreError(
            f"cannot be erased ({error.strerror})", where=name, do="Mend that, then: rushes forget --finish"
        ) from None
