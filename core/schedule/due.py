"""What runs by itself, by name: when, how late it may be, and which function does it. Later parts plug in here.

A part that is not there yet is listed as such and not run; it plugs in by being there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from core.errors import RushesError
from core.schedule.when import DAY, At, Every, When
from core.settings import Settings
from core.workspace import Workspace

LEARNING_HOUR = 2  # UTC (seed 001)
BACKUP_HOUR = 3  # UTC: after the daily learning, so that the backup holds it
SOURCE = "source "  # names of scheduled sources begin with it

# Takes the workspace and the entry's name, returns a sentence on what it did, raises RushesError.
Work = Callable[[Workspace, str], str]


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that runs by itself.

    Attributes:
        what: a sentence for people.
        run: "module:function", a `Work`; it runs in a child process.
        grace_s: begun later than this, a run is left to the next (APScheduler's own default is one second).
        catch_up: run once when its time passed while no scheduler lived.
    """

    name: str
    what: str
    when: When
    run: str
    grace_s: float
    catch_up: bool = True

    @property
    def available(self) -> bool:
        """Whether the part that does it is there."""
        module = self.run.partition(":")[0]
        try:
            return find_spec(module) is not None
        except ModuleNotFoundError:  # its package is not there either
            return False

    def work(self) -> Work:
        """The function that does it.

        Raises:
            RushesError: the part is not there.
        """
        module, _, function = self.run.partition(":")
        if not self.available:
            raise RushesError("is not available yet", where=self.name)
        return getattr(import_module(module), function)


def table(settings: Settings) -> list[Due]:
    """Everything that runs by itself under these settings."""
    check = Every.parse(settings.schedule.training_check)
    return [
        Due(
            "training check",
            "Queues a training where enough was answered, and starts the training process where one waits.",
            check,
            "core.schedule.checks:training",
            grace_s=check.seconds,
        ),
        Due(
            "automation gate",
            "Looks whether clips may still be published without asking.",
            check,
            "core.schedule.checks:automation",
            grace_s=check.seconds,
        ),
        Due(
            "daily learning",
            "Learns from how published clips did.",
            At(LEARNING_HOUR),
            "core.insights.learning.daily:run",
            grace_s=DAY,
        ),
        Due(
            "weekly backup and export",
            "Backs up corrections, clips, versions and settings; once a month proves that they restore.",
            At(BACKUP_HOUR, settings.schedule.backup_day),
            "core.backup.weekly:run",
            grace_s=7 * DAY,
        ),
        *(_source(name, every) for name, every in _sources(settings)),
    ]


def _sources(settings: Settings) -> list[tuple[str, Every]]:
    return [(name, Every.parse(source.every)) for name, source in sorted(settings.sources.items())]


def _source(name: str, every: Every) -> Due:
    what = f"Captures one picture or clip of {name}, scores it, and keeps what passes the gate."
    return Due(SOURCE + name, what, every, "core.schedule.sources:run", grace_s=every.seconds)


def find(settings: Settings, name: str) -> Due | None:
    """The entry of that name."""
    return next((entry for entry in table(settings) if entry.name == name), None)
