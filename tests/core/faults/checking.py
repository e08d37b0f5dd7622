"""Opens a workspace after a fault and looks at all of it: what is there, and whether everything still works."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import backup, loop, registry
from core.files import sha256_file
from core.store.store import Store
from core.workspace import Workspace
from tests.core.faults import actions
from tests.core.faults.expecting import Kept
from tests.core.store.samples import dump

EXPECTED_NOTES = ("a write was interrupted", "was cut short while it was written", "it does not count")


def kept(space: Workspace) -> Kept:
    """What a user would count."""
    states: tuple[Any, ...] = ("pending", "skipped", "answered", "deleted")
    rows = [row for state in states for row in space.store.samples(actions.TASK, state=state, limit=10_000)]
    task = actions.TASK
    return Kept(
        answers={row.sample.id: [row.state, row.correction.value if row.correction else None] for row in rows},
        champion=registry.pointer(space, task).champion,
        every=space.settings.train.every,
        versions={f"v{one}": sha256_file(registry.model_path(space, task, f"v{one}")) for one in numbers(space)},
        backups=backup.of(space, [actions.disk(space)])[0].backups(),
        batches=space.store.batches(task, 5),
    )


def numbers(space: Workspace) -> list[int]:
    """The versions that are there."""
    return registry.numbers(space, actions.TASK)


def look_and_work(root: Path, seed: int | None, *, with_backup: bool = False) -> tuple[Any, list[str], list[str]]:
    """What is there after a fault; what does not work, as sentences; what the next action said.

    Args:
        seed: of the next action, which is an answer and perhaps a backup; None for none.
    """
    rng, sent = random.Random(seed), list[bytes]()
    space = loop.open_workspace(root, create=False)
    try:
        found, said = kept(space), _whole(space)
        if seed is not None:
            actions.correct(space, rng, sent.append)
            if with_backup:
                actions.back_up(space, rng, sent.append)
    finally:
        space.close()
    return asdict(found), said, [line.decode() for line in sent]


def _whole(space: Workspace) -> list[str]:
    store = space.store
    said = [f"problem: {one}" for one in store.problems() if not any(note in one for note in EXPECTED_NOTES)]
    said += [f"unread: {one}" for one in store.mirror.unreadable.values()]
    said += _catalog(store)
    said += _media(space)
    if problem := registry.serving(space, actions.TASK).problem:
        said.append(f"serving: {problem}")
    for number in numbers(space):
        registry.prove(space, actions.TASK, f"v{number}")
    vault = backup.of(space, [actions.disk(space)])[0]
    return said + [f"backup: {one}" for one in backup.verify(vault).problems]


def _catalog(store: Store) -> list[str]:
    before = dump(store)
    with store.catalog.read() as db:
        if (sound := db.conn.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            return [f"catalog: {sound}"]
    store.rebuild()
    after = dump(store)
    return [f"catalog: {table} is not as rebuilt" for table in before if before[table] != after[table]]


def _media(space: Workspace) -> list[str]:
    """Every answered or waiting sample's picture must be there: an answer without its clip teaches nothing."""
    rows = [row for state in ("pending", "answered") for row in space.store.samples(actions.TASK, state=state)]
    gone = [row for row in rows if not row.sample.media or not (space.root / row.sample.media).is_file()]
    return [f"media of {row.sample.id} ({row.state}) is gone" for row in gone]
