"""What a training needs, and what is said where it is missing; limits of containers and kinds of file systems."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import loop
from core.training import estimate, jobs, machine, preflight
from core.workspace import Workspace
from tests.conftest import Ran

Rushes = Callable[..., Ran]
MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /home rw shared:1 - nfs4 nas:/home rw
31 30 0:41 / /home/me/local rw - xfs /dev/sdb1 rw
32 22 0:42 / /mnt/my\\040disk rw - fuse.sshfs host: rw
33 22 0:43 / /mnt/twice rw - ext4 /dev/sdc1 rw
34 22 0:44 / /mnt/twice rw - 9p tag rw
"""


@pytest.fixture
def space(trained: Path) -> Iterator[Workspace]:
    """54 answered pictures with a trained version, open."""
    found = loop.open_workspace(trained)
    yield found
    found.close()


def test_too_little_memory_blocks_a_training_and_queues_nothing(rushes: Rushes, trained: Path):
    rushes("config", "preflight.ram_gb", "10000", "-w", trained)
    before = rushes("jobs", "list", "--json", "-w", trained).json
    found = rushes("train", "-t", "ratings", "--json", "-w", trained)
    assert found.code == 1
    assert list(found.json) == ["title", "status", "detail", "correlationId", "warnings", "errors", "recommendations"]
    assert (found.json["title"], found.json["status"]) == ("System Requirements Not Met", 400)
    assert "Insufficient RAM" in found.json["detail"]
    assert "minimum 10000GB required" in found.json["errors"][0]
    assert "Ensure at least 4GB RAM is available for training" in found.json["recommendations"]
    assert found.json["correlationId"]
    assert "Training cannot proceed" in rushes("train", "-t", "ratings", "-w", trained).err
    assert rushes("jobs", "list", "--json", "-w", trained).json == before


def test_too_few_answers_and_a_full_disk_are_named(space: Workspace):
    strict = loop.open_workspace(space.root, flags={"train": {"minimum": 60}, "preflight": {"disk_gb": 1e6}})
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.require(strict, "ratings", gpu=False)
    assert [error.split(" (")[0] for error in caught.value.found.errors] == [
        "Insufficient disk space", "Insufficient annotations"]  # fmt: skip
    assert "Answer at least 6 more clips of ratings" in caught.value.to_json()["recommendations"]
    strict.close()


def test_a_fit_workspace_passes_with_a_warning_below_the_recommended_number(space: Workspace):
    found = preflight.require(space, "ratings", gpu=False)
    assert found.ok
    assert any("54 answers; 100 or more train better" in text for text in found.warnings)
    assert found.ram_gb > 0
    assert found.disk_gb > 0


def test_a_folder_that_cannot_be_written_is_named(space: Workspace):
    shutil.rmtree(space.models)
    space.models.symlink_to("/proc/self")  # writing there fails for everybody, root too
    found = preflight.check(space, "ratings", gpu=False)
    assert any("models cannot be written" in text for text in found.errors)


def test_a_damaged_catalog_is_found(space: Workspace):
    path = space.root / "rushes.db"
    assert space.store.count_answered("ratings") == 54  # it is open; a damaged one is made again when it is opened
    with sqlite3.connect(path) as db:
        page, size = db.execute(
            "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'predictions'"
        ).fetchone()
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    found = preflight.check(space, "ratings", gpu=False)
    assert any("The catalog is damaged" in text for text in found.errors)
    assert any("rushes rebuild" in text for text in found.recommendations)


def test_doctor_estimates_every_task_from_what_was_measured_here(rushes: Rushes, trained: Path):
    space = loop.open_workspace(trained)
    estimate.measure(space, ["scenes", "speech"], timeout_s=200)  # a busy machine may need longer than doctor waits
    found = rushes("doctor", "--json", "-w", trained)
    assert found.code == 0, found.err
    assert found.json["estimate_seconds"].keys() == {"ratings", "scenes", "speech"}
    assert all(isinstance(value, float) and value > 0 for value in found.json["estimate_seconds"].values())
    took = (jobs.every(space)[0].metrics or {})["seconds"]
    assert found.json["estimate_seconds"]["ratings"] == took  # 54 answers were trained on, 54 are there
    more = estimate.seconds(space, "ratings", 5400)
    assert more is not None
    assert took < more < 100 * took  # exporting does not grow with the clips
    measured = json.loads((trained / "cache" / "estimates.json").read_text())
    assert measured.keys() == {"scenes", "speech"}
    space.close()
    rushes("config", "preflight.ram_gb", "10000", "-w", trained)
    found = rushes("doctor", "--json", "-w", trained)
    assert (found.code, found.json["ok"]) == (1, False)
    assert {"gpu", "ram_gb", "disk_gb", "sqlite", "warnings", "errors", "recommendations"} <= found.json.keys()


def test_nothing_measured_is_said_to_be_unknown(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    assert estimate.seconds(space, "scenes", 50) is None
    (space.cache / "estimates.json").write_text("{broken")
    assert estimate.seconds(space, "scenes", 50) is None
    estimate.measure(space, ["scenes"], timeout_s=0.01)
    assert estimate.seconds(space, "scenes", 50) is None
    assert preflight.Preflight(estimate_seconds={"scenes": None}).lines()[1].endswith("an unknown time")
    space.close()


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/srv/w", None), ("/home/me/w", "nfs4"), ("/home/me/local/w", None), ("/mnt/my disk/w", "fuse.sshfs"),
     ("/mnt/twice", "9p"), ("/homely", None)],
)  # fmt: skip
def test_a_network_file_system_is_known_by_its_longest_mount(folder: str, kind: str | None):
    assert machine.network_file_system(Path(folder), MOUNTS) == kind


def test_the_tightest_limit_of_a_container_counts(tmp_path: Path):
    group = tmp_path / "mount" / "user" / "app"
    group.mkdir(parents=True)
    (tmp_path / "cgroup").write_text("0::/user/app\n")
    assert machine.memory_limit(tmp_path / "cgroup", tmp_path / "mount") is None
    (group / "memory.max").write_text("max\n")
    (group.parent / "memory.max").write_text("4000000000\n")
    (tmp_path / "mount" / "memory.max").write_text("6000000000\n")
    assert machine.memory_limit(tmp_path / "cgroup", tmp_path / "mount") == 4_000_000_000
    old = tmp_path / "mount" / "memory" / "box"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("1000\n")
    (tmp_path / "cgroup").write_text("5:cpu,memory:/box\n")
    assert machine.memory_limit(tmp_path / "cgroup", tmp_path / "mount") == 1000
    assert machine.memory_limit(tmp_path / "gone") is None


def test_this_machines_memory_is_measured():
    found = machine.memory()
    assert 0 < found.available <= found.total
