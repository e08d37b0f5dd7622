"""Grouped folds over real clips, shared by the benchmarks: the factory's learner, solved on each fold's other part."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

from core.files import private_dir
from core.media.decode import read_clip
from core.store.records import Value
from core.tasks.base import Answer, Features, ModelSpec, Task
from core.tasks.learner import Item, Learner, Recipe
from core.training.run import make_learner

FACTORY = Path(__file__).parents[2] / "core" / "factory"


def rows_of(manifest: Path) -> list[dict[str, str]]:
    """The manifest's rows."""
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def measured(task: Task, files: Sequence[Path], cache: Path) -> list[Features]:
    """Features of every file, kept in `cache` by file name and feature version."""
    cv2.setNumThreads(1)
    found: list[Features] = []
    for file in files:
        kept = private_dir(cache) / f"{task.features_version.replace('/', '-')}-{file.stem}.npz"
        if not kept.exists():
            np.savez(kept, **task.extract(read_clip(file, task.decode_spec)))  # pyright: ignore[reportArgumentType]
        with np.load(kept, allow_pickle=False) as archive:
            found.append({name: archive[name] for name in archive.files})
    return found


def folds(groups: Sequence[str], count: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """(learning rows, test rows) of each fold; a group is on one side only, folds are about equally large."""
    names = sorted(set(groups))
    np.random.default_rng(seed).shuffle(names)
    names.sort(key=lambda name: -groups.count(name))
    sizes, where = [0] * count, dict[str, int]()
    for name in names:
        where[name] = sizes.index(min(sizes))
        sizes[where[name]] += groups.count(name)
    return [
        (
            [row for row, group in enumerate(groups) if where[group] != fold],
            [row for row, group in enumerate(groups) if where[group] == fold],
        )
        for fold in range(count)
    ]


def fresh(task: Task, spec: ModelSpec, weights: str) -> Learner:
    """A learner with the factory's weights, or random ones."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    learner = make_learner(task, spec, Recipe.model_validate({"weights": weights}))
    if weights == "factory":
        card = json.loads((FACTORY / f"{task.name}.json").read_text())
        tensors = {name: t.float() for name, t in load_file(FACTORY / f"{task.name}.safetensors").items()}
        learner.adopt(tensors, ModelSpec.model_validate(card["spec"]))
    return learner


def answers(learner: Learner, task: Task, features: Sequence[Features]) -> list[Answer]:
    """What the learner as it stands says."""
    learner.module.eval()
    with torch.no_grad():
        rows = [learner.encode(one) for one in features]
        outputs = learner.forward(learner.collate(rows, train=False, rng=np.random.default_rng(0)))
    return task.decode(learner.numpy_outputs(outputs), learner.final_spec())


def across(
    task: Task,
    spec: ModelSpec,
    features: Sequence[Features],
    truths: Sequence[Value],
    groups: Sequence[str],
    *,
    weights: str,
    count: int = 5,
    seed: int = 0,
) -> list[Answer]:
    """Each item's answer from the fold that did not learn from its group."""
    found: dict[int, Answer] = {}
    for inside, outside in folds(groups, count, seed):
        learner = fresh(task, spec, weights)
        learner.prepare([Item(features[row], truths[row], 1.0) for row in inside])
        found |= dict(zip(outside, answers(learner, task, [features[row] for row in outside]), strict=True))
    return [found[row] for row in range(len(features))]
