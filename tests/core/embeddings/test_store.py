"""Seed 001's embeddings tests: store and retrieve, accuracy of the search, batches, delete, update, rebuild."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import BatchRequest, Embedding, EmbeddingType, SearchRequest, VectorError, type_of
from core.errors import WrongUseError
from tests.core.embeddings.made import MAKER, SEEN, by_hand, find, keys, numbers, opened, seen, several, workspace


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingsStore:
    return opened(workspace(tmp_path))


async def test_the_seeds_own_lines_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSHES_WORKSPACE", str(tmp_path / "ws"))
    store = EmbeddingsStore(backend="faiss", dimension=512)
    vectors = numbers(20, 512)
    await store.store_embedding(seen("first", vectors[0], title="one"))
    response = await store.batch_store(BatchRequest(several(vectors)))
    results = await store.search_similar(SearchRequest(SEEN, vectors[0], k=3))
    assert response.stored == 20
    assert {one.key for one in results[:2]} == {"first", "k0"}
    assert results[0].score == pytest.approx(1, abs=1e-5)
    assert await store.delete_embedding(SEEN, "first") == 1
    assert await store.update_embedding(SEEN, "k0", metadata={"title": "two"})
    assert await store.rebuild_index() == 20
    kept = await store.get_embedding(SEEN, "k0")
    assert kept is not None
    assert kept.metadata == {"title": "two"}
    store.close()


def test_what_is_stored_comes_back_as_it_was(store: EmbeddingsStore) -> None:
    vector = numbers(1)[0]
    metadata = {"platform": "tiktok", "views": 12, "ratio": 0.5, "tags": ["a", "ü"], "none": None, "yes": True}
    store.store_now(Embedding(SEEN, "post 1", vector, MAKER, metadata, sample="s1", content="c1", created_at=5.0))
    kept = store.get_now(SEEN, "post 1")
    assert kept is not None
    assert (kept.vector == vector).all()
    assert (kept.metadata, kept.sample, kept.content, kept.created_at) == (metadata, "s1", "c1", pytest.approx(5.0))
    assert store.get_now(SEEN, "post 2") is None


def test_every_type_is_a_room_of_its_own(store: EmbeddingsStore) -> None:
    for place, kind in enumerate(EmbeddingType):
        store.store_now(Embedding(kind, "same", numbers(1, 4, place)[0], MAKER))
    assert [one.held for one in store.backend.collections()] == [1] * 5
    assert type_of("CLIP_VISUAL") is EmbeddingType.CLIP_VISUAL
    with pytest.raises(WrongUseError, match="brand_style"):
        type_of("smell")


def test_a_type_may_be_given_by_its_name(store: EmbeddingsStore) -> None:
    """As a program does that has it from JSON."""
    name: Any = "clip_visual"
    vector = numbers(1)[0]
    store.store_now(Embedding(name, "a", vector, MAKER))
    assert store.batch_now(BatchRequest([Embedding(name, "b", vector, MAKER)])).stored == 1
    assert [one.key for one in store.search_now(SearchRequest(name, vector))] == ["a", "b"]
    kept = store.get_now(SEEN, "b")
    assert kept is not None
    assert kept.type is SEEN
    with pytest.raises(VectorError, match="brand_style"):
        store.store_now(Embedding("smell", "c", vector, MAKER))  # pyright: ignore[reportArgumentType]  # wrong on purpose


def test_the_search_finds_the_highest_cosines_whatever_the_lengths(store: EmbeddingsStore) -> None:
    vectors = numbers(300)
    store.batch_now(BatchRequest(several(vectors)))
    for asked in numbers(20, seed=1):
        cosines = by_hand(vectors, asked)
        best = np.argsort(-cosines)[:10]
        found = find(store, asked * 3)
        assert keys(found) == [f"k{place}" for place in best]
        assert np.allclose([one.score for one in found], cosines[best], atol=1e-5)


def test_more_than_there_is_gives_all_there_is(store: EmbeddingsStore) -> None:
    assert find(store, numbers(1)[0]) == []
    store.batch_now(BatchRequest(several(numbers(3))))
    assert len(find(store, numbers(1)[0], k=50)) == 3
    with pytest.raises(VectorError, match="k is 0"):
        find(store, numbers(1)[0], k=0)


def test_like_a_key_leaves_the_key_itself_out(store: EmbeddingsStore) -> None:
    vectors = numbers(5)
    with pytest.raises(VectorError, match="no clip_visual vector is kept of it"):
        store.search_now(SearchRequest(SEEN, like="nobody"))
    store.batch_now(BatchRequest([*several(vectors), seen("twin", vectors[2] * 4)]))
    found = store.search_now(SearchRequest(SEEN, like="k2", k=2))
    assert found[0].key == "twin"
    assert "k2" not in keys(found)
    with pytest.raises(VectorError, match="no clip_visual vector is kept of it"):
        store.search_now(SearchRequest(SEEN, like="nobody"))
    with pytest.raises(VectorError, match="either a vector or a key"):
        store.search_now(SearchRequest(SEEN))


def test_encoders_are_never_mixed(store: EmbeddingsStore) -> None:
    vectors = numbers(2)
    store.store_now(seen("a", vectors[0], "one/1"))
    store.store_now(seen("a", vectors[1], "two/1"))
    assert keys(find(store, vectors[1], encoder_id="one/1")) == ["a"]
    assert find(store, vectors[1], encoder_id="one/1")[0].score < 0.99
    with pytest.raises(VectorError, match="several encoders"):
        store.search_now(SearchRequest(SEEN, vectors[0]))
    assert store.delete_now(SEEN, ["a"], "one/1") == 1
    assert store.search_now(SearchRequest(SEEN, vectors[1]))[0].encoder_id == "two/1"


@pytest.mark.parametrize(
    ("vector", "why"),
    [
        ([0.0] * 16, "all zeros"),
        ([np.nan] * 16, "not finite"),
        ([np.inf] + [1.0] * 15, "not finite"),
        ([1e-30] * 16, "too far from 1"),
        ([1.0] * 8, "8 numbers"),
        ([[1.0] * 16], "2 dimensions"),
    ],
)
def test_a_vector_that_cannot_be_kept_is_refused_with_a_sentence(
    store: EmbeddingsStore, vector: list[float], why: str
) -> None:
    store.store_now(seen("good", numbers(1)[0]))
    with pytest.raises(VectorError, match=why):
        store.store_now(seen("bad", vector))
    assert store.get_now(SEEN, "bad") is None
    with pytest.raises(VectorError, match=r"finite|zeros|numbers|far|dimensions"):
        find(store, np.asarray(vector, np.float32))


def test_a_store_of_one_dimension_refuses_others(tmp_path: Path) -> None:
    store = EmbeddingsStore(dimension=8, workspace=workspace(tmp_path))
    with pytest.raises(VectorError, match="has 16 numbers, 8 are needed"):
        store.store_now(seen("a", numbers(1)[0]))
    with pytest.raises(WrongUseError, match="dimension of 0"):
        EmbeddingsStore(dimension=0, workspace=tmp_path / "ws")


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\nb", "a\0"])
def test_a_key_that_is_no_name_is_refused(store: EmbeddingsStore, key: str) -> None:
    with pytest.raises(VectorError, match="key"):
        store.store_now(seen(key, numbers(1)[0]))


def test_metadata_that_json_cannot_say_is_refused(store: EmbeddingsStore) -> None:
    with pytest.raises(VectorError, match="cannot be written as JSON"):
        store.store_now(seen("a", numbers(1)[0], when=object()))
    with pytest.raises(VectorError, match="cannot be written as JSON"):
        store.store_now(seen("a", numbers(1)[0], rate=float("nan")))


def test_a_batch_keeps_the_good_and_names_the_bad(store: EmbeddingsStore) -> None:
    vectors = numbers(100)
    batch = several(vectors)
    batch[3] = seen("k3", vectors[3] * 0)
    batch[7] = seen("", vectors[7])
    batch[9] = seen("k9", [1.0, 2.0])
    response = store.batch_now(BatchRequest(batch))
    assert response.stored == 97
    assert [place for place, _ in response.errors] == [3, 7, 9]
    assert "all zeros" in response.errors[0][1]
    again = store.batch_now(BatchRequest(several(vectors[:10])))
    assert (again.stored, again.updated) == (3, 7)
    assert len(find(store, vectors[0], k=200)) == 100


def test_in_a_batch_the_last_of_a_key_counts(store: EmbeddingsStore) -> None:
    vectors = numbers(100)
    store.batch_now(BatchRequest([*several(vectors), seen("k0", vectors[5] * 2)]))
    kept = store.get_now(SEEN, "k0")
    assert kept is not None
    assert (kept.vector == vectors[5] * 2).all()
    assert store.backend.collections()[0].held == 100


def test_deleted_vectors_are_found_no_more(store: EmbeddingsStore) -> None:
    vectors = numbers(50)
    store.batch_now(BatchRequest(several(vectors)))
    assert keys(find(store, vectors[4], k=1)) == ["k4"]
    assert store.delete_now(SEEN, ["k4", "nobody"]) == 1
    assert "k4" not in keys(find(store, vectors[4], k=50))
    assert store.delete_now(SEEN, ["k4"]) == 0


def test_updating_changes_metadata_or_the_vector(store: EmbeddingsStore) -> None:
    vectors = numbers(50)
    store.batch_now(BatchRequest(several(vectors)))
    find(store, vectors[0])
    assert store.update_now(SEEN, "k1", {"n": 1})
    assert find(store, vectors[1], k=1)[0].metadata == {"n": 1}
    assert store.update_now(SEEN, "k1", vector=vectors[9] * 7)
    assert set(keys(find(store, vectors[9], k=2))) == {"k1", "k9"}
    assert find(store, vectors[9], k=2)[1].metadata in ({}, {"n": 1})
    assert not store.update_now(SEEN, "nobody", {"n": 1})


def test_filters_are_exact_and_come_before_the_search(store: EmbeddingsStore) -> None:
    vectors = numbers(200)
    rows = [seen(f"k{n}", row, platform="tiktok" if n % 50 == 0 else "youtube", n=n) for n, row in enumerate(vectors)]
    rows.append(seen("odd", vectors[0], platform=None, n=1.5, yes=True, text="1"))
    store.batch_now(BatchRequest(rows))
    assert set(keys(find(store, vectors[1], k=10, filters={"platform": "tiktok"}))) == {"k0", "k50", "k100", "k150"}
    assert set(keys(find(store, vectors[1], filters={"n": [1, 2.0], "platform": "youtube"}))) == {"k1", "k2"}
    assert keys(find(store, vectors[1], filters={"platform": None})) == ["odd"]
    assert keys(find(store, vectors[1], filters={"yes": True})) == ["odd"]
    assert find(store, vectors[1], filters={"yes": 1}) == []
    assert find(store, vectors[1], filters={"text": 1}) == []
    assert keys(find(store, vectors[1], filters={"text": "1"})) == ["odd"]
    assert keys(find(store, vectors[1], keys=frozenset({"k7", "gone"}))) == ["k7"]
    assert find(store, vectors[1], filters={"n": []}) == []
    assert store.delete_now(SEEN, ["k0", "k1"]) == 2
    store.batch_now(
        BatchRequest([seen("new", vectors[1], platform="tiktok"), seen("k2", vectors[2], platform="tiktok")])
    )
    assert set(keys(find(store, vectors[1], filters={"platform": "tiktok"}))) == {"k50", "k100", "k150", "new", "k2"}
    assert find(store, vectors[1], filters={"n": [1, 2]}) == []
    with pytest.raises(VectorError, match="filter's name"):
        find(store, vectors[1], filters={'n" or 1': 1})
