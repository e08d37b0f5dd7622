"""Model versions: their cards, which one answers, and how another takes its place or an old one comes back."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core import inference, tasks
from core.errors import ModelError, WrongUseError
from core.files import locked, private_dir, sha256_file, write_atomic
from core.inference import Predictor
from core.log import logger
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace

FACTORY = "factory"
FACTORY_FOLDER = Path(__file__).parent / "factory"
_NUMBERED = re.compile(r"model_v(\d+)\.onnx")


class Card(BaseModel):
    """What is known of a version. `held_out`: n, metric, value and the baseline it was compared with."""

    model_config = ConfigDict(extra="allow", frozen=True)

    schema_version: int = 1
    task: str
    version: str
    created_at: float = 0.0
    spec: ModelSpec
    sha256: dict[str, str] = {}
    metrics: dict[str, float] = {}
    held_out: dict[str, Any] = {}
    golden: dict[str, Any] = {}
    base: str | None = None
    job_id: str | None = None
    verdict: str | None = None
    data: str = ""
    notes: tuple[str, ...] = ()
    evidence: dict[str, Any] = {}  # how it compared with the champion of its time
    speaker: str | None = None  # the version is for this speaker alone


class Pointer(BaseModel):
    """`active.json`: which version answers, which one answers in shadow, and the way back, newest first.

    `speakers` names the version that answers while that speaker is set (speech).
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    champion: str = FACTORY
    challenger: str | None = None
    previous: tuple[str, ...] = ()
    speakers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Serving:
    """The predictor that answers, and what the screen must say if it is not the one it should be."""

    predictor: Predictor
    problem: str | None = None


def folder(space: Workspace, task: str) -> Path:
    """Where a task's versions lie."""
    return space.models / task


def model_path(space: Workspace, task: str, version: str, suffix: str = ".onnx") -> Path:
    """The file of a version; `factory` lies in the program.

    Raises:
        WrongUseError: no such version.
    """
    if version == FACTORY:
        return FACTORY_FOLDER / f"{task}{suffix}"
    if not re.fullmatch(r"v\d+", version):
        raise WrongUseError(f"{version!r} is not a version", do=f"Versions of {task} look like v1; see: rushes models")
    return folder(space, task) / f"model_{version}{suffix}"


def numbers(space: Workspace, task: str) -> list[int]:
    """Version numbers on disk, ascending."""
    found = (_NUMBERED.fullmatch(path.name) for path in folder(space, task).glob("model_v*.onnx"))
    return sorted(int(match[1]) for match in found if match)


def card(space: Workspace, task: str, version: str) -> Card:
    """A version's card.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = model_path(space, task, version, ".json")
    try:
        return Card.model_validate_json(path.read_bytes())
    except OSError:
        raise ModelError(f"{task} {version} has no card", where=path) from None
    except ValidationError as error:
        raise ModelError(f"the card of {task} {version} has {error.error_count()} wrong fields", where=path) from None


def cards(space: Workspace, task: str) -> list[Card]:
    """All readable cards, the factory's first."""
    found: list[Card] = []
    for version in (FACTORY, *(f"v{number}" for number in numbers(space, task))):
        try:
            found.append(card(space, task, version))
        except ModelError as error:
            logger.warning("%s", error)
    return found


def pointer(space: Workspace, task: str) -> Pointer:
    """The task's pointer; a missing or damaged one means the factory model."""
    path = folder(space, task) / "active.json"
    try:
        return Pointer.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Pointer()
    except ValidationError:
        newest = numbers(space, task)
        logger.error("%s is damaged, taking the newest version", path)
        return Pointer(champion=f"v{newest[-1]}" if newest else FACTORY)


def has_model(space: Workspace, task: str) -> bool:
    """Whether there is any version to answer or to start from; a new task may come without a factory model."""
    return bool(numbers(space, task)) or model_path(space, task, FACTORY).exists()


def load_version(space: Workspace, task: str, version: str) -> Predictor:
    """Load one version, warm.

    Raises:
        ModelError: it cannot be used.
    """
    return inference.load(
        model_path(space, task, version),
        task=task,
        threads=space.settings.inference.threads,
        timings=space.cache / "threads.json",
    )


def serving(space: Workspace, task: str) -> Serving:
    """The champion; where its file is damaged, the previous good version, then the factory's, with a word about it.

    Raises:
        ModelError: not even the factory model can be used.
    """
    active = pointer(space, task)
    first_problem: str | None = None
    for version in (active.champion, *active.previous, FACTORY):
        try:
            return Serving(load_version(space, task, version), first_problem)
        except ModelError as error:
            logger.error("%s", error)
            first_problem = first_problem or f"{active.champion} {error.what}; an older version answers"
    raise ModelError(f"no model of {task} can be used", do="Reinstall Rushes; your corrections are safe.")


def serving_spec(space: Workspace, task: str) -> ModelSpec:
    """The champion's spec from its card, without loading the model; the task's default where no card can be read."""
    active = pointer(space, task)
    for version in (active.champion, *active.previous, FACTORY):
        try:
            return card(space, task, version).spec
        except ModelError as error:
            logger.error("%s", error)
    return tasks.get(task).default_spec()


def current_spec(space: Workspace, task: Task) -> ModelSpec:
    """What a user's answer is checked against now: the champion's spec, with the workspace's labels and scale."""
    spec = serving_spec(space, task.name)
    if task.kind == "label":
        defined = [event for event in space.store.events("labels") if event.get("task") == task.name]
        return spec.model_copy(update={"labels": tuple(defined[-1]["labels"])}) if defined else spec
    if task.kind == "score":
        ratings = space.settings.ratings
        return spec.model_copy(update={"scale": ratings.scale, "threshold": ratings.threshold})
    return spec


def define_labels(space: Workspace, task: Task, labels: Sequence[str]) -> None:
    """Record the task's label list, if it changed; the next training's head follows it."""
    if tuple(labels) != current_spec(space, task).labels:
        space.store.note("labels", {"task": task.name, "labels": list(labels), "at": time.time()})


def prove(space: Workspace, task: str, version: str) -> Predictor:
    """Load a version and check it against what torch said at export.

    Raises:
        ModelError: the file is not the one the card describes, or answers differently.
    """
    known = card(space, task, version)
    path = model_path(space, task, version)
    if (expected := known.sha256.get("onnx")) and sha256_file(path) != expected:
        raise ModelError("is not the file its card describes", where=path, do="Use another version.")
    predictor = load_version(space, task, version)
    if known.golden and not inference.matches(known.golden, predictor.outputs(predictor.task.golden(predictor.spec))):
        raise ModelError("answers its golden input differently than at export", where=path, do="Use another version.")
    return predictor


def deploy(space: Workspace, task: str, version: str, *, reason: str, challenger: str | None = None) -> Predictor:
    """Make a version the champion: prove it, then swap the pointer.

    Args:
        challenger: the version that answers in shadow from now on; none by default.

    Raises:
        ModelError: the version cannot be used; the champion stays.
    """
    predictor = prove(space, task, version)
    with locked(folder(space, task) / ".active.lock"):
        old = pointer(space, task)
        trail = old.previous
        if old.champion != version:
            trail = (old.champion, *(name for name in old.previous if name not in (old.champion, version)))
        new = old.model_copy(update={"champion": version, "challenger": challenger, "previous": trail})
        if new != old:
            _point(space, task, new, reason)
    return predictor


def challenge(space: Workspace, task: str, version: str | None, *, reason: str) -> None:
    """Let a version answer in shadow beside the champion; None ends that.

    Raises:
        ModelError: the version cannot be used.
        WrongUseError: it is the champion.
    """
    if version is not None:
        prove(space, task, version)
    with locked(folder(space, task) / ".active.lock"):
        old = pointer(space, task)
        if version == old.champion:
            raise WrongUseError(f"{task} {version} is the champion already", do="Choose another version.")
        if version != old.challenger:
            _point(space, task, old.model_copy(update={"challenger": version}), reason)


def rollback(space: Workspace, task: str) -> Predictor:
    """Bring the previous champion back (seed 002's restore-backup).

    Raises:
        WrongUseError: there is none.
    """
    with locked(folder(space, task) / ".active.lock"):
        old = pointer(space, task)
        if not old.previous:
            raise WrongUseError(f"{task} has no earlier champion to go back to")
        predictor = prove(space, task, old.previous[0])
        back = {"champion": old.previous[0], "challenger": None, "previous": old.previous[1:]}
        _point(space, task, old.model_copy(update=back), f"rolled back {old.champion}")
    return predictor


def revert(space: Workspace, task: str) -> Predictor:
    """Go back to the factory model; the trained versions stay."""
    return deploy(space, task, FACTORY, reason="reverted to factory")


def _point(space: Workspace, task: str, new: Pointer, reason: str) -> None:
    write_atomic(folder(space, task) / "active.json", new.model_dump_json(indent=1))
    about = {"task": task, "champion": new.champion, "challenger": new.challenger, "reason": reason}
    space.store.note("deployment", about | {"at": time.time()})


def claim_number(space: Workspace, task: str) -> int:
    """The next version number. Numbers are never reused: the highest ever given is remembered beside the versions."""
    private_dir(folder(space, task))
    last = folder(space, task) / "last_number"
    with locked(folder(space, task) / ".number.lock"):
        given = int(last.read_text()) if last.exists() else 0
        number = max(given, *numbers(space, task), 0) + 1
        write_atomic(last, str(number))
    return number


def check_task(name: str) -> str:
    """The name, if it is a task's."""
    return tasks.get(name).name


def to_json(known: Card) -> str:
    """A card as it is written: stable order, readable."""
    return json.dumps(known.model_dump(mode="json"), indent=1, ensure_ascii=False)
