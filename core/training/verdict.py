"""Whether a freshly trained version should replace the champion: both on what neither was trained on (DESIGN 7).

The weighing is `core.comparison`'s; here the champion is asked about the training's out-of-sample examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import comparison, pairing, registry
from core.errors import ModelError
from core.evidence import Decision
from core.files import write_atomic
from core.inference import Predictor
from core.pairing import Pair
from core.store.records import Value

if TYPE_CHECKING:
    from core.training.dataset import Example
    from core.training.run import Trained
    from core.workspace import Workspace

NEW = "the new version"
FOLDS = "the new version is represented by its cross-validation's folds, which learnt from less than it did"


@dataclass(frozen=True, slots=True)
class Verdict:
    """accept | caution | revert, with one sentence of reason.

    Attributes:
        evidence: the comparison's numbers for the card, with `champion` and, where there is something to add, `note`.
        pairs: what they come from; `save` keeps it, and later looks at the same two versions continue from it.
        champion: the version it was compared with; "" when there was none.
    """

    verdict: Decision
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])
    pairs: tuple[Pair, ...] = ()
    champion: str = ""


def judge(space: Workspace, trained: Trained) -> Verdict:
    """The verdict on a freshly trained network, from its out-of-sample answers and the champion's on the same samples.

    Raises:
        ModelError: not even the factory model can be used.
    """
    task = trained.data.task
    if not registry.has_model(space, task.name):
        return Verdict("caution", f"the first version of {task.name}: there is none to compare it with")
    champion = _champion(space, task.name, trained.data.parameters.get("speaker"))
    note = {"note": FOLDS} if trained.data.cross_validated else {}
    pairs = _pairs(space, champion, trained)
    found = comparison.weigh(task.name, champion.version, NEW, pairs, [])
    facts = found.to_json() | {"champion": champion.version} | note
    if not pairs:
        reason = f"{champion.version} was trained on all {len(trained.judged)} examples that could judge it"
        return Verdict("caution", f"{NEW} cannot be compared yet: {reason}", facts, (), champion.version)
    return Verdict(found.verdict, found.sentence(), facts, tuple(pairs), champion.version)


def save(folder: Path, verdict: Verdict) -> None:
    """Write `evidence.json` into the job's folder, from which later comparisons of the two versions continue."""
    if verdict.pairs:
        write_atomic(folder / pairing.EVIDENCE_FILE, pairing.to_file(verdict.champion, verdict.pairs))


def _champion(space: Workspace, task: str, speaker: object) -> Predictor:
    """The champion by its pointer, whatever the environment says; what answers in its place where it is damaged."""
    line = registry.pointer(space, task).line(speaker if isinstance(speaker, str) else None)
    try:
        return registry.load_version(space, task, line[0])
    except ModelError:
        return registry.serving(space, task).predictor


def _pairs(space: Workspace, champion: Predictor, trained: Trained) -> list[Pair]:
    """Both versions' losses on what neither has seen, in journal order."""
    task, version = champion.task, champion.version
    fresh = pairing.unseen(space, task.name, space.store.lineage(task.name, [version, trained.base]))
    rows = [row for row in space.store.rivals(task.name, [version]) if fresh(row)]
    clean = {row.sample for row in rows}
    judged = [(example, said) for example, said in trained.judged if example.answered.sample.id in clean]
    stored = {row.sample: row.said[version] for row in rows if version in row.said}
    stored |= _ask(champion, [example for example, _ in judged if example.answered.sample.id not in stored])
    found: list[Pair] = []
    for example, said in judged:
        sample = example.answered.sample
        losses = (pairing.loss(task, example.truth, stored[sample.id]), pairing.loss(task, example.truth, said.value))
        found.append(Pair(sample.id, sample.group, *losses, example.answered.order))
    return sorted(found, key=lambda pair: pair.order)


def _ask(champion: Predictor, examples: Sequence[Example]) -> dict[str, Value | None]:
    said: dict[str, Value | None] = {}
    for start in range(0, len(examples), comparison.BATCH):
        batch = examples[start : start + comparison.BATCH]
        found = champion.answer([example.features for example in batch])
        said |= {example.answered.sample.id: answer.value for example, answer in zip(batch, found, strict=True)}
    return said
