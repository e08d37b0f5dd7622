"""Seed 000's `models/training_meta.json`: where each task stands; what is unknown is null."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from core import registry, tasks, untrusted
from core.backup import history
from core.files import locked, write_atomic
from core.registry import Card
from core.workspace import Workspace

Json = dict[str, Any]


def write_meta(space: Workspace, known: Card | None = None) -> None:
    """Write it anew; scenes at the top, the other tasks under `tasks`.

    Args:
        known: the version just trained.
    """
    path = space.models / "training_meta.json"
    with locked(space.models / ".meta.lock"):
        meta = untrusted.table(path)
        others: Json = _table(meta.get("tasks"))
        for name in tasks.names():
            entry = _entry(space, name, _table(others.get(name, meta if name == "scenes" else {})), known)
            if name == "scenes":
                meta = entry
            else:
                others[name] = entry
        write_atomic(path, json.dumps(meta | {"tasks": others}, indent=2))


def _entry(space: Workspace, name: str, before: Json, known: Card | None) -> Json:
    answered = space.store.answered(name)
    fresh = known if known and known.task == name else None
    task = tasks.get(name)
    accuracy = fresh.metrics.get(task.primary) if fresh else before.get("currentAccuracy")
    if fresh and task.primary == "accuracy" and accuracy is not None:
        accuracy = round(100 * accuracy, 1)  # the seed writes per cent
    entry: Json = {
        "currentVersion": registry.pointer(space, name).champion,
        "totalCorrections": len(answered),
        "currentAccuracy": accuracy,
        "systemRating": before.get("systemRating"),
        "overrideRate": override_rate([item.correction.raw_correct for item in answered]),
        "meanHookConfidence": before.get("meanHookConfidence"),
        "lastTraining": _utc(time.time()) if fresh else before.get("lastTraining"),
        "lastBackup": history.last_backup(space),
        "automationUnlocked": bool(before.get("automationUnlocked", False)),
        "stratification": dict(Counter(str(item.correction.value) for item in answered))
        if task.kind == "label"
        else {},
    }
    return entry


def _table(given: Any) -> Json:
    return cast("Json", given) if isinstance(given, dict) else {}


def override_rate(right: Sequence[bool | None]) -> float | None:
    """Per cent of judged answers that the user overrode; None when nothing was judged."""
    judged = [value for value in right if value is not None]
    return round(100 * sum(not value for value in judged) / len(judged), 1) if judged else None


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
