"""Two processes that torchrun started train one network: the same on both, and what one process would have made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import RushesError
from core.training import distributed
from tests.core.training.together import plain_steps

ROOT = Path(__file__).parents[3]


def test_two_processes_end_with_equal_weights_close_to_those_of_one(trained: Path, tmp_path: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*launcher, "-m", "tests.core.training.together", str(trained), str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
    )
    leader, follower = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert leader == follower
    assert leader["processes"] == 2
    assert leader["scores"]["mae"] < 0.25
    _, alone = plain_steps()
    assert leader["answers"] == pytest.approx(alone, abs=2e-3)
    assert (tmp_path / "job" / "manifest_full.csv").exists()


def test_one_process_needs_no_meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert distributed.join() is False
    assert (distributed.rank(), distributed.size(), distributed.active()) == (0, 1, False)
    assert list(distributed.share_of([4, 5, 6])) == [4, 5, 6]
    distributed.finish()


def test_processes_that_cannot_meet_are_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RushesError, match="processes = 1"):
        distributed.join()
