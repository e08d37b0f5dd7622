"""What the scheduler runs by itself: the weekly backup, and after it, once a month, the drill that proves it."""

from __future__ import annotations

import time

from core.backup import finding, history
from core.backup.drilling import drill as drill_one
from core.backup.making import now
from core.errors import RushesError
from core.workspace import Workspace

MONTH_S = 28 * 86400.0  # four weekly backups


def run(space: Workspace, name: str) -> str:
    """Back up to all destinations, and prove the newest backup where that was last done a month ago or never.

    Raises:
        RushesError: a destination did not take it, or the backup cannot be restored.
    """
    del name
    made = now(space)
    if made.failed:
        said = "; ".join(str(one.error) for one in made.failed)
        raise RushesError(f"backed up to {len(made.destinations) - len(made.failed)} places, but {said}")
    places = ", ".join(one.where for one in made.destinations)
    said = f"backed up {made.files} files, {made.new_blobs} new parts, {made.bytes} bytes, to {places}"
    proven = history.status(space).last_proven
    if proven is None or time.time() - proven >= MONTH_S:
        said += f"; {drill(space)}"
    return said


def drill(space: Workspace) -> str:
    """Prove the newest backup.

    Raises:
        RushesError: there is none, or it cannot be restored.
    """
    vault, identity = finding.pick(finding.of(space), None)
    found = drill_one(space, vault, identity)
    if not found.ok:
        raise RushesError(f"the backup {identity} cannot be restored: {'; '.join(found.problems)}")
    return f"restored and proved {identity} in {found.seconds:.1f} s"
