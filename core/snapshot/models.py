"""What the Models screen shows: a task's versions, who answers, the running comparison, the learning curve.

Reads the cards, the pointer and stored answers; no model is loaded and nothing is answered here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import untrusted
from core.errors import RushesError

if TYPE_CHECKING:
    from core.comparison import Comparison
    from core.registry import Card, Pointer
    from core.tasks.base import Task
    from core.training.curve import Curve
    from core.workspace import Workspace

REPORT = "report.json"  # in the job's folder: what a version scored when it was made
Mark = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a version scored on clips it was not trained on, when it was made.

    Attributes:
        n: clips it was scored on; None where that is not known.
        interval: 95 % interval; None where none was kept.
    """

    metric: str
    value: float
    n: int | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version.

    Attributes:
        card: None where it cannot be read.
        size: bytes of the ONNX file; None where it is missing.
        problem: why it cannot answer, one clause.
        yours: the factory's only, whose own score is on its makers' clips: what it scored on the user's answers when a
            version was last held against it.
    """

    name: str
    card: Card | None
    measured: Measured | None
    size: int | None
    problem: str | None
    yours: Measured | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """What the environment decides over the pointer.

    Attributes:
        variable: such as RUSHES_MODEL_VERSION_SCENES.
        version: who answers because of it; None where it is about the threshold only, or cannot be followed.
        words: the same as a sentence.
    """

    variable: str
    version: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Models:
    """Everything the screen shows.

    Attributes:
        versions: newest first, the factory's last.
        active: who answers, who does so in shadow, and the way back.
        overrides: what the environment decides instead.
        shadow: the challenger against the champion by their stored answers; None without a challenger.
        mark: changes with the answers and the pointer; while it is the same, so are `shadow` and `curve`.
    """

    task: str
    kind: str
    primary: str
    versions: tuple[Version, ...]
    active: Pointer
    overrides: tuple[Override, ...]
    shadow: Comparison | None
    curve: Curve
    mark: Mark

    def version(self, name: str | None) -> Version | None:
        """The version of that name."""
        return next((version for version in self.versions if version.name == name), None)

    @property
    def overriding(self) -> Override | None:
        """The override that lets another version answer, if there is one."""
        return next((found for found in self.overrides if found.version is not None), None)


def take(space: Workspace, task: str, before: Models | None = None) -> Models:
    """Read everything; takes milliseconds, but call it from a thread.

    Args:
        before: the reading before this one; what cannot have changed since is taken from it.
    """
    from core import registry, shadow, tasks
    from core.training import curve

    space.store.refresh()
    owner, active = tasks.get(task), registry.pointer(space, task)
    mark = _mark(space, task, active)
    same = before if before is not None and before.mark == mark else None
    return Models(
        task=task,
        kind=owner.kind,
        primary=owner.primary,
        versions=_versions(space, owner),
        active=active,
        overrides=_overrides(space, owner),
        shadow=same.shadow if same else shadow.running(space, task),
        curve=same.curve if same else curve.curve(space, task),
        mark=mark,
    )


def _mark(space: Workspace, task: str, active: Pointer) -> Mark:
    """Journals only grow, so their last lines say whether an answer came; after a rebuild the lines may be others."""
    catalog = space.store.catalog
    with catalog.read() as db:
        lines = db.execute(
            "SELECT (SELECT max(line) FROM corrections WHERE task = ?), (SELECT max(line) FROM predictions),"
            " (SELECT max(line) FROM sample_events)",
            [task],
        ).fetchone()
    return (task, active, catalog.generation, *lines)


# Versions


def _versions(space: Workspace, owner: Task) -> tuple[Version, ...]:
    from core import registry

    names = [f"v{number}" for number in reversed(registry.numbers(space, owner.name))]
    if registry.model_path(space, owner.name, registry.FACTORY).exists():
        names.append(registry.FACTORY)
    found = tuple(_version(space, owner, name) for name in names)
    return tuple(replace(one, yours=_beside(found, owner)) if one.name == registry.FACTORY else one for one in found)


def _beside(versions: tuple[Version, ...], owner: Task) -> Measured | None:
    """The factory's side of the newest verdict against it, where that is on the task's first metric."""
    for version in versions:
        seen = version.card.evidence if version.card is not None else {}
        value, count = seen.get("a"), seen.get("n")
        if seen.get("champion") == "factory" and seen.get("metric") == owner.primary and isinstance(value, int | float):
            return Measured(owner.primary, float(value), count if isinstance(count, int) else None, None)
    return None


def _version(space: Workspace, owner: Task, name: str) -> Version:
    from core import registry

    try:
        known = registry.card(space, owner.name, name)
    except RushesError as error:
        return Version(name, None, None, None, error.what)
    path = registry.model_path(space, owner.name, name)
    try:
        found = path.stat()
    except OSError as error:
        return Version(name, known, _measured(space, owner, known), None, f"its file cannot be read ({error.strerror})")
    stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
    expected = known.sha256.get("onnx")
    sound = expected is None or _digest(path, stamp) == expected
    problem = None if sound else "its file is damaged: it is not the one its card describes"
    return Version(name, known, _measured(space, owner, known), found.st_size, problem)


@lru_cache(maxsize=256)
def _digest(path: Path, stamp: tuple[int, int, int]) -> str | None:
    """6 ms for a file of 10 MB, so once per file; None where it cannot be read."""
    from core.files import sha256_file

    del stamp
    try:
        return sha256_file(path)
    except OSError:
        return None


def _measured(space: Workspace, owner: Task, known: Card) -> Measured | None:
    held = known.held_out
    value = known.metrics.get(owner.primary, held.get("value") if held.get("metric") == owner.primary else None)
    if not isinstance(value, int | float):
        return None
    count = held.get("n")
    interval = _interval(space.jobs / known.job_id / REPORT, owner.primary) if known.job_id else None
    return Measured(owner.primary, float(value), count if isinstance(count, int) else None, interval)


def _interval(report: Path, metric: str) -> tuple[float, float] | None:
    try:
        found = report.stat()
    except OSError:
        return None
    return _intervals(report, found.st_mtime_ns).get(metric)


@lru_cache(maxsize=256)
def _intervals(report: Path, changed_ns: int) -> dict[str, tuple[float, float]]:
    del changed_ns
    try:
        given: Any = untrusted.read(report)["intervals"]
        return {str(name): (float(low), float(high)) for name, (low, high) in given.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # a report is for reading; without one there is no interval to show


def _overrides(space: Workspace, owner: Task) -> tuple[Override, ...]:
    from core import overrides

    found: list[Override] = []
    try:
        if chosen := overrides.version(space, owner.name):
            version, variable = chosen
            found.append(Override(variable, version, f"{variable} is set: {version} answers in this environment"))
    except RushesError as error:
        found.append(Override(error.where or "", None, error.sentence()))
    try:
        if owner.kind == "score" and (bar := overrides.threshold(space)) is not None:
            words = f"{overrides.THRESHOLD} is set: good from {bar:g} on 0..1 in this environment"
            found.append(Override(overrides.THRESHOLD, None, words))
    except RushesError as error:
        found.append(Override(overrides.THRESHOLD, None, error.sentence()))
    return tuple(found)
