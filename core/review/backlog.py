"""What the next training will learn that the last one did not (seed 004: the next-run backlog)."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from core import tasks
from core.review.judged import judged, newest
from core.review.triage import states
from core.store.records import Answered, Json
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

NEW, RELABELLED, LEFT_OUT = "new", "relabelled", "left out last time"
# Answers that came while it trained are new, so the start counts.
_RUNS = """SELECT r.id, r.model_version, r.trained_at, coalesce(j.started_at, r.trained_at), r.params_json
    FROM model_training_runs r LEFT JOIN jobs j ON j.job_id = r.job_id WHERE r.task = ? ORDER BY r.id DESC"""
_LABELS = "SELECT snapshot_id, label_value FROM model_training_snapshot_labels WHERE training_run_id = ?"


def backlog(space: Workspace, task: str) -> Json:
    """Answers given or changed since the last run that learnt from everybody's clips.

    Returns:
        `since` (version) and `trained_at`, None before the first run; `total`, `reasons` (counts: new, relabelled,
        left out last time), `dismissed` (looked at and left as they are, not listed), `to_review` (disagreements
        nobody has looked at), `rows`.
    """
    owner = tasks.get(task)
    space.store.refresh()
    run, labels = space.store.mirror.ask(lambda db: _last_run(db, owner.name))
    known = states(space, owner.name)
    rows: list[Json] = []
    dismissed = 0
    for item in space.store.answered(owner.name):
        reason = _reason(item, labels, run["started_at"] if run else None)
        if reason and known.get(item.sample.id) == "dismissed":
            dismissed += 1
        elif reason:
            value = item.correction.value
            rows.append({"sample_id": item.sample.id, "reason": reason, "value": value, "at": item.correction.at})
    wrong = [row for row in newest(judged(space, owner.name)) if row.wrong and row.sample.id not in known]
    return {
        "task": owner.name,
        "since": run["version"] if run else None,
        "trained_at": run["trained_at"] if run else None,
        "total": len(rows),
        "reasons": dict(Counter(row["reason"] for row in rows)),
        "dismissed": dismissed,
        "to_review": len(wrong),
        "rows": rows,
    }


def _reason(item: Answered, labels: dict[str, str], started_at: float | None) -> str | None:
    was = labels.get(item.sample.id)
    if was is not None:
        return None if was == str(item.correction.value) else RELABELLED
    if started_at is None or not 0 < item.correction.at < started_at:
        return NEW
    # Gates leave samples out: without media, duplicates. A run that lost its labels is taken to have had them all.
    return LEFT_OUT if labels else None


def _last_run(db: Database, task: str) -> tuple[Json | None, dict[str, str]]:
    for run, version, at, started, params in db.conn.execute(_RUNS, [task]).fetchall():
        if not _speaker(params):  # a version for one speaker saw that speaker's clips alone
            labels = db.conn.execute(_LABELS, [run]).fetchall()
            about = {"version": str(version).rpartition("/")[2], "trained_at": at, "started_at": started}
            return about, dict(labels)
    return None, {}


def _speaker(params: str | None) -> Any:
    try:
        found = json.loads(params or "{}")
    except ValueError:
        return None
    return found.get("speaker") or (found.get("export") or {}).get("speaker")
