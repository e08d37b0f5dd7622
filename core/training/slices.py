"""Scores of parts of the cases: by speaker, source, region, phase, time of day and condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.capture.phase import time_bucket
from core.store.records import Sample
from core.training.resampling import Interval, Scorer
from core.training.scoring import Indices

FEWEST = 5  # cases: a score of fewer is an anecdote
ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Slice:
    """One part: `name` of the dimension, its `value`, cases scored and failed, the primary metric.

    `metric` is None where the part is too small ("too few") or the metric is not defined there.
    """

    name: str
    value: str
    n: int
    failed: int
    metric: float | None
    interval: Interval | None
    note: str | None


def places(sample: Sample | None) -> dict[str, str]:
    """The parts a sample belongs to, by dimension; what is not known is left out."""
    if sample is None:
        return {}
    at = sample.captured_at
    known = {
        "speaker": sample.speaker,
        "source": sample.source,
        "region": sample.region,
        "phase": sample.phase,
        "time": None if at is None else time_bucket(at),
        "condition": sample.context,
    }
    return {name: value for name, value in known.items() if value}


def rows_by_part(where: Sequence[dict[str, str]]) -> dict[tuple[str, str], Indices]:
    """Rows of each (dimension, value), dimensions in their order, values in the alphabet's."""
    found: dict[tuple[str, str], list[int]] = {}
    for row, known in enumerate(where):
        for part in known.items():
            found.setdefault(part, []).append(row)
    order = list(places(Sample("", "", "", speaker="x", source="x", region="x", phase="x", captured_at=0, context="x")))
    ranked = sorted(found, key=lambda part: (order.index(part[0]), part[1]))
    return {part: np.array(found[part]) for part in ranked}


def slices(scorer: Scorer, where: Sequence[dict[str, str]], failed: Sequence[dict[str, str]]) -> list[Slice]:
    """Every part with its primary metric and interval.

    Args:
        where: the parts of each scored case.
        failed: the parts of each case without an answer.
    """
    lost = Counter(part for known in failed for part in known.items())
    scored = rows_by_part(where)
    alone = {part: np.array([], dtype=np.int64) for part in rows_by_part(failed) if part not in scored}
    primary = scorer.task.primary
    found: list[Slice] = []
    for part, rows in (scored | alone).items():
        if len(rows) < FEWEST:
            found.append(Slice(*part, len(rows), lost[part], None, None, "too few"))
            continue
        metric = scorer.value(primary, rows)
        interval = scorer.intervals([primary], rows, ROUNDS).get(primary) if metric is not None else None
        found.append(Slice(*part, len(rows), lost[part], metric, interval, None if interval else "no interval"))
    return found
