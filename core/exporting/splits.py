"""Seed 004's manifests inside an export: the very rows a training would learn from now, with the export's names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import tasks
from core.exporting import folder
from core.exporting.archive import Content
from core.exporting.folder import Exported
from core.exporting.items import Collected, Item, Report, Stop, chosen, collect, never, require_kept, silent
from core.store.records import Json
from core.training import dataset, manifests
from core.training.manifests import Row
from core.workspace import Workspace


def of(
    space: Workspace, found: Collected, scratch: Path, *, anonymous: bool, report: Report, stop: Stop
) -> dict[str, Content]:
    """`manifests/<task>/manifest_*.csv` for every task with answers."""
    members: dict[str, Content] = {}
    names = list(found.answers)
    for done, name in enumerate(names):
        owner, place = tasks.get(name), scratch / name
        dataset.export(
            space, owner, place, stop=stop, progress=lambda part, done=done: report((done + part) / len(names))
        )
        _renamed(place, owner.kind, found.of(name), anonymous=anonymous)
        members |= {f"manifests/{name}/{path.name}": path.read_bytes() for path in sorted(place.iterdir())}
    return members


def export(
    space: Workspace,
    to: Path,
    *,
    task: str,
    anonymous: bool = False,
    report: Report = silent,
    stop: Stop = never,
) -> Exported:
    """manifest_full, _train, _val and _test.csv into a folder; as `rushes dataset export`, which adds `--speaker`.

    They name files relative to the workspace and bring none along, as a training's do.
    Anonymous manifests name no files, because the blurred copies are not made for them.

    Raises:
        RushesError: the folder holds something else, or one of the clips was forgotten meanwhile.
        CancelledError: `stop` said so; nothing was written.
    """
    owner, target = tasks.get(task), to.expanduser().absolute()
    manifests.require_place(target)
    with folder.workbench(space) as bench:
        made = bench / "manifests"
        found = dataset.export(space, owner, made, progress=report, stop=stop)
        rows, meta = manifests.read(made / manifests.FULL, owner.kind), _meta(made)
        require_kept(space, [row.snapshot_id for row in rows])
        if anonymous:
            hidden = collect(space, chosen(task), scratch=bench, media=False, stop=stop)
            rows = _named(rows, hidden.items, anonymous=True)
        counts = manifests.write(target, rows, meta)
    left_out = {"left_out": sum(found["excluded"].values())}
    size = sum((target / name).stat().st_size for name in _names())
    notes = [f"left out: {reason} ({count})" for reason, count in found["excluded"].items()]
    if not anonymous:
        notes.append(f"the files stay in {space.root}, and only there these manifests find them")
    return Exported("manifests", str(target), counts | left_out, size, anonymous, [], notes)


def _names() -> tuple[str, ...]:
    return (manifests.FULL, *(f"manifest_{side}.csv" for side in manifests.SIDES), manifests.META)


def _renamed(place: Path, kind: str, items: list[Item], *, anonymous: bool) -> None:
    rows = _named(manifests.read(place / manifests.FULL, kind), items, anonymous=anonymous)
    manifests.write(place, rows, _meta(place))


def _meta(place: Path) -> Json:
    """What `export_meta.json` says beside what is written anew."""
    known: dict[str, Any] = json.loads((place / manifests.META).read_bytes())
    return {name: value for name, value in known.items() if name not in ("schema_version", "hash", "counts")}


def _named(rows: list[Row], items: list[Item], *, anonymous: bool) -> list[Row]:
    said = {item.origin: item for item in items}
    return [_row(row, said[row.snapshot_id], anonymous) for row in rows if row.snapshot_id in said]


def _row(row: Row, item: Item, anonymous: bool) -> Row:
    sample = item.sample
    if not anonymous:
        return replace(row, file=sample.media)
    return replace(
        row, snapshot_id=sample.id, firebase_url=None, file=sample.media, group=sample.group, speaker=None, source=None,
        region=None, captured_at=None, media_hash=sample.media_hash, scene_id=sample.scene_id,
    )  # fmt: skip
