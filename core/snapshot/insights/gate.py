"""What the view Gate shows: the automation gate and what it lacks, what waits for approval, how right the model is."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from core.automation.publishing import Entry
from core.snapshot.capture import named
from core.training.curve import Block

if TYPE_CHECKING:
    from core.workspace import Workspace

Json = dict[str, Any]
# Title of each criterion, and whether its threshold is the highest (else the lowest) value that is met.
CRITERIA = {
    "override_rate": ("overridden videos", True),
    "mean_hook_confidence": ("hook confidence", False),
    "system_rating": ("your own rating", False),
}
LAST_CHANGES = 3
LAST_WINDOWS = 4
OPEN = ("waiting", "failed", "unknown", "publishing")  # states somebody still has to look at


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the gate's three conditions.

    Attributes:
        value: as measured; None where it is not.
        at_most: the threshold is the highest value that is met; else the lowest.
        n: over how many videos, first scenes or ratings it was measured.
        missing: what is lacking before it can be met, beside a better value.
    """

    name: str
    title: str
    value: float | None
    threshold: float
    at_most: bool
    n: int
    met: bool
    missing: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """The gate opened ("unlocked") or closed ("locked"); `at` in UTC seconds since 1970."""

    what: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class Gate:
    """The automation gate (seed 000).

    Attributes:
        chance_above: the chance that the true override rate is above 20 % all the same; None where nothing was judged.
        changes: the newest ones, oldest first.
    """

    unlocked: bool
    criteria: tuple[Criterion, ...]
    chance_above: float | None
    changes: tuple[Change, ...]

    @property
    def measured(self) -> bool:
        """Whether anything at all is known yet."""
        return any(one.value is not None for one in self.criteria)


@dataclass(frozen=True, slots=True)
class Share:
    """A share over random picks with its 95 % interval; `value` is None while there are too few of them."""

    value: float | None
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How right a task's answers were; the first three over random picks only, `windows` over all tested answers.

    Attributes:
        fewest: random picks below which no share is named.
        measure: what the windows' scores mean.
        stage, to_next: seed 000's stage, and how many corrections until the next; None at the last.
    """

    overall: Share
    lately: Share
    overridden: Share
    fewest: int
    measure: str
    windows: tuple[Block, ...]
    corrections: int
    stage: str
    to_next: int | None


@dataclass(frozen=True, slots=True)
class GateView:
    """One reading.

    Attributes:
        entries: the approval queue: what somebody has to look at first, then the rest, newest first.
        names: what each entry's clip is called, by entry.
        hook: how publishing works here: "command", "webhook", or None; `hook_problem` where the settings name two.
        way: the same in words, with the program or address.
    """

    task: str
    gate: Gate
    entries: tuple[Entry, ...]
    names: dict[str, str]
    hook: str | None
    hook_problem: str | None
    way: str
    accuracy: Accuracy

    @property
    def waiting(self) -> int:
        """How many entries somebody still has to look at."""
        return sum(entry.state in OPEN for entry in self.entries)


def take(space: Workspace, task: str) -> GateView:
    """Read it all; takes milliseconds on small workspaces, but call it from a thread."""
    from core import automation

    hook, problem = _hook(space)
    found = sorted(automation.entries(space), key=lambda entry: -entry.at)
    return GateView(
        task=task,
        gate=_gate(automation.status(space)),
        entries=tuple(sorted(found, key=lambda entry: entry.state not in OPEN)),
        names={entry.id: _name(space, entry) for entry in found},
        hook=hook,
        hook_problem=problem,
        way=_way(space, hook),
        accuracy=_accuracy(space, task),
    )


def _gate(found: Json) -> Gate:
    return Gate(
        unlocked=found["unlocked"],
        criteria=tuple(_criterion(name, found[name]) for name in CRITERIA),
        chance_above=found["chance_true_rate_above_20"],
        changes=tuple(
            Change(one["what"], str(one.get("why", "")), float(one.get("at") or 0.0))
            for one in found["changes"][-LAST_CHANGES:]
        ),
    )


def _criterion(name: str, found: Json) -> Criterion:
    title, at_most = CRITERIA[name]
    return Criterion(
        name, title, found["value"], found["threshold"], at_most, found["n"], found["ok"], found["missing"]
    )


def _hook(space: Workspace) -> tuple[str | None, str | None]:
    from core.automation import hook
    from core.errors import RushesError

    try:
        return hook.kind(space), None
    except RushesError as error:
        return None, error.sentence()


def _name(space: Workspace, entry: Entry) -> str:
    sample = space.store.sample(entry.sample)
    name = named(sample) if sample is not None else str(entry.request.get("media") or entry.sample)
    start = sample.start_s if sample is not None else 0.0
    scene = f" {start // 60:.0f}:{start % 60:02.0f}" if start else ""  # the scenes of a video share its name
    return PurePosixPath(name).name + scene


def _way(space: Workspace, hook: str | None) -> str:
    settings = space.settings.automation
    if hook == "command":
        return f"your command {shlex.join(settings.command)}"
    return f"your webhook {settings.webhook}" if hook == "webhook" else ""


def _accuracy(space: Workspace, task: str) -> Accuracy:
    from core.review import accuracy
    from core.training.curve import curve

    found = accuracy.accuracy(space, task)
    drawn = curve(space, task)
    return Accuracy(
        overall=_share(found["accuracy"]),
        lately=_share(found["lately"]),
        overridden=_share(found["override_rate"]),
        fewest=accuracy.FEWEST,
        measure=drawn.measure,
        windows=drawn.windows[-LAST_WINDOWS:],
        corrections=drawn.corrections,
        stage=drawn.stage.name,
        to_next=drawn.to_next,
    )


def _share(found: Json) -> Share:
    return Share(found["value"], found["low"], found["high"], found["n"])
