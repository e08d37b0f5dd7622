"""A folder that Hugging Face's `datasets` loads as it is (imagefolder, videofolder), a folder per split, and back.

Its format: https://huggingface.co/docs/datasets/image_dataset
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import manifest, tasks
from core.errors import StoreError, WrongUseError
from core.exporting import folder
from core.exporting.folder import Exported
from core.exporting.items import Item, Report, Stop, never, silent
from core.exporting.lines import objects
from core.exporting.making import making
from core.files import inside
from core.manifest import BadRow, Row
from core.store import wire
from core.store.records import Json
from core.tasks.base import Task
from core.training.manifests import SIDES, Side
from core.workspace import Workspace

METADATA = "metadata.jsonl"
FOLDERS: dict[Side, str] = {"train": "train", "val": "validation", "test": "test"}
ABOUT = ("group", "speaker", "source", "region", "captured_at", "phase", "context", "scene_id")
# What others call the answer.
VALUES = {"label": ("label",), "text": ("text", "transcription", "sentence"), "score": ("score", "rating", "value")}


def export(
    space: Workspace,
    to: Path,
    *,
    task: str,
    anonymous: bool = False,
    report: Report = silent,
    stop: Stop = never,
) -> Exported:
    """`train|validation|test/metadata.jsonl` with file_name, the answer and what is known, and the media beside each.

    Raises:
        WrongUseError: something else is there.
        CancelledError: `stop` said so; nothing was written.
    """
    owner = tasks.get(task)
    with making(space, to, "huggingface", owner.name, anonymous=anonymous, report=report, stop=stop) as one:
        items = [item for item in one.found.items if item.file]
        lines = dict(zip((item.origin for item in items), _alike([_line(item, owner) for item in items]), strict=True))
        for side in SIDES:
            mine = [item for item in items if item.side == side]
            one.counts[FOLDERS[side]] = len(mine)
            if not mine:
                continue
            place = one.folder / FOLDERS[side]
            place.mkdir()
            for item in mine:
                if item.file and not (place / item.name).exists():
                    folder.put(item.file, place / item.name)
            (place / METADATA).write_bytes(b"".join(wire.encode(lines[item.origin]) for item in mine))
        (one.folder / "README.md").write_text(_card(owner, one.counts), encoding="utf-8")
    return one.exported()


def _line(item: Item, owner: Task) -> Json:
    sample = item.sample
    line: Json = {"file_name": item.name, manifest.VALUE_COLUMN[owner.kind]: item.correction.value}
    line |= {"sample": sample.id}
    line |= {name: getattr(sample, name) for name in ABOUT}
    return line | {"start_s": sample.start_s, "end_s": sample.end_s}


def _alike(lines: list[Json]) -> list[Json]:
    """Lines with the same columns of the same types, since the loader compares what it sees of each split.

    What is known of none is left out; what is known of some is text, "" for the others.
    """
    for name in list(lines[0]) if lines else ():
        empty = sum(line[name] is None for line in lines)
        for line in lines if empty else ():
            if empty == len(lines):
                del line[name]
            else:
                line[name] = _text(line[name])
    return lines


def _card(owner: Task, counts: dict[str, Any]) -> str:
    splits = "".join(f"  - split: {name}\n    path: {name}/**\n" for name in FOLDERS.values() if counts.get(name))
    files = f"configs:\n- config_name: default\n  drop_labels: true\n  data_files:\n{splits}" if splits else ""
    what = {"label": "a label", "text": "the text that is spoken", "score": "a score on 0..1"}[owner.kind]
    return f"---\n{files}---\n\n# {owner.name}\n\nClips or pictures with {what} each, by {folder.program()}.\n"


def rows_of_folder(place: Path, owner: Task, line_mb: float, *, only: Path | None = None) -> Iterator[Row | BadRow]:
    """The rows of every metadata.jsonl in a folder and the folders in it, numbered through.

    Args:
        only: this file alone.

    Raises:
        WrongUseError: there is none.
    """
    found = [only] if only else sorted((*place.glob(METADATA), *place.glob(f"*/{METADATA}")))
    if not found:
        do = f"Name a file, or a folder with {METADATA} in it."
        raise WrongUseError("is a folder and no data set that is known", where=place, do=do)
    before = 0
    for path in found:
        number = 0
        for number, line, reason in objects(path, line_mb):
            yield BadRow(before + number, reason) if line is None else _row(before + number, line, owner, path.parent)
        before += number


def _row(number: int, line: Json, owner: Task, beside: Path) -> Row | BadRow:
    name = line.get("file_name")
    value = next((line[column] for column in VALUES[owner.kind] if line.get(column) is not None), None)
    if not isinstance(name, str) or not name:
        return BadRow(number, "file_name is missing")
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return BadRow(number, f"{VALUES[owner.kind][0]} is missing")
    try:
        path = inside(beside, name)
    except (StoreError, OSError):
        return BadRow(number, "the file lies outside the folder")
    cells = {column: _text(line.get(column)) for column in ABOUT}
    cells |= {"file": str(path), "value": _text(value)}
    return manifest.row_of(number, cells, VALUES[owner.kind][0], [beside])


def _text(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value) if isinstance(value, str | int) else ""
