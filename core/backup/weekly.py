"""What the scheduler runs by itself every week: the backup, once a month a drill of each place, the export.

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
MONTH_S = 27 * 86400.0  # every fourth weekly backup, which begins a little less than 28 days after the last proof


def run(space: Workspace, name: str) -> str:
    """Export, back up to all destinations, and prove the newest backup of each where that was last done a month ago
    or never. What fails keeps nothing else from being done.

    Raises:
        RushesError: a destination did not take it, the backup cannot be restored, or the export cannot be written.
    """
    del name
    exported, problem = _exported(space)
    made = now(space)
    problems = [str(one.error) for one in made.failed]
    places = [one.where for one in made.destinations if not one.error]
    size = f"{made.bytes / 1e6:,.1f} MB"
    said = [f"backed up {made.files} files, {made.new_blobs} new parts, {size}, to {', '.join(places)}"]
    proven, now_s = history.proven(space), time.time()
    for place in places:
        if place not in proven or abs(now_s - proven[place]) >= MONTH_S:
            try:
                said.append(drill(space, place))
            except RushesError as error:
                problems.append(error.sentence())
    if problem:
        problems.append(f"the data set was not exported: {problem}")
    else:
        said.append(exported)
    if problems:
        raise RushesError(f"{'; '.join(said)}; but {'; '.join(problems)}")
    return "; ".join(said)


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


def drill(space: Workspace, place: str | None = None) -> str:
    """Prove the newest backup, or that of a place.

    Raises:
        RushesError: there is none, or it cannot be restored.
    """
    vault, identity = finding.pick(finding.of(space, [place] if place else None), None)
    found = drill_one(space, vault, identity)
    if not found.ok:
        raise RushesError(f"the backup {identity} at {vault.where} cannot be restored: {'; '.join(found.problems)}")
    return f"restored and proved {identity} at {vault.where} in {found.seconds:.1f} s"
