"""The proof that a backup is one: it is restored, hashed, replayed, and its models answer as they did."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core import registry, tasks
from core.backup import history
from core.backup.formats import Manifest
from core.backup.freeze import CATALOG
from core.backup.restoring import forget_again
from core.backup.unpacking import Report, Stop, scratch, unpack, wrong
from core.backup.vault import Vault
from core.errors import CancelledError, RushesError, StoreError
from core.settings import load
from core.store import forgotten
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Drilled:
    """How a drill went: each check by name, and why one failed, as sentences."""

    id: str
    where: str
    ok: bool
    checks: dict[str, bool]
    seconds: float
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def drill(
    space: Workspace, vault: Vault, identity: str, *, report: Report = lambda _done, _of: None,
    stop: Stop = lambda: False,
) -> Drilled:  # fmt: skip
    """Restore a backup into a folder of its own and look whether everything works; the result is kept as an event.

    Raises:
        CancelledError: `stop` said so; nothing is kept.
    """
    begin = time.monotonic()
    checks, problems = dict[str, bool](), list[str]()
    with scratch(space.cache / "backup", "drill-") as folder:
        _try(checks, problems, "manifest", lambda: vault.manifest(identity) and None)
        if checks["manifest"]:
            manifest = vault.manifest(identity)
            _try(checks, problems, "hashes", lambda: _unpacked(vault, manifest, folder, report, stop))
            if checks["hashes"]:
                _replayed(folder, manifest, checks, problems)
            if checks.get("rows"):  # as it was first; then as a restore would leave it
                _try(checks, problems, "forgotten", lambda: _settled(space, vault, folder))
    if stop():
        raise CancelledError("was stopped")
    found = Drilled(
        identity, vault.where, all(checks.values()), checks, round(time.monotonic() - begin, 3), tuple(problems)
    )
    space.store.note(history.DRILL, found.to_json())
    return found


def _try(checks: dict[str, bool], problems: list[str], name: str, look: Callable[[], str | None]) -> None:
    """One check: `look` returns what is wrong, or raises it."""
    try:
        said = look()
    except CancelledError:
        raise
    except (RushesError, OSError, sqlite3.Error) as error:
        said = error.sentence() if isinstance(error, RushesError) else str(error)
    checks[name] = said is None
    if said is not None:
        problems.append(f"{name}: {said}")


def _unpacked(vault: Vault, manifest: Manifest, folder: Path, report: Report, stop: Stop) -> str | None:
    unpack(vault, manifest, folder, report=report, stop=stop)
    changed = wrong(folder, manifest)
    return f"{len(changed)} files are not as they were, {changed[0]} among them" if changed else None


def _replayed(folder: Path, manifest: Manifest, checks: dict[str, bool], problems: list[str]) -> None:
    _try(checks, problems, "journals", lambda: _lengths(folder, manifest))
    _try(checks, problems, "settings", lambda: load(folder) and None)
    if (folder / CATALOG).exists():
        _try(checks, problems, "catalog", lambda: _sound(folder / CATALOG))
        (folder / CATALOG).unlink()  # made again from the journals alone, which is what counts
    if not checks["settings"]:
        return
    with _opened(folder) as space:
        _try(checks, problems, "rows", lambda: _counted(space, manifest))
        for task in tasks.names():
            if registry.has_model(space, task):
                _try(checks, problems, f"model {task}", lambda task=task: _answers(space, task))


def _lengths(folder: Path, manifest: Manifest) -> str | None:
    short = [name for name, size in manifest.journals.items() if (folder / name).stat().st_size != size]
    return f"{', '.join(short)} have another length than at the backup" if short else None


def _sound(path: Path) -> str | None:
    conn = sqlite3.connect(path)
    try:
        said = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        conn.close()
    return None if said == "ok" else str(said)


@contextmanager
def _opened(folder: Path) -> Generator[Workspace]:
    """The restored workspace; not by its usual door, which would send this process's log there."""
    space = Workspace(folder, load(folder), tasks.codecs())
    try:
        yield space
    finally:
        space.close()


def _counted(space: Workspace, manifest: Manifest) -> str | None:
    counts = space.store.rebuild()
    if space.store.catalog.in_memory:
        raise StoreError("the catalog cannot be written", where=space.root)
    different = {
        name: (counts.get(name), rows) for name, rows in (manifest.rows or {}).items() if counts.get(name) != rows
    }
    said = ", ".join(f"{name} {now} instead of {then}" for name, (now, then) in different.items())
    return f"replaying gave other rows: {said}" if different else None


def _settled(space: Workspace, vault: Vault, folder: Path) -> str | None:
    """Whether a restore now would leave out all that was forgotten since."""
    forget_again(folder, vault, [space.root])
    listed = forgotten.read(folder)
    with _opened(folder) as copy, copy.store.catalog.read() as db:
        known = db.conn.execute("SELECT id, media_hash FROM samples").fetchall()
    back = [sample for sample, content in known if listed and listed.has(sample, content)]
    return f"{len(back)} samples that were forgotten would come back" if back else None


def _answers(space: Workspace, task: str) -> str | None:
    registry.prove(space, task, registry.pointer(space, task).champion)
    return None
