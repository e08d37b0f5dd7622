"""The drill proves what works and finds what does not; so does reading everything back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core import backup, loop
from core.backup import formats
from core.workspace import Workspace
from tests.conftest import Ran


def spoil(path: Path, at: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def test_a_trained_workspace_is_proven_and_the_proof_is_remembered(trained: Path, tmp_path: Path) -> None:
    space = loop.open_workspace(trained)
    made = backup.now(space, [str(tmp_path / "disk")])
    vault, name = backup.pick(backup.of(space, [str(tmp_path / "disk")]), None)
    found = backup.drill(space, vault, name)
    assert found.ok, found.problems
    expected = {"manifest", "hashes", "journals", "settings", "catalog", "rows", "model ratings"}
    assert expected <= found.checks.keys()
    assert (vault.manifest(name).rows or {})["answers"] == 54
    status = backup.status(space)
    assert status.last_proven is not None
    assert status.last_drill is not None
    assert status.last_drill["id"] == made.id
    assert [path.name for path in (space.cache / "backup").iterdir() if path.name.startswith("drill-")] == []
    space.close()


def test_a_version_that_answers_otherwise_fails_the_drill(trained: Path, tmp_path: Path) -> None:
    card = trained / "models" / "ratings" / "model_v1.json"
    known = json.loads(card.read_text())
    known["sha256"]["onnx"] = "0" * 64
    card.write_text(json.dumps(known))
    space = loop.open_workspace(trained)
    backup.now(space, [str(tmp_path / "disk")])
    found = backup.drill(space, *backup.pick(backup.of(space, [str(tmp_path / "disk")]), None))
    assert not found.ok
    assert [name for name, good in found.checks.items() if not good] == ["model ratings"]
    assert backup.status(space).last_proven is None
    space.close()


def test_a_flipped_bit_is_found_by_reading_and_by_the_drill(
    filled: Workspace, tmp_path: Path, rushes: Callable[..., Ran]
) -> None:
    place = tmp_path / "disk"
    backup.now(filled, [str(place)])
    vault, name = backup.pick(backup.of(filled, [str(place)]), None)
    assert backup.verify(vault).ok
    spoil(next((place / formats.PACKS).iterdir()))
    found = backup.verify(vault)
    assert not found.ok
    assert "is damaged" in found.problems[0]
    assert f"of {len(vault.manifest(name).files)} files cannot be restored" in found.problems[-1]
    drilled = backup.drill(filled, vault, name)
    assert (drilled.ok, drilled.checks) == (False, {"manifest": True, "hashes": False})
    ran = rushes("backup", "verify", "--from", place, "--json", "-w", filled.root)
    assert (ran.code, ran.json["ok"]) == (1, False)
    ran = rushes("backup", "restore", name, "--into", tmp_path / "back", "--from", place)
    assert ran.code == 1
    assert "is damaged" in ran.err
    assert not (tmp_path / "back").exists()
    assert [path.name for path in tmp_path.iterdir() if "restoring" in path.name] == []


def test_damage_that_is_set_aside_is_mended_by_the_next_backup(filled: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    first = backup.now(filled, [str(place)])
    pack = next((place / formats.PACKS).iterdir())
    spoil(pack)
    vault, _ = backup.pick(backup.of(filled, [str(place)]), None)
    assert backup.verify(vault, set_aside=True).set_aside == (pack.name,)
    assert backup.now(filled, [str(place)]).new_blobs > 0
    assert backup.verify(vault, first.id).ok, "the earlier backup is whole again too"


@pytest.mark.parametrize("folder", [formats.MANIFESTS, formats.INDEXES])
def test_other_damage_is_said_in_a_sentence(
    filled: Workspace, tmp_path: Path, folder: str, rushes: Callable[..., Ran]
) -> None:
    place = tmp_path / "disk"
    backup.now(filled, [str(place)])
    spoil(next((place / folder).iterdir()), at=40)
    ran = rushes("backup", "verify", "--from", place, "-w", filled.root)
    assert ran.code == 1
    assert str(place) in ran.out + ran.err
    ran = rushes("backup", "drill", "--from", place, "-w", filled.root)
    assert ran.code == 1


def test_a_lost_pack_is_stored_again(filled: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    backup.now(filled, [str(place)])
    for pack in (place / formats.PACKS).iterdir():
        pack.unlink()
    assert backup.now(filled, [str(place)]).new_blobs > 8
    assert backup.verify(backup.of(filled, [str(place)])[0]).ok


def test_the_commands_do_it_all(filled: Workspace, tmp_path: Path, rushes: Callable[..., Ran]) -> None:
    place, where = tmp_path / "disk", ("-w", filled.root)
    made = rushes("backup", "now", "--to", place, "--json", *where).json
    assert {"id", "files", "new_blobs", "bytes", "seconds", "encrypted"} <= made.keys()
    listed = rushes("backup", "list", "--from", place, "--json", *where).json
    assert [row["id"] for row in listed] == [made["id"]]
    assert listed[0]["files"] == made["files"]
    drilled = rushes("backup", "drill", made["id"][:6], "--from", place, "--json", *where)
    assert (drilled.code, drilled.json["ok"]) == (0, True)
    assert all(drilled.json["checks"].values())
    assert drilled.json["destinations"][0]["checks"] == drilled.json["checks"]
    assert drilled.json["seconds"] == drilled.json["destinations"][0]["seconds"] > 0
    assert rushes("backup", "verify", "--from", place, *where).code == 0
    ran = rushes("backup", "restore", made["id"], "--into", tmp_path / "back", "--from", place, "--json")
    assert (ran.code, ran.json["files"]) == (0, made["files"])
    assert rushes("backup", "prune", "--keep", 1, "--from", place, "--json", *where).json[0]["removed"] == []
    assert rushes("backup", "restore", "latest", "--into", tmp_path / "back", "--from", place).code == 2
    assert rushes("backup", "drill", "nothing", "--from", place, *where).code == 1
    assert rushes("backup", "now", "--to", "ftp://somewhere", *where).code == 2


def test_the_scheduler_backs_up_and_proves(filled: Workspace) -> None:
    from core.backup import weekly

    first = weekly.run(filled, "weekly backup and export")
    assert first.startswith("backed up ")
    assert "restored and proved 000001-" in first
    assert "proved" not in weekly.run(filled, "weekly backup and export")  # once a month is enough


def test_the_fourth_backup_after_a_proof_is_proven(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.backup import weekly

    weekly.run(filled, "weekly")
    start, week_s = weekly.time.time(), 7 * 86400.0
    for week in (3, 4):
        # As scheduled: from the first one's begin, which was before its proof.
        monkeypatch.setattr("core.backup.weekly.time.time", lambda week=week: start + week * week_s - 60.0)
        assert ("proved" in weekly.run(filled, "weekly")) == (week == 4)


def test_every_place_is_proven_and_one_that_fails_keeps_no_other_from_it(
    filled: Workspace, own_home: Path, rushes: Callable[..., Ran]
) -> None:
    from core.backup import weekly
    from core.errors import RushesError

    one, two = own_home / "one", own_home / "two"
    config = own_home / "config" / "rushes" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[backup]\ndestinations = ["{one}", "{two}"]\n')
    space = loop.open_workspace(filled.root)
    made = backup.now(space)
    spoil(next((one / formats.PACKS).iterdir()))
    with pytest.raises(RushesError) as caught:
        weekly.run(space, "weekly")
    assert f"at {one} cannot be restored" in str(caught.value)
    assert f"at {two} in" in str(caught.value)
    known = backup.status(space)
    assert (known.unproven, known.failing) == ((str(one),), (str(one),))
    assert known.last_proven is not None
    for identity in ((), (made.id,)):
        drilled = rushes("backup", "drill", *identity, "--json", "-w", space.root)
        assert drilled.code == 1
        assert False in drilled.json["checks"].values()  # what fails at one place is not met
        assert [(row["where"], row["ok"]) for row in drilled.json["destinations"]] == [
            (str(one), False),
            (str(two), True),
        ]
    space.close()


def test_a_place_that_cannot_be_reached_is_not_called_good(
    filled: Workspace, tmp_path: Path, rushes: Callable[..., Ran]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    where = ("--from", one, "--from", two, "-w", filled.root)
    made = backup.now(filled, [str(one), str(two)])
    assert rushes("backup", "verify", *where).code == 0
    two.rename(tmp_path / "unmounted")
    for command in (("verify",), ("verify", made.id), ("drill",)):
        ran = rushes("backup", *command, *where)
        assert ran.code == 1
        assert f"✗ {two}: holds no backups" in ran.out
    assert rushes("backup", "verify", "--json", *where).json["ok"] is False
    ran = rushes("backup", "list", "--json", *where)
    assert (ran.code, [row["where"] for row in ran.json]) == (0, [str(one)])
    assert str(two) in ran.err
