"""What the scheduler runs by itself every week: the backup, once a month the drill that proves it, the export.

The export (the data set with all versions, also when nothing was trained) is a plain archive beside the backups, for
other programs and for a day without this one; the newest `EXPORTS_KEPT` stay.
"""

from __future__ import annotations

import time

from core.backup import finding, history
from core.backup.drilling import drill as drill_one
from core.backup.making import now
from core.errors import RushesError, WrongUseError
from core.exporting import dataset, folder
from core.workspace import Workspace

WEEKLY = "weekly-"
EXPORTS_KEPT = 2  # each holds every clip once more
MONTH_S = 28 * 86400.0  # four weekly backups


def run(space: Workspace, name: str) -> str:
    """Export, back up to all destinations, and prove the newest backup where that was last done a month ago or never.

    Raises:
        RushesError: a destination did not take it, the backup cannot be restored, or the export cannot be written.
    """
    del name
    exported, problem = _exported(space)
    made = now(space)
    if made.failed:
        said = "; ".join(str(one.error) for one in made.failed)
        raise RushesError(f"backed up to {len(made.destinations) - len(made.failed)} places, but {said}")
    places = ", ".join(one.where for one in made.destinations)
    said = f"backed up {made.files} files, {made.new_blobs} new parts, {made.bytes} bytes, to {places}"
    proven = history.status(space).last_proven
    if proven is None or abs(time.time() - proven) >= MONTH_S:
        said += f"; {drill(space)}"
    if problem:
        raise RushesError(f"{said}; but the data set was not exported: {problem}")
    return f"{said}; {exported}"


def _exported(space: Workspace) -> tuple[str, str | None]:
    """What the export did, and what went wrong: neither it nor the backup keeps the other from being made."""
    try:
        return export(space), None
    except WrongUseError:
        return "nothing is answered yet, so nothing was exported", None
    except RushesError as error:
        return "", error.sentence()


def export(space: Workspace) -> str:
    """Export the data set to `exports/weekly-<date>.tar` and remove the older ones of these; a sentence.

    Raises:
        WrongUseError: nothing is answered yet.
        RushesError: it cannot be written.
    """
    place = folder.home(space)
    made = dataset.export(space, place / f"{WEEKLY}{folder.stamp()}.tar")
    for old in sorted(place.glob(f"{WEEKLY}*.tar"))[:-EXPORTS_KEPT]:
        old.unlink(missing_ok=True)
    return f"exported {sum(made.counts['answers'].values())} answers to {made.to}"


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
