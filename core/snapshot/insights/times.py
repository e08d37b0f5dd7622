"""What the view Times shows: the best time to post on a platform, and hour x weekday in the user's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.snapshot.insights.kept import kept, now

if TYPE_CHECKING:
    from core.insights.posting.answers import BestTime
    from core.workspace import Workspace

# How much a cell's shrunk value lies above or below the average cell, as a fraction: the ends between five bands. They
# are the same everywhere, so that noise stays in the middle one and looks like what it is.
BANDS = (-0.20, -0.05, 0.05, 0.20)
WEEKDAYS, HOURS = 7, 24


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of the week in the zone.

    Attributes:
        change: against the average hour, as a fraction. band: 0 (far below) to 4 (far above), by `BANDS`.
        n: posts so far. next: the one that would tell most next.
    """

    change: float
    band: int
    n: int
    next: bool


@dataclass(frozen=True, slots=True)
class TimesView:
    """One reading.

    Attributes:
        platforms: with posts, the one posted on last first; empty without posts.
        platform: the one shown. best: everything that is said of it; None without posts.
        cells: seven weekdays, Monday first, of 24 hours; empty where nothing can be estimated.
    """

    platforms: tuple[str, ...]
    platform: str | None
    best: BestTime | None
    cells: tuple[tuple[Cell, ...], ...]


def take(space: Workspace, platform: str | None = None) -> TimesView:
    """Read and estimate: 0.3 s for 4,000 posts, from memory while nothing changed.

    Args:
        platform: None, or one that is gone, is the one posted on last.

    Raises:
        WrongUseError: insights.timezone names no zone.
    """
    return kept(space, "times", platform, lambda: _made(space, platform))


def _made(space: Workspace, platform: str | None) -> TimesView:
    from core.insights.metrics import listing
    from core.insights.metrics.store import MetricsStore
    from core.insights.posting import besttime

    with MetricsStore(space) as store:
        names = tuple(listing.platforms(store))
    if not names:
        return TimesView((), None, None, ())
    name = platform if platform in names else names[0]
    best = besttime.find(space, name, at=now())
    return TimesView(names, name, best, _cells(best))


def _cells(best: BestTime) -> tuple[tuple[Cell, ...], ...]:
    heat, typical = best.heat, best.typical
    if heat is None or not typical:
        return ()
    told = (best.next.weekday, best.next.hour) if best.next else None
    names = {one.index: one.name for one in best.days}

    def cell(day: int, hour: int) -> Cell:
        change = heat.values[day][hour] / typical - 1
        return Cell(change, sum(change >= end for end in BANDS), heat.counts[day][hour], (names.get(day), hour) == told)

    return tuple(tuple(cell(day, hour) for hour in range(HOURS)) for day in range(WEEKDAYS))
