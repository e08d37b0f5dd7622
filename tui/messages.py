"""What the threads tell the screens. Immutable; only a handler changes what is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from core.registry import Serving
    from core.snapshot import Prediction, Sample, Snapshot
    from core.workspace import Workspace
    from tui.feed import Feed


@dataclass
class Opened(Message):
    """The workspace is open; `tasks` are what it can learn; `first_run`: no answer was ever given in it."""

    space: Workspace
    tasks: tuple[str, ...]
    first_run: bool


@dataclass
class NotOpened(Message):
    """The workspace cannot be opened."""

    reason: str


@dataclass
class Fresh(Message):
    """A newer snapshot of the workspace."""

    snapshot: Snapshot


@dataclass
class Loaded(Message):
    """A predictor is ready, or (None) there is none and `problem` says why."""

    task: str
    champion: str
    serving: Serving | None
    problem: str | None


@dataclass
class SourceReady(Message):
    """A source was opened."""

    feed: Feed


@dataclass
class FrameReady(Message):
    """The feed holds a newer picture."""

    feed: Feed


@dataclass
class SourceEnded(Message):
    """No more frames will come: the file is over, the camera is gone (`feed.problem`), or it was closed."""

    feed: Feed


@dataclass
class Recorded(Message):
    """A recording is finished and waits in `incoming/`; without a path there is none, and `problem` says why."""

    feed: Feed
    path: Path | None
    problem: str | None = None


@dataclass
class Judged(Message):
    """A clip was taken in and answered (or, without a predictor, only taken in)."""

    sample: str
    said: Prediction | None


@dataclass
class Mended(Message):
    """The language model has answered a text, or failed to."""


@dataclass
class NotTaken(Message):
    """A clip was refused."""

    file: str
    reason: str


@dataclass
class LeftUnjudged(Message):
    """Clips of a task that were taken in, and not judged because the program was left."""

    task: str
    samples: tuple[Sample, ...]


@dataclass
class JudgingBegun(Message):
    """The next clip is looked at."""


@dataclass
class JudgingStopped(Message):
    """A folder was left after `done` of its `total` clips; what was judged is kept."""

    done: int
    total: int


@dataclass
class JudgingEnded(Message):
    """The queue of clips to judge is empty."""


class Known(Message):
    """The code of all screens is loaded."""
