"""A small workspace, and the things a user does in it, each through the program's own verb and each announced.

An action sends {"start": what} before and {"done": what} after: what was done counts as said to the user. Nothing here
imports torch.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from core import backup, foreign, loop, registry, settings
from core.capture.intake import Refused
from core.errors import RushesError
from core.foreign import Agreement
from core.store.records import SampleRow
from core.workspace import Workspace

TASK = "ratings"
CLIPS = 6
SETTINGS = "[inference]\nthreads = 1\n[train]\nautomatic = false\nevery = 77\n"
Json = dict[str, Any]
Send = Callable[[bytes], None]
Action = Callable[[Workspace, random.Random, Send], None]


def make(base: Path) -> Path:
    """A workspace with six pictures that wait and two versions, and a backup beside it; returns its root."""
    from core.media.encode import write_image
    from tests.core.onnx_files import brightness

    root = base / "ws"
    space = loop.open_workspace(root)
    (root / "rushes.toml").write_text(SETTINGS)
    space.close()
    space = loop.open_workspace(root)
    rng = np.random.default_rng(5)
    for number in range(CLIPS + 1):
        write_image(base / f"clip{number}.png", rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    taken = list(loop.capture(space, [base / f"clip{number}.png" for number in range(CLIPS)], TASK))
    assert len(taken) == CLIPS
    model = brightness(base / "model.onnx")
    for _ in range(2):
        foreign.import_model(space, model, TASK, Agreement())
    registry.deploy(space, TASK, "v1", reason="made")
    backup.now(space, [str(base / "disk")])
    space.close()
    return root


def disk(space: Workspace) -> str:
    """Where the workspace's backups go."""
    return str(space.root.parent / "disk")


def _said(send: Send, which: str, what: Json) -> None:
    send(json.dumps({which: what}).encode())


def _announced(send: Send, what: Json, do: Callable[[], object]) -> None:
    _said(send, "start", what)
    found = do()
    _said(send, "done", what | (cast("Json", found) if isinstance(found, dict) else {}))


def _pick(space: Workspace, rng: random.Random, *states: str) -> SampleRow | None:
    rows = [row for row in space.store.samples(TASK, newest_first=False) if row.state in states]
    return rng.choice(rows) if rows else None


def correct(space: Workspace, rng: random.Random, send: Send) -> None:
    """Answer a picture, waiting or answered already."""
    row = _pick(space, rng, "pending", "skipped", "answered")
    if row is None:
        return
    value = round(rng.random(), 6)

    def do() -> Json:
        return {"batch": loop.correct(space, [(row.sample, value)], trigger=False)[0].batch}

    _announced(send, {"do": "correct", "sample": row.sample.id, "value": value}, do)


def correct_many(space: Workspace, rng: random.Random, send: Send) -> None:
    """Answer three pictures in one batch, which counts whole or not at all."""
    rows = [row for row in space.store.samples(TASK, newest_first=False) if str(row.state) != "deleted"][:3]
    values = {row.sample.id: round(rng.random(), 6) for row in rows}
    if not rows:
        return

    def do() -> Json:
        given = [(row.sample, values[row.sample.id]) for row in rows]
        return {"batch": loop.correct(space, given, trigger=False)[0].batch}

    _announced(send, {"do": "correct_many", "values": values}, do)


def undo(space: Workspace, rng: random.Random, send: Send) -> None:
    """Take the last action back."""
    if batches := space.store.batches(TASK, 1):
        _announced(send, {"do": "undo", "of": batches[0]}, lambda: space.store.undo(TASK, batches[0]) and None)
    else:
        correct(space, rng, send)


def delete(space: Workspace, rng: random.Random, send: Send) -> None:
    """Hide an answered picture."""
    if row := _pick(space, rng, "answered"):
        sample = row.sample.id
        what = {"do": "delete", "sample": sample}
        _announced(send, what, lambda: {"batch": space.store.delete(TASK, [sample])})
    else:
        correct(space, rng, send)


def skip(space: Workspace, rng: random.Random, send: Send) -> None:
    """Set a waiting picture aside, or put it back."""
    if row := _pick(space, rng, "pending", "skipped"):
        sample, aside = row.sample.id, row.state == "pending"
        what = {"do": "skip", "sample": sample, "aside": aside}
        _announced(send, what, lambda: space.store.skip(TASK, [sample], skipped=aside))
    else:
        correct(space, rng, send)


def capture(space: Workspace, rng: random.Random, send: Send) -> None:
    """Take a picture in."""
    found = space.root.parent / f"clip{CLIPS}.png"
    new = space.root.parent / f"new{rng.randrange(1 << 30)}.png"
    new.write_bytes(found.read_bytes() + rng.randbytes(8))  # decoders do not mind what follows; the hash is another

    def do() -> Json:
        (taken,) = loop.capture(space, [new], TASK)
        if isinstance(taken, Refused):
            raise RushesError(taken.reason)
        return {"sample": taken.id}

    _announced(send, {"do": "capture"}, do)


def deploy(space: Workspace, rng: random.Random, send: Send) -> None:
    """Let the other version answer."""
    del rng
    version = "v2" if registry.pointer(space, TASK).champion == "v1" else "v1"
    what = {"do": "deploy", "champion": version}
    _announced(send, what, lambda: registry.deploy(space, TASK, version, reason="fault suite") and None)


def rollback(space: Workspace, rng: random.Random, send: Send) -> None:
    """Bring the previous champion back."""
    if previous := registry.pointer(space, TASK).previous:
        what = {"do": "deploy", "champion": previous[0]}
        _announced(send, what, lambda: registry.rollback(space, TASK) and None)
    else:
        deploy(space, rng, send)


def version(space: Workspace, rng: random.Random, send: Send) -> None:
    """Take a model file in as the next version."""
    del rng

    def do() -> Json:
        return {"version": foreign.import_model(space, space.root.parent / "model.onnx", TASK, Agreement()).version}

    _announced(send, {"do": "version"}, do)


def back_up(space: Workspace, rng: random.Random, send: Send) -> None:
    """Make a backup."""
    del rng
    _announced(send, {"do": "backup"}, lambda: {"id": backup.now(space, [disk(space)]).id})


def prune(space: Workspace, rng: random.Random, send: Send) -> None:
    """Keep the newest two backups."""
    del rng
    vault = backup.of(space, [disk(space)])[0]
    _announced(send, {"do": "prune", "keep": 2}, lambda: backup.prune(space, vault, 2) and None)


def setting(space: Workspace, rng: random.Random, send: Send) -> None:
    """Change a setting."""
    every = rng.randrange(10, 10_000)
    what = {"do": "setting", "every": every}
    _announced(send, what, lambda: settings.write(space.root, "train.every", str(every)))


def rebuild(space: Workspace, rng: random.Random, send: Send) -> None:
    """Make the catalog again."""
    del rng
    _announced(send, {"do": "rebuild"}, lambda: str(space.store.rebuild()))


def reopen(space: Workspace, rng: random.Random, send: Send) -> None:
    """Open the workspace; the catalog catches up with what journals have."""
    del rng
    _announced(send, {"do": "reopen"}, lambda: space.store.refresh() and None)


def careless(space: Workspace, rng: random.Random, send: Send) -> None:
    """Change a setting as a careless program would, in place: what the suite must notice."""
    every = rng.randrange(10, 10_000)
    path = space.root / "rushes.toml"
    changed = path.read_text().replace(f"every = {space.settings.train.every}", f"every = {every}")
    what = {"do": "setting", "every": every}
    _announced(send, what, lambda: path.write_text(changed) and None)


ACTIONS: dict[str, Action] = {
    "correct": correct, "correct_many": correct_many, "undo": undo, "delete": delete, "skip": skip,
    "capture": capture, "deploy": deploy, "rollback": rollback, "version": version, "backup": back_up, "prune": prune,
    "setting": setting, "rebuild": rebuild, "reopen": reopen,
    "careless": careless,
}  # fmt: skip
# How often each comes up in the random mixture; correcting is what users do all day.
WEIGHTS = {
    "correct": 10, "correct_many": 3, "undo": 4, "delete": 2, "skip": 2, "capture": 1, "deploy": 2, "rollback": 1,
    "version": 1, "backup": 2, "prune": 1, "setting": 2, "rebuild": 1,
}  # fmt: skip


def mixture(rng: random.Random) -> str:
    """One action's name."""
    return rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
