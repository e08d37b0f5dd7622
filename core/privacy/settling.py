"""What was forgotten stays so: the lists of the forgotten, applied to restored copies and to files that come again."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core import tasks
from core.backup.destinations import OWN
from core.backup.unpacking import fetched
from core.backup.vault import Vault
from core.errors import MediaError, StoreError
from core.files import remove_tree, sha256_file
from core.privacy import forgetting
from core.settings import load
from core.store import forgotten
from core.store.forgotten import Forgotten
from core.store.identity import sample_id
from core.workspace import Workspace

MOST_SCENES = 2000  # of one video, whose ids are let in again


def restored(folder: Path, vault: Vault, living: Iterable[Path] = ()) -> list[str]:
    """Erase from a restored copy what was forgotten since its backup; returns the files that went or changed.

    The lists that count: the copy's own, those of the living workspaces, that of the newest backup in
    the vault, and what the vault was told since.

    Raises:
        StoreError: a list cannot be read; the copy must not be used then.
    """
    lists = [forgotten.read(root) for root in living if root != folder]
    newest = _newest(vault)
    told = vault.told()
    newer = [forgotten.decode(told, f"{vault.where}: what was forgotten")] if told else []
    forgotten.join(folder, [*lists, *([newest] if newest else []), *newer])
    if not forgotten.read(folder):
        return []
    # Not by the workspace's usual door, which would send this process's log there.
    space = Workspace(folder, load(folder), tasks.codecs())
    try:
        return [*forgetting.finish(space), *forgetting.sweep(space)]
    finally:
        space.close()
        remove_tree(folder / OWN)  # only a lock: a copy brings no backups along, and the living ones move in


def _newest(vault: Vault) -> Forgotten | None:
    """The list in the newest backup of a vault that has one; backups that cannot be read are passed over."""
    name = f"training_data/{forgotten.NAME}"
    for identity in reversed(vault.backups()):
        with suppress(StoreError):
            manifest = vault.manifest(identity)
            file = next((file for file in manifest.files if file.path == name), None)
            if file is None:
                return None
            parts = dict(fetched(vault, dict.fromkeys(file.parts()), vault.places()))
            return forgotten.decode(b"".join(parts[chunk] for chunk in file.parts()), f"{vault.where}: {identity}")
    return None


def allow_again(space: Workspace, path: Path) -> bool:
    """Take a file off the list of the forgotten, because the user wants it in again; returns whether it was on it.

    Raises:
        MediaError: there is no such file.
    """
    if not path.is_file():
        raise MediaError("does not exist", where=path.name)
    digest = sha256_file(path)
    scenes = [None, *(f"scene-{number}" for number in range(1, MOST_SCENES))]
    marks = {digest, *(sample_id(task, digest, scene) for task in tasks.names() for scene in scenes)}
    before = len(forgotten.read(space.root).entries)
    forgotten.allow_again(space.root, marks)
    forgetting.tell(space)
    return len(forgotten.read(space.root).entries) < before
