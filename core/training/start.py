"""Where a training starts from: the newest version that has not learnt from what the new one will be judged on.

A start that knows the held-out clips would make every score on them too good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from safetensors import SafetensorError
from safetensors.torch import load_file

from core import registry
from core.errors import ModelError, WrongUseError
from core.tasks.base import ModelSpec, Task
from core.tasks.learner import Learner
from core.training.dataset import Dataset
from core.workspace import Workspace

NUMBERED = re.compile(r"v\d+")


@dataclass(frozen=True, slots=True)
class Start:
    """What was taken over.

    Attributes:
        base: the version's name, or "random" or "imagenet".
        own: it learnt from this user (and this speaker, where one was asked for) before.
    """

    base: str
    own: bool
    notes: list[str]


def new_spec(space: Workspace, task: Task, speaker: str | None = None) -> ModelSpec:
    """What the next version's outputs mean: the workspace's labels and scale; nothing calibrated, no lexicon yet."""
    now = registry.current_spec(space, task)
    fresh = task.default_spec()
    params = fresh.params | ({"speaker": speaker} if speaker else {})
    known = {"labels": now.labels, "scale": now.scale, "threshold": now.threshold, "params": params}
    return fresh.model_copy(update=known)


def warm(space: Workspace, learner: Learner, data: Dataset, speaker: str | None = None) -> Start:
    """Give the learner the weights its recipe asks for.

    Raises:
        ModelError: the factory's weights cannot be read.
    """
    task = data.task.name
    if learner.recipe.weights != "factory":
        return Start(learner.recipe.weights, False, [])
    if not registry.has_model(space, task):
        return Start("random", False, [f"{task} has no model yet: started from random weights"])
    active = registry.pointer(space, task)
    theirs = active.speakers.get(speaker) if speaker else None
    notes: list[str] = []
    first = (theirs,) if theirs else ()
    for version in (*first, active.champion, *active.previous):
        if version == registry.FACTORY:
            continue
        try:
            if knows_held_out(space, data, version):
                notes.append(f"{version} may have learnt from clips that judge now, so it is no start")
                continue
            own = speaker is None or version == theirs
            return Start(version, own, [*notes, *adopt(space, learner, version)])
        except (ModelError, WrongUseError) as error:
            notes.append(f"{version} is no start: {error.what}")
    return Start(registry.FACTORY, False, [*notes, *adopt(space, learner, registry.FACTORY)])


def adopt(space: Workspace, learner: Learner, version: str) -> list[str]:
    """Take over a version's weights; returns what starts fresh.

    Raises:
        ModelError: they cannot be read, or it came without weights (a foreign model).
    """
    task = learner.spec.task
    path = registry.model_path(space, task, version, ".safetensors")
    try:
        loaded = load_file(path)
    except OSError as error:
        raise ModelError(f"its weights cannot be read ({error.strerror or 'missing'})", where=path) from None
    except SafetensorError:
        raise ModelError("its weights are damaged", where=path) from None
    weights = {name: value.float() if value.is_floating_point() else value for name, value in loaded.items()}
    return learner.adopt(weights, registry.card(space, task, version).spec)


def knows_held_out(space: Workspace, data: Dataset, version: str) -> bool:
    """Whether a version, or one it descends from, learnt from a clip that will judge the next one.

    A version of which no record is left may have learnt from anything.
    """
    folds = data.cross_validated
    judges = _ids(data, ("train", "val", "test") if folds else ("test",))
    chooses = _ids(data, ("train", "val", "test") if folds else ("val", "test"))
    line: dict[str, None] = {}
    while NUMBERED.fullmatch(version) and version not in line:
        line[version] = None
        known = _learnt(space, data.task.name, version)
        if not known:
            return True
        if any(sample in (judges if split == "val" else chooses) for sample, split in known):
            return True
        version = registry.card(space, data.task.name, version).base or ""
    return False


def _ids(data: Dataset, sides: Iterable[str]) -> set[str]:
    return {example.answered.sample.id for example in data.examples if example.side in sides}


def _learnt(space: Workspace, task: str, version: str) -> list[tuple[str, str | None]]:
    """(sample, split) of everything a version learnt from or was chosen by; not what only judged it."""
    with space.store.catalog.read() as db:
        rows = db.query(
            "SELECT label.snapshot_id AS sample, label.split AS split FROM model_training_snapshot_labels AS label "
            "JOIN model_training_runs AS run ON run.id = label.training_run_id "
            "WHERE run.model_version = ? AND (label.split IS NULL OR label.split <> 'test')",
            [f"{task}/{version}"],
        )
        return [(row["sample"], row["split"]) for row in rows]
