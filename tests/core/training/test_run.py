"""Equal data, recipe and threads give the same network, in whatever process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from core import loop, registry

CHILD = """
import json, sys
from hashlib import sha256
from pathlib import Path
from safetensors.torch import save
from core import loop
from core.training import run
from core.training.request import Request
space = loop.open_workspace(Path(sys.argv[1]))
wanted = Request(recipe={"epochs": 2, "threads": 1})
found = loop.train(space, "ratings", report=lambda *a, **b: None, stop=lambda: False, request=wanted)
weights = sha256(save({k: v.contiguous() for k, v in found.learner.module.state_dict().items()})).hexdigest()
scores = run.scores(found.data.task, found.judged)
losses = [epoch.loss for epoch in found.history]
print(json.dumps({"weights": weights, "scores": scores, "losses": losses, "recipe": found.recipe.model_dump(),
                  "timings": found.timings, "manifest": found.data.hash}))
"""


def train_in_a_process(root: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(root)],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_two_processes_train_the_same_network_and_the_second_looks_nothing_up_twice(trained: Path) -> None:
    first = train_in_a_process(trained)
    kept = sorted((trained / "cache" / "encoded").rglob("*.safetensors"))
    stamps = [path.stat().st_mtime_ns for path in kept]
    second = train_in_a_process(trained)
    for name in ("weights", "scores", "losses", "manifest", "recipe"):
        assert first[name] == second[name], name
    assert first["scores"]
    assert len(kept) == 54
    assert [path.stat().st_mtime_ns for path in kept] == stamps
    assert first["recipe"]["threads"] == 1
    assert {"loading", "encoding", "training", "validating"} <= set(first["timings"])


def test_the_card_says_with_which_recipe_and_threads_a_version_was_trained(trained: Path) -> None:
    space = loop.open_workspace(trained)
    known = registry.card(space, "ratings", "v1").model_dump()
    assert known["recipe"]["seed"] == 7
    assert known["recipe"]["threads"] == known["threads"] >= 1
    space.close()
