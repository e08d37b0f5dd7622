"""Real clips for the demo: a folder with manifests, its rows dealt by group into learning and test."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from core import tasks
from core.demo.user import DrawnClip
from core.errors import RushesError, WrongUseError
from core.manifest import VALUE_COLUMN, BadRow, read_manifest
from core.tasks.base import Task

Dealt = dict[str, tuple[list[DrawnClip], list[DrawnClip]]]


def real_clips(folder: Path, learn: int, test: int, seed: int) -> Dealt:
    """For every task the first manifest below `folder` that has its column; at least a third of the rows tests.

    Raises:
        WrongUseError: there is no manifest any task can read.
    """
    dealt: Dealt = {}
    for manifest in sorted({*folder.glob("*.csv"), *folder.glob("*/manifest*.csv")}):
        for name in tasks.names():
            task = tasks.get(name)
            if name not in dealt and _fits(manifest, task):
                dealt[name] = _deal(manifest, task, learn, test, seed)
    if not dealt:
        raise WrongUseError("has no manifest with a label, text or score column", where=folder)
    return dealt


def _fits(manifest: Path, task: Task) -> bool:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError):
        return False
    return "file" in header and VALUE_COLUMN[task.kind] in header


def _deal(manifest: Path, task: Task, learn: int, test: int, seed: int) -> tuple[list[DrawnClip], list[DrawnClip]]:
    groups: dict[str, list[DrawnClip]] = {}
    for row in read_manifest(manifest, task):
        if isinstance(row, BadRow):
            continue
        spec = task.default_spec()
        if task.kind == "label":
            spec = spec.model_copy(update={"labels": (row.value,)})
        try:
            truth = task.parse(row.value, spec)
        except RushesError:
            continue
        group = row.about.group or row.path.name
        groups.setdefault(group, []).append(DrawnClip(row.path, truth, group, row.about.speaker, truth))
    names = sorted(groups)
    random.Random(seed).shuffle(names)
    total = sum(len(rows) for rows in groups.values())
    wanted = min(test, total // 3)
    testing: list[DrawnClip] = []
    learning: list[DrawnClip] = []
    for name in names:
        (testing if len(testing) < wanted else learning).extend(groups[name])
    return learning[:learn], testing
