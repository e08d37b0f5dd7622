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
        change: against the average hour or weekday, as a fraction (0.1 = 10 % more).
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
        best_hours: in UTC in the coming week, best first; best_hours_local: the same in the zone.
        best_days: weekdays in the zone.
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

    def sentence(self) -> str:
        """The answer in one line."""
        if not self.hours:
            return f"{self.platform}: too few posts to compare times ({self.sample_size}; {FEWEST} are needed)"
        if not self.shown:
            return f"{self.platform}: no difference shown yet among {self.sample_size:,} posts"
        said = ["post"]
        if self.hours_shown:
            said.append("at " + ", ".join(self.hours[hour].name for hour in self.best_hours_local))
        if self.days_shown:
            said.append("on " + ", ".join(self.best_days))
        return f"{self.platform}: {' '.join(said)} ({self.timezone} time, from {self.sample_size:,} posts)"

    def lines(self) -> list[str]:
        """The answer for people."""
        said = [self.sentence()]
        for what, timed, best in (("hour", self.hours, self.best_hours_local), ("weekday", self.days, self.best_days)):
            by_key = {one.index if what == "hour" else one.name: one for one in timed}
            said += [self._line(by_key[key]) for key in best]
        if self.confidence is not None:
            said.append(f"  {self.confidence:.0%} sure that the first hour beats the average hour")
        if self.next:
            said.append(f"  would tell most next: {self.next.local} ({self.timezone} time); {self.next.why}")
        return [*said, *(f"  note: {note}" for note in self.notes)]

    def _line(self, one: Timed) -> str:
        as_text = "{:.1%}".format if self.metric == "engagement" else "{:,.0f}".format
        utc = f" ({one.utc_hour:02d} UTC)" if one.utc_hour is not None else ""
        return (
            f"  {one.name}{utc}: {as_text(one.value)} ({as_text(one.low)}..{as_text(one.high)}), "
            f"{one.change:+.0%} on average, {one.n:,} posts, among the best three with {one.top_chance:.0%}"
        )
