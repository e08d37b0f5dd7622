"""Vectors that nobody here can make again outlive the catalog; what is forgotten does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.embeddings import importing
from core.embeddings.erasing import erase
from core.embeddings.types import BatchRequest, Embedding, EmbeddingType
from core.errors import WrongUseError
from core.gone import Gone
from core.workspace import Workspace
from tests.core.embeddings.made import MAKER, SEEN, find, keys, numbers, opened, seen, several, workspace


def lose_the_catalog(space: Workspace) -> None:
    space.close()
    (space.root / "rushes.db").unlink()


def brought(root: Path, count: int = 5) -> Path:
    path = root / "brought.npz"
    np.savez(path, ids=np.array([f"p{n}" for n in range(count)]), vectors=numbers(count), platform=["tiktok"] * count)
    return path


def gone(*samples: str) -> Gone:
    return Gone(frozenset(samples), frozenset(), frozenset(), frozenset())


def test_stored_imported_changed_and_deleted_vectors_survive_a_lost_catalog(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    vectors = numbers(100, seed=3)
    with opened(space) as store:
        importing.run(space, store, brought(tmp_path), SEEN, MAKER)
        store.batch_now(BatchRequest(several(vectors)))
        store.store_now(seen("one", vectors[1], n=1))
        store.update_now(SEEN, "p1", {"n": 2})
        store.delete_now(SEEN, ["p2", "k5"])
        before = find(store, vectors[0], k=200)
    lose_the_catalog(space)
    space = workspace(tmp_path)
    with opened(space) as store:
        assert find(store, vectors[0], k=200) == before
        assert len(before) == 5 + 100 + 1 - 2
        changed = store.get_now(SEEN, "p1")
        assert changed is not None
        assert changed.metadata == {"n": 2}
    space.store.rebuild()
    with opened(space) as store:
        assert find(store, vectors[0], k=200) == before


def test_a_line_that_says_nothing_is_named_and_passed_over(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    with opened(space) as store:
        store.store_now(seen("one", numbers(1)[0]))
    journal = space.data / "embeddings.jsonl"
    bad = {"op": "set", "type": "clip_visual", "encoder_id": MAKER, "key": "x", "vector": "AAAA"}
    missing = {"op": "import", "type": "clip_visual", "encoder_id": MAKER, "file": "training_data/imports/no.npz",
               "sha256": "no", "format": "npz"}  # fmt: skip
    outside = missing | {"file": "../../etc/passwd"}
    with journal.open("a") as file:
        for line in (bad, missing, outside):
            file.write(json.dumps(line) + "\n")
    with opened(space) as store:
        assert keys(find(store, numbers(1)[0])) == ["one"]
    problems = " ".join(space.store.problems())
    assert "embeddings.jsonl line 2" in problems
    assert "kept import file is missing" in problems
    assert "leaves the workspace" in problems


@pytest.mark.parametrize("suffix", [".npz", ".jsonl", ".csv", ".npy"])
def test_files_of_other_programs_come_in_bad_rows_named_good_kept(tmp_path: Path, suffix: str) -> None:
    vectors = numbers(4, 3)
    vectors[2] = np.nan
    path, ids = tmp_path / f"in{suffix}", None
    if suffix == ".npz":
        np.savez(path, ids=["a", "b", "c", "d"], embeddings=vectors, views=[1, 2, 3, 4])
    elif suffix == ".npy":
        np.save(path, vectors)
        ids = tmp_path / "ids.txt"
        ids.write_text("a\nb\nc\nd\n")
    elif suffix == ".jsonl":
        rows = [{"id": key, "vector": [float(v) for v in row], "views": n + 1} for n, (key, row) in
                enumerate(zip("abcd", vectors, strict=True))]  # fmt: skip
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "no json\n")
    else:
        lines = [f"{key},{','.join(str(v) for v in row)}" for key, row in zip("abcd", vectors, strict=True)]
        path.write_text("id,v0,v1,v2\n" + "\n".join(lines) + "\n")
    space = workspace(tmp_path)
    with opened(space) as store:
        found = importing.run(space, store, path, SEEN, "other/1", ids)
        assert found.new == 3
        assert "not finite" in found.errors[0][1]
        assert len(found.errors) == 1 + (suffix == ".jsonl")
        assert keys(find(store, vectors[3], k=1, encoder_id="other/1")) == ["d"]
        again = importing.run(space, store, path, SEEN, "other/1", ids)
        assert (again.new, again.updated) == (0, 3)
        assert len(list((space.data / "imports").iterdir())) == 1
        if suffix in (".npz", ".jsonl"):
            assert keys(find(store, vectors[3], encoder_id="other/1", filters={"views": 4})) == ["d"]


def test_a_file_that_would_have_to_be_unpickled_is_refused(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    path = tmp_path / "evil.npz"
    np.savez(path, ids=np.array(["a", {}], dtype=object), vectors=numbers(2))
    (tmp_path / "text.npz").write_text("no archive")
    with opened(space) as store:
        for name in ("evil.npz", "text.npz", "none.npz", "evil.pkl"):
            with pytest.raises(WrongUseError):
                importing.run(space, store, tmp_path / name, SEEN)
    assert not (space.data / "embeddings.jsonl").exists()


def test_forgetting_erases_rows_lines_caches_and_the_rows_of_kept_files(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    with opened(space) as store:
        importing.run(space, store, brought(tmp_path), SEEN, MAKER)
        store.store_now(seen("s1", numbers(1)[0]))
        store.store_now(Embedding(EmbeddingType.BRAND_STYLE, "warm", numbers(1)[0], MAKER, {"samples": ["s1", "s2"]}))
        store.store_now(seen("stays", numbers(1, seed=8)[0]))
        find(store, numbers(1)[0])
    (old,) = (space.data / "imports").iterdir()
    names = erase(space, gone("s1", "p3"))
    assert "training_data/embeddings.jsonl" in names
    assert not old.exists()
    (new,) = (space.data / "imports").iterdir()
    assert f"training_data/imports/{new.name}" in names
    with np.load(new) as archive:
        assert archive["ids"].tolist() == ["p0", "p1", "p2", "p4"]
    raw = (space.data / "embeddings.jsonl").read_text()
    assert '"s1"' not in raw
    assert "warm" not in raw
    with opened(space) as store:
        assert set(keys(find(store, numbers(1)[0]))) == {"stays", "p0", "p1", "p2", "p4"}
        assert store.get_now(EmbeddingType.BRAND_STYLE, "warm") is None
    assert erase(space, gone("s1", "p3")) in ([], ["cache/vectors"])
    lose_the_catalog(space)
    with opened(workspace(tmp_path)) as store:
        assert set(keys(find(store, numbers(1)[0]))) == {"stays", "p0", "p1", "p2", "p4"}
