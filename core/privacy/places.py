"""Every place that holds something of a sample, and who erases it there. The journals come last: they are the index."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from core.gone import Gone
from core.workspace import Workspace

Eraser = Callable[[Workspace, Gone], list[str]]

ERASERS = (
    "core.capture.erasing:erase",  # kept, pending and incoming media
    "core.embeddings.erasing:erase",  # vectors
    "core.insights.metrics.erasing:erase",  # links from metrics, reports
    "core.insights.virality.fitted:erase",  # what was learnt from posts
    "core.exporting.erasing:erase",  # archives that exports left in the workspace
    "core.review.erasing:erase",  # looks, offers
    "core.training.erasing:erase",  # manifests, evidence, reports, progress, audit log
    "core.privacy.caches:erase",  # features, what frozen layers said, fetched images, hashes of backups; logs
    "core.store.erasing:erase",  # journals, set-aside lines, damaged catalogs, the catalog and its free pages
)


def erasers() -> dict[str, Eraser]:
    """The erasers by name, in their order."""
    return {name: _load(name) for name in ERASERS}


def _load(name: str) -> Eraser:
    module, _, attribute = name.partition(":")
    return cast("Eraser", getattr(import_module(module), attribute))
