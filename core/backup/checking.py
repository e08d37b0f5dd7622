"""Reads everything at a destination and hashes it: the only way to know that it is still there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from core.backup.formats import INDEXES, LABEL, PACKS, Index, Manifest
from core.backup.vault import SpoiltError, Vault
from core.errors import CancelledError, StoreError

DAMAGED = "damaged"  # where packs and indexes are moved that cannot be trusted


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read, and what was wrong, as sentences. `set_aside` are packs and indexes the next backup
    stores anew."""

    where: str
    ok: bool
    backups: int
    packs: int
    bytes: int
    problems: tuple[str, ...]
    set_aside: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def verify(
    vault: Vault,
    identity: str | None = None,
    *,
    set_aside: bool = False,
    report: Callable[[int, int], None] = lambda _done, _of: None,
    stop: Callable[[], bool] = lambda: False,
) -> Verified:
    """Read one backup, or all and every pack there is.

    Args:
        set_aside: move damaged packs and indexes to `damaged/`, so that the next backup stores their content anew;
            never what only cannot be read with these keys.

    Raises:
        MissingError: there is no such backup.
        CancelledError: `stop` said so.
    """
    problems: list[str] = []
    if vault.unlabelled:
        problems.append(f"{vault.where}: {LABEL}: is missing or damaged")
    names = [identity] if identity else vault.backups()
    if not names:  # the first one never ended
        problems.append(f"{vault.where}: holds no backups")
    manifests = _manifests(vault, names, problems)
    unread, spoilt = list[str](), list[str]()
    indexes = list(vault.indexes(unread, spoilt).values())
    there = vault.destination.names(PACKS)
    needed = {chunk for manifest in manifests for file in manifest.files for chunk in file.parts()}
    packs = _packs(indexes, there, needed if identity else None)
    good, bad, size = set[str](), list[str](), 0
    for done, pack in enumerate(packs, 1):
        if stop():
            raise CancelledError("was stopped")
        size += there[pack]
        found, wrong, damaged = _read(vault, pack, [index for index in indexes if index.pack == pack])
        good |= found
        if wrong:
            problems.append(wrong)
        if damaged:
            bad.append(pack)
        report(done, len(packs))
    lacking: list[str] = []
    for manifest in manifests:
        missing = sum(any(chunk not in good for chunk in file.parts()) for file in manifest.files)
        if missing:
            lacking.append(f"{vault.where}: {manifest.id}: {missing} of {len(manifest.files)} files cannot be restored")
    # Other backups' indexes may be for other keys: to one that is whole they are nothing.
    problems += [*(unread if lacking or not identity else []), *lacking]
    if set_aside:
        for folder, name in (*((PACKS, pack) for pack in bad), *((INDEXES, index) for index in spoilt)):
            _move(vault, folder, name)
    moved = [*bad, *spoilt] if set_aside else []
    return Verified(vault.where, not problems, len(manifests), len(packs), size, tuple(problems), tuple(moved))


def _manifests(vault: Vault, names: list[str], problems: list[str]) -> list[Manifest]:
    found: list[Manifest] = []
    for name in names:
        try:
            found.append(vault.manifest(name))
        except StoreError as error:
            problems.append(error.sentence())
    return found


def _packs(indexes: list[Index], there: dict[str, int], needed: set[str] | None) -> list[str]:
    if needed is None:
        return sorted(there)
    holding = {index.pack for index in indexes if any(chunk in needed for chunk, *_ in index.chunks)}
    return sorted(holding & there.keys())


def _read(vault: Vault, pack: str, indexes: list[Index]) -> tuple[set[str], str | None, bool]:
    """The chunks of a pack that are what they should be, what is wrong with it, and whether it is damaged."""
    try:
        data = vault.stored(PACKS, pack)
    except StoreError as error:
        return set(), error.sentence(), isinstance(error, SpoiltError)
    listed = {(chunk, offset, length) for index in indexes for chunk, offset, length in index.chunks}
    good = {chunk for chunk, at, length in listed if hashlib.sha256(data[at : at + length]).hexdigest() == chunk}
    if len(good) < len({chunk for chunk, *_ in listed}):
        return good, f"{vault.where}: {PACKS}/{pack}: holds other bytes than its index says", True
    return good, None, False


def _move(vault: Vault, folder: str, name: str) -> None:
    vault.destination.put(f"{DAMAGED}/{name}", vault.destination.get(f"{folder}/{name}"))
    vault.destination.delete(f"{folder}/{name}")
