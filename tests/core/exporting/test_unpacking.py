"""Archives that anybody may have made: nothing leaves the folder, nothing grows without bound, no traceback."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import RushesError, StoreError
from core.exporting import bringing, dataset
from core.exporting.items import never, silent
from core.exporting.unpacking import Unpacked, unpack
from core.settings import LimitsSettings
from core.workspace import Workspace

MANIFEST = json.dumps({"format": "rushes dataset", "schema_version": 1, "files": {}}).encode()
LIMITS = LimitsSettings(archive_gb=0.002, archive_files=50)  # 2 MB


def info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname = size, kind, link
    return found


def made(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for one, content in members:
            tar.addfile(one, io.BytesIO(content))
        tar.addfile(info("manifest.json", len(MANIFEST)), io.BytesIO(MANIFEST))
    return path


def opened(archive: Path, folder: Path, limits: LimitsSettings = LIMITS) -> Unpacked:
    folder.mkdir()
    return unpack(archive, folder, limits, report=silent, stop=never)


def inside(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("/etc/cron.d/x", tarfile.REGTYPE, ""),
        ("../outside.jsonl", tarfile.REGTYPE, ""),
        ("training_data/videos/../../../outside", tarfile.REGTYPE, ""),
        ("training_data\\videos\\x.avi", tarfile.REGTYPE, ""),
        ("training_data/videos/\x1b[2J.avi", tarfile.REGTYPE, ""),
        ("training_data/videos/" + "a" * 300, tarfile.REGTYPE, ""),
        ("training_data/videos", tarfile.SYMTYPE, "/etc"),
        ("training_data/videos/x.avi", tarfile.LNKTYPE, "/etc/passwd"),
        ("training_data/videos/x.avi", tarfile.CHRTYPE, ""),
        ("training_data/videos/x.avi", tarfile.BLKTYPE, ""),
        ("training_data/videos/x.avi", tarfile.FIFOTYPE, ""),
    ],
)
def test_what_could_leave_the_folder_is_refused(name: str, kind: bytes, link: str, tmp_path: Path):
    archive = made(tmp_path / "a.tar", (info(name, 0, kind, link), b""))
    with pytest.raises(StoreError) as caught:
        opened(archive, tmp_path / "folder")
    assert "\x1b" not in caught.value.sentence()
    assert inside(tmp_path / "folder") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "folder"]


def test_the_same_name_twice_is_refused(tmp_path: Path):
    twice = [(info("training_data/videos/x.avi", 1), b"a"), (info("training_data/videos/x.avi", 1), b"b")]
    with pytest.raises(StoreError, match="twice"):
        opened(made(tmp_path / "a.tar", *twice), tmp_path / "folder")


def test_unknown_files_are_passed_by(tmp_path: Path):
    archive = made(tmp_path / "a.tar", (info("virus.sh", 3), b"rm "), (info("training_data/videos/x.avi", 1), b"x"))
    found = opened(archive, tmp_path / "folder")
    assert inside(tmp_path / "folder") == ["manifest.json", "training_data/videos/x.avi"]
    assert found.path("training_data/videos/x.avi") is None  # the manifest does not name it


def test_bytes_are_counted_and_not_believed(tmp_path: Path):
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(StoreError, match=r"more than 0\.002 GB"):
        opened(made(tmp_path / "a.tar", (info("index.jsonl.gz", len(bomb)), bomb)), tmp_path / "one")
    many = [(info(f"training_data/videos/{number}.avi"), b"") for number in range(60)]
    with pytest.raises(StoreError, match="more than 50 files"):
        opened(made(tmp_path / "b.tar", *many), tmp_path / "two")


def test_a_sparse_file_that_claims_a_terabyte_is_refused(tmp_path: Path):
    one = info("training_data/videos/x.avi", 512)
    one.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": one.name,
                       "GNU.sparse.size": "1000000000000", "GNU.sparse.map": "0,512"}  # fmt: skip
    with pytest.raises(StoreError):
        opened(made(tmp_path / "a.tar", (one, b"x" * 512)), tmp_path / "folder")


def test_a_header_of_any_claimed_length_is_not_read_into_memory(tmp_path: Path):
    head = info("./PaxHeaders/x", 8 << 30, tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "a.tar").write_bytes(head + b"\0" * 4096)
    with pytest.raises(StoreError, match="too long"):
        opened(tmp_path / "a.tar", tmp_path / "folder")


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"{", b'{"format": "other", "schema_version": 1, "files": {}}', b'{"files": 3}', b"\xff\xfe",
     b'{"format": "rushes dataset", "schema_version": 99, "files": {}}', b"[" * 100_000],
)  # fmt: skip
def test_a_wrong_manifest_is_one_sentence(manifest: bytes, tmp_path: Path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(info("manifest.json", len(manifest)), io.BytesIO(manifest))
    with pytest.raises(StoreError):
        opened(tmp_path / "a.tar", tmp_path / "folder")


@pytest.fixture(scope="module")
def real(taught_once: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small real archive: two scenes without their clips."""
    from core import loop

    root = Path(shutil.copytree(taught_once, tmp_path_factory.mktemp("real") / "ws"))
    space = loop.open_workspace(root)
    data = Path(dataset.export(space, root / "small.tar", task="scenes", light=True).to).read_bytes()
    space.close()
    return data


names = st.one_of(
    st.sampled_from(["index.jsonl", "index.jsonl.gz", "manifest.json", "training_data/corrections.jsonl", "../x", "/x",
                     "models/scenes/model_v1.onnx", "training_data/videos/x.avi", "training_data", "a/../b"]),
    st.text(max_size=30).filter(lambda name: name.isprintable() and "\0" not in name),
)  # fmt: skip
kinds = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, b"S", b"x"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, kinds, st.binary(max_size=200)), max_size=4))
def test_hostile_members_never_leave_the_folder(members: list[tuple[str, bytes, bytes]]):
    with tempfile.TemporaryDirectory() as where:
        place = Path(where)
        given_ones = [
            (info(name, len(content) if kind in (tarfile.REGTYPE, b"S", b"x") else 0, kind, "/etc/passwd"), content)
            for name, kind, content in members
        ]
        archive = made(place / "a.tar", *given_ones)
        refusal(lambda: opened(archive, place / "folder"))
        assert sorted(path.name for path in place.iterdir()) == ["a.tar", "folder"]
        assert not any(path.is_symlink() for path in (place / "folder").rglob("*"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_spoilt_archive_is_one_sentence(real: bytes, data: st.DataObject):
    spoilt = bytearray(real)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at : at + 1] = data.draw(st.binary(max_size=12))
    spoilt = spoilt[: data.draw(st.integers(0, len(spoilt)))]
    with tempfile.TemporaryDirectory() as where:
        archive = Path(where) / "a.tar"
        archive.write_bytes(spoilt)
        refusal(lambda: opened(archive, Path(where) / "folder"))


def refusal(do: Callable[[], object]) -> None:
    """Anything but our own kind of error is a failure."""
    said = ""
    try:
        do()
    except RushesError as error:
        said = error.sentence()
    assert said == "" or said.isprintable()


lines = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "task",
    "line",
    "sample",
    "answer",
    "id",
    "file",
    "media_hash",
    "group",
    "at",
    "predicted",
    "extra",
    "start_s",
)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_wrong_index_is_named_row_by_row(real: bytes, empty_once: Workspace, data: st.DataObject):
    """Signed by a manifest that fits: whoever makes the archive makes the manifest too."""
    facts: dict[str, object] = {"task": "scenes", "line": 1, **data.draw(
        st.dictionaries(st.sampled_from(FIELDS), lines, max_size=4))}  # fmt: skip
    if data.draw(st.booleans()):
        facts["sample"] = data.draw(st.dictionaries(st.sampled_from(FIELDS), lines, max_size=5))
    with tempfile.TemporaryDirectory() as where:
        archive = resigned(real, Path(where) / "a.tar", {"index.jsonl": json.dumps(facts).encode() + b"\n"})
        before = empty_once.store.count_answered("scenes")
        found = bringing.run(empty_once, archive)
        assert found.imported + found.skipped + len(found.errors) == 2
        assert empty_once.store.count_answered("scenes") == before + found.imported


def resigned(real: bytes, target: Path, changed: dict[str, bytes]) -> Path:
    import hashlib

    with tarfile.open(fileobj=io.BytesIO(real)) as old:
        contents = {one.name: old.extractfile(one).read() for one in old.getmembers()}  # pyright: ignore[reportOptionalMemberAccess]
    contents |= changed
    manifest = json.loads(contents.pop("manifest.json"))
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in contents.items()
    }
    with tarfile.open(target, "w") as tar:
        for name, content in (*contents.items(), ("manifest.json", json.dumps(manifest).encode())):
            tar.addfile(info(name, len(content)), io.BytesIO(content))
    return target


@pytest.fixture(scope="module")
def empty_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    from core import loop
    from tests.core.exporting.conftest import NO_TRAINING

    root = tmp_path_factory.mktemp("hostile")
    (root / "rushes.toml").write_text(NO_TRAINING)
    return loop.open_workspace(root)
