"""Which corrections a version learnt from, as its training recorded them (seed 004's provenance tables)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.tasks.base import ModelSpec, Task
    from core.workspace import Workspace

BUCKETS = 5  # in which scores are counted, as the reports count them
SPLITS = ("train", "val", "test", "fold")


@dataclass(frozen=True, slots=True)
class Learnt:
    """One correction a version learnt from; `value` is as people give it, `source` how it came to be."""

    sample: str
    name: str
    value: str
    source: str
    split: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a version learnt from.

    Attributes:
        base: the version it started from, which brought along what that one had learnt.
        splits: corrections per side; "fold" = all sides in turn (cross-validation).
        values: corrections per label, or per fifth of the scale; empty for texts.
        manifest: the frozen list, relative to the workspace; None where it is not known.
        why_empty: why nothing is listed.
    """

    version: str
    base: str | None
    rows: tuple[Learnt, ...]
    splits: dict[str, int]
    values: dict[str, int]
    manifest: str | None
    manifest_hash: str | None
    why_empty: str


def take(space: Workspace, task: str, version: str) -> Provenance:
    """The corrections a version learnt from, in the order of its manifest.

    Raises:
        ModelError: its card cannot be read.
        WrongUseError: there is no such version.
    """
    from core import registry, tasks

    owner, known = tasks.get(task), registry.card(space, task, version)
    found = Provenance(version, known.base, (), {}, {}, None, None, "")
    if known.job_id is None:
        what = known.data or "what it was made from is not known"
        return replace(found, why_empty=f"It was not trained in this workspace: {what}")
    with space.store.catalog.read() as db:
        # A sample belongs to one task, and the ids of all tasks are indexed.
        kept = db.execute(
            """SELECT l.snapshot_id, json_extract(s.extra, '$.file'), s.media, l.label_value, l.label_source, l.split
               FROM model_training_runs r JOIN model_training_snapshot_labels l ON l.training_run_id = r.id
               LEFT JOIN samples s ON s.task = r.task AND s.id = l.snapshot_id
               WHERE r.model_version = ? ORDER BY l.id""",
            [f"{task}/{version}"],
        ).fetchall()
        run = db.execute(
            "SELECT params_json FROM model_training_runs WHERE model_version = ?", [f"{task}/{version}"]
        ).fetchone()
    params: dict[str, Any] = json.loads(run[0]) if run else {}
    rows = tuple(
        Learnt(sample, str(file or media or "(forgotten)"), _shown(owner, known.spec, value), source, split)
        for sample, file, media, value, source, split in kept
    )
    sides = Counter(row.split for row in rows)
    return replace(
        found,
        rows=rows,
        splits={side: sides[side] for side in (*SPLITS, *sorted(sides.keys() - {*SPLITS})) if sides[side]},
        values=_counted(owner, known.spec, [value for *_, value, _, _ in kept]),
        manifest=params.get("manifest"),
        manifest_hash=params.get("manifest_hash"),
        why_empty="" if rows else "Which corrections it learnt from was lost with the folder of its training",
    )


def _shown(owner: Task, spec: ModelSpec, value: str) -> str:
    if owner.kind != "score":
        return value
    low, high = spec.scale
    return f"{low + float(value) * (high - low):.2f}"


def _counted(owner: Task, spec: ModelSpec, values: list[str]) -> dict[str, int]:
    """Labels by how often they occur; fifths of the scale from the lowest; nothing for texts."""
    if owner.kind == "label":
        return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))
    if owner.kind != "score":
        return {}
    low, high = spec.scale
    fifths = Counter(min(BUCKETS - 1, int(float(value) * BUCKETS)) for value in values)
    edges = [low + (high - low) * number / BUCKETS for number in range(BUCKETS + 1)]
    return {f"{edges[place]:g} to {edges[place + 1]:g}": fifths[place] for place in range(BUCKETS)} if values else {}
