"""A workspace whose metrics lie in its own catalog, or in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from core import loop, settings
from core.insights.metrics.store import MetricsStore
from core.workspace import Workspace


@pytest.fixture(params=["sqlite", "postgres"])
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Workspace]:
    """The same tests run on both databases."""
    root = tmp_path / "workspace"
    if request.param == "postgres":
        settings.write(None, "database.url", f'"{request.getfixturevalue("postgres")}"')
        settings.write(None, "insights.metrics_in", "database")
    found = loop.open_workspace(root)
    yield found
    found.close()


@pytest.fixture
def metrics(space: Workspace) -> Generator[MetricsStore]:
    """The metrics of that workspace."""
    with MetricsStore(space) as store:
        yield store
