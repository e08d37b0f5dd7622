"""Which version answers, and how another takes its place or an old one comes back. The files are `core.versions`'."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import adapters, inference, overrides, tasks
from core.errors import ModelError, StoreError, WrongUseError
from core.files import locked, read_regular, sha256_file, write_atomic
from core.inference import Predictor
from core.log import logger
from core.tasks.base import ModelSpec, Task
from core.untrusted import MOST_BYTES
from core.versions import (
    FACTORY,
    FACTORY_FOLDER,
    IMPORTED,
    Card,
    card,
    cards,
    claim_number,
    folder,
    has_model,
    model_path,
    numbers,
    require,
    to_json,
)
from core.workspace import Workspace

__all__ = [
    "FACTORY", "FACTORY_FOLDER", "IMPORTED", "Card", "Pointer", "Serving", "card", "cards", "challenge", "check_task",
    "claim_number", "current_spec", "define_labels", "deploy", "folder", "has_model", "load_version", "model_path",
    "numbers", "pointer", "prove", "require", "revert", "rollback", "serving", "serving_spec", "to_json",
]  # fmt: skip


Name = Annotated[str, Field(pattern=rf"^({FACTORY}|v\d+)$")]


class Pointer(BaseModel):
    """`active.json`: which version answers, which one answers in shadow, and the way back, newest first.

    `speakers` names the version that answers while that speaker is set (speech); `speakers_previous` their way back.
    `damaged` says, as a sentence, that the file could not be read and this is what was deployed last; never written.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    champion: Name = FACTORY
    challenger: Name | None = None
    previous: tuple[Name, ...] = ()
    speakers: dict[str, Name] = {}
    speakers_previous: dict[str, tuple[Name, ...]] = {}
    damaged: str | None = Field(default=None, exclude=True)

    def line(self, speaker: str | None) -> tuple[str, ...]:
        """Who answers, best first: the speaker's version, the champion, those before it, the factory's."""
        own = (self.speakers[speaker],) if speaker and speaker in self.speakers else ()
        return tuple(dict.fromkeys((*own, self.champion, *self.previous, FACTORY)))


@dataclass(frozen=True, slots=True)
class Serving:
    """The predictor that answers, and what the screen must say if it is not the one it should be.

    Attributes:
        problem: why an older version answers, as a sentence.
        override: the variables that decide over the registry, such as "RUSHES_MODEL_VERSION_SCENES=v2".
    """

    predictor: Predictor
    problem: str | None = None
    override: str | None = None


def pointer(space: Workspace, task: str) -> Pointer:
    """The task's pointer; a missing one means the factory model, a damaged one what was deployed last."""
    path = folder(space, task) / "active.json"
    try:
        return Pointer.model_validate_json(read_regular(path, MOST_BYTES))
    except FileNotFoundError:
        return Pointer()
    except (ValidationError, OSError):
        logger.error("%s is damaged, taking what was deployed last", path)
        return _deployed(space, task).model_copy(update={"damaged": f"{path.name} of {task} is damaged"})


def _deployed(space: Workspace, task: str) -> Pointer:
    """What the deployments noted say: the newest that is still there, before it the others as the way back."""
    there = {known.version: known for known in cards(space, task)}
    noted = [str(event.get("champion")) for event in space.store.events("deployment") if event.get("task") == task]
    trail = list(dict.fromkeys(version for version in reversed(noted) if version in there))
    if not noted or noted[-1] not in there:
        own = [version for version, known in there.items() if not known.speaker and known.base != IMPORTED]
        trail = list(dict.fromkeys((*own[-1:], *trail)))
    return Pointer(champion=trail[0], previous=tuple(trail[1:])) if trail else Pointer()


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


def serving(space: Workspace, task: str, speaker: str | None = None) -> Serving:
    """The version the environment asks for; else the speaker's; else the champion.

    Where the file of one of ours is damaged, the next good one answers, with a word about it; an override that cannot
    be followed is an error.

    Raises:
        ModelError: not even the factory model can be used, or the override names a version that cannot.
        WrongUseError: `RUSHES_THRESHOLD` makes no sense.
    """
    chosen = overrides.version(space, task)
    found = _overriding(space, task, *chosen) if chosen else _in_line(space, task, speaker)
    spec, bar = overrides.applied(space, found.predictor.spec, scored=tasks.get(task).kind == "score")
    if bar is None:
        return found
    said = ", ".join(part for part in (found.override, f"{bar}={spec.threshold:g} on 0..1") if part)
    return replace(found, predictor=replace(found.predictor, spec=spec), override=said)


def _overriding(space: Workspace, task: str, version: str, variable: str) -> Serving:
    try:
        return Serving(load_version(space, task, version), override=f"{variable}={version}")
    except ModelError as error:
        raise ModelError(f"{task} {version} {error.what}", where=variable, do="Unset it, or name another.") from None


def _in_line(space: Workspace, task: str, speaker: str | None) -> Serving:
    found = pointer(space, task)
    line = found.line(speaker)
    first_problem = (
        f"{found.damaged}; {line[0]}, deployed last, answers: deploy it again to mend that" if found.damaged else None
    )
    for version in line:
        try:
            return Serving(load_version(space, task, version), first_problem)
        except (ModelError, WrongUseError) as error:
            logger.error("%s", error)
            first_problem = first_problem or f"{line[0]} {error.what}; an older version answers"
    raise ModelError(f"no model of {task} can be used", do="Reinstall Rushes; your corrections are safe.")


def serving_spec(space: Workspace, task: str, speaker: str | None = None) -> ModelSpec:
    """The spec of what answers, from its card, without loading the model; the task's default where none can be read.

    Raises:
        ModelError: an override names a version that cannot be used.
        WrongUseError: `RUSHES_THRESHOLD` makes no sense.
    """
    owner = tasks.get(task)
    return overrides.applied(space, _spec(space, owner, speaker), scored=owner.kind == "score")[0]


def _spec(space: Workspace, owner: Task, speaker: str | None) -> ModelSpec:
    if chosen := overrides.version(space, owner.name):
        return card(space, owner.name, chosen[0]).spec
    for version in pointer(space, owner.name).line(speaker):
        try:
            return card(space, owner.name, version).spec
        except (ModelError, WrongUseError) as error:
            logger.error("%s", error)
    return owner.default_spec()


def current_spec(space: Workspace, task: Task) -> ModelSpec:
    """What a user's answer is checked against now: the champion's spec, with the workspace's labels and scale."""
    spec = serving_spec(space, task.name)
    # How an imported file is fed is that file's own affair; the next version is one of ours.
    params = {name: value for name, value in spec.params.items() if name != adapters.PARAM}
    spec = spec.model_copy(update={"params": params})
    if task.kind == "label":
        defined = [event for event in space.store.events("labels") if event.get("task") == task.name]
        return spec.model_copy(update={"labels": tuple(defined[-1]["labels"])}) if defined else spec
    if task.kind == "score":
        ratings = space.settings.ratings
        bar = overrides.threshold(space)
        changes = {"scale": ratings.scale, "threshold": ratings.threshold if bar is None else bar}
        return spec.model_copy(update=changes)
    return spec


def define_labels(space: Workspace, task: Task, labels: Sequence[str]) -> None:
    """Record the task's label list, if it changed; the next training's head follows it."""
    if tuple(labels) != current_spec(space, task).labels:
        space.store.note("labels", {"task": task.name, "labels": list(labels), "at": time.time()})


def prove(space: Workspace, task: str, version: str) -> Predictor:
    """Load a version and check it against what it answered when it was made or imported.

    Raises:
        ModelError: the file is not the one the card describes, or answers differently.
    """
    known = card(space, task, version)
    path = model_path(space, task, version)
    predictor = load_version(space, task, version)
    if (expected := known.sha256.get("onnx")) and sha256_file(path) != expected:
        raise ModelError("is not the file its card describes", where=path, do="Use another version.")
    if known.golden and not inference.matches(known.golden, predictor.outputs(predictor.task.golden(predictor.spec))):
        raise ModelError("answers its golden input differently than at export", where=path, do="Use another version.")
    return predictor


def deploy(space: Workspace, task: str, version: str, *, reason: str, challenger: str | None = None) -> Predictor:
    """Let a version answer: prove it, then swap the pointer. It becomes the champion, or the one of its speaker.

    Args:
        challenger: the version that answers in shadow from now on; none by default. A speaker's version leaves it be.

    Raises:
        ModelError: the version cannot be used; the champion stays.
    """
    predictor = prove(space, task, version)
    speaker = card(space, task, version).speaker
    with locked(folder(space, task) / ".active.lock"):
        old = pointer(space, task)
        new = _with_speaker(old, speaker, version) if speaker else _with_champion(old, version, challenger)
        if new != old or old.damaged:
            _point(space, task, new, reason, speaker)
    return predictor


def _with_champion(old: Pointer, version: str, challenger: str | None) -> Pointer:
    trail = old.previous
    if old.champion != version:
        trail = (old.champion, *(name for name in old.previous if name not in (old.champion, version)))
    return old.model_copy(update={"champion": version, "challenger": challenger, "previous": trail})


def _with_speaker(old: Pointer, speaker: str, version: str) -> Pointer:
    trail = old.speakers_previous.get(speaker, ())
    if (now := old.speakers.get(speaker)) and now != version:
        trail = (now, *(name for name in trail if name not in (now, version)))
    return old.model_copy(
        update={
            "speakers": old.speakers | {speaker: version},
            "speakers_previous": old.speakers_previous | {speaker: trail},
        }
    )


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


def rollback(space: Workspace, task: str, speaker: str | None = None) -> Predictor:
    """Bring the previous champion back (seed 002's restore-backup), or what answered a speaker before.

    A speaker's first version has none before it: the champion answers that speaker then.

    Raises:
        WrongUseError: there is none.
        ModelError: the one to come back cannot be used; nothing changes.
    """
    with locked(folder(space, task) / ".active.lock"):
        old = pointer(space, task)
        new = _without_speaker(old, task, speaker) if speaker else _back(old, task)
        predictor = prove(space, task, new.line(speaker)[0])
        _point(space, task, new, f"rolled back {old.line(speaker)[0]}", speaker)
    return predictor


def _back(old: Pointer, task: str) -> Pointer:
    if not old.previous:
        raise WrongUseError(f"{task} has no earlier champion to go back to")
    return old.model_copy(
        update={"champion": old.previous[0], "challenger": None, "previous": old.previous[1:]},
    )


def _without_speaker(old: Pointer, task: str, speaker: str) -> Pointer:
    if speaker not in old.speakers:
        raise WrongUseError(f"{task} has no version for speaker {speaker!r}", do="See: rushes models list")
    trail = old.speakers_previous.get(speaker, ())
    others = {name: version for name, version in old.speakers.items() if name != speaker}
    trails = {name: before for name, before in old.speakers_previous.items() if name != speaker}
    if trail:
        others[speaker], trails[speaker] = trail[0], trail[1:]
    return old.model_copy(update={"speakers": others, "speakers_previous": trails})


def revert(space: Workspace, task: str) -> Predictor:
    """Go back to the factory model, for every speaker; the trained versions stay.

    Raises:
        ModelError: the factory model cannot be used; nothing changes.
    """
    predictor = prove(space, task, FACTORY)
    with locked(folder(space, task) / ".active.lock"):
        old = pointer(space, task)
        new = _with_champion(old, FACTORY, None).model_copy(update={"speakers": {}, "speakers_previous": {}})
        if new != old or old.damaged:
            _point(space, task, new, "reverted to factory")
    return predictor


def _point(space: Workspace, task: str, new: Pointer, reason: str, speaker: str | None = None) -> None:
    write_atomic(folder(space, task) / "active.json", new.model_dump_json(indent=1))
    about: dict[str, Any] = {"task": task, "champion": new.champion, "challenger": new.challenger, "reason": reason}
    if speaker:
        about |= {"speaker": speaker, "version": new.speakers.get(speaker)}
    try:
        space.store.note("deployment", about | {"at": time.time()})
    except StoreError as error:  # on a full disk: it answers already, and saying that it failed would be wrong
        logger.error("%s %s answers now, but %s", task, new.champion, error)


def check_task(name: str) -> str:
    """The name, if it is a task's."""
    return tasks.get(name).name
