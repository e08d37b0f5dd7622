"""A scheduled source: one picture or clip is taken, scored by the serving version, and kept if the gate passes it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from core import loop, registry, tasks
from core.capture import gate, intake, session
from core.capture.intake import About, Refused
from core.capture.phase import phase_at
from core.capture.sources import Source, open_source
from core.errors import MediaError, WrongUseError
from core.media.clip import Image
from core.schedule.due import SOURCE
from core.settings import SourceSettings
from core.store.records import Prediction, Sample
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace

WARM_UP = 8  # frames a camera of this machine needs to find its exposure
PREFIX = "webcam"  # names in incoming/ that nobody else gives


@dataclass(frozen=True, slots=True)
class Report:
    """What one capture came to.

    Attributes:
        value: the last score, label or text; None where the model failed.
        passed, dropped: let through by the gate, or not; what is dropped keeps its prediction, not its media.
        unscored: the version had no answer; they are kept, because nothing is known against them.
        refused: parts that could not be judged, with their reasons.
    """

    source: str
    task: str
    version: str
    phase: str | None
    threshold: float
    value: str | float | None
    passed: int
    dropped: int
    unscored: int
    refused: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def sentence(self) -> str:
        """One line for the log."""
        shown = f"{self.value:.3f}" if isinstance(self.value, float) else self.value
        said = f"{shown} by {self.version}: {self.passed} kept, {self.dropped} below the gate, {self.unscored} unscored"
        return "; ".join((said, *self.refused))


def run(space: Workspace, name: str) -> str:
    """The scheduler's door: `name` is "source NAME"."""
    return capture_once(space, name.removeprefix(SOURCE)).sentence()


def capture_once(space: Workspace, name: str) -> Report:
    """Take one picture (image tasks) or one clip of `capture.clip_seconds` from `[sources.NAME]`, score and gate it.

    A folder gives its newest file.

    Raises:
        WrongUseError: there is no such source.
        MediaError: it does not answer, or sent nothing that can be judged.
        RushesError: consent is missing, or no version can be used.
    """
    if name not in space.settings.sources:
        raise WrongUseError(f"there is no source called {name!r}", do=f"Add [sources.{name}] to your settings.")
    wanted = space.settings.sources[name]
    task = tasks.get(wanted.task)
    served = registry.serving(space, task.name)
    _tidy(space)
    now = time.time()
    phase = phase_at(wanted.latitude, wanted.longitude, now)
    about = About(source=name, region=wanted.region, phase=phase, captured_at=now)
    with closing(open_source(wanted.url)) as source:
        found = [
            part
            for path, ours in _one(space, task, source)
            for part in loop.capture(space, [path], task.name, about, incoming=ours)
        ]
    refused = tuple(f"{part.file}: {part.reason}" for part in found if isinstance(part, Refused))
    samples = [part for part in found if isinstance(part, Sample)]
    if not samples:
        raise MediaError(refused[0] if refused else "sent nothing", where=name)
    said = [found for found in loop.predict(space, served.predictor, samples) if found.kind == "model"]
    spec = gate.policy(space, served.predictor.spec)
    verdicts = _gated(space, task, spec, wanted, samples, said)
    return Report(
        source=name, task=task.name, version=served.predictor.version, phase=phase, threshold=spec.threshold,
        value=said[-1].value, passed=verdicts.count(True), dropped=verdicts.count(False),
        unscored=verdicts.count(None), refused=refused,
    )  # fmt: skip


def _gated(
    space: Workspace,
    task: Task,
    spec: ModelSpec,
    wanted: SourceSettings,
    samples: Sequence[Sample],
    said: Sequence[Prediction],
) -> list[bool | None]:
    """What the gate says of each; with `gate` on, the media of what it does not pass goes, and nobody is asked."""
    verdicts = [gate.passes(task, spec, found.value) for found in said]
    if wanted.gate:
        below = [sample for sample, verdict in zip(samples, verdicts, strict=True) if verdict is False]
        space.store.skip(task.name, [sample.id for sample in below], reason="capture gate")
        for sample in below:
            intake.drop_pending(space, sample)
        return verdicts
    return [None if verdict is None else True for verdict in verdicts]


def _one(space: Workspace, task: Task, source: Source) -> Iterable[tuple[Path, bool]]:
    """The file to take in, and whether it is our own recording."""
    stop = Event()
    if source.kind == "folder":
        return [(max(source.files(stop), key=lambda path: (path.stat().st_mtime, path.name)), False)]
    if source.live and task.medium == "image":
        return [(_still(space, source, stop), True)]
    return session.clips(space, source, stop, count=1)


def _still(space: Workspace, source: Source, stop: Event) -> Path:
    """One frame as a JPEG in `incoming/`."""
    from core.media.encode import write_image

    skipped = WARM_UP if source.kind == "camera" else 0
    frames = source.frames(stop)
    picture: Image | None = next((frame.image for frame in itertools.islice(frames, skipped, None)), None)
    stop.set()
    if picture is None:
        raise MediaError("sent no picture", where=source.name)
    path = intake.claim(space.incoming, ".jpg", prefix=PREFIX)
    try:
        write_image(path, picture)
    except BaseException:  # ctrl+c too: a name that was claimed would be taken for a recording
        path.unlink(missing_ok=True)
        raise
    return path


def _tidy(space: Workspace) -> None:
    """Pictures that a killed capture left in `incoming/`; whole clips there are taken in by the next `capture`."""
    old = time.time() - intake.ABANDONED_S
    for path in space.incoming.glob(f"{PREFIX}*.jpg"):
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
