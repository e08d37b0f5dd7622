"""What was learnt is kept in `cache/insights/`, stamped by the data it came from; a lost file is learnt again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.files import write_atomic
from core.gone import Gone
from core.insights.posts import NUMBERS
from core.insights.virality.fitting import TARGETS, Fit, Material, Target, without_trees
from core.log import logger

if TYPE_CHECKING:
    from core.workspace import Workspace

FORMAT = "posting/1"  # changes when the same data would give another fit


def folder(space: Workspace) -> Path:
    return space.cache / "insights"


def stamp(material: Material) -> str:
    """A hash of everything a fit depends on."""
    found = hashlib.sha256(f"{FORMAT} {material.where.name} {material.then is not None}".encode())
    posts = material.posts
    for name in ("content_id", "account", "caption"):
        found.update("\0".join("" if one is None else str(one) for one in getattr(posts, name)).encode() + b"\1")
    for texts in posts.json_columns.values():
        found.update("\0".join("" if one is None else str(one) for one in texts).encode() + b"\1")
    for name in NUMBERS:
        found.update(np.ascontiguousarray(getattr(posts, name)).tobytes())
    found.update(material.about.quality.tobytes())
    found.update(repr(material.about.objects.tolist()).encode())
    return found.hexdigest()


def place(space: Workspace, platform: str) -> Path:
    return folder(space) / f"virality-{hashlib.sha256(platform.encode()).hexdigest()[:16]}.json"


def read(space: Workspace, platform: str, mark: str) -> dict[Target, Fit] | None:
    """The kept fits, if they came from these data."""
    path = place(space, platform)
    try:
        found = json.loads(path.read_bytes())
        if found["stamp"] != mark:
            return None
        return {target: Fit.from_json(found["fits"][target]) for target in TARGETS}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("%s is damaged and is made again: %s", path.name, error)
        return None


def write(space: Workspace, platform: str, mark: str, fits: dict[Target, Fit]) -> None:
    """Keep fits; trees that do not answer are left out. Where nothing may be written they are learnt again."""
    whole = {target: without_trees(fit).to_json() for target, fit in fits.items()}
    try:
        write_atomic(place(space, platform), json.dumps({"stamp": mark, "platform": platform, "fits": whole}))
    except OSError as error:
        logger.info("what was learnt of %s is not kept: %s", platform, error)


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Remove what was learnt: it is of all posts, forgotten ones too, and is learnt again from what is left."""
    found = sorted(folder(space).glob("virality-*.json")) if gone.marks() else []
    for path in found:
        path.unlink(missing_ok=True)
    return [path.relative_to(space.root).as_posix() for path in found]
