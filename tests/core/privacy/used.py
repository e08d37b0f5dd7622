"""A workspace in which everything was done once, and a look at every byte of it."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core import backup, loop
from core.automation import gate, publishing
from core.review import looks, queue, triage
from core.store.records import Sample
from core.tasks import get
from core.workspace import Workspace

WORDS = "quagga meerschaum"  # nobody else says this


@dataclass(frozen=True)
class Used:
    """The workspace, the sample to be forgotten, and all that must not be found afterwards."""

    root: Path
    sample: Sample
    marks: dict[str, str]


def use(root: Path, outside: Path) -> Used:
    """Correct, ask, offer, look, publish, note, back up, crash: all about one sample of a trained workspace."""
    space = loop.open_workspace(root)
    victim = space.store.answered("ratings")[7].sample
    other = space.store.answered("ratings")[8].sample
    told = replace(victim, context=WORDS, speaker="Zebulon Quince", source="webcam-of-zebulon")
    space.store.add_samples([told])
    loop.correct(space, [(told, 0.61), (other, 0.5)], trigger=False)
    loop.predict(space, _predictor(space), [told])
    queue.queue(space, "ratings", 5)
    queue._offer(space, "ratings", [_offered(told)])  # pyright: ignore[reportPrivateUsage]
    looks.look(space, get("ratings"), victim.id)
    triage.triage(space, told, "dismissed")
    space.store.note("look_alike", {"sample": other.id, "seed": victim.id})
    space.store.skip("ratings", [victim.id], reason=WORDS)
    _ask_to_publish(space, told)
    backup.now(space, [str(outside)], unencrypted=True)
    _crash(space, victim)
    space.close()
    name = Path(victim.media or "").name
    marks = {
        "id": victim.id, "content": victim.media_hash or "", "file": name, "words": WORDS,
        "speaker": "Zebulon", "group": (victim.media_hash or "")[:16], "original": victim.extra["file"],
    }  # fmt: skip
    return Used(root, victim, marks)


def _predictor(space: Workspace):
    from core import registry

    return registry.serving(space, "ratings").predictor


def _offered(sample: Sample) -> queue.Queued:
    return queue.Queued(sample.id, "", "queue", None, None, sample.media or "", None, sample.group, None, None)


def _ask_to_publish(space: Workspace, sample: Sample) -> None:
    entry = publishing.publish(space, sample, "somewhere")
    publishing.reject(space, entry.id, reason=WORDS)
    gate.refresh(space)


def _crash(space: Workspace, sample: Sample) -> None:
    """What killed processes and damage leave behind."""
    journal = space.data / "annotations.jsonl"
    (space.data / "annotations.jsonl.torn").write_text(f'{{"sample": "{sample.id}", "rat\nharmless rest\n')
    with journal.open("a") as file:
        file.write(f'{{"sample": "{sample.id}", broken\n')
    (space.data / ".999999999-killed.jsonl").write_bytes(journal.read_bytes())
    (space.root / "rushes.db.damaged-1").write_bytes((space.root / "rushes.db").read_bytes())
    (space.incoming / "webcam1.avi").write_bytes((space.root / (sample.media or "")).read_bytes())
    with (space.logs / "worker.log").open("a") as file:
        file.write(f"refused {sample.media}: it is dark\nanother line\n")


def found(root: Path, marks: dict[str, str]) -> list[str]:
    """Where a mark is in any byte of a workspace: raw, packed, or in SQLite's own words; `backups/` is left out."""
    seen: list[str] = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith("backups/"):
            for part, data in unpacked(name, path.read_bytes()):
                seen += [f"{what} in {part}" for what, mark in marks.items() if mark.encode() in data]
                seen += [f"{what} names {part}" for what, mark in marks.items() if mark in part]
    db = sqlite3.connect(root / "rushes.db")
    text = "\n".join(db.iterdump())
    db.close()
    return seen + [f"{what} in the tables" for what, mark in marks.items() if mark in text]


def unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for inner in archive.namelist():
                yield from unpacked(f"{name}:{inner}", archive.read(inner))
    elif data[:2] == b"\x1f\x8b":
        yield from unpacked(f"{name}:gz", gzip.decompress(data))
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive.getmembers():
                if file := archive.extractfile(member):
                    yield from unpacked(f"{name}:{member.name}", file.read())


def lines(root: Path, journal: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / "training_data" / journal).read_text().splitlines()]


def state(space: Workspace) -> list[tuple[object, ...]]:
    """What the catalog makes of the journals."""
    with space.store.catalog.read() as db:
        return [
            *db.conn.execute("SELECT task, id, state, media FROM samples ORDER BY 1, 2").fetchall(),
            *db.conn.execute("SELECT sample, value FROM answers ORDER BY 1").fetchall(),
        ]
