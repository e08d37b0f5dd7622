from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core import tasks
from core.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store in an empty folder."""
    found = Store(tmp_path, tasks.codecs())
    yield found
    found.close()
