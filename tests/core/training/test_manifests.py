"""Manifests as files: what is written can be read, and equal input gives equal bytes, in any process."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RushesError
from core.training import manifests
from core.training.manifests import Row

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
maybe = st.none() | words
numbers = st.floats(allow_nan=False, allow_infinity=False)


def rows_of(kind: str) -> st.SearchStrategy[list[Row]]:
    """Manifests of a task with this kind of value."""
    value = st.floats(0, 1) if kind == "score" else words
    shown = numbers if kind == "score" else words
    row = st.builds(
        Row, snapshot_id=words, firebase_url=maybe, label_source=words, label_value=shown,
        split=st.sampled_from(manifests.SIDES), phase=maybe, captured_at=st.none() | numbers,
        rating_count=st.integers(1, 2**53), is_good=st.none() | st.booleans(), file=maybe, value=value, group=words,
        speaker=maybe, source=maybe, region=maybe, weight=numbers, media_hash=maybe, scene_id=maybe, start_s=numbers,
        end_s=st.none() | numbers,
    )  # fmt: skip
    return st.lists(row, max_size=6)


def row(identity: str, **changes: object) -> Row:
    known: dict[str, object] = {
        "snapshot_id": identity, "firebase_url": None, "label_source": "imported", "label_value": 4.0,
        "split": "train", "phase": "sunset", "captured_at": 1.5, "rating_count": 2, "is_good": True,
        "file": "training_data/frames/a.jpg", "value": 0.8, "group": "g", "speaker": None, "source": None,
        "region": None, "weight": 0.1 + 0.2, "media_hash": "ab", "scene_id": None, "start_s": 0.0, "end_s": None,
    }  # fmt: skip
    return Row(**(known | changes))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", ["label", "text", "score"])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_written_is_read_again_and_gives_the_same_bytes(kind: str, data: st.DataObject, tmp_path: Path):
    rows = data.draw(rows_of(kind))
    path = tmp_path / "manifest_full.csv"
    path.write_bytes(manifests.encode(rows))
    again = manifests.read(path, kind)
    assert again == rows
    assert manifests.encode(again) == path.read_bytes()
    assert manifests.digest(rows) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_columns_are_seed_004s_and_then_ours():
    lines = manifests.encode([row("a")]).decode().split("\n")
    assert lines[0].split(",")[:9] == ["snapshot_id", "firebase_url", "label_source", "label_value", "split", "phase",
                                       "captured_at", "rating_count", "is_good"]  # fmt: skip
    assert lines[1].startswith("a,,imported,4.0,train,sunset,1.5,2,true,training_data/frames/a.jpg,0.8,g,")
    assert ",0.30000000000000004,ab," in lines[1]
    assert lines[2] == ""


def test_another_process_gives_the_same_bytes():
    code = (
        "from tests.core.training.test_manifests import row\nfrom core.training import manifests\n"
        "print(manifests.digest([row('a'), row('b', speaker='Zoë, \"Z\"\\n', weight=1/3)]))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                               cwd=Path(__file__).parents[3], env={"PYTHONHASHSEED": "77"})  # fmt: skip
    assert elsewhere.stdout.strip() == manifests.digest([row("a"), row("b", speaker='Zoë, "Z"\n', weight=1 / 3)])


def test_half_a_surrogate_pair_from_a_journal_does_not_stop_the_export():
    assert b"\\ud83d" in manifests.encode([row("a", group="\ud83d")])


def test_four_manifests_and_their_description_are_written_privately(tmp_path: Path):
    rows = [row("a"), row("b", split="val"), row("c", split="test"), row("d")]
    counts = manifests.write(tmp_path / "out", rows, {"task": "ratings", "excluded": {"missing media": 3}})
    assert counts == {"full": 4, "train": 2, "val": 1, "test": 1}
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["export_meta.json", "manifest_full.csv", "manifest_test.csv", "manifest_train.csv",
                     "manifest_val.csv"]  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}
    meta = json.loads((tmp_path / "out" / "export_meta.json").read_text())
    assert meta["hash"] == hashlib.sha256((tmp_path / "out" / "manifest_full.csv").read_bytes()).hexdigest()
    assert (meta["counts"], meta["excluded"], meta["schema_version"]) == (counts, {"missing media": 3}, 2)
    with (tmp_path / "out" / "manifest_train.csv").open(newline="") as file:
        assert [line["snapshot_id"] for line in csv.DictReader(file)] == ["a", "d"]


def test_an_export_replaces_only_an_earlier_export(tmp_path: Path):
    folder = tmp_path / "out"
    manifests.require_place(folder)
    manifests.write(folder, [row("a")], {})
    manifests.require_place(folder)
    (folder / ".export-killed").mkdir()  # left by a process that was killed
    manifests.write(folder, [row("b")], {})
    assert not (folder / ".export-killed").exists()
    assert manifests.read(folder / "manifest_full.csv", "score")[0].snapshot_id == "b"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RushesError, match="not an earlier export"):
        manifests.require_place(tmp_path / "mine")
    with pytest.raises(RushesError, match="a file, not a folder"):
        manifests.require_place(tmp_path / "mine" / "letter.txt")


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n", "", ",".join(manifests.COLUMNS) + "\nonly-one-cell\n", "\xff",
     manifests.encode([row("a")]).decode().replace(",0.8,", ",high,"),
     manifests.encode([row("a")]).decode().replace(",train,", ",side,")],
)  # fmt: skip
def test_a_damaged_manifest_is_refused_with_a_sentence(text: str, tmp_path: Path):
    path = tmp_path / "manifest_full.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(RushesError, match="not a manifest"):
        manifests.read(path, "score")
    with pytest.raises(RushesError, match="cannot be read"):
        manifests.read(tmp_path / "gone.csv", "score")
