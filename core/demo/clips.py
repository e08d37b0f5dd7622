"""The drawn clips that a first run may start with: drawn once, into the workspace's cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.demo.user import Progress, user_clips
from core.errors import StoreError
from core.files import private_dir
from core.workspace import Workspace

COUNT = 6  # ratings and scenes are drawn within a second, speech within three
SEED = 11  # the demo's own clips have others


def demo_clips(space: Workspace, task: str, progress: Progress | None = None) -> Path:
    """The folder with the drawn clips of a task, made where it is missing. An error of `progress` leaves nothing.

    Raises:
        RushesError: nothing can be drawn for that task, or the workspace cannot be written.
    """
    folder = space.cache / "demo-clips" / task
    if folder.is_dir():
        return folder
    part = folder.with_name(f".{task}")
    shutil.rmtree(part, ignore_errors=True)  # a drawing that was cut off
    try:
        private_dir(folder.parent)
        user_clips(task, COUNT, SEED, part, progress)
        part.rename(folder)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise StoreError(f"the demo clips cannot be kept ({reason})", where=folder.parent) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder
