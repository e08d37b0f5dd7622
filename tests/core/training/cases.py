"""Made-up answers of the three tasks, drawn from a seed."""

from __future__ import annotations

import numpy as np

from core import tasks
from core.store.records import Sample
from core.tasks.base import Answer, ModelSpec, Task
from core.training.evaluation import Case

WORDS = ["bin", "lay", "place", "set", "blue", "green", "red", "white", "at", "by", "in", "with", "again", "please",
         "soon", "now"]  # fmt: skip


def sample(number: int, **about: object) -> Sample:
    """One of four in a group, with every fact that slices ask for."""
    known = {
        "speaker": f"speaker {number // 4 % 5}", "source": f"camera {number % 3}", "region": "north",
        "phase": ("day", "night")[number % 2], "captured_at": 3600.0 * number, "context": f"room {number % 4}", **about,
    }  # fmt: skip
    return Sample(f"s{number:05}", "any", f"g{number // 4}", **known)  # pyright: ignore[reportArgumentType]


def task_and_spec(name: str) -> tuple[Task, ModelSpec]:
    task = tasks.get(name)
    return task, task.default_spec()


def label(name: str, chances: dict[str, float]) -> Answer:
    return Answer(name, chances[name], {"probabilities": chances, "log_scores": list(np.log(list(chances.values())))})


def scenes(count: int, seed: int = 1, pull: float = 1.5) -> list[Case]:
    """Labels of a model that draws from its own probabilities' neighbourhood."""
    rng, labels = np.random.default_rng(seed), task_and_spec("scenes")[1].labels
    found: list[Case] = []
    for number in range(count):
        logits = rng.normal(0, 1, len(labels))
        truth = int(rng.integers(len(labels)))
        logits[truth] += pull
        chances = np.exp(logits) / np.exp(logits).sum()
        named = dict(zip(labels, map(float, chances), strict=True))
        found.append(Case(labels[truth], label(labels[int(chances.argmax())], named), sample(number)))
    return found


def ratings(count: int, seed: int = 1, noise: float = 0.1) -> list[Case]:
    rng = np.random.default_rng(seed)
    truths = rng.random(count)
    scores = np.clip(truths + rng.normal(0, noise, count), 0, 1)
    return [
        Case(float(truth), Answer(float(score), 0.6, {"score": float(score)}), sample(number))
        for number, (truth, score) in enumerate(zip(truths, scores, strict=True))
    ]


def speech(count: int, seed: int = 1, errors: float = 0.15) -> list[Case]:
    rng = np.random.default_rng(seed)
    found: list[Case] = []
    for number in range(count):
        said = [WORDS[index] for index in rng.integers(0, len(WORDS), 6)]
        read = [WORDS[rng.integers(len(WORDS))] if rng.random() < errors else word for word in said]
        found.append(Case(" ".join(said), Answer(" ".join(read), float(rng.random()), {}), sample(number)))
    return found


ALL = {"scenes": scenes, "ratings": ratings, "speech": speech}
