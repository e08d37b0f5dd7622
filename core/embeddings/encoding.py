"""Vectors of the workspace's own samples: what is missing is made, newest first, and may stop at any time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core import features, tasks
from core.embeddings import checks, encoders, text
from core.embeddings.rows import Rows
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import EmbeddingType, Vector, VectorError
from core.errors import RushesError
from core.store.records import Sample, SampleRow
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

BLOCK = 32  # samples kept at once
_ALL = """SELECT id FROM samples INDEXED BY samples_state WHERE task = ? AND state IN ({})
    ORDER BY captured_at DESC, seen DESC, first_line DESC, id DESC"""

Stop = Callable[[], bool]
Step = Callable[[int, str], None]


def _never() -> bool:
    return False


def _silent(done: int, name: str) -> None:
    del done, name


@dataclass(frozen=True, slots=True)
class Encoded:
    """How far it came.

    Attributes:
        remaining: samples that were not come to; asking again goes on with them.
        unmeasured: samples that were passed over because they would have to be decoded.
        errors: (sample, why it can have no vector).
    """

    made: int
    remaining: int
    unmeasured: int = 0
    errors: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        errors = [{"sample": sample, "reason": reason} for sample, reason in self.errors]
        numbers = {"made": self.made, "remaining": self.remaining, "unmeasured": self.unmeasured}
        return numbers | {"errors": errors}


def modalities(task: str) -> dict[EmbeddingType, str]:
    """What our encoders make of a task's samples: encoder by type."""
    owner = tasks.get(task)
    found = {EmbeddingType.CLIP_VISUAL: encoders.VISUAL[owner.name]} if owner.name in encoders.VISUAL else {}
    if owner.name == "scenes":
        found[EmbeddingType.AUDIO_FEATURE] = encoders.SOUND
    return found | {EmbeddingType.TEXT_CAPTION: text.HASHED}


def samples_of(space: Workspace, task: str, *, unanswered: bool = False) -> list[str]:
    """Ids of a task's samples that were not deleted, newest first."""
    states = ["pending"] if unanswered else ["pending", "answered", "skipped"]
    query = _ALL.format(", ".join("?" * len(states)))

    def ask(db: Database) -> list[str]:
        return [one for (one,) in db.conn.execute(query, [task, *states]).fetchall()]

    return space.store.mirror.ask(ask)


def missing(store: EmbeddingsStore, kind: EmbeddingType, encoder_id: str, samples: Sequence[str]) -> list[str]:
    """Those of the samples that have no vector yet, in the same order."""
    known = store.backend.keys(kind, encoder_id)
    return [one for one in samples if one not in known]


def encode(
    space: Workspace,
    store: EmbeddingsStore,
    task: str,
    kind: EmbeddingType,
    samples: Sequence[str],
    *,
    limit_s: float = float("inf"),
    cached_only: bool = False,
    stop: Stop = _never,
    progress: Step = _silent,
) -> Encoded:
    """Make the vectors of a type that samples lack.

    Args:
        limit_s: stop after so many seconds; at least one block is made.
        cached_only: pass over samples that would have to be decoded first.
        stop: asked before each sample; what was made until then is kept.
    """
    wanted = modalities(task).get(kind)
    if wanted is None:
        raise VectorError(f"{tasks.get(task).name} have no {kind.value} encoder here", do="Bring vectors by import.")
    lacking = missing(store, kind, wanted, samples)
    unmeasured = 0
    if cached_only and kind is not EmbeddingType.TEXT_CAPTION:
        measured = _measured(space, task)
        lacking, before = [one for one in lacking if one in measured], len(lacking)
        unmeasured = before - len(lacking)
    end, made, looked = time.monotonic() + limit_s, 0, 0
    errors: list[tuple[str, str]] = []
    for start in range(0, len(lacking), BLOCK):
        if stop() or (start and time.monotonic() > end):
            break
        block = space.store.rows(task, lacking[start : start + BLOCK])
        keys: list[str] = []
        vectors: list[Vector] = []
        for row in block:
            if stop():
                break
            looked += 1
            try:
                vectors.append(_vector(space, kind, row))
                keys.append(row.sample.id)
            except RushesError as error:
                errors.append((row.sample.id, error.what))
            progress(looked, row.sample.id)
        if keys:
            store.backend.put(Rows(kind, wanted, keys, np.stack(vectors), samples=keys), again=True)
            made += len(keys)
    return Encoded(made, len(lacking) - made - len(errors), unmeasured, tuple(errors))


def one(space: Workspace, store: EmbeddingsStore, kind: EmbeddingType, sample: Sample) -> bool:
    """Make one sample's vector, if it lacks it; returns whether it has one now."""
    wanted = modalities(sample.task).get(kind)
    if wanted is None:
        return False
    if store.backend.get(kind, wanted, sample.id) is None:
        encode(space, store, sample.task, kind, [sample.id])
    return store.backend.get(kind, wanted, sample.id) is not None


def words(row: SampleRow) -> str:
    """What is said of a sample: its text if its task is one, and its context."""
    kind = tasks.get(row.sample.task).kind
    value = row.correction.value if row.correction else row.prediction.value if row.prediction else None
    said = [str(value)] if value is not None and kind != "score" else []
    return " ".join([*said, *([row.sample.context] if row.sample.context else [])])


def _vector(space: Workspace, kind: EmbeddingType, row: SampleRow) -> Vector:
    """A sample's vector.

    Raises:
        RushesError: it can have none; the sentence says why.
    """
    if kind is EmbeddingType.TEXT_CAPTION:
        return checks.vector(text.hashed(words(row)))
    found = features.of_sample(space, tasks.get(row.sample.task), row.sample)
    if kind is EmbeddingType.AUDIO_FEATURE:
        heard = encoders.sound([found])[0]
        if heard is None:
            raise VectorError("has no sound", where=row.sample.id)
        return checks.vector(heard)
    return checks.vector(encoders.visual(row.sample.task, [found])[0])


def _measured(space: Workspace, task: str) -> set[str]:
    """Samples whose features are in the cache."""
    try:
        names = os.listdir(features.cache_path(space, tasks.get(task), "any").parent)
    except OSError:
        return set()
    return {name.removesuffix(".npz") for name in names}


def tasks_with_samples(space: Workspace) -> Iterator[str]:
    """Names of the tasks that have any sample."""
    return (name for name in tasks.names() if samples_of(space, name))
