"""Seed 001's cost guards, measured from what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import loop, settings
from core.embeddings.store import open_store
from core.embeddings.types import BatchRequest
from core.insights import costs
from core.insights.metrics.requests import ReadRequest, WriteRequest
from core.insights.metrics.store import MetricsStore
from core.insights.virality.predictor import ViralityPredictor
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.embeddings.made import numbers, several


def measured(space: Workspace) -> costs.Costs:
    with MetricsStore(space) as store:
        store.read(ReadRequest())
        return costs.measure(space, store)


def test_bytes_are_those_of_tables_journal_and_imports(space: Workspace, metrics: MetricsStore):
    empty = measured(space).lines[1]
    metrics.write(*(WriteRequest(f"post-{n}", "tiktok", "engagement", {"views": n}, "2025-05-29") for n in range(3000)))
    metrics.read(ReadRequest())
    line = measured(space).lines[1]
    assert line.name == "metrics database"
    assert line.measured["journal_bytes"] == (space.data / "metrics.jsonl").stat().st_size
    assert line.measured["tables_bytes"] > empty.measured["tables_bytes"] + 3000 * 40
    assert line.eur_month == pytest.approx(sum(line.measured.values()) / 1e9 * 0.02)
    assert line.budget_eur == 5.0


def test_the_catalogs_other_tables_are_not_counted(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    before = measured(space).lines[1].measured["tables_bytes"]
    for n in range(200):
        space.store.note("consent", {"text": "x" * 1000, "n": n})
    assert measured(space).lines[1].measured["tables_bytes"] == before


def test_vectors_count_with_their_cache(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    before = sum(measured(space).lines[0].measured.values())
    (space.cache / "vectors" / "visual").mkdir(parents=True)
    (space.cache / "vectors" / "visual" / "a.vectors").write_bytes(bytes(5000))
    assert sum(measured(space).lines[0].measured.values()) == before + 5000


def test_imported_vectors_are_vectors_and_no_metrics(rushes: Callable[..., Ran], tmp_path: Path):
    root = tmp_path / "w"
    np.savez(tmp_path / "in.npz", ids=["a", "b"], vectors=numbers(2))
    (tmp_path / "in.csv").write_text("video,measured_at,views\nt1,2025-05-29,5\n")
    assert rushes("embeddings", "import", tmp_path / "in.npz", "--encoder", "e/1", "-w", root).code == 0
    found = measured(loop.open_workspace(root)).lines
    assert found[0].measured["imports_bytes"] == (tmp_path / "in.npz").stat().st_size
    assert found[1].measured["imports_bytes"] == 0
    assert rushes("metrics", "import", tmp_path / "in.csv", "-p", "tiktok", "-w", root).code == 0
    found = measured(loop.open_workspace(root)).lines
    assert found[0].measured["imports_bytes"] == (tmp_path / "in.npz").stat().st_size
    assert found[1].measured["imports_bytes"] == (tmp_path / "in.csv").stat().st_size


def test_vectors_on_the_server_count_without_metrics_there(postgres: str, tmp_path: Path):
    settings.write(None, "database.url", f'"{postgres}"')
    settings.write(None, "embeddings.backend", "pgvector")
    space = loop.open_workspace(tmp_path / "w")
    assert measured(space).lines[0].measured["server_bytes"] == 0
    with open_store(space) as store:
        store.batch_now(BatchRequest(several(numbers(500, 64))))
    line = measured(space).lines[0]
    assert line.measured["server_bytes"] > 500 * 64 * 4
    assert line.eur_month == pytest.approx(sum(line.measured.values()) / 1e9 * 0.02)


def test_learning_what_predicts_posts_is_computing_too(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    with MetricsStore(space) as store, ViralityPredictor(space, store) as predictor:
        for n in range(3):
            store.write(WriteRequest(f"p{n}", "tiktok", "content", {"posted_at": "2025-05-28"}))
            store.write(WriteRequest(f"p{n}", "tiktok", "engagement", {"views": 10 + n}, "2025-05-29"))
        predictor.load("tiktok")
        predictor.refresh()
        predictor.load("tiktok")  # from what was learnt before
    assert measured(space).lines[2].measured["runs"] == 1


def test_computing_is_what_the_runs_took(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    assert measured(space).lines[2].eur_month == 0
    with MetricsStore(space) as store, costs.timed(store, "daily learning"):
        pass
    space.store.note(costs.EVENT, {"name": "daily learning", "seconds": 9.0, "at": time.time() - 31 * 86400})
    space.store.note(costs.EVENT, {"name": "daily learning", "seconds": 120.0})
    line = measured(space).lines[2]
    assert line.measured["runs"] == 2
    assert line.eur_month == pytest.approx(120.0 / 3600 * 0.05, rel=0.01)


def test_from_80_percent_of_a_budget_on_it_warns(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    space.store.note(costs.EVENT, {"name": "daily learning", "seconds": 1800.0})
    assert measured(space).warnings() == []
    settings.write(space.root, "insights.compute_budget_eur", "0.03")  # half an hour costs 2.5 cents
    found = measured(loop.open_workspace(space.root))
    assert found.lines[2].warning
    assert found.lines[2].share == pytest.approx(0.025 / 0.03, rel=0.01)
    assert len(found.warnings()) == 1
    assert "learning compute: 0.03 € a month is 83% of its budget" in found.warnings()[0]


def test_a_budget_of_nothing_warns_of_any_cost(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w")
    space.store.note(costs.EVENT, {"name": "daily learning", "seconds": 60.0})
    settings.write(space.root, "insights.compute_budget_eur", "0")
    found = measured(loop.open_workspace(space.root))
    assert found.lines[2].warning
    assert found.lines[2].share is None


def test_the_command_shows_every_line_and_the_sum(rushes: Callable[..., Ran], tmp_path: Path):
    loop.open_workspace(tmp_path / "w").close()
    found = rushes("metrics", "costs", "--json", "-w", tmp_path / "w").json
    assert [line["name"] for line in found["lines"]] == ["embeddings storage", "metrics database", "learning compute"]
    assert [line["budget_eur"] for line in found["lines"]] == [3.0, 5.0, 2.0]
    assert found["total"]["budget_eur"] == 10.0
    assert found["total"]["eur_month"] == pytest.approx(sum(line["eur_month"] for line in found["lines"]))
    assert set(found["lines"][0]) == {"name", "measured", "eur_month", "budget_eur", "share", "warning"}
    assert "learning compute" in rushes("metrics", "costs", "-w", tmp_path / "w").out
