"""Seed 001's virality formula: four components of 0..1, fixed weights, a score of 0..100.

A component that is not known is named, and the score is then partial: the weights are not stretched over the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.insights.posts import Numbers
from core.insights.virality.features import Design
from core.insights.zones import Zone, parts

WEIGHTS = {"retention": 0.35, "engagement": 0.30, "quality": 0.20, "timing": 0.15}
TOP_SHARE = 0.9  # engagement counts in full from the rate that the best tenth of the platform's posts reach
NO_DIFFERENCE = 0.5  # timing where no hour is shown to differ


@dataclass(frozen=True, slots=True)
class Formula:
    """The formula's score.

    Attributes:
        score: 0..100. possible: what it could reach with the components that are known.
        components: 0..1 by name, None = not known. missing: their names.
    """

    score: float
    possible: float
    components: dict[str, float | None]
    missing: tuple[str, ...]

    @property
    def partial(self) -> bool:
        return bool(self.missing)


def score(components: dict[str, float | None]) -> Formula:
    """Weigh the components.

    Raises:
        ValueError: a component is not one of the four, or not in 0..1.
    """
    if set(components) - set(WEIGHTS):
        raise ValueError(f"components are {', '.join(WEIGHTS)}")
    whole = {name: components.get(name) for name in WEIGHTS}
    known = {name: value for name, value in whole.items() if value is not None}
    if not all(0 <= value <= 1 for value in known.values()):
        raise ValueError("components lie in 0..1")
    return Formula(
        100 * sum(WEIGHTS[name] * value for name, value in known.items()),
        100 * sum(WEIGHTS[name] for name in known),
        whole,
        tuple(name for name in WEIGHTS if whole[name] is None),
    )


@dataclass(frozen=True, slots=True)
class Standards:
    """What components are measured against on a platform.

    Attributes:
        top_rate: engagement rate of the best tenth of posts; None without any.
        timing: (7, 24) 0..1 by weekday and hour in the zone; None with too few posts.
    """

    top_rate: float | None
    timing: Numbers | None
    where: Zone

    def components(self, design: Design, quality: Numbers, posted: Numbers) -> dict[str, Numbers]:
        """(n,) of each component, NaN = not known.

        retention: median share watched of the account's last 10 posts. engagement: their median engagement rate, times
        what posts with the same objects did more, over `top_rate`. quality: as given. timing: 0 at the worst hour of
        the week, 1 at the best, 0.5 where no difference is shown.
        """
        at = {name: index for index, name in enumerate(design.names)}
        n = len(design.base)
        blank = np.full(n, np.nan)
        lift = np.nan_to_num(design.x[:, at["engagement_lift"]])
        rate = design.x[:, at["past_engagement"]] * np.exp(lift)
        return {
            "retention": np.clip(design.x[:, at["past_retention"]], 0, 1),
            "engagement": np.clip(rate / self.top_rate, 0, 1) if self.top_rate else blank,
            "quality": np.clip(quality, 0, 1),
            "timing": blank if self.timing is None else self.timing_at(posted),
        }

    def timing_at(self, posted: Numbers) -> Numbers:
        """(n,) the timing component at UTC seconds; NaN where the time is not known."""
        if self.timing is None:
            return np.full(len(posted), np.nan)
        hour, weekday = parts(np.where(np.isfinite(posted), posted, 0.0), self.where)
        return np.where(np.isfinite(posted), self.timing[weekday, hour], np.nan)


def scores(components: dict[str, Numbers]) -> Numbers:
    """(n,) scores of many posts; what is missing adds nothing, nothing at all is NaN."""
    stacked = np.column_stack([WEIGHTS[name] * components[name] for name in WEIGHTS])
    return np.where(np.isfinite(stacked).any(axis=1), 100 * np.nansum(stacked, axis=1), np.nan)


@dataclass(frozen=True, slots=True)
class Line:
    """What a score meant so far: level = at + slope * (score - middle)."""

    at: float
    slope: float
    middle: float

    def level(self, score_: Numbers) -> Numbers:
        return self.at + self.slope * np.where(np.isfinite(score_), score_ - self.middle, 0.0)


def line(score_: Numbers, level: Numbers) -> Line:
    """Least squares of levels on scores, never falling; as if ten more posts had said that scores mean nothing."""
    known: NDArray[np.bool_] = np.isfinite(score_) & np.isfinite(level)
    if not known.any():
        return Line(float(np.median(level)) if level.size else float("nan"), 0.0, 0.0)
    x, y = score_[known], level[known]
    middle = float(x.mean())
    spread = float(x.var())
    slope = (x - middle) @ (y - y.mean()) / max((known.sum() + 10) * spread, 1e-12) if spread > 1e-9 else 0.0
    return Line(float(np.median(y)), max(0.0, float(slope)), middle)
