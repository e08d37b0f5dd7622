"""What every export into a folder does around its own format: collect the answers, count, mark, put into place."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.exporting import folder
from core.exporting.folder import Exported
from core.exporting.items import Collected, Report, Stop, collect, require_kept
from core.workspace import Workspace


@dataclass(slots=True)
class Making:
    """An export that is being made.

    Attributes:
        folder: where its files go; takes the target's place when all went well.
        found: what goes in.
        counts: what it will say that it holds.
    """

    kind: str
    to: Path
    anonymous: bool
    folder: Path
    found: Collected
    counts: dict[str, Any] = field(default_factory=dict[str, Any])
    size: int = 0

    def exported(self) -> Exported:
        """What was made, once it is in place."""
        target, found = str(self.to.expanduser().absolute()), self.found
        return Exported(self.kind, target, self.counts, self.size, self.anonymous, found.errors, found.notes)


@contextmanager
def making(
    space: Workspace, to: Path, kind: str, task: str, *, anonymous: bool, report: Report, stop: Stop, media: bool = True
) -> Generator[Making]:
    """The answers of a task and an empty folder for them; what was left out is counted when the block ends well.

    Args:
        media: the answers' files go along.

    Raises:
        WrongUseError: something else than an earlier export is there.
        StoreError: it cannot be written, or one of the clips was forgotten meanwhile.
        CancelledError: `stop` said so; nothing was written.
    """
    counts: dict[str, Any] = {}
    about: dict[str, Any] = {"anonymised": anonymous, "counts": counts}
    with folder.workbench(space) as bench, folder.building(to, kind, about) as made:
        scratch = bench if anonymous else None
        found = collect(space, [task], scratch=scratch, media=media, report=report, stop=stop)
        one = Making(kind, to, anonymous, made, found, counts)
        yield one
        if media:
            counts |= {"without_media": found.without_media, "left_out": len(found.errors),
                       "without_face": found.without_face}  # fmt: skip
        if not anonymous:  # whom it holds, so that forgetting finds it
            about["samples"] = [item.origin for item in found.items]
        one.size = folder.size_of(made)
        require_kept(space, (item.origin for item in found.items))
