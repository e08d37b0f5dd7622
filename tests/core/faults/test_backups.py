"""Every kind of stored object cut, emptied, garbled or gone: it is found, said, and the next backup is whole.

Single flipped bits and lost packs: tests/core/backup/test_drill.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core import backup, loop
from core.backup import formats, keys
from core.errors import StoreError
from core.workspace import Workspace

Damage = Callable[[Path], object]
DAMAGES: dict[str, Damage] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "garbled": lambda path: path.write_bytes(bytes(byte ^ 0x55 for byte in path.read_bytes())),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("kind", [formats.MANIFESTS, formats.INDEXES, formats.PACKS])
def test_a_spoilt_object_is_found_and_the_next_backup_is_whole(
    space: Workspace, base: Path, tmp_path: Path, kind: str, damage: Damage
) -> None:
    place = str(base / "disk")
    made = backup.now(space, [place])
    vault = backup.of(space, [place])[0]
    for path in sorted((base / "disk" / kind).iterdir()):
        if kind != formats.MANIFESTS or path.name == made.id:
            damage(path)
    found = backup.verify(vault)
    if kind == formats.MANIFESTS and damage is DAMAGES["gone"]:
        assert made.id not in vault.backups(), "a backup without a manifest was never there"
    else:
        assert not found.ok
        assert all("Traceback" not in problem for problem in found.problems)
        with pytest.raises(StoreError):
            backup.restore(vault, made.id, tmp_path / "back")
        assert not backup.drill(space, vault, made.id).ok
    assert not (tmp_path / "back").exists()
    backup.verify(vault, set_aside=True)
    again = backup.now(space, [place])
    assert backup.verify(vault, again.id).ok
    assert again.id > made.id or kind == formats.MANIFESTS
    backup.restore(vault, again.id, tmp_path / "back")


def test_an_index_that_was_cut_off_is_not_believed_although_it_was_read_before(space: Workspace, base: Path) -> None:
    place = str(base / "disk")
    for path in (base / "disk" / formats.INDEXES).iterdir():
        DAMAGES["cut"](path)
    made = backup.now(space, [place])
    assert made.new_blobs > 0
    vault, name = backup.pick(backup.of(space, [place]), made.id)
    assert not any("cannot be restored" in problem for problem in backup.verify(vault, name).problems)
    backup.restore(vault, name, base / "back")


def test_what_only_cannot_be_read_with_these_keys_is_never_set_aside(
    space: Workspace, tmp_path: Path, own_home: Path
) -> None:
    place = tmp_path / "far"
    recovery = keys.set_up()
    (space.root / "rushes.toml").unlink()
    (own_home / "config" / "rushes" / "config.toml").write_text('[backup]\nencrypt = "always"\n')
    encrypted = loop.open_workspace(space.root)
    assert backup.now(encrypted, [str(place)]).encrypted
    shutil.rmtree(own_home / "config" / "rushes" / "backup")
    keys.set_up()  # another pair: that of a machine set up anew
    stored = sorted(path.name for path in place.rglob("*"))
    found = backup.verify(backup.of(encrypted, [str(place)])[0], set_aside=True)
    assert not found.ok
    assert found.set_aside == ()
    assert sorted(path.name for path in place.rglob("*")) == stored
    encrypted.close()
    assert backup.verify(backup.of(space, [str(place)], recovery)[0]).ok


@pytest.mark.parametrize("damage", ["cut", "empty", "garbled"])
def test_a_spoilt_label_is_a_sentence_and_nothing_is_written_there(space: Workspace, base: Path, damage: str) -> None:
    label = base / "disk" / formats.LABEL
    DAMAGES[damage](label)
    before = sorted(path.name for path in (base / "disk").rglob("*"))
    with pytest.raises(StoreError) as caught:
        backup.now(space, [str(base / "disk")])
    assert formats.LABEL in caught.value.sentence()
    assert sorted(path.name for path in (base / "disk").rglob("*")) == before


def test_a_garbled_cache_of_hashes_is_none(space: Workspace, base: Path) -> None:
    place = str(base / "disk")
    backup.now(space, [place])
    for content in (b"[]", b'{"rushes.toml": 3}', b"{", b'{"models/ratings/model_v1.onnx": [1, 2, 3, 4, 5, 6]}'):
        (space.cache / "backup" / "hashes.json").write_bytes(content)
        made = backup.now(space, [place])
        vault, name = backup.pick(backup.of(space, [place]), made.id)
        assert backup.verify(vault, name).ok


def test_a_garbled_history_hides_no_backup(space: Workspace, base: Path) -> None:
    place = str(base / "disk")
    backup.now(space, [place])
    path = space.root / "backups" / "history.jsonl"
    path.write_bytes(b'\xff\xfe\n{"at": "yesterday"}\n[1]\n{"destinations": 3}\n' + path.read_bytes())
    assert len(backup.listing(space, [place])) == 2
    assert backup.status(space).last
    assert backup.now(space, [place]).files
