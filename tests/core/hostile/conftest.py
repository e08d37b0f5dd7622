"""One good workspace per session that each test spoils a copy of."""

from __future__ import annotations

import pytest

from tests.benchmarks.safety.bench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        return Bench.make(tmp_path_factory.mktemp("bench"))
