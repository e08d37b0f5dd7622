"""A sample's features: decoded as its task asks, measured once, kept in the cache.

The cache may vanish at any time; what cannot be read is measured again.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from core.arrays import load_npz
from core.errors import MediaError
from core.files import inside, replacing
from core.log import logger
from core.media.clip import Clip
from core.store.records import Sample
from core.tasks.base import Features, Task
from core.workspace import Workspace


def read(path: Path, task: Task, *, start_s: float = 0.0, end_s: float | None = None) -> Clip:
    """Decode (a part of) a file as the task wants it.

    Raises:
        MediaError: the file is no usable clip or image, or the task's gate refuses it.
    """
    from core.media.decode import read_clip

    clip = read_clip(path, task.decode_spec, start_s=start_s, end_s=end_s)
    if reason := task.gate(clip):
        raise MediaError(reason, where=path.name)
    return clip


def of_file(path: Path, task: Task, start_s: float = 0.0, end_s: float | None = None) -> Features:
    """Features of (a part of) a file that is no sample.

    Raises:
        MediaError: it cannot be judged.
    """
    return task.extract(read(path, task, start_s=start_s, end_s=end_s))


def of_sample(space: Workspace, task: Task, sample: Sample) -> Features:
    """Features of a sample, from the cache where they are there.

    Raises:
        MediaError: the media is gone or cannot be judged.
    """
    cached = cache_path(space, task, sample.id)
    if (found := load_npz(cached)) is not None:
        return found
    if sample.media is None:
        raise MediaError("has no media", where=sample.id)
    path = inside(space.root, sample.media)
    if not path.exists():
        raise MediaError("the media file is missing", where=sample.media)
    features = task.extract(read(path, task, start_s=sample.start_s, end_s=sample.end_s))
    keep(space, task, sample.id, features)
    return features


def keep(space: Workspace, task: Task, sample_id: str, features: Features) -> None:
    """Put measured features into the cache, if it can be written; they can always be measured again."""
    buffer = io.BytesIO()
    np.savez(buffer, **features)  # pyright: ignore[reportArgumentType]  # the stub takes the names for its own flags
    path = cache_path(space, task, sample_id)
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(buffer.getvalue())
        # Asked after writing: whoever puts the sample on the list later finds the file.
        if space.store.forgot(sample_id):
            path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("features of %s are not kept: %s", sample_id, error)


def cache_path(space: Workspace, task: Task, sample_id: str) -> Path:
    """Where a sample's features are kept; the feature version is part of it."""
    return space.cache / "features" / task.features_version.replace("/", "-") / f"{sample_id}.npz"
