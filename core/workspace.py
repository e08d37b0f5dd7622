"""One folder is one workspace: where things lie, which settings hold, the open store. The composition root."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import limits
from core.errors import StoreError, WrongUseError
from core.files import private_dir, write_atomic
from core.log import open_log
from core.root import MARKERS as MARKERS
from core.root import find_root as find_root
from core.settings import Loaded, Settings, load
from core.store.codec import Codec

if TYPE_CHECKING:
    from core.store.store import Store

BeforeMigration = Callable[["Workspace", list[str]], object]
FIRST_SETTINGS = "# Settings of this workspace; `rushes config` lists all with their meaning.\n"


@dataclass(frozen=True)
class Workspace:
    """Paths, settings and the open store of one workspace."""

    root: Path
    loaded: Loaded
    codecs: Mapping[str, Codec]
    before_migration: BeforeMigration | None = None

    @staticmethod
    def open(
        root: Path,
        codecs: Mapping[str, Codec],
        *,
        create: bool = True,
        flags: dict[str, Any] | None = None,
        before_migration: BeforeMigration | None = None,
    ) -> Workspace:
        """Open the workspace in `root`, making it where `create` allows.

        Args:
            before_migration: called with the steps before the catalog of an earlier program is changed.

        Raises:
            WrongUseError: there is none and it may not be made, or the folder holds something else.
            StoreError: the folder cannot be written.
        """
        if not any((root / marker).exists() for marker in MARKERS):
            if not create:
                raise WrongUseError("there is no workspace here", where=root, do="Make one with: rushes init")
            _make(root)
        elif not (root / "training_data").is_dir():
            with suppress(StoreError):  # where nothing may be written, reading still works
                _make(root)
        space = Workspace(root, load(root, flags), codecs, before_migration)
        limits.use(_limits(space.settings))
        open_log(space.logs)
        return space

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @cached_property
    def store(self) -> Store:
        """Journals and catalog; opened at the first use because SQLite's tools cost 140 ms to import."""
        from core.store.pending import pending
        from core.store.store import Store

        if self.before_migration and (steps := pending(self.root / "rushes.db")):
            self.before_migration(self, steps)
        return Store(self.root, self.codecs)

    @property
    def data(self) -> Path:
        return self.root / "training_data"

    @property
    def pending(self) -> Path:
        return self.data / "pending"

    @property
    def incoming(self) -> Path:
        return self.data / "incoming"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def forgetting(self) -> Path:
        """What is being erased for good; the file is there while that is under way or was cut off."""
        return self.cache / "forgetting.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def kept(self, medium: str) -> Path:
        """Where answered media of that kind ("clip" or "image") live."""
        return self.data / ("frames" if medium == "image" else "videos")

    def require_writable(self) -> None:
        """Say at once that nothing can be kept, instead of once per clip.

        Raises:
            StoreError: the workspace is read-only or full.
        """
        try:
            with tempfile.TemporaryFile(dir=self.data):
                pass
        except OSError as error:
            raise StoreError(
                f"the workspace cannot be written ({error.strerror})", where=self.root, do="Nothing was changed."
            ) from None

    def close(self) -> None:
        """Close the store, if it was opened."""
        if "store" in self.__dict__:
            self.store.close()


def _limits(settings: Settings) -> limits.Limits:
    pixels = int(settings.limits.picture_megapixels * limits.MEGA)
    return limits.Limits(pixels, int(settings.limits.line_mb * limits.MEGA), settings.capture.max_seconds)


def _make(root: Path) -> None:
    ours = any((root / name).exists() for name in (*MARKERS, "training_data", "models"))
    if root.is_dir() and any(root.iterdir()) and not ours:
        raise WrongUseError("the folder is not empty and not a workspace", where=root, do="Choose an empty folder.")
    try:
        private_dir(root)
        for name in ("", "videos", "frames", "pending", "incoming"):
            private_dir(root / "training_data" / name)
        for name in ("models", "jobs", "cache", "logs"):
            private_dir(root / name)
        if not (root / "rushes.toml").exists():
            write_atomic(root / "rushes.toml", FIRST_SETTINGS)
    except OSError as error:
        raise StoreError(
            f"cannot make a workspace ({error.strerror})", where=root, do="Choose another folder."
        ) from None
