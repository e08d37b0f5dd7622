"""Erases what the review keeps of samples beside the journals: their looks, and the lists they were offered in."""

from __future__ import annotations

import json
from typing import Any

from core.files import locked, write_atomic
from core.gone import DROPPED, Gone
from core.workspace import Workspace


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Erase looks and offers; see `core.gone`."""
    done: list[str] = []
    for path in (space.cache / "looks").glob("*/*"):
        if gone.named(path.name):
            path.unlink(missing_ok=True)
            done.append(path.relative_to(space.root).as_posix())
    for path in (space.cache / "queue").glob("*.json"):
        with locked(path.with_suffix(".lock")):
            raw = path.read_text(encoding="utf-8", errors="replace")
            if gone.named(raw):
                write_atomic(path, _without(raw, gone))
                done.append(path.relative_to(space.root).as_posix())
    return done


def _without(raw: str, gone: Gone) -> str:
    try:
        clean: Any = gone.without(json.loads(raw))
    except ValueError:
        clean = DROPPED
    return json.dumps({} if clean is DROPPED else clean)
