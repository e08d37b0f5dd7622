"""What is said of posting times, as screens, scripts and people read it; `besttime` finds it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Metric = Literal["engagement", "views"]
FEWEST = 8  # posts; below that nothing is estimated


@dataclass(frozen=True, slots=True)
class Timed:
    """An hour or weekday in the zone.

    Attributes:
        index: hour 0..23 or weekday 0..6, Monday first; name: "18:00" or "Monday"; utc_hour: for hours only.
        value, low, high: typical outcome and its 90 % interval: engagement rate 0..1, or views.
        change, change_low, change_high: against the average hour or weekday, as a fraction (0.1 = 10 % more), and its
            90 % interval. beats: chance that it is above the average.
        top_chance: chance that it is truly among the best three.
        n: posts.
    """

    index: int
    name: str
    utc_hour: int | None
    value: float
    low: float
    high: float
    change: float
    change_low: float
    change_high: float
    beats: float
    top_chance: float
    n: int


@dataclass(frozen=True, slots=True)
class Heat:
    """Weekday x hour in the zone, rows Monday first: typical outcome after shrinkage, its 90 % interval, posts."""

    values: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]
    counts: list[list[int]]


@dataclass(frozen=True, slots=True)
class Next:
    """The posting time that would tell most: utc is the next such moment, gain what it may add to the best hour."""

    weekday: str
    hour: int
    utc: str
    local: str
    n: int
    gain: float
    why: str


@dataclass(frozen=True, slots=True)
class BestTime:
    """When to post on a platform; seed 001's fields, and what they rest on.

    Attributes:
        best_hours: in UTC, by the zone's offset at `as_of`, best first; best_hours_local: the same in the zone.
        best_days: weekdays in the zone. The best three are always there, whether or not they are above the average.
        advised_hours, advised_days: in the zone; those of the best that are shown to be above the average.
        hourly_performance: typical outcome by UTC hour, all 24.
        confidence: chance that the first of the best hours truly beats the average hour; None without an estimate.
        sample_size: posts that were compared; left_out: posts that could not be, `notes` says why.
        shown: hours or weekdays differ by more than noise; hours_shown, days_shown: which.
        hours_evidence, days_evidence: e-values; from 40 on the difference counts as shown.
        typical: outcome in the average hour; spread: standard deviation of one post, log units.
    """

    platform: str
    metric: Metric
    timezone: str
    as_of: str
    best_hours: list[int]
    best_hours_local: list[int]
    best_days: list[str]
    advised_hours: list[int]
    advised_days: list[str]
    hourly_performance: dict[int, float]
    confidence: float | None
    sample_size: int
    left_out: int
    shown: bool
    hours_shown: bool
    days_shown: bool
    hours_evidence: float
    days_evidence: float
    typical: float | None
    spread: float | None
    hours: list[Timed]
    days: list[Timed]
    heat: Heat | None
    next: Next | None
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return asdict(self)

    @property
    def advised(self) -> list[Timed]:
        """The hours, then the weekdays, that are shown to be above the average."""
        by_name = {one.name: one for one in self.days}
        return [*(self.hours[hour] for hour in self.advised_hours), *(by_name[day] for day in self.advised_days)]

    def sentence(self) -> str:
        """The answer in one line."""
        if not self.hours:
            return f"{self.platform}: too few posts to compare times ({self.sample_size}; {FEWEST} are needed)"
        if not self.shown:
            return f"{self.platform}: no difference shown yet among {self.sample_size:,} posts"
        said: list[str] = []
        if self.advised_hours:
            said.append("at " + ", ".join(self.hours[hour].name for hour in self.advised_hours))
        if self.advised_days:
            said.append("on " + ", ".join(self.advised_days))
        if not said:
            differ = " and ".join(["hours"] * self.hours_shown + ["weekdays"] * self.days_shown)
            return f"{self.platform}: {differ} differ, but none is shown to be above the average yet"
        return f"{self.platform}: post {' '.join(said)} ({self.timezone} time, from {self.sample_size:,} posts)"

    def lines(self) -> list[str]:
        """The answer for people."""
        said = [self.sentence()]
        for timed, best in ((self.hours, self.best_hours_local), (self.days, self.best_days)):
            said += [self._line(one) for key in best for one in timed if key in (one.index, one.name)]
        said += [f"  {sure(one.beats)} sure that {one.name} beats the average" for one in self.advised]
        if self.next:
            said.append(f"  would tell most next: {self.next.local} ({self.timezone} time); {self.next.why}")
        return [*said, *(f"  note: {note}" for note in self.notes)]

    def _line(self, one: Timed) -> str:
        as_text = "{:.1%}".format if self.metric == "engagement" else "{:,.0f}".format
        utc = f" ({one.utc_hour:02d} UTC)" if one.utc_hour is not None else ""
        return (
            f"  {one.name}{utc}: {as_text(one.value)} ({as_text(one.low)}..{as_text(one.high)}), "
            f"{one.change:+.0%} on average, {one.n:,} posts, {sure(one.top_chance)} among the best three"
        )


def sure(chance: float) -> str:
    """A chance in per cent; nothing is 100 % sure."""
    return "over 99 %" if chance >= 0.995 else f"{chance:.0%}"
