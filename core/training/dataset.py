"""What a training run learns from: answered samples, split by group, weighted, frozen into a manifest.

A group never changes side as data grows, because its side is a hash of its name.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core import features
from core.errors import CancelledError, MediaError
from core.files import write_atomic
from core.store.records import Answered, Sample, Value
from core.tasks.base import Features, Task
from core.training.request import Request
from core.workspace import Workspace

Side = Literal["train", "val", "test"]
# Below this many groups on a held-out side one group decides too much: cross-validation takes over (DESIGN 7).
FEWEST_GROUPS = 8
RECENT_VIDEOS = 100
COLUMNS = ("snapshot_id", "file", "label_source", "label_value", "split", "group", "speaker", "source", "region",
           "phase", "captured_at", "rating_count", "weight", "media_hash")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """One answered sample with its features, its side and its weight."""

    answered: Answered
    features: Features
    side: Side
    weight: float

    @property
    def truth(self) -> Value:
        return self.answered.correction.value

    @property
    def group(self) -> str:
        return self.answered.sample.group


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples in journal order; `excluded` counts what was left out by reason; `hash` names the manifest."""

    task: Task
    examples: tuple[Example, ...]
    excluded: dict[str, int]
    hash: str

    def on(self, side: Side) -> list[Example]:
        return [example for example in self.examples if example.side == side]

    @property
    def cross_validated(self) -> bool:
        """Whether there are too few groups for held-out sides."""
        return any(len({example.group for example in self.on(side)}) < FEWEST_GROUPS for side in ("val", "test"))


def side_of(group: str, seed: int) -> Side:
    """70 % train, 15 % validation, 15 % test, by a hash of the group (seed 004's fixed assignment)."""
    bucket = int.from_bytes(hashlib.sha256(f"{group}|{seed}".encode()).digest()[:8]) % 100
    return "train" if bucket < 70 else "val" if bucket < 85 else "test"


def fold_of(group: str, seed: int, folds: int) -> int:
    """Which cross-validation fold a group belongs to, evenly and independent of its side."""
    return int.from_bytes(hashlib.sha256(f"fold|{group}|{seed}".encode()).digest()[:8]) % folds


def weights(answered: Sequence[Answered]) -> list[float]:
    """Seed 000's weighting, mean 1: a video weighs 0.7 / min(n, 100) if among the last 100, plus 0.3 / n, n videos.

    A video's weight is shared by its samples; "last" follows the journal, not the clock.
    """
    last_seen: dict[str, int] = {}
    for item in answered:
        last_seen[item.sample.group] = max(item.order, last_seen.get(item.sample.group, -1))
    sizes = Counter(item.sample.group for item in answered)
    count = len(last_seen)
    recent = set(sorted(last_seen, key=lambda group: last_seen[group])[-RECENT_VIDEOS:])
    shares = [
        ((0.7 / min(count, RECENT_VIDEOS) if item.sample.group in recent else 0.0) + 0.3 / count)
        / sizes[item.sample.group]
        for item in answered
    ]
    return [share * len(answered) / sum(shares) for share in shares]


def past_pairs(space: Workspace, task: str, count: int) -> list[tuple[str, str]]:
    """The newest corrections of the training side as (what was said, what was right); never of the held-out sides."""
    seed = space.settings.train.split_seed
    pairs = [
        (str(item.correction.predicted), str(item.correction.value))
        for item in space.store.answered(task)
        if item.correction.predicted is not None and side_of(item.sample.group, seed) == "train"
    ]
    return pairs[-count:] if count else []


def gather(
    space: Workspace,
    task: Task,
    request: Request,
    *,
    progress: Callable[[float], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Dataset:
    """Everything answered that may be learnt from: gated, measured, split, weighted.

    Raises:
        CancelledError: `stop` said so.
    """
    del request
    return build(space, task, space.store.answered(task.name, with_media=True), progress=progress, stop=stop)


def build(
    space: Workspace,
    task: Task,
    answered: Sequence[Answered],
    *,
    progress: Callable[[float], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    workers: int = 2,
) -> Dataset:
    """Measure (or fetch) the features of every answered sample and decide its side and weight.

    Raises:
        CancelledError: `stop` said so.
    """
    excluded: Counter[str] = Counter()
    usable: list[tuple[Answered, Features]] = []
    seen: dict[tuple[str | None, str | None], None] = {}

    def measure(item: Answered) -> Features | str:
        if stop():
            raise CancelledError("stopped")
        try:
            return features.of_sample(space, task, item.sample)
        except MediaError as error:
            return error.what

    with ThreadPoolExecutor(workers) as pool:
        for done, (item, found) in enumerate(zip(answered, pool.map(measure, answered), strict=True), start=1):
            key = (item.sample.media_hash or item.sample.id, item.sample.scene_id)
            if isinstance(found, str):
                excluded[found] += 1
            elif key in seen:
                excluded["duplicate content"] += 1
            else:
                seen[key] = None
                usable.append((item, found))
            progress(done / len(answered))
    seed = space.settings.train.split_seed
    shares = weights([item for item, _ in usable]) if usable else []
    examples = tuple(
        Example(item, found, side_of(item.sample.group, seed), share)
        for (item, found), share in zip(usable, shares, strict=True)
    )
    return Dataset(task, examples, dict(excluded), manifest_hash(examples))


def _row(example: Example) -> list[str]:
    """Every value as text, floats as `repr`, so that equal input gives equal bytes."""
    sample: Sample = example.answered.sample
    known = (sample.id, sample.media, example.answered.correction.label_source, example.truth, example.side,
             sample.group, sample.speaker, sample.source, sample.region, sample.phase, sample.captured_at,
             sample.rating_count, round(example.weight, 9), sample.media_hash)  # fmt: skip
    return ["" if value is None else str(value) for value in known]


def manifest_csv(examples: Sequence[Example]) -> str:
    """The manifest as CSV text with seed 004's columns and ours."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(example) for example in examples)
    return buffer.getvalue()


def manifest_hash(examples: Sequence[Example]) -> str:
    """sha256 of the manifest."""
    return hashlib.sha256(manifest_csv(examples).encode()).hexdigest()


def write_manifests(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Write manifest_full|train|val|test.csv and export_meta.json; returns the row counts."""
    counts = {"full": len(dataset.examples)}
    write_atomic(folder / "manifest_full.csv", manifest_csv(dataset.examples))
    for side in ("train", "val", "test"):
        rows = dataset.on(side)
        counts[side] = len(rows)
        write_atomic(folder / f"manifest_{side}.csv", manifest_csv(rows))
    meta = {
        "schema_version": 1,
        "task": dataset.task.name,
        "hash": dataset.hash,
        **counts,
        "excluded": dataset.excluded,
    }
    write_atomic(folder / "export_meta.json", json.dumps(meta | counts, indent=1, ensure_ascii=False))
    return counts
