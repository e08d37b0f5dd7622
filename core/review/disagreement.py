"""Where the model and the user disagree (seed 004, phase 5): the review set, and how often under which conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from core import registry, tasks
from core.capture.phase import time_bucket
from core.review import pool
from core.review.judged import Judged, judged, newest
from core.review.triage import Triage, states
from core.store.records import Json, Value
from core.workspace import Workspace

BUCKETS = 5
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One sample of the review set; `answer` and `difference` are None while nobody has answered it."""

    sample_id: str
    set: str  # "largest" or "boundary"
    state: Triage
    reason: str
    predicted: Value
    answer: Value | None
    difference: float | None
    confidence: float | None
    version: str | None
    media: str | None


def review(space: Workspace, task: str, limit: int | None = None, *, version: str | None = None) -> Json:
    """The disagreement set and its rates, from answers of versions that had not learnt from the samples.

    Args:
        limit: rows of each part; `review.disagreements` by default.
        version: only this version's answers; by default each sample's newest.

    Returns:
        `n`, `largest` and `boundary` (rows of `Disagreement`), `triage` (counts over all disagreements), `rate`,
        `mean_difference`, `by` (phase, time, region, source), `calibration`, `versions`; every rate with its n.
    """
    owner = tasks.get(task)
    every = judged(space, owner.name)
    rows = newest(every, version)
    known = states(space, owner.name)
    count = limit if limit is not None else space.settings.review.disagreements
    wrong = [row for row in rows if row.wrong]
    wrong.sort(key=lambda row: (-_weight(owner.kind, row), row.sample.id))
    open_ones = [row for row in wrong if known.get(row.sample.id, "new") == "new"]
    show = _Show(space, owner.name)
    return {
        "task": owner.name,
        "version": version,
        **_rates(rows),
        "largest": [_largest(row, show, known) for row in open_ones[:count]],
        "boundary": _boundary(space, owner.name, rows, known, show, count) if owner.kind == "score" else [],
        "triage": dict(Counter(known.get(row.sample.id, "new") for row in wrong)),
        "by": {name: _by(rows, of) for name, of in CONDITIONS.items()},
        "calibration": _calibration(owner.kind, rows),
        "versions": _by(every, lambda row: row.said.version),
    }


CONDITIONS: dict[str, Callable[[Judged], str]] = {
    "phase": lambda row: row.sample.phase or UNKNOWN,
    "time": lambda row: UNKNOWN if row.sample.captured_at is None else time_bucket(row.sample.captured_at),
    "region": lambda row: row.sample.region or UNKNOWN,
    "source": lambda row: row.sample.source or UNKNOWN,
}


class _Show:
    def __init__(self, space: Workspace, task: str) -> None:
        self.owner = tasks.get(task)
        self.scale = registry.current_spec(space, self.owner).scale

    def __call__(self, value: Value) -> str:
        if self.owner.kind != "score":
            return str(value)
        low, high = self.scale
        return f"{low + float(value) * (high - low):.{1 if high - low > 2 else 2}f}"


def _weight(kind: str, row: Judged) -> float:
    """Scores: the difference. Labels and texts: how sure the wrong answer was."""
    return row.loss if kind == "score" else row.said.confidence or 0.0


def _largest(row: Judged, show: _Show, known: dict[str, Triage]) -> Json:
    said, answer = show(row.said.value), show(row.correction.value)
    sure = "" if row.said.confidence is None else f" ({row.said.confidence:.2f})"
    by = f", {row.loss:.2f} apart on 0..1" if show.owner.kind == "score" else ""
    reason = f"{row.said.version} said {said}{sure}, you said {answer}{by}"
    return _row(row, "largest", reason, known.get(row.sample.id, "new"))


def _row(row: Judged, part: str, reason: str, state: Triage) -> Json:
    found = Disagreement(
        row.sample.id, part, state, reason, row.said.value, row.correction.value, round(row.loss, 6),
        row.said.confidence, row.said.version, row.sample.media,
    )  # fmt: skip
    return {name: getattr(found, name) for name in Disagreement.__slots__}


def _boundary(
    space: Workspace, task: str, rows: Sequence[Judged], known: dict[str, Triage], show: _Show, count: int
) -> list[Json]:
    """A random sample of what was scored near the threshold, answered or not; the same until something changes."""
    low, high = space.settings.review.boundary
    reason = f"drawn from scores between {show(low)} and {show(high)}: "
    found: dict[str, Json] = {}
    for row in rows:
        if low <= float(row.said.value) <= high:
            state = known.get(row.sample.id, "new")
            found[row.sample.id] = _row(row, "boundary", reason + show(row.said.value), state)
    for one in pool.waiting(space, task):
        if one.value is not None and low <= float(one.value) <= high:
            unanswered = Disagreement(
                one.id, "boundary", known.get(one.id, "new"), reason + show(one.value), one.value, None, None,
                one.confidence, one.version, one.media,
            )  # fmt: skip
            found[one.id] = {name: getattr(unanswered, name) for name in Disagreement.__slots__}
    seed = space.settings.train.split_seed
    fresh = [row for row in found.values() if row["state"] == "new"]
    return sorted(fresh, key=lambda row: pool.draw(seed, row["sample_id"]))[:count]


def _by(rows: Sequence[Judged], of: Callable[[Judged], str]) -> list[Json]:
    parts: dict[str, list[Judged]] = {}
    for row in rows:
        parts.setdefault(of(row), []).append(row)
    return [{"name": name, **_rates(found)} for name, found in sorted(parts.items())]


def _rates(rows: Sequence[Judged]) -> Json:
    """n, share of disagreements, mean difference (scores: |ai - human| on 0..1)."""
    if not rows:
        return {"n": 0, "rate": None, "mean_difference": None}
    rate = sum(row.wrong for row in rows) / len(rows)
    return {"n": len(rows), "rate": rate, "mean_difference": fsum(row.loss for row in rows) / len(rows)}


def _calibration(kind: str, rows: Sequence[Judged]) -> list[Json]:
    """Per fifth of what the model said: scores beside the mean of the answers, confidences beside the share right."""
    parts: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        said: Any = row.said.value if kind == "score" else row.said.confidence
        if said is not None:
            true = float(row.correction.value) if kind == "score" else float(not row.wrong)
            place = min(max(int(float(said) * BUCKETS), 0), BUCKETS - 1)
            parts.setdefault(place, []).append((float(said), true))
    return [
        {
            "from": place / BUCKETS,
            "to": (place + 1) / BUCKETS,
            "n": len(pairs),
            "said": fsum(said for said, _ in pairs) / len(pairs),
            "true": fsum(true for _, true in pairs) / len(pairs),
        }
        for place, pairs in sorted(parts.items())
    ]
