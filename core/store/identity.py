"""Ids: the same content is the same sample, wherever and whenever it came in."""

from __future__ import annotations

import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "rushes:sample")


def derived_id(task: str, *parts: str) -> str:
    """The id a seed's own line implies (DESIGN 5): uuid5 of what it names."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join((task, *parts))))


def seed_id(task: str, names: tuple[str, ...]) -> str:
    """The id of what a seed calls so; a UUID stays what it is."""
    try:
        return str(uuid.UUID(*names)) if len(names) == 1 else derived_id(task, *names)
    except ValueError:
        return derived_id(task, *names)


def sample_id(task: str, media_hash: str, scene_id: str | None = None) -> str:
    """The id of a captured sample: uuid5 of task, sha256 of the media and scene."""
    return derived_id(task, media_hash, scene_id or "")


def new_id() -> str:
    """A fresh random id."""
    return str(uuid.uuid4())
