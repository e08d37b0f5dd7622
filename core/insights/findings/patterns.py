"""Which choices went with more or less, on which platform, by how much: found among many looks and corrected for them.

Finds differences; what to do about them is core.insights.findings.recommendations.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.insights.findings.choices import Choice, choices
from core.insights.findings.effects import FALSE_SHARE, Effect, Mask, claims, compare, rounded
from core.insights.findings.outcomes import OUTCOMES, Outcome, groups, held, logged, measured
from core.insights.findings.remembered import on, platforms
from core.insights.posts import Posts


@dataclass(frozen=True, slots=True)
class Pattern:
    """One claimed difference between posts with a level and all other posts of the platform.

    Attributes:
        effect: on logarithms; `ratio` is how many times as large.
        typical, typical_other: medians as measured, not adjusted.
        share: of the platform's posts with a known level that have it.
        by: whose posts were allowed to resemble each other ("account", "week", "day", "post").
        held: what both sides are equal in, where known.
    """

    platform: str
    choice: Choice
    level: int
    outcome: Outcome
    effect: Effect
    typical: float
    typical_other: float
    share: float
    by: str
    held: tuple[str, ...]

    @property
    def ratio(self) -> tuple[float, float, float]:
        """How many times as large: estimate, low and high end."""
        return float(np.exp(self.effect.effect)), float(np.exp(self.effect.low)), float(np.exp(self.effect.high))

    def to_json(self) -> dict[str, Any]:
        times, low, high = self.ratio
        return {
            "platform": self.platform, "feature": self.choice.name, "level": self.choice.levels[self.level],
            "outcome": self.outcome.name, "ratio": rounded(times), "interval": [rounded(low), rounded(high)],
            "interval_level": rounded(self.effect.level), "p": rounded(self.effect.p), "q": rounded(self.effect.q),
            "typical": rounded(self.typical), "typical_other": rounded(self.typical_other),
            "n": self.effect.n, "n_other": self.effect.n_other, "share": rounded(self.share), "errors_by": self.by,
            "held": list(self.held),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Search:
    """What was looked at and what came of it.

    Attributes:
        looks: comparisons made, all of which the correction counts.
        patterns: the claims, strongest first.
    """

    looks: int
    patterns: tuple[Pattern, ...]


def search(posts: Posts, picked: Collection[str] = ()) -> Search:
    """Compare every choice's levels in every outcome on every platform; claim what survives the number of looks.

    Args:
        picked: platforms whose posts were picked for having done well: their views are not looked at.
    """
    looks: list[tuple[str, Choice, int, Outcome, Effect, Posts, str]] = []
    for platform in platforms(posts):
        own = on(posts, platform)
        group, by = groups(own)
        found = choices(own)
        for outcome in OUTCOMES:
            if outcome.name == "views" and platform in picked:
                continue
            y = logged(own, outcome.name)
            if not np.isfinite(y).any():
                continue
            for choice in found:
                compared = compare(y, choice.codes, len(choice.levels), group, held(own))
                looks += [
                    (platform, choice, level, outcome, effect, own, by)
                    for level, effect in enumerate(compared)
                    if effect is not None
                ]
    judged = claims([look[4] for look in looks])
    kept = [
        _pattern(look, effect) for look, effect in zip(looks, judged, strict=True) if effect.q <= FALSE_SHARE
    ]  # fmt: skip
    return Search(len(looks), tuple(sorted(kept, key=lambda one: -abs(one.effect.sure))))


def _pattern(look: tuple[str, Choice, int, Outcome, Effect, Posts, str], effect: Effect) -> Pattern:
    platform, choice, level, outcome, _, own, by = look
    values = measured(own, outcome.name)
    known = np.isfinite(values) & (choice.codes >= 0)
    chosen: Mask = choice.codes == level
    return Pattern(
        platform, choice, level, outcome, effect, float(np.median(values[known & chosen])),
        float(np.median(values[known & ~chosen])), float(chosen.sum() / (choice.codes >= 0).sum()), by,
        held(own).names,
    )  # fmt: skip
