"""What comes from a destination may be anything: it is read as what it was, or refused in a sentence."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.backup import formats, freeze
from core.backup.formats import CHUNK, File, Index, Label, Manifest
from core.errors import StoreError
from core.files import inside
from core.store.reading import Snapshot

NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
FILES = st.lists(NAMES, unique=True, max_size=5).map(
    lambda names: tuple(File(path=f"a/{name}", size=1, mode=0o600, sha256="0" * 64) for name in names)
)


def manifest(files: tuple[File, ...]) -> Manifest:
    return Manifest(
        id="000001-20260101T000000Z-00000000", sequence=1, created_at=1.5, workspace="w", files=files,
        journals={"training_data/events.jsonl": 3}, pointers={"x": {"champion": "v1"}}, rows=None, left_out=(),
    ).sealed()  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(FILES)
def test_a_manifest_is_read_as_it_was_written(files: tuple[File, ...]) -> None:
    made = manifest(files)
    assert formats.decode_manifest(made.model_dump_json().encode(), "here") == made


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_changed_manifest_is_refused_or_says_the_same(data: st.DataObject) -> None:
    made = manifest((File(path="a/b", size=1, mode=0o600, sha256="0" * 64),))
    raw = bytearray(made.model_dump_json().encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(StoreError):
        assert formats.decode_manifest(bytes(raw), "here") == made


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200), st.sampled_from([Label, Index, Manifest]))
def test_rubbish_is_refused_in_a_sentence(data: bytes, kind: type[Label]) -> None:
    with pytest.raises(StoreError, match="is not part of a backup that can be read"):
        formats.decode(kind, data, "here")


@settings(deadline=None, max_examples=150)
@given(path=st.text(st.sampled_from("ab./\\\0~"), min_size=1, max_size=12))
def test_no_path_leads_out(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    with suppress(ValueError):
        manifest((File(path=path, size=1, mode=0o600, sha256="0" * 64),))
        root = tmp_path_factory.getbasetemp()
        assert inside(root, path).resolve() != root.resolve()


@settings(deadline=None, max_examples=25)
@given(whole=st.integers(0, 2 * CHUNK + 5), tail=st.integers(0, CHUNK + 5))
def test_a_journals_blocks_are_its_bytes(tmp_path_factory: pytest.TempPathFactory, whole: int, tail: int) -> None:
    path: Path = tmp_path_factory.mktemp("journal") / "j.jsonl"
    data = bytes(number % 251 for number in range(97)) * ((whole + tail) // 97 + 1)
    path.write_bytes(data[:whole] + b"cut off since")
    with path.open("rb") as file:
        shot = Snapshot(file.fileno(), (1, 2, 3), whole, data[whole : whole + tail])
        blocks = list(freeze.journal_source("j", shot).blocks())
    assert b"".join(blocks) == data[: whole + tail]
    assert all(len(block) == CHUNK for block in blocks[:-1])
    assert len(blocks) == -(-(whole + tail) // CHUNK)


def test_a_journals_parts_are_shared_with_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * CHUNK + 10))
    first = [hashlib.sha256(block).hexdigest() for block in freeze.read(path)]
    with path.open("ab") as file:
        file.write(b"more")
    assert [hashlib.sha256(block).hexdigest() for block in freeze.read(path)][:3] == first[:3]
