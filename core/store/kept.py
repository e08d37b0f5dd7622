"""Files that users brought and that must outlive the catalog: kept once by their content, in training_data/imports."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from core.errors import StoreError
from core.files import copy_private, inside, sha256_file, write_atomic
from core.store.journal import unwritable

FOLDER = "training_data/imports"


class Kept(NamedTuple):
    """Where it lies, relative to the workspace, and its sha256 in hex."""

    file: str
    sha256: str


def keep(root: Path, source: Path, suffix: str = "") -> Kept:
    """A private copy of a file, named by its content; one that is there already is not copied again.

    Raises:
        StoreError: it cannot be read or kept, or changed while it was read.
    """
    try:
        digest = sha256_file(source)
        kept = _named(digest, suffix or source.suffix)
        if not (root / kept.file).exists() and copy_private(source, root / kept.file) != digest:
            (root / kept.file).unlink()
            raise StoreError("changed while it was read", where=source, do="Try again once it is written.")
        return kept
    except OSError as error:
        raise unwritable(error, source) from None


def keep_bytes(root: Path, content: bytes, suffix: str) -> Kept:
    """As `keep`, for what is no file yet.

    Raises:
        StoreError: it cannot be kept.
    """
    kept = _named(hashlib.sha256(content).hexdigest(), suffix)
    try:
        if not (root / kept.file).exists():
            write_atomic(root / kept.file, content)
    except OSError as error:
        raise unwritable(error, root / kept.file) from None
    return kept


def find(root: Path, file: str) -> Path:
    """The kept file that a journal names.

    Raises:
        StoreError: the name leads elsewhere, or the file is gone.
    """
    path = inside(root, file)
    if not file.startswith(f"{FOLDER}/") or not path.is_file():
        raise StoreError("the kept import file is missing", where=file)
    return path


def _named(digest: str, suffix: str) -> Kept:
    return Kept(f"{FOLDER}/{digest}{suffix.lower()[:12]}", digest)
