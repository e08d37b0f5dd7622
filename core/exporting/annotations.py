"""Seed 002's annotations: one line per rated frame, and the frames beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.exporting import folder
from core.exporting.folder import Exported
from core.exporting.items import Report, Stop, collect, never, of_kind, silent
from core.exporting.pairs import samples
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
    counts: dict[str, Any] = {}
    about: dict[str, Any] = {"anonymised": anonymous, "counts": counts}
    with folder.workbench(space) as bench, folder.building(to, "annotations", about) as made:
        found = collect(space, [owner.name], scratch=bench if anonymous else None, report=report, stop=stop)
        lines: list[bytes] = []
        for item in found.items:
            sample = item.sample
            if item.file:
                sample = replace(sample, media=f"{FRAMES}/{item.name}")
                if not (made / FRAMES / item.name).exists():
                    folder.put(item.file, made / FRAMES / item.name)
            lines.append(wire.encode(owner.codec.encode(sample, item.correction)))
        (made / owner.codec.journal).write_bytes(b"".join(lines))
        counts |= {"annotations": len(lines), "without_media": found.without_media, "left_out": len(found.errors)}
        about |= samples(found, anonymous)
        size = folder.size_of(made)
    return Exported("annotations", str(to.expanduser().absolute()), counts, size, anonymous, found.errors)
