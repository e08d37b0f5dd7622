"""What a training that ended in the middle left behind: its temporary files, and a version without its network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from core import registry, untrusted
from core.files import remove_tree, temporary_mark
from core.log import logger
from core.training import control
from core.workspace import Workspace


def clear(space: Workspace, task: str, job_id: str, started_at: float) -> str | None:
    """Remove what a job that trains no more left half-made; returns the version it had finished, if it had.

    A whole version stays: a version that was there is never taken away.
    """
    folder = space.jobs / job_id
    # This process cleans up behind itself; a hundred thousand cached features take a second to look through.
    for pid in [pid for pid in control.pids(folder)[:1] if pid != os.getpid()]:
        for place in (folder, space.models, space.cache):
            for path in place.rglob(f"{temporary_mark(pid)}*"):
                _remove(path)
    for unfinished in space.jobs.glob(f".{job_id}.*"):  # manifests are made beside the job's folder
        remove_tree(unfinished)
    return _versions(registry.folder(space, task), job_id, started_at)


def _versions(folder: Path, job_id: str, started_at: float) -> str | None:
    finished: str | None = None
    for card in folder.glob("model_v*.json"):
        if _job_of(card) == job_id:
            if card.with_suffix(".onnx").exists():
                finished = card.stem.removeprefix("model_")
            else:
                _remove(card.with_suffix(".safetensors"))
                _remove(card)
    for weights in folder.glob("model_v*.safetensors"):
        alone = not any(weights.with_suffix(suffix).exists() for suffix in (".json", ".onnx"))
        if alone and weights.stat().st_mtime >= started_at:
            _remove(weights)
    return finished


def _job_of(card: Path) -> str | None:
    try:
        known: Any = untrusted.read(card)
        return known.get("job_id")
    except (OSError, ValueError, AttributeError):
        return None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    logger.info("removed %s, left by a training that did not end", path.name)
