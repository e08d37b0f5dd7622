from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core import backup, loop, privacy
from core.backup.destinations import at
from core.backup.keys import load as keys
from core.backup.vault import Vault
from core.errors import StoreError
from core.files import locked
from core.store import forgotten
from core.training import jobs
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.privacy import used
from tests.tui.conftest import ready
from tui.app import RushesApp

FORGETTING = """
import os, signal, sys
from pathlib import Path
from core import loop, privacy
from core.privacy import places

real, stop = places.erasers, int(sys.argv[3])

def killed(space, gone):
    os.kill(os.getpid(), signal.SIGKILL)

def some():
    known = list(real().items())
    return dict(known[:stop]) | {"kill": killed}

places.erasers = some
privacy.forget(loop.open_workspace(Path(sys.argv[1])), [sys.argv[2]])
"""


def vault_at(space: Workspace, where: Path) -> Vault:
    return Vault.open(at(str(where), space.settings.backup), keys(None))


def known(root: Path) -> set[str]:
    space = loop.open_workspace(root)
    found = {row.sample.id for row in space.store.samples("ratings", limit=50)}
    space.close()
    return found


@pytest.fixture
def kept(small: Workspace, tmp_path: Path) -> tuple[Workspace, used.Sample, Path, str]:
    """The small workspace, a sample of it, and a backup of both."""
    one = small.store.answered("ratings")[0].sample
    made = backup.now(small, [str(tmp_path / "elsewhere")], unencrypted=True)
    return small, one, tmp_path / "elsewhere", made.id


def marks(sample: used.Sample) -> dict[str, str]:
    return {"id": sample.id, "content": sample.media_hash or "", "file": Path(sample.media or "").name}


def test_a_restore_leaves_out_what_the_living_workspace_forgot(
    kept: tuple[Workspace, used.Sample, Path, str], tmp_path: Path, rushes: Callable[..., Ran]
) -> None:
    space, one, where, made = kept
    privacy.forget(space, [one.id])
    rest = known(space.root)
    done = rushes("backup", "restore", made, "--from", where, "--into", tmp_path / "back", "-w", space.root)
    assert done.code == 0, done.err
    assert used.found(tmp_path / "back", marks(one)) == []
    assert known(tmp_path / "back") == rest


def test_a_restore_over_the_living_workspace_keeps_its_list(
    kept: tuple[Workspace, used.Sample, Path, str],
) -> None:
    space, one, where, made = kept
    privacy.forget(space, [one.id])
    vault = vault_at(space, where)
    space.close()
    backup.restore(vault, made, space.root, replace=True)
    assert used.found(space.root, marks(one)) == []
    assert forgotten.read(space.root).has(one.id)


def test_a_restore_elsewhere_applies_the_newest_list_of_the_vault(
    kept: tuple[Workspace, used.Sample, Path, str], tmp_path: Path
) -> None:
    space, one, where, made = kept
    privacy.forget(space, [one.id])
    backup.now(space, [str(where)], unencrypted=True)
    backup.restore(vault_at(space, where), made, tmp_path / "machine" / "back")
    assert used.found(tmp_path / "machine" / "back", marks(one)) == []


def test_a_restore_elsewhere_knows_what_was_forgotten_since_the_newest_backup(
    kept: tuple[Workspace, used.Sample, Path, str], tmp_path: Path, rushes: Callable[..., Ran]
) -> None:
    space, one, where, made = kept
    said = privacy.forget(space, [one.id])
    assert said.notes == ()
    done = rushes("backup", "restore", made, "--from", where, "--into", tmp_path / "machine" / "back")
    assert done.code == 0, done.err
    assert used.found(tmp_path / "machine" / "back", marks(one)) == []


def test_what_was_allowed_again_is_not_erased_by_a_restore(
    kept: tuple[Workspace, used.Sample, Path, str], tmp_path: Path
) -> None:
    space, one, where, made = kept
    privacy.forget(space, [one.id])
    brought = tmp_path / "brought" / one.extra["file"]
    assert privacy.allow_again(space, brought)
    backup.restore(vault_at(space, where), made, tmp_path / "machine" / "back")
    assert one.id in known(tmp_path / "machine" / "back")


def test_a_backup_named_from_another_folder_is_found_from_anywhere(
    small: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = backup.now(small, ["disk"], unencrypted=True)
    monkeypatch.chdir("/")
    one = small.store.answered("ratings")[0].sample
    assert privacy.forget(small, [one.id], dry_run=True).backups_holding_it == (made.id,)


def test_a_place_of_backups_that_is_not_there_is_said(kept: tuple[Workspace, used.Sample, Path, str]) -> None:
    space, one, where, _ = kept
    where.rename(where.with_name("unplugged"))
    said = privacy.forget(space, [one.id])
    assert f"its backups at {where} are not there now; they may hold it" in said.notes
    assert any(f"{where} does not know of it until the next backup there" in note for note in said.notes)


def test_a_list_that_cannot_be_read_stops_a_restore(
    kept: tuple[Workspace, used.Sample, Path, str], tmp_path: Path
) -> None:
    space, one, where, made = kept
    privacy.forget(space, [one.id])
    forgotten.path_of(space.root).write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        backup.restore(vault_at(space, where), made, tmp_path / "back", living=[space.root])
    assert not (tmp_path / "back").exists()


def test_a_drill_of_an_older_backup_proves_that_nothing_comes_back(
    kept: tuple[Workspace, used.Sample, Path, str],
) -> None:
    space, one, where, made = kept
    privacy.forget(space, [one.id])
    found = backup.drill(space, vault_at(space, where), made)
    assert found.ok, found.problems
    assert found.checks["forgotten"]
    assert found.checks["rows"]


def test_an_import_refuses_it_until_it_is_allowed(
    small: Workspace, pictures: Callable[[int], list[Path]], rushes: Callable[..., Ran], tmp_path: Path
) -> None:
    files = pictures(6)
    forgot = next(item.sample for item in small.store.answered("ratings") if item.sample.extra["file"] == files[0].name)
    privacy.forget(small, [forgot.id])
    (tmp_path / "brought" / "manifest.csv").write_text(f"file,score\n{files[0].name},0.5\n{files[5].name},0.5\n")
    arguments = ("import", tmp_path / "brought" / "manifest.csv", "-t", "ratings", "--json", "-w", small.root)
    said = rushes(*arguments).json
    assert said["imported"] == 1
    assert [row["row"] for row in said["errors"]] == [1]
    assert "was forgotten here" in said["errors"][0]["reason"]
    allowed = rushes("forget", "--allow", files[0], "--json", "-w", small.root).json["allowed"]
    assert allowed == [str(files[0])]
    assert rushes(*arguments).json["imported"] == 1
    assert forgot.id in known(small.root)


def test_lines_dropped_in_later_are_hidden_and_then_erased(small: Workspace, rushes: Callable[..., Ran]) -> None:
    bulk = [item for item in small.store.answered("ratings") if item.correction.value == 0.5]
    one, other = bulk[0].sample, bulk[1].sample
    old = [path.read_text() for path in (small.data / "annotations.jsonl", small.data / "events.jsonl")]
    privacy.forget(small, [one.id])
    (small.data / "annotations.jsonl").write_text(old[0])
    (small.data / "events.jsonl").write_text(old[1])
    small.store.refresh()
    assert one.id not in known(small.root)
    assert other.id in {item.sample.id for item in small.store.answered("ratings")}
    assert small.store.rebuild()["samples"] == 5
    said = rushes("forget", "--finish", "--json", "-w", small.root).json
    assert "training_data/annotations.jsonl" in said["erased"]
    assert used.found(small.root, {"id": one.id}) == []
    assert other.id in {item.sample.id for item in small.store.answered("ratings")}


@pytest.mark.parametrize("stop", [0, 1, 5])
def test_a_kill_half_way_leaves_it_hidden_and_the_next_command_finishes(
    small: Workspace, rushes: Callable[..., Ran], stop: int
) -> None:
    from core.privacy.places import erasers

    stop = min(stop, len(erasers()) - 1)
    one = small.store.answered("ratings")[0].sample
    rest = known(small.root) - {one.id}
    ended = subprocess.run([sys.executable, "-c", FORGETTING, str(small.root), one.id, str(stop)], check=False)
    assert ended.returncode == -9
    assert privacy.pending(small) is not None
    small.store.rebuild()
    assert one.id not in {row.sample.id for row in small.store.samples("ratings", limit=50)}
    assert rushes("review", "list", "-t", "ratings", "-w", small.root).code == 0
    assert privacy.pending(small) is None
    assert used.found(small.root, marks(one)) == []
    assert known(small.root) == rest


def test_two_lists_are_joined_whatever_their_salts(tmp_path: Path) -> None:
    for name, sample in (("a", "one"), ("b", "two")):
        (tmp_path / name / "training_data").mkdir(parents=True)
        forgotten.add(tmp_path / name, [sample], [], ["ratings/v1"])
    forgotten.join(tmp_path / "a", [forgotten.read(tmp_path / "b")])
    both = forgotten.read(tmp_path / "a")
    assert both.has("one")
    assert both.has("two")
    assert not both.has("three")
    assert both.versions(["one"]) == ["ratings/v1"]
    entries = json.loads(forgotten.path_of(tmp_path / "a").read_text())["forgotten"]
    assert len({entry["salt"] for entry in entries}) == 2


def cut_off(space: Workspace, one: used.Sample) -> None:
    ended = subprocess.run([sys.executable, "-c", FORGETTING, str(space.root), one.id, "1"], check=False)
    assert ended.returncode == -9
    assert privacy.pending(space) is not None


def test_commands_go_on_while_a_training_keeps_a_forgetting_from_its_end(
    small: Workspace, rushes: Callable[..., Ran]
) -> None:
    one = small.store.answered("ratings")[0].sample
    cut_off(small, one)
    with locked(small.jobs / jobs.WORKER_LOCK):
        listed = rushes("jobs", "list", "-w", small.root)
    assert listed.code == 0
    assert "hidden, but not erased yet" in listed.err
    assert one.id not in known(small.root)
    assert rushes("jobs", "list", "-w", small.root).code == 0
    assert used.found(small.root, marks(one)) == []


async def test_the_screens_finish_a_forgetting_when_they_open(small: Workspace) -> None:
    one = small.store.answered("ratings")[0].sample
    cut_off(small, one)
    app = RushesApp(small.root, None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
    assert privacy.pending(small) is None
    assert used.found(small.root, marks(one)) == []


def test_a_kill_before_the_list_is_written_is_finished_with_the_list(
    small: Workspace, rushes: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = small.store.answered("ratings")[0].sample

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as only:
        only.setattr(forgotten, "add", killed)
        with pytest.raises(Killed):
            privacy.forget(small, [one.id])
    assert rushes("jobs", "list", "-w", small.root).code == 0
    assert forgotten.read(small.root).has(one.id)
    assert used.found(small.root, marks(one)) == []
