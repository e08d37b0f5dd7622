"""Removes old backups, and the packs that no kept backup needs. A pack of which a part is needed stays whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from core.backup.folder import Folder
from core.backup.formats import INDEXES, MANIFESTS, PACKS, Index
from core.backup.making import alone, identity
from core.backup.vault import Vault
from core.errors import StoreError
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went at one destination."""

    where: str
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    packs: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def prune(space: Workspace, vault: Vault, keep: int | None = None) -> Pruned:
    """Keep the newest backups (`backup.keep` of them) and what they need.

    Raises:
        StoreError: a backup that stays could not be restored from here, or the newest not with the recovery key that
            holds; nothing was removed.
    """
    with alone(space):
        if vault.label.workspace != identity(space):
            raise StoreError("holds another workspace's backups", where=vault.where)
        names = vault.backups()
        count = keep or space.settings.backup.keep
        old, stay = names[:-count], names[-count:]
        needs = {name: _needs(vault, name) for name in stay}
        problems: list[str] = []
        indexes = vault.indexes(problems)
        _prove(vault, needs, indexes)
        for name in old:
            vault.destination.delete(f"{MANIFESTS}/{name}")
        packs, freed = _sweep(vault, set[str]().union(*needs.values()), indexes, whole=not problems)
        if isinstance(vault.destination, Folder):
            vault.destination.sweep()
    return Pruned(vault.where, tuple(old), tuple(stay), packs, freed)


def _needs(vault: Vault, name: str) -> set[str]:
    return {chunk for file in vault.manifest(name).files for chunk in file.parts()}


def _prove(vault: Vault, needs: dict[str, set[str]], indexes: dict[str, Index]) -> None:
    """Refuse unless all that stays is there and can be opened: what goes may be the last that can be restored."""
    there = vault.located(indexes.values()).keys()
    for name, chunks in needs.items():
        if lost := len(chunks - there):
            what = f"{lost} parts of the backup are missing or cannot be opened, so no other is removed"
            raise StoreError(what, where=f"{vault.where}: {name}", do="See: rushes backup verify")
    newest = next(reversed(needs), None)
    if newest and needs[newest] - vault.located(indexes.values(), ours=True).keys():
        what = "is not known to open with the recovery key that holds, so no other is removed"
        raise StoreError(what, where=f"{vault.where}: {newest}", do="Make one that does: rushes backup now")


def _sweep(vault: Vault, live: set[str], indexes: dict[str, Index], *, whole: bool) -> tuple[int, int]:
    """Remove what nobody needs.

    Args:
        whole: every index there is was read.
    """
    there = vault.destination.names(PACKS)
    needed = {index.pack for index in indexes.values() if any(chunk in live for chunk, *_ in index.chunks)}
    for name, index in indexes.items():
        if index.pack not in needed:
            vault.destination.delete(f"{INDEXES}/{name}")
    known = {index.pack for index in indexes.values()}
    # A pack that no index lists is a killed backup's last one; where an index is damaged, it may be that one's.
    gone = [pack for pack in there if pack not in needed and (pack in known or whole)]
    for pack in gone:
        vault.destination.delete(f"{PACKS}/{pack}")
    return len(gone), sum(there[pack] for pack in gone)
