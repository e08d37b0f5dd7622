"""Which versions learnt from a sample, and which words of it are frozen into them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from core import registry
from core.errors import ModelError
from core.gone import texts
from core.workspace import Workspace


def learnt_from(space: Workspace, samples: Collection[str]) -> list[str]:
    """Versions ("ratings/v3") that were trained on one of the samples, or started from one that was.

    What only the test side saw is not learnt from. Imported versions say nothing of what they learnt from.
    """
    from core.training import record

    record.restore_runs(space)
    with space.store.catalog.read() as db:
        direct = db.conn.execute(
            """SELECT DISTINCT r.model_version FROM model_training_snapshot_labels l
               JOIN model_training_runs r ON r.id = l.training_run_id
               WHERE l.split IS NOT 'test' AND l.snapshot_id IN (SELECT value FROM json_each(?))""",
            [json.dumps(sorted(samples))],
        ).fetchall()
        bases = db.conn.execute(
            "SELECT model_version, task, json_extract(params_json, '$.base') FROM model_training_runs"
        ).fetchall()
    return sorted(with_descendants({version for (version,) in direct}, bases))


def with_descendants(direct: set[str], bases: Iterable[tuple[str, str, str | None]]) -> set[str]:
    """These versions and all that started from them; `bases` are (version, task, its base within the task)."""
    found, parents = set(direct), {version: f"{task}/{base}" for version, task, base in bases if base}
    while more := {version for version, parent in parents.items() if parent in found and version not in found}:
        found |= more
    return found


def frozen_words(space: Workspace, versions: Iterable[str], words: Collection[str]) -> dict[str, list[str]]:
    """Words that only the samples held, as far as a version's lexicon or n-gram holds them: version -> words."""
    found: dict[str, list[str]] = {}
    single = {word for word in words if " " not in word}
    for name in versions:
        task, _, version = name.partition("/")
        try:
            params: dict[str, Any] = registry.card(space, task, version).spec.params
        except ModelError:
            continue
        held = single & words_of(params)
        if held:
            found[name] = sorted(held)
    return found


def words_of(params: dict[str, Any]) -> set[str]:
    """The single words that a version's params hold, in lower case."""
    return {word.lower() for text in texts(params) for word in text.split()}
