"""Which answers of two versions may be paired, in which order, and what counts as one observation.

The sequence of observations must only ever grow, else the interval would not stay valid under repeated looks:

- Held-out pairs that the training judged come first (`evidence.json` of its job), in journal order, all of a group as
  one observation: clips of one video or session are alike, and ten of them are not ten pieces of evidence.
- Then come the samples answered since, in journal order. A group is one observation, closed when another group's sample
  is answered; until then it may still grow and does not count.
- A group counts once. Later samples of a closed group add nothing: they cannot change what was used already, and as
  further observations they would count the same video twice.

"Seen in training" includes what the versions a version started from have seen, and the validation side, on which the
epochs were chosen. Losses are clipped to [0, 1]: a text with more word errors than words is simply wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from core import registry, tasks, untrusted
from core.errors import ModelError
from core.log import logger
from core.store.records import Lineage, Rivals, Value
from core.tasks.base import Answer, Task
from core.workspace import Workspace

EVIDENCE_FILE = "evidence.json"


class Pair(NamedTuple):
    """One answered sample and how wrong two versions were about it, 0 (right) to 1; `order` is the journal's."""

    sample: str
    group: str
    loss_a: float
    loss_b: float
    order: int


class Observation(NamedTuple):
    """The pairs of one group as one piece of evidence, with both versions' mean losses on them."""

    pairs: tuple[Pair, ...]
    loss_a: float
    loss_b: float

    @staticmethod
    def of(pairs: Sequence[Pair]) -> Observation:
        """The observation that pairs of one group make."""
        count = len(pairs)
        return Observation(
            tuple(pairs), sum(pair.loss_a for pair in pairs) / count, sum(pair.loss_b for pair in pairs) / count
        )

    @property
    def difference(self) -> float:
        """Positive where b was better, in [-1, 1]."""
        return self.loss_a - self.loss_b


def observations(held: Sequence[Pair], later: Sequence[Pair]) -> list[Observation]:
    """One per group, in an order that only ever grows at its end; the group answered last is still open."""
    groups: dict[str, list[Pair]] = {}
    for pair in sorted(held, key=lambda pair: pair.order):
        groups.setdefault(pair.group, []).append(pair)
    closed = [Observation.of(pairs) for pairs in groups.values()]
    past = set(groups)
    current: list[Pair] = []
    for pair in sorted(later, key=lambda pair: pair.order):
        if current and pair.group != current[0].group:
            closed.append(Observation.of(current))
            past.add(current[0].group)
            current = []
        if pair.group not in past:
            current.append(pair)
    return closed


def pairs(space: Workspace, task: str, a: str, b: str) -> list[Pair]:
    """Stored answers of both on samples that neither has seen in training, in journal order."""
    versions = (a, b)
    return paired(space, task, space.store.rivals(task, versions), space.store.lineage(task, versions), a, b)


def paired(space: Workspace, task: str, rows: Iterable[Rivals], seen: Lineage, a: str, b: str) -> list[Pair]:
    owner, fresh = tasks.get(task), unseen(space, task, seen)
    return [
        Pair(row.sample, row.group, loss(owner, row.truth, row.said[a]), loss(owner, row.truth, row.said[b]), row.order)
        for row in rows
        if a in row.said and b in row.said and fresh(row)
    ]


def unseen(space: Workspace, task: str, seen: Lineage) -> Callable[[Rivals], bool]:
    """Whether an answered sample was seen in training by none of the versions in a lineage.

    Of a version whose run is not recorded (its catalog was lost) only what was answered after it was made is sure.
    """
    since = 0.0
    for version in seen.versions:
        if version in seen.jobs or not re.fullmatch(r"v\d+", version):
            continue
        try:
            known = registry.card(space, task, version)
        except ModelError:
            since = math.inf
        else:
            since = since if known.base == registry.IMPORTED else max(since, known.created_at)
    return lambda row: row.sample not in seen.samples and row.at > since if since else row.sample not in seen.samples


def loss(task: Task, truth: Value, said: Value | None) -> float:
    """How wrong an answer is, 0 (right) to 1; a version that gave no answer is wrong."""
    return _loss(task.name, truth, said)


@lru_cache(maxsize=1 << 15)  # word errors of 2,000 texts take 60 ms, and every look asks for them again
def _loss(task: str, truth: Value, said: Value | None) -> float:
    return min(max(float(tasks.get(task).loss_of(truth, Answer(said, None))), 0.0), 1.0)


def to_file(champion: str, found: Sequence[Pair]) -> str:
    """The text of `evidence.json`."""
    return json.dumps(
        {"schema_version": 1, "champion": champion, "pairs": [pair._asdict() for pair in found]}, indent=1
    )


def judged(space: Workspace, seen: Lineage, a: str, b: str, answered: set[str]) -> list[Pair]:
    """Pairs that the training of b judged against a, or the other way round; forgotten samples are left out."""
    for champion, candidate in ((a, b), (b, a)):
        found = _read_file(space, seen.jobs.get(candidate), champion)
        if found:
            kept = [pair for pair in found if pair.sample in answered]
            if champion == a:
                return kept
            return [Pair(pair.sample, pair.group, pair.loss_b, pair.loss_a, pair.order) for pair in kept]
    return []


def _read_file(space: Workspace, job_id: str | None, champion: str) -> list[Pair]:
    if job_id is None:
        return []
    path = space.jobs / job_id / EVIDENCE_FILE
    try:
        kept = untrusted.read(path)
        return [_pair(**pair) for pair in kept["pairs"]] if kept["champion"] == champion else []
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.warning("%s cannot be read (%s); later answers alone are compared", path, error)
        return []


def _pair(sample: Any, group: Any, loss_a: Any, loss_b: Any, order: Any) -> Pair:
    """A pair as a file has it.

    Raises:
        TypeError, ValueError: something else stands there.
    """
    if not isinstance(sample, str) or not isinstance(group, str) or not isinstance(order, int):
        raise TypeError("a pair has fields of other types")
    losses = float(loss_a), float(loss_b)
    if not all(0.0 <= one <= 1.0 for one in losses):
        raise ValueError("a loss is not between 0 and 1")
    return Pair(sample, group, *losses, order)
