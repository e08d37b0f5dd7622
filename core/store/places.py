"""Where a sample's media lies in the workspace, whatever a journal calls it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from core.errors import StoreError
from core.files import inside

# Files from the seeds' systems name media from their own roots.
ROOTS: Sequence[str] = ("", "training_data/", "training_data/frames/", "training_data/videos/")


class Places:
    """Finds media inside one workspace; make one per question, since files come and go."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, bool] = {}
        self._found: dict[str, str | None] = {}

    def locate(self, media: str | None) -> str | None:
        """The path relative to the workspace of a file that is there.

        None where nothing is, and for paths that are absolute, climb out with ".." or leave through a link.
        """
        if not media or not _stays_inside(media):
            return None
        if media not in self._found:
            self._found[media] = next((place + media for place in ROOTS if self._is_inside(place + media)), None)
        return self._found[media]

    def name(self, media: str | None) -> str | None:
        """As `locate`, but a file that is not there keeps the name it was given, if that stays inside."""
        return self.locate(media) or (media if media and self._may_be_named(media) else None)

    def _may_be_named(self, media: str) -> bool:
        """Whether nothing outside can be meant by it: a link that leads out would make it somebody else's file."""
        if not _stays_inside(media) or os.path.islink(os.path.join(self.root, media)):
            return False
        return self._is_folder_inside(os.path.dirname(media))

    def _is_inside(self, path: str) -> bool:
        try:
            mode = os.lstat(os.path.join(self.root, path)).st_mode
        except (OSError, ValueError):
            return False
        if stat.S_ISLNK(mode):
            return self._leads_inside(path) and os.path.isfile(os.path.join(self.root, path))
        return stat.S_ISREG(mode) and self._is_folder_inside(os.path.dirname(path))

    def _is_folder_inside(self, folder: str) -> bool:
        if folder not in self._folders:
            self._folders[folder] = folder == "" or self._leads_inside(folder)
        return self._folders[folder]

    def _leads_inside(self, path: str) -> bool:
        try:
            inside(self.root, path)
        except (StoreError, OSError, RuntimeError):
            return False
        return True


def _stays_inside(media: str) -> bool:
    return "\0" not in media and not media.startswith("/") and ".." not in PurePosixPath(media).parts
