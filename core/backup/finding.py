"""Finds backups: those of a workspace's destinations, or of a place that is named, on whichever machine."""

from __future__ import annotations

import calendar
import time
from collections.abc import Collection, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from core.backup import history, keys
from core.backup.destinations import MissingError, at, chosen
from core.backup.vault import Vault, order
from core.errors import StoreError, WrongUseError
from core.settings import BackupSettings
from core.workspace import Workspace

MOST_KEYS = 1 << 16  # bytes of a key file, which may be a pipe from a program that keeps keys


@dataclass(frozen=True, slots=True)
class Listed:
    """One backup at one place; `created_at` in UTC seconds, files and bytes where this machine remembers them."""

    id: str
    where: str
    created_at: float
    encrypted: bool
    files: int | None = None
    size: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def vaults(
    settings: BackupSettings, places: Sequence[str], *, recovery: str | None = None, alone: bool = False,
    cache: Path | None = None, lost: list[str] | None = None,
) -> list[Vault]:  # fmt: skip
    """The places that hold backups.

    Args:
        alone: read with the recovery key only, where one is given.
        lost: takes a sentence for each place that holds none or cannot be read, where another does.

    Raises:
        StoreError: none of them does, or none can be read.
        WrongUseError: the recovery key is not one.
    """
    found, problems, known = list[Vault](), list[StoreError](), keys.load(recovery, alone=alone)
    for where in places:
        try:
            found.append(Vault.open(at(where, settings), known, cache))
        except StoreError as error:
            problems.append(error)
    if not found:
        kind = MissingError if all(isinstance(error, MissingError) for error in problems) else StoreError
        raise problems[0] if len(problems) == 1 else kind("; ".join(error.sentence() for error in problems))
    if lost is not None:
        lost += [error.sentence() for error in problems]
    return found


def of(
    space: Workspace, places: Sequence[str] | None = None, recovery: str | None = None, *, alone: bool = False,
    lost: list[str] | None = None,
) -> list[Vault]:  # fmt: skip
    """The vaults of a workspace, or those named; the rest as `vaults`."""
    where, cache = chosen(space, list(places or [])), space.cache / "backup"
    return vaults(space.settings.backup, where, recovery=recovery, alone=alone, cache=cache, lost=lost)


def pick(among: Sequence[Vault], wanted: str | None) -> tuple[Vault, str]:
    """The backup of that id, or of its first signs; None means the newest.

    Raises:
        WrongUseError: the id is empty.
        MissingError: there is none, or several begin like this.
    """
    if wanted == "":
        raise WrongUseError("an empty id names no backup", do="List them with: rushes backup list")
    found = [(name, vault) for vault in among for name in vault.backups() if name.startswith(wanted or "")]
    if not found:
        where = wanted or ", ".join(vault.where for vault in among)
        raise MissingError("there is no such backup", where=where, do="List them with: rushes backup list")
    if wanted and len({name for name, _ in found}) > 1:
        raise MissingError("several backups begin like this", where=wanted, do="Give more of the id.")
    name, vault = max(found, key=lambda one: order(one[0]))
    return vault, name


def each(among: Sequence[Vault], wanted: str | None, lost: list[str]) -> list[tuple[Vault, str]]:
    """The backup of that id at every place that has it; None means the newest of every place.

    Args:
        lost: takes a sentence for each place of which the newest is wanted and that has none.

    Raises:
        WrongUseError, MissingError: as `pick`.
    """
    name = pick(among, wanted)[1]
    if wanted:
        return [(vault, name) for vault in among if name in vault.backups()]
    found = [(vault, vault.backups()) for vault in among]
    lost += [f"{vault.where}: holds no backups" for vault, names in found if not names]
    return [(vault, names[-1]) for vault, names in found if names]


def listing(space: Workspace, places: Sequence[str] | None = None, *, lost: list[str] | None = None) -> list[Listed]:
    """All backups that can be found now, oldest first; none where none was made.

    Args:
        lost: as `vaults`.

    Raises:
        StoreError: no destination can be read.
    """
    try:
        among = of(space, places, lost=lost)
    except MissingError:
        return []
    known = {line.get("id"): line for line in history.read(space)}
    rows = [_listed(vault, name, known.get(name, {})) for vault in among for name in vault.backups()]
    return sorted(rows, key=lambda row: order(row.id))


def holding(space: Workspace, hashes: Collection[str], places: Sequence[str] | None = None) -> list[Listed]:
    """The backups with a file of one of these contents (sha256), oldest first; those that cannot be read count too.

    Raises:
        StoreError: no destination can be read.
    """
    try:
        among = of(space, places)
    except MissingError:
        return []
    rows = [_listed(vault, name, {}) for vault in among for name in vault.backups() if _holds(vault, name, hashes)]
    return sorted(rows, key=lambda row: order(row.id))


def _holds(vault: Vault, name: str, hashes: Collection[str]) -> bool:
    try:
        return any(file.sha256 in hashes for file in vault.manifest(name).files)
    except StoreError:
        return True


def list_at(settings: BackupSettings, places: Sequence[str], lost: list[str] | None = None) -> list[Listed]:
    """All backups of places, without a workspace.

    Raises:
        StoreError: they hold none, or cannot be read.
    """
    return [_listed(vault, name, {}) for vault in vaults(settings, places, lost=lost) for name in vault.backups()]


def _listed(vault: Vault, name: str, known: dict[str, Any]) -> Listed:
    created = 0.0
    with suppress(ValueError):
        created = float(calendar.timegm(time.strptime(name.split("-")[1], "%Y%m%dT%H%M%SZ")))
    return Listed(name, vault.where, created, vault.label.encrypted, known.get("files"), known.get("size"))


def read_key(source: Path | IO[bytes]) -> str:
    """A recovery key as it was typed or lies in a file.

    Raises:
        WrongUseError: there is no such file, it is empty, or it is no text.
    """
    where = source if isinstance(source, Path) else None
    try:
        with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
            text = file.read(MOST_KEYS).decode()
    except OSError as error:
        raise WrongUseError(f"the key cannot be read ({error.strerror})", where=where) from None
    except UnicodeDecodeError:
        raise WrongUseError("this is not a recovery key", where=where, do=f"It begins with {keys.BEGIN}.") from None
    if not text.strip():
        raise WrongUseError("there is no key in it", where=where)
    return text
