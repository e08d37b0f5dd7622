"""The FAISS cache: always equal to the catalog, never trusted, made of what changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.embeddings.local import Local
from core.embeddings.types import BatchRequest
from tests.core.embeddings.made import MAKER, SEEN, find, keys, numbers, opened, seen, several, workspace

ADDER = """
import sys
from pathlib import Path
from core import loop
from tests.core.embeddings.made import numbers, opened, seen
space = loop.open_workspace(Path(sys.argv[1]))
store = opened(space)
for place, row in enumerate(numbers(40, seed=int(sys.argv[2]))):
    store.store_now(seen(f"{sys.argv[2]}-{place}", row))
"""


def cache(root: Path) -> Path:
    (found,) = (root / "ws" / "cache" / "vectors").rglob("*.vectors")
    return found


def fill(root: Path, count: int = 400) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """A workspace with vectors and the cache that a search leaves."""
    space = workspace(root)
    vectors = numbers(count)
    with opened(space) as store:
        store.batch_now(BatchRequest(several(vectors)))
        find(store, vectors[0])
    space.close()
    return vectors


def test_the_cache_is_loaded_lazily_and_only_what_changed_is_added(tmp_path: Path) -> None:
    vectors = fill(tmp_path)
    space = workspace(tmp_path)
    before = cache(tmp_path).stat().st_mtime_ns
    with opened(space) as store:
        assert isinstance(store.backend, Local)
        store.store_now(seen("new", vectors[3] * -1))
        store.delete_now(SEEN, ["k7"])
        assert not store.backend._indexes  # pyright: ignore[reportPrivateUsage]
        assert keys(find(store, vectors[3] * -1, k=1)) == ["new"]
        assert "k7" not in keys(find(store, vectors[7], k=400))
    assert cache(tmp_path).stat().st_mtime_ns == before  # two rows of 400 are not worth a new file
    assert cache(tmp_path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["truncated", "foreign", "flipped", "empty", "folder's"])
def test_a_damaged_or_foreign_cache_is_made_again(tmp_path: Path, damage: str) -> None:
    vectors = fill(tmp_path)
    path = cache(tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[:-100])
    elif damage == "foreign":
        path.write_bytes(b"IxFI" + bytes(5000))
    elif damage == "flipped":
        content[-2] ^= 0x40
        path.write_bytes(content)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.write_bytes(content.replace(b'"uid": "', b'"uid": "0', 1))
    space = workspace(tmp_path)
    with opened(space) as store:
        found = find(store, vectors[5], k=400)
        assert found[0].key == "k5"
        assert len(found) == 400


def test_a_lost_cache_costs_nothing_but_time(tmp_path: Path) -> None:
    vectors = fill(tmp_path)
    cache(tmp_path).unlink()
    with opened(workspace(tmp_path)) as store:
        assert keys(find(store, vectors[5], k=1)) == ["k5"]
    assert cache(tmp_path).exists()


def test_rebuilding_leaves_the_same_results_and_drops_the_marks_of_what_went(tmp_path: Path) -> None:
    vectors = fill(tmp_path)
    space = workspace(tmp_path)
    with opened(space) as store:
        store.delete_now(SEEN, [f"k{n}" for n in range(100)])
        before = find(store, vectors[150], k=300)
        assert store.backend.rebuild() == 300
        after = find(store, vectors[150], k=300)
        assert keys(before) == keys(after)
        with space.store.catalog.read() as db:
            assert db.conn.execute("SELECT count(*) FROM embeddings_gone").fetchone() == (0,)


def test_several_processes_store_at_once_and_a_third_sees_all(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    with opened(space) as store:
        store.store_now(seen("first", numbers(1)[0]))
        find(store, numbers(1)[0])
        command = [sys.executable, "-c", ADDER, str(space.root)]
        children = [subprocess.Popen([*command, str(seed)]) for seed in (1, 2)]
        assert [child.wait(60) for child in children] == [0, 0]
        assert len(find(store, numbers(1)[0], k=100)) == 81


@given(st.lists(st.tuples(st.sampled_from("sdub"), st.integers(0, 11), st.integers(0, 30)), max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_the_index_holds_what_the_catalog_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    space = workspace(tmp_path_factory.mktemp("any"))
    vectors = numbers(31, 6)
    held: dict[str, int] = {}
    store = opened(space)
    for what, key, row in steps:
        name = f"k{key}"
        if what == "s":
            store.store_now(seen(name, vectors[row]))
            held[name] = row
        elif what == "d":
            assert store.delete_now(SEEN, [name]) == (held.pop(name, None) is not None)
        elif what == "u":
            assert store.update_now(SEEN, name, {"row": row}) == (name in held)
        else:
            store.close()
            store = opened(space)
        found = {one.key: one.score for one in find(store, vectors[0], k=50)}
        assert found.keys() == held.keys()
        for each, place in held.items():
            kept = store.get_now(SEEN, each, MAKER)
            assert kept is not None
            assert (kept.vector == vectors[place]).all()
    space.close()
