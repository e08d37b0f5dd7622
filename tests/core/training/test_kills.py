"""Twenty kills at random moments leave a workspace that answers, keeps its versions and trains on."""

from __future__ import annotations

from pathlib import Path

from core import loop
from tests.benchmarks.kills import run


def test_no_kill_at_any_moment_costs_a_version_or_the_next_training(trained: Path) -> None:
    space = loop.open_workspace(trained)
    found = run(space, kills=20, seed=3)
    space.close()
    assert (found.kills, found.unloadable, found.overwritten, found.half_made) == (20, 0, 0, 0)
    assert found.next_job == "Completed"
