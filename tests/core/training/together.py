"""Run by torchrun in `test_distributed`: python -m torch.distributed.run ... together.py WORKSPACE OUT.

Trains a workspace through the doors a worker uses, then a few plain steps that a single process can repeat.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from core import loop
from core.tasks.learner import Item, Recipe, seed_everything
from core.tasks.ratings.learner import RatingsLearner
from core.tasks.ratings.task import TASK
from core.training import distributed, run, trainer
from core.training.request import Request
from core.training.run import Trained

STEPS = {"weights": "random", "freeze": False, "augment": False, "batch_size": 4, "learning_rate": 1e-3}


def plain_steps() -> tuple[str, list[float]]:
    """Weights' digest and answers after one epoch on 7 noise pictures; the whole network learns, nothing by chance."""
    torch.set_num_threads(1)
    seed_everything(3)
    learner = RatingsLearner(TASK.default_spec(), Recipe.model_validate(STEPS))
    learner.network.backbone.keep_statistics = True  # batch statistics depend on how a batch is shared out
    for module in learner.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # as does which numbers are hidden
    rng = np.random.default_rng(1)
    golden = TASK.golden(TASK.default_spec())
    items = [
        Item(
            {
                "image": rng.integers(0, 256, golden["image"].shape[1:], np.uint8),
                "pieces": rng.integers(0, 256, golden["pieces"].shape[1:], np.uint8),
                "measured": rng.normal(size=golden["measured"].shape[1:]).astype(np.float32),
            },
            number / 8,
            1.0 + number % 3,
        )
        for number in range(7)  # the last batch is smaller, and shares are unequal
    ]
    trainer.fit(learner, items, [], epochs=1)
    answers = trainer.answers(learner, trainer.encode(learner, items, lambda: False))
    return digest(learner.module.state_dict()), [float(answer.value or 0.0) for answer in answers]


def digest(weights: Mapping[str, Tensor]) -> str:
    """sha256 of a network's weights."""
    return sha256(save({name: value.contiguous() for name, value in weights.items()})).hexdigest()


def main(root: Path, out: Path) -> None:
    """Train as a worker's processes do; every process writes down what it ended with."""
    distributed.join()
    rank, size = distributed.rank(), distributed.size()
    space = loop.open_workspace(root, create=False)
    plain, answers = plain_steps()
    ended: list[Trained] = []
    original = run.train

    def watched(*given: Any, **named: Any) -> Trained:
        ended.append(original(*given, **named))
        return ended[-1]

    run.train = watched
    if rank:
        distributed.follow(space)
    else:
        wanted = Request(recipe={"epochs": 2, "threads": 1}, folder=out / "job")
        loop.train(space, "ratings", report=lambda *_, **__: None, stop=lambda: False, request=wanted)
    distributed.finish()
    space.close()
    told = {
        "weights": digest(ended[0].learner.module.state_dict()),
        "scores": run.scores(ended[0].data.task, ended[0].judged),
        "losses": [epoch.loss for epoch in ended[0].history],
        "plain": plain,
        "answers": answers,
        "processes": size,
    }
    (out / f"rank{rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
