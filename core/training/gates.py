"""Quality gates (seed 004): which answers may be learnt from, and a counted reason for each that may not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from core import registry
from core.errors import RushesError, StoreError
from core.files import inside, sha256_file
from core.log import logger
from core.store.records import Answered, Sample, Value
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace

MISSING = "missing media"
FEW_RATINGS = "too few ratings"
UNPARSEABLE = "unparseable answer"
UNKNOWN_LABEL = "unknown label"
DUPLICATE = "duplicate content"
WORKERS = 2


def passed(
    space: Workspace, task: Task, answered: Sequence[Answered], *, workers: int = WORKERS
) -> tuple[list[Answered], Counter[str]]:
    """Answers in the given (journal) order that pass, with how many were left out by reason.

    Of several samples with the same content the last one in the journal stands: it is the newest word on it.
    Samples without a content hash (dropped-in journals) get it here.
    """
    spec = registry.current_spec(space, task)
    least = space.settings.dataset.min_rating_count
    left_out: Counter[str] = Counter()

    def reason(item: Answered) -> str | None:
        if task.kind == "score" and item.sample.rating_count < least:
            return FEW_RATINGS
        if is_answer(task, item.correction.value, spec):
            return None
        return UNKNOWN_LABEL if task.kind == "label" else UNPARSEABLE

    def hashed(item: Answered) -> str | None:
        return content(space, item.sample)

    with ThreadPoolExecutor(workers) as pool:
        hashes = list(pool.map(hashed, answered))
    last: dict[object, Answered] = {}
    for item, found in zip(answered, hashes, strict=True):
        why = MISSING if found is None else reason(item)
        key = (found, item.sample.scene_id, item.sample.start_s, item.sample.end_s)
        if why:
            count(left_out, item, why)
            continue
        if key in last:
            count(left_out, last.pop(key), DUPLICATE)
        last[key] = replace(item, sample=replace(item.sample, media_hash=found))
    return list(last.values()), left_out


def count(left_out: Counter[str], item: Answered, reason: str) -> None:
    """Count one answer that is left out, and log which it was."""
    left_out[reason] += 1
    logger.info("sample %s is left out of the dataset: %s", item.sample.id, reason)


def content(space: Workspace, sample: Sample) -> str | None:
    """sha256 of the sample's media, hex; None when the file is not there."""
    try:
        path = inside(space.root, sample.media or "")
        if not path.is_file():
            return None
        return sample.media_hash or sha256_file(path)
    except (StoreError, OSError):
        return None


def is_answer(task: Task, value: Value, spec: ModelSpec) -> bool:
    """Whether the task can learn this value: a known label, a text with a word in it, a score on 0..1."""
    if task.kind == "label":
        return value in spec.labels
    if task.kind == "score":
        return isinstance(value, int | float) and 0.0 <= value <= 1.0
    try:
        task.parse(str(value), spec)
    except RushesError:
        return False
    return True


def unusable(what: str) -> str:
    """A refusal by the task's own gate as a reason that can be counted: without the numbers in brackets."""
    return f"cannot be judged: {re.sub(r' *[(][^)]*[)]', '', what)}"
