"""Seed 002's annotations: one line per rated frame, and the frames beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.exporting import folder
from core.exporting.folder import Exported
from core.exporting.items import Report, Stop, never, of_kind, silent
from core.exporting.making import making
from core.store import wire
from core.workspace import Workspace

FRAMES = "frames"


def export(
    space: Workspace,
    to: Path,
    *,
    task: str | None = None,
    anonymous: bool = False,
    report: Report = silent,
    stop: Stop = never,
) -> Exported:
    """`annotations.jsonl` with framePath (relative to the folder), rating (0..1) and metadata.

    An answer without its file keeps the name it has in the journal.

    Raises:
        WrongUseError: something else is there, or the answers are no scores.
        CancelledError: `stop` said so; nothing was written.
    """
    owner = of_kind(task, "score", "ratings", "annotations")
    with making(space, to, "annotations", owner.name, anonymous=anonymous, report=report, stop=stop) as one:
        lines: list[bytes] = []
        for item in one.found.items:
            sample = item.sample
            if item.file:
                sample = replace(sample, media=f"{FRAMES}/{item.name}")
                if not (one.folder / FRAMES / item.name).exists():
                    folder.put(item.file, one.folder / FRAMES / item.name)
            lines.append(wire.encode(owner.codec.encode(sample, item.correction)))
        (one.folder / owner.codec.journal).write_bytes(b"".join(lines))
        one.counts["annotations"] = len(lines)
    return one.exported()
