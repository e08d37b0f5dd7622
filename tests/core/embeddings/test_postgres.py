"""FAISS and pgvector: the same operations, the same results, on a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.embeddings.erasing import erase
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import BatchRequest, SearchResult, VectorError
from core.errors import StoreError, WrongUseError
from core.gone import Gone
from tests.core.embeddings.made import SEEN, find, keys, numbers, opened, seen, several, workspace

STEPS = st.lists(
    st.tuples(
        st.sampled_from("sbduf"), st.integers(0, 9), st.integers(0, 30), st.sampled_from(["a", 1, 1.5, None, True, "1"])
    ),
    min_size=1,
    max_size=8,
)


def same(left: list[SearchResult], right: list[SearchResult]) -> None:
    """The same scores; the same keys in the same order, but for ties."""
    assert np.allclose([one.score for one in left], [one.score for one in right], atol=2e-6)
    for place, (a, b) in enumerate(zip(left, right, strict=True)):
        near = [one.score for one in left]
        if sum(abs(score - near[place]) < 4e-6 for score in near) == 1 and place < len(left) - 1:
            assert (a.key, a.metadata, a.sample) == (b.key, b.metadata, b.sample)


@given(steps=STEPS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_backends_answer_alike(
    steps: list[tuple[str, int, int, Any]], postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    space = workspace(tmp_path_factory.mktemp("parity"))
    try:
        _empty(postgres_server)
        with opened(space) as local, EmbeddingsStore("pgvector", None, workspace=space, url=postgres_server) as server:
            for step in steps:
                _do(step, (local, server))
    finally:
        space.close()
        _empty(postgres_server)


def _empty(server: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS rushes_embeddings, rushes_embedding_encoders")


def _do(step: tuple[str, int, int, Any], stores: tuple[EmbeddingsStore, EmbeddingsStore]) -> None:
    what, key, row, value = step
    vectors, name, said = numbers(31, 6), f"k{key}", list[object]()
    for store in stores:
        if what == "s":
            said.append(store.store_now(seen(name, vectors[row], tag=value)))
        elif what == "b":
            batch = [seen(f"k{key + n}", vectors[(row + n) % 31], tag=value) for n in range(4)]
            said.append(store.batch_now(BatchRequest([*batch, seen("bad", vectors[0] * 0)])))
        elif what == "d":
            said.append(store.delete_now(SEEN, [name, f"k{row}"]))
        elif what == "u":
            said.append(store.update_now(SEEN, name, {"tag": row}))
        else:
            said.append(sorted(keys(find(store, vectors[1], k=50, filters={"tag": [value, row]}))))
    assert said[0] == said[1]
    same(*(find(store, vectors[row], k=6) for store in stores))
    same(*(find(store, vectors[0], k=6, filters={"tag": value}) for store in stores))
    same(*(find(store, vectors[0], k=6, keys=frozenset({"k1", "k2", "k3"})) for store in stores))
    assert stores[0].backend.collections() == stores[1].backend.collections()


def test_vectors_come_back_and_lengths_of_any_size_do_no_harm(postgres: str, tmp_path: Path) -> None:
    with EmbeddingsStore("pgvector", None, workspace=workspace(tmp_path), url=postgres) as store:
        vectors = numbers(3) * np.array([[1e-12], [1.0], [1e12]], np.float32)
        store.batch_now(BatchRequest(several(vectors)))
        assert [keys(find(store, row, k=1)) for row in vectors] == [["k0"], ["k1"], ["k2"]]
        kept = store.get_now(SEEN, "k2")
        assert kept is not None
        assert np.allclose(kept.vector, vectors[2], rtol=1e-6)
        assert store.backend.rebuild() == 3
        with pytest.raises(VectorError, match="has 4 numbers, but engine/1 made 16"):
            store.store_now(seen("other", [1, 2, 3, 4]))


def test_a_lost_connection_is_made_again(postgres: str, tmp_path: Path) -> None:
    import psycopg

    with EmbeddingsStore("pgvector", None, workspace=workspace(tmp_path), url=postgres) as store:
        store.store_now(seen("one", numbers(1)[0]))
        with psycopg.connect(postgres, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rushes'")
        assert keys(find(store, numbers(1)[0])) == ["one"]


def test_a_server_that_is_away_is_said_in_a_sentence_without_the_password(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        EmbeddingsStore("pgvector", workspace=space, url="postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in caught.value.sentence()
    with pytest.raises(WrongUseError, match=r"database\.url"):
        EmbeddingsStore("pgvector", workspace=space)


def test_forgetting_reaches_the_database(postgres: str, tmp_path: Path, own_home: Path) -> None:
    config = own_home / "config" / "rushes"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(f'[database]\nurl = "{postgres}"\n')
    space = workspace(tmp_path)
    assert space.settings.database.url == postgres
    with EmbeddingsStore("pgvector", None, workspace=space) as store:
        store.store_now(seen("s1", numbers(1)[0]))
        store.store_now(seen("s2", numbers(1)[0], samples=["s1"]))
        store.store_now(seen("s3", numbers(1)[0]))
        names = erase(space, Gone(frozenset({"s1"}), frozenset(), frozenset(), frozenset()))
        assert names == ["database: 2 vectors"]
        assert keys(find(store, numbers(1)[0])) == ["s3"]
