"""Erases exports inside the workspace that hold something of what is forgotten.

An anonymous export does not say whose clips it holds, so every one goes; so does what cannot be read.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.errors import StoreError
from core.exporting import folder
from core.exporting.archive import INDEX, MANIFEST
from core.exporting.unpacking import Manifest, parse_manifest
from core.files import fsync_dir, remove_tree, sha256_file
from core.gone import Gone
from core.workspace import Workspace

LOCK = ".lock"


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Remove exports, whole; also what killed ones left. Exports elsewhere are the user's own to remove.

    Raises:
        StoreError: one cannot be removed.
    """
    place = space.root / folder.EXPORTS
    done: list[str] = []
    if not place.is_dir():
        return done
    for path in sorted(place.iterdir()):
        if not path.name.endswith(LOCK) and _holds(path, gone):
            try:
                _remove(path)
            except OSError as error:
                raise StoreError(f"cannot be erased ({error.strerror})", where=path) from None
            done.append(path.relative_to(space.root).as_posix())
    remove_tree(space.cache / "exporting")
    if done:
        fsync_dir(place)
    return done


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink()


def _holds(path: Path, gone: Gone) -> bool:
    if path.is_symlink():
        return False  # what it names lies elsewhere
    if path.name.startswith("."):  # unfinished
        return True
    if path.is_dir():
        mark = folder.mark_of(path)
        return bool(mark and mark.get("anonymised")) or any(_file_holds(file, gone) for file in _files(path))
    return _archive_holds(path, gone) if path.suffix == ".tar" else _file_holds(path, gone)


def _files(path: Path) -> Iterator[Path]:
    return (file for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink())


def _file_holds(path: Path, gone: Gone) -> bool:
    if gone.named(path.name):
        return True
    if gone.hashes and sha256_file(path) in gone.hashes:
        return True
    if path.suffix not in (".jsonl", ".json", ".csv", ".xml", ".md", ".txt"):
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    # A pair for a language model has no id; its words are all there is.
    return gone.named(text) or gone.quoted(text)


def _archive_holds(path: Path, gone: Gone) -> bool:
    try:
        with tarfile.open(path, "r:") as tar:
            manifest = _manifest(tar, path)
            if manifest.anonymised or any(one.sha256 in gone.hashes for one in manifest.files.values()):
                return True
            return any(gone.named(text) for text in _texts(tar))
    except (tarfile.TarError, StoreError, KeyError, EOFError, ValueError, OSError, zlib.error):
        return True  # nobody can say what it holds


def _manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    content = tar.extractfile(MANIFEST)
    if content is None:
        raise KeyError(MANIFEST)
    return parse_manifest(content.read(), path)


def _texts(tar: tarfile.TarFile) -> Iterator[str]:
    """The index, which names every answer's sample and file."""
    with suppress(KeyError):
        if content := tar.extractfile(INDEX):
            yield content.read().decode("utf-8", "replace")
            return
    content = tar.extractfile(f"{INDEX}.gz")
    if content is None:
        raise KeyError(INDEX)
    yield zlib.decompress(content.read(), wbits=31).decode("utf-8", "replace")
