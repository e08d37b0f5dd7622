"""Saves the answers as seed files before the catalog is migrated ("export before major updates", seed 000).

The catalog is not touched for it: the journals are read into another one, made for this and thrown away.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from core.errors import RushesError, WrongUseError
from core.exporting import dataset, folder
from core.files import locked
from core.log import logger
from core.store.pending import pending
from core.workspace import Workspace

START = "before-migration-"


def save(space: Workspace, steps: Sequence[str]) -> Path | None:
    """Export journals, cards and manifest to `exports/before-migration-<date>-<steps>.tar`; no media.

    A workspace without answers, or one that cannot be written, has nothing to save. What goes wrong is logged: the
    journals are unharmed by a migration, and nobody is kept from his work.
    """
    if not os.access(space.root, os.W_OK):
        return None
    name = f"{START}{folder.stamp()}-{_named(steps)}.tar"
    try:
        with locked(folder.home(space) / ".before-migration.lock"):
            if not pending(space.root / "rushes.db"):  # another process was faster
                return None
            found = _export(space, folder.home(space) / name)
    except WrongUseError:
        return None
    except (RushesError, OSError) as error:
        logger.warning("the export before the migration failed: %s", error)
        return None
    logger.info("the answers were exported to %s before the migration %s", found, ", ".join(steps))
    return found


def _named(steps: Sequence[str]) -> str:
    return steps[0] if len(steps) == 1 else f"{steps[0].partition('_')[0]}-to-{steps[-1]}"


def _export(space: Workspace, target: Path) -> Path:
    with folder.workbench(space) as bench:
        # A workspace of links: its journals and cards are this one's, its catalog is its own.
        for name in ("training_data", "models"):
            (bench / name).symlink_to(space.root / name)
        twin = Workspace(bench, space.loaded, space.codecs)
        try:
            dataset.export(twin, target, light=True)
        finally:
            twin.close()
    return target
