"""What keeping vectors and metrics and learning from them costs a month, beside the budgets of seed 001.

Sizes are measured now, computing is what was noted in the last 30 days; only the prices are settings.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StoreError
from core.insights.metrics.store import MetricsStore
from core.log import logger
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy import Connection

EVENT = "learning_run"
WARN_AT = 0.8
MONTH_DAYS = 30.0
DAY_S, HOUR_S, GB = 86_400.0, 3_600.0, 1e9
_IMPORTED = re.compile(rb"imports/([0-9a-f]{64}\.\w+)")
VECTOR_TABLES = ("embedding_collections", "embeddings", "embeddings_gone")


@dataclass(frozen=True)
class Line:
    """One budget line.

    Attributes:
        measured: what was measured: bytes kept, or seconds of computing in the last 30 days, and of what.
        share: cost / budget; None where the budget is 0.
    """

    name: str
    measured: dict[str, float]
    eur_month: float
    budget_eur: float
    share: float | None
    warning: bool


@dataclass(frozen=True)
class Costs:
    """All lines and their sum."""

    lines: list[Line]
    total: Line

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def warnings(self) -> list[str]:
        """A sentence for every line from 80 % of its budget on."""
        return [
            f"{line.name}: {line.eur_month:.2f} € a month is {line.share:.0%} of its budget of {line.budget_eur:.2f} €"
            for line in (*self.lines, self.total)
            if line.warning and line.share is not None
        ]


def measure(space: Workspace, store: MetricsStore) -> Costs:
    """What the workspace costs a month as it is now."""
    prices = space.settings.insights
    runs = _runs(space)
    vectors = {
        "tables_bytes": _in_file(space.root / "rushes.db", VECTOR_TABLES),
        "journal_bytes": _size(space.data / "embeddings.jsonl"),
        "imports_bytes": _imports(space, "embeddings.jsonl"),
        "cache_bytes": _folder(space.cache / "vectors"),
    } | _on_vector_server(space)
    metrics = {
        "tables_bytes": _metric_tables(space, store),
        "journal_bytes": _size(space.data / "metrics.jsonl"),
        "imports_bytes": _imports(space, "metrics.jsonl"),
    }
    lines = [
        _line("embeddings storage", vectors, _gb(vectors) * prices.eur_per_gb_month, prices.storage_budget_eur),
        _line("metrics database", metrics, _gb(metrics) * prices.eur_per_gb_month, prices.metrics_budget_eur),
        _line(
            "learning compute", runs, runs["seconds"] / HOUR_S * prices.eur_per_compute_hour, prices.compute_budget_eur
        ),
    ]
    cost, budget = sum(line.eur_month for line in lines), sum(line.budget_eur for line in lines)
    return Costs(lines, _line("total", {}, cost, budget))


@contextmanager
def timed(store: MetricsStore, name: str) -> Generator[None]:
    """Measure what is learnt; its seconds are noted when it ends well."""
    begun = time.perf_counter()
    yield
    if store.space is not None:
        seconds = round(time.perf_counter() - begun, 3)
        try:
            store.space.store.note(EVENT, {"name": name, "seconds": seconds})
        except StoreError as error:  # what was learnt is worth more than its bill
            logger.warning("the seconds of %s are not noted: %s", name, error)


def _line(name: str, measured: dict[str, float], cost: float, budget: float) -> Line:
    share = cost / budget if budget > 0 else None
    over = cost > 0 if share is None else share >= WARN_AT
    return Line(name, measured, cost, budget, share, over)


def _gb(measured: dict[str, float]) -> float:
    return sum(measured.values()) / GB


def _runs(space: Workspace) -> dict[str, float]:
    since = time.time() - MONTH_DAYS * DAY_S
    took = [
        float(event["seconds"])
        for event in space.store.events(EVENT)
        if _is_number(event.get("at")) and _is_number(event.get("seconds")) and event["at"] > since
    ]
    return {"runs": len(took), "seconds": sum(took, 0.0)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _metric_tables(space: Workspace, store: MetricsStore) -> float:
    """Bytes of the tables and their indexes in the catalog, and where metrics lie in PostgreSQL, there too."""
    from core.insights.metrics.tables import METADATA

    found = _in_file(space.root / "rushes.db", list(METADATA.tables))
    if store.database.path is None:
        with store.database.read() as conn:
            found += sum(_on_server(conn, name) for name in METADATA.tables)
    return found


def _on_vector_server(space: Workspace) -> dict[str, float]:
    """Bytes of vectors in PostgreSQL; nothing where none are there, or the server cannot be asked (it is logged)."""
    url = space.settings.database.url
    if space.settings.embeddings.backend != "pgvector" or not url:
        return {}
    from core.embeddings.postgres import kept_bytes

    try:
        return {"server_bytes": kept_bytes(url)}
    except StoreError as error:
        logger.warning("vectors on the server are not counted: %s", error)
        return {}


def _imports(space: Workspace, journal: str) -> float:
    """Bytes of the kept import files that a journal names."""
    try:
        with (space.data / journal).open("rb") as file:
            names = {named[1].decode() for line in file for named in _IMPORTED.finditer(line)}
    except OSError:
        return 0.0
    return sum(_size(space.data / "imports" / name) for name in names)


def _in_file(path: Path, names: Sequence[str]) -> float:
    import sqlite3

    if not path.exists():
        return 0.0
    marks = ", ".join("?" * len(names))
    conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        row = conn.execute(
            "SELECT sum(d.pgsize) FROM dbstat d JOIN sqlite_master m ON m.name = d.name "
            f"WHERE d.aggregate = 1 AND m.tbl_name IN ({marks})",
            list(names),
        ).fetchone()
    except sqlite3.Error:  # a SQLite without dbstat, or a damaged file: the whole file is the nearest that is known
        return _size(path)
    finally:
        conn.close()
    return float(row[0] or 0)


def _on_server(conn: Connection, name: str) -> float:
    from sqlalchemy import text

    return float(conn.scalar(text("SELECT pg_total_relation_size(to_regclass(:name))"), {"name": name}) or 0)


def _size(path: Path) -> float:
    try:
        return float(path.stat().st_size)
    except OSError:
        return 0.0


def _folder(path: Path) -> float:
    return sum(_size(Path(folder) / name) for folder, _, names in os.walk(path) for name in names)
