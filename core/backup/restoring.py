"""Puts a backup back as a workspace: built beside, then renamed, so that nothing half-done is ever in its place."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from core.backup.destinations import OWN
from core.backup.unpacking import Report, Stop, scratch, unpack, wrong
from core.backup.vault import Vault
from core.errors import CancelledError, StoreError, WrongUseError
from core.files import fsync_dir, swap_in
from core.root import MARKERS

SETTLING = "core.privacy.settling"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back; `safety_copy` is where the workspace that was there before lies now."""

    id: str
    into: str
    files: int
    bytes: int
    seconds: float
    safety_copy: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def restore(
    vault: Vault,
    identity: str,
    into: Path,
    *,
    replace: bool = False,
    living: Sequence[Path] = (),
    settle: Callable[[Path], None] | None = None,
    report: Report = lambda _done, _of: None,
    stop: Stop = lambda: False,
) -> Restored:
    """Make a workspace of a backup.

    Args:
        replace: a workspace may be there; it is renamed and stays beside.
        living: workspaces whose forgotten samples are left out too; the one that is replaced is always among them.
        settle: called with the finished folder before it is put into its place, instead of `forget_again`.

    Raises:
        WrongUseError: something is there that may not be replaced, or is in use.
        StoreError: the backup cannot be read; nothing was put into place.
        CancelledError: `stop` said so; nothing was put into place.
    """
    begin, into = time.monotonic(), into.expanduser().absolute()
    _check(into, replace)
    manifest = vault.manifest(identity)
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with scratch(into.parent, f".{into.name}.restoring-") as folder:
            unpack(vault, manifest, folder, report=report, stop=stop)
            if changed := wrong(folder, manifest):
                raise StoreError(f"{len(changed)} files are not as they were", where=changed[0])
            if settle:
                settle(folder)
            else:
                forget_again(folder, vault, [*living, into])
            os.sync()  # one for all files; an fsync each takes minutes for thousands of clips
            _check(into, replace)
            if stop():
                raise CancelledError("was stopped")
            safety = _swap(folder, into, identity)
    except OSError as error:
        raise StoreError(f"cannot be restored ({error.strerror})", where=error.filename or into) from None
    spent = round(time.monotonic() - begin, 3)
    return Restored(identity, str(into), len(manifest.files), manifest.size, spent, str(safety) if safety else None)


def forget_again(folder: Path, vault: Vault, living: Sequence[Path]) -> None:
    """Erase from a restored copy what was forgotten since its backup was made.

    Raises:
        StoreError: it cannot be known or done; the copy must not be used.
    """
    # By name: forgetting reaches into every room, and most of them lie above this one.
    restored: Callable[[Path, Vault, Sequence[Path]], object] = import_module(SETTLING).restored
    restored(folder, vault, living)


def _check(into: Path, replace: bool) -> None:
    if into.is_symlink() or (into.exists() and not into.is_dir()):
        raise WrongUseError("is not a folder", where=into, do="Choose another.")
    if root := next((folder for folder in into.resolve().parents if _is_living(folder)), None):
        raise WrongUseError(f"lies in the living workspace {root}", where=into, do="Choose a folder elsewhere.")
    if not into.exists() or not any(into.iterdir()):
        return
    if not _is_living(into) and not (into / "training_data").exists():
        raise WrongUseError("the folder is not empty and not a workspace", where=into, do="Choose an empty folder.")
    if not replace:
        do = "Choose an empty folder, or --replace, which keeps a copy beside."
        raise WrongUseError("there is a living workspace", where=into, do=do)
    for lock in (*into.glob("jobs/*.lock"), *into.glob("jobs/*/lock"), *into.glob(f"{OWN}/*.lock")):
        if _is_held(lock):
            what = f"something still runs in this workspace ({lock.relative_to(into)})"
            raise WrongUseError(what, where=into, do="End the screens, the scheduler and trainings first.")


def _is_living(folder: Path) -> bool:
    return any((folder / name).exists() for name in MARKERS)


def _is_held(lock: Path) -> bool:
    handle = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _swap(folder: Path, into: Path, identity: str) -> Path | None:
    """Put the folder there; what was there keeps another name."""
    safety = into.with_name(f"{into.name}.before-{identity[:22]}-{secrets.token_hex(2)}")
    if not swap_in(folder, into, safety):
        return None
    if (safety / OWN).is_dir():  # the backups made so far stay in reach
        os.rename(safety / OWN, into / OWN)
        fsync_dir(into)
    return safety
