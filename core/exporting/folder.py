"""Where exports go: files and folders made whole beside their place, never over what is not an export of ours."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import EXDEV
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core import untrusted
from core.backup.unpacking import scratch
from core.errors import StoreError, WrongUseError
from core.files import private_dir, remove_tree, swap_in
from core.workspace import Workspace

EXPORTS = "exports"  # folder of the workspace
MARK = ".rushes-export.json"  # in every folder we made; a dot, so that readers of data sets pass it by
UNFINISHED = ".exporting-"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did.

    Attributes:
        counts: what is in it, by what is counted.
        errors: answers that had to be left out, each with its reason.
        notes: what the user should know beside.
    """

    kind: str
    to: str
    counts: dict[str, Any]
    bytes: int
    anonymised: bool
    errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    notes: list[str] = field(default_factory=list[str])

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "to": self.to, "counts": self.counts, "bytes": self.bytes,
            "anonymised": self.anonymised, "errors": self.errors, "notes": self.notes,
        }  # fmt: skip


def program() -> str:
    """Who writes it."""
    return f"rushes {version('rushes')}"


def stamp() -> str:
    """This moment as part of a name, UTC."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def home(space: Workspace) -> Path:
    """The workspace's own exports."""
    return private_dir(space.root / EXPORTS)


@contextmanager
def workbench(space: Workspace) -> Generator[Path]:
    """An empty folder of ours while something is made; gone afterwards, also when we are killed (by the next one)."""
    with scratch(space.cache / "exporting", "at-") as folder:
        yield folder


@contextmanager
def building(target: Path, kind: str, about: dict[str, Any]) -> Generator[Path]:
    """A folder beside `target` that takes its place when the block ends well; an earlier export of ours there goes.

    Args:
        about: what the mark in the folder says beside its kind; filled until the block ends.

    Raises:
        WrongUseError: something else is there.
        StoreError: it cannot be written.
    """
    target = target.expanduser().absolute()
    require_place(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch(target.parent, f"{UNFINISHED}{target.name}-") as folder:
            yield folder
            mark = {"format": "rushes export", "kind": kind, "program": program(), **about}
            (folder / MARK).write_text(json.dumps(mark, ensure_ascii=False, indent=1))
            for path in folder.rglob("*"):
                path.chmod(0o700 if path.is_dir() else 0o600)
            os.sync()  # one for all files; an fsync each takes minutes for thousands of clips
            require_place(target)
            old = target.with_name(f"{folder.name}.old")
            if swap_in(folder, target, old):
                remove_tree(old)
    except OSError as error:
        raise _failed(error, target) from None


def _failed(error: OSError, target: Path) -> StoreError:
    """Whether a file could not be read or the export not written; copying names what it reads first."""
    read = Path(str(error.filename)) if error.filename and not error.filename2 else target
    if read in (target, *target.parents) or UNFINISHED in str(read):
        return StoreError(f"cannot be written ({error.strerror})", where=target)
    return StoreError(f"cannot be read ({error.strerror})", where=read)


def require_place(target: Path) -> None:
    """See that nothing but an earlier export is where one shall go.

    Raises:
        WrongUseError: something else is.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise WrongUseError("is not a folder", where=target, do="Choose another place with --to.")
    if target.is_dir() and any(target.iterdir()) and mark_of(target) is None:
        do = "Choose another folder with --to."
        raise WrongUseError("is not empty and not an earlier export", where=target, do=do)


def mark_of(folder: Path) -> dict[str, Any] | None:
    """What the mark of an export says; None where there is none."""
    try:
        found = untrusted.read(folder / MARK)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "kind" in found else None


def put(source: Path, target: Path, *, link: bool = False) -> int:
    """Copy a file, or link it where both lie on one file system; returns its size in bytes."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if link:
        try:
            os.link(source, target)
            return target.stat().st_size
        except OSError as error:
            if error.errno != EXDEV:
                raise
    shutil.copyfile(source, target)
    return target.stat().st_size


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
