"""The whole data set as one archive: clean seed files, the media, all versions, the manifests (seed 000's export).

Unpacked, it is laid out as a workspace. `bringing` takes it into another one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from core import registry, tasks
from core.errors import ModelError, WrongUseError
from core.exporting import archive, folder, splits
from core.exporting.archive import Content
from core.exporting.folder import Exported
from core.exporting.items import Collected, Item, Report, Stop, chosen, collect, never, require_kept, silent
from core.store import fields, wire
from core.store.lines import sample_facts
from core.store.records import Json
from core.versions import card, numbers
from core.workspace import Workspace

VERSION_FILE = re.compile(r"model_(v\d+)\.(onnx|safetensors|json)")
# What a card says of the version itself; names of files, people and slices stay here when it shall be anonymous.
IMPERSONAL = ("schema_version", "task", "version", "created_at", "spec", "sha256", "metrics", "held_out", "golden",
              "verdict")  # fmt: skip
# Our fields of a correction; which action it belonged to means nothing elsewhere.
OURS = tuple(name for name in fields.CORRECTION if name != "batch")


def export(
    space: Workspace,
    to: Path | None = None,
    *,
    task: str | None = None,
    anonymous: bool = False,
    light: bool = False,
    report: Report = silent,
    stop: Stop = never,
) -> Exported:
    """Write the archive.

    Args:
        to: its file, or a folder that is there; `exports/` of the workspace by default.
        light: journals and cards only.

    Raises:
        WrongUseError: there is nothing to export, or something else is at that place.
        StoreError: it cannot be written, or one of the clips was forgotten meanwhile.
        CancelledError: `stop` said so; nothing was written.
    """
    target = _place(space, to)
    with folder.workbench(space) as bench:
        blurred = bench / "media"
        blurred.mkdir(mode=0o700)
        first = 0.6 if anonymous else 0.0
        found = collect(
            space, chosen(task), scratch=blurred if anonymous else None, media=not light, stop=stop,
            report=lambda part: report(part * first),
        )  # fmt: skip
        members = _journals(found, with_media=not light)
        notes = found.notes
        members |= _versions(space, chosen(task), notes, anonymous=anonymous, light=light)
        versions = len([name for name in members if name.endswith(".onnx" if not light else ".json")])
        if not light:
            members |= found.files
            members |= splits.of(space, found, bench / "manifests", anonymous=anonymous, stop=stop,
                                 report=lambda part: report(first + part * 0.2))  # fmt: skip
        counts: dict[str, Any] = {
            "answers": found.answers, "media": 0 if light else len(found.files), "versions": versions,
            "without_media": found.without_media, "left_out": len(found.errors), "without_face": found.without_face,
        }  # fmt: skip
        about = {"program": folder.program(), "anonymised": anonymous, "light": light, "counts": counts}
        manifest = archive.write(
            target, members, about | _meaning(space, found),
            report=lambda part: report(first + 0.2 + part * (0.8 - first)), stop=stop,
            check=lambda: require_kept(space, (item.origin for item in found.items)),
        )  # fmt: skip
    counted = counts | {"files": len(manifest["files"])}
    return Exported("dataset", str(target), counted, target.stat().st_size, anonymous, found.errors, notes)


def _place(space: Workspace, to: Path | None) -> Path:
    name = f"dataset-{folder.stamp()}.tar"
    if to is None:
        return folder.home(space) / name
    target = to.expanduser().absolute()
    if target.is_dir():
        return target / name
    if target.exists() and not is_archive(target):
        raise WrongUseError("is there and not a data set of ours", where=target, do="Choose another place with --to.")
    return target


def is_archive(path: Path) -> bool:
    """Whether a file looks like an archive of any kind of tar."""
    try:
        with path.open("rb") as file:
            return file.read(262)[257:] == b"ustar"
    except OSError:
        return False


def _journals(found: Collected, *, with_media: bool) -> dict[str, Content]:
    """The seeds' files, and the index: what we know of a sample beside the seed's fields, line by line."""
    members: dict[str, Content] = {}
    index: list[bytes] = []
    for name in found.answers:
        codec = tasks.get(name).codec
        items = found.of(name)
        lines = [wire.encode(codec.encode(item.sample, item.correction)) for item in items]
        members[f"training_data/{codec.journal}"] = b"".join(lines)
        index += [wire.encode(_facts(item, number, with_media)) for number, item in enumerate(items, start=1)]
    members[archive.INDEX] = b"".join(index)
    return members


def _facts(item: Item, number: int, with_media: bool) -> Json:
    sample, said = item.sample, item.correction
    file = sample.media if with_media and item.file else None
    about: Json = {"id": sample.id, "file": file, "media_hash": sample.media_hash, **sample_facts(sample)}
    answer: Json = {name: getattr(said, name) for name in OURS} | {"at": said.at or None}
    return {
        "task": sample.task,
        "line": number,
        "sample": {name: value for name, value in about.items() if value is not None},
        "answer": {name: value for name, value in answer.items() if value is not None},
    }


def _versions(
    space: Workspace, names: tuple[str, ...], notes: list[str], *, anonymous: bool, light: bool
) -> dict[str, Content]:
    members: dict[str, Content] = {}
    for name in names:
        left_out = _telling(space, name, notes) if anonymous else set[str]()
        where = registry.folder(space, name)
        for path in sorted(where.glob("model_v*")):
            match = VERSION_FILE.fullmatch(path.name)
            if not match or match[1] in left_out or (light and match[2] != "json"):
                continue
            members[f"models/{name}/{path.name}"] = _plain_card(path) if anonymous and match[2] == "json" else path
        pointer = where / "active.json"
        if pointer.exists() and not anonymous:
            members[f"models/{name}/active.json"] = pointer.read_bytes()
    meta = space.models / "training_meta.json"
    if meta.exists() and not anonymous:
        members["models/training_meta.json"] = meta.read_bytes()
    return members


def _telling(space: Workspace, task: str, notes: list[str]) -> set[str]:
    """Versions that say too much for an anonymous export; how many and why is noted."""
    words = tasks.get(task).kind == "text"
    found = {f"v{number}" for number in numbers(space, task)} if words else _of_speakers(space, task)
    one = len(found) == 1
    if found:
        which = f"{len(found)} {'version' if one else 'versions'} of {task} {'stays' if one else 'stay'} here"
        why = f"words of the answers are frozen into {'it' if one else 'them'}"
        whose = f"{'it' if one else 'each'} is one person's, or nobody can tell"
        notes.append(f"{which}: {why if words else whose}")
    return found


def _of_speakers(space: Workspace, task: str) -> set[str]:
    """Versions that are one person's, or of which nobody can tell."""
    found: set[str] = set()
    for number in numbers(space, task):
        try:
            if card(space, task, f"v{number}").speaker is None:
                continue
        except ModelError:
            pass
        found.add(f"v{number}")
    return found


def _plain_card(path: Path) -> bytes:
    known: dict[str, Any] = json.loads(path.read_bytes())
    return json.dumps(
        {name: known[name] for name in IMPERSONAL if name in known}, indent=1, ensure_ascii=False
    ).encode()


def _meaning(space: Workspace, found: Collected) -> dict[str, Any]:
    """What the answers are measured by: label lists, and the scale on which people gave scores."""
    owners = [tasks.get(name) for name in found.answers]
    labels = {one.name: list(registry.current_spec(space, one).labels) for one in owners if one.kind == "label"}
    return {"labels": labels, "scale": list(space.settings.ratings.scale)}
