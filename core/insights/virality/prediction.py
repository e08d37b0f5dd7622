"""What is said of a post before it is published: seed 001's outputs, and what each rests on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from core.insights.virality.evaluation import NAMES

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that contributed.

    Attributes:
        name: of the component or column. words: for people.
        value: what it is here; None = not known.
        points: of the formula's score. change: of the predicted views, as a fraction (0.1 = 10 % more). One of them.
    """

    name: str
    words: str
    value: float | None
    points: float | None = None
    change: float | None = None


@dataclass(frozen=True, slots=True)
class Recommendations:
    """What to do; each with its reason.

    Attributes:
        optimal_time: UTC; None where no hour is shown to be above the average. optimal_time_local: as shown in the
            zone, or the weekday alone where only that is shown.
    """

    boost_recommended: bool
    boost_reason: str
    optimal_time: str | None
    optimal_time_local: str | None
    optimal_time_reason: str
    platform: str | None
    platform_reason: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one post.

    Attributes:
        virality_score: 0..100. score_by: "formula", or "boosted" = the share of the platform's last 50 posts that the
            predicted views beat. partial: components are missing, and the score cannot pass score_possible.
        formula_score: the formula's, whoever gives the score.
        predicted_views: at the age of `age_h` hours; views_by: which predictor said it. confidence_interval: 90 %.
        predicted_engagement_rate: 0..1; engagement_by, engagement_interval: as with views.
        interval_note, engagement_note: a warning where the interval held fewer than 87 % or more than 93 % of later
            posts, or nobody knows. coverage: share of later posts the views' interval held.
        posts: posts of the platform it rests on. notes: what else to know.
    """

    content_id: str
    platform: str | None
    at: str
    virality_score: float
    score_by: str
    formula_score: float
    score_possible: float
    partial: bool
    missing: list[str]
    components: dict[str, float | None]
    predicted_views: float | None
    confidence_interval: Pair | None
    views_by: str | None
    views_reason: str | None
    age_h: float | None
    predicted_engagement_rate: float | None
    engagement_interval: Pair | None
    engagement_by: str | None
    engagement_note: str | None
    interval_note: str | None
    coverage: float | None
    contributing_factors: list[Factor]
    recommendations: Recommendations
    posts: int
    notes: list[str]

    @property
    def boost_recommended(self) -> bool:
        """Whether it deserves to go first (seed 001's name)."""
        return self.recommendations.boost_recommended

    def to_json(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return asdict(self) | {"boost_recommended": self.boost_recommended}

    def lines(self) -> list[str]:
        """The prediction for people."""
        of = f" of {self.score_possible:.0f} possible: no {', '.join(self.missing)}" if self.partial else ""
        by = of if self.score_by == "formula" else f" (the formula: {self.formula_score:.0f}{of})"
        said = [
            f"{self.content_id}{f' on {self.platform}' if self.platform else ''}: score {self.virality_score:.0f}{by}"
        ]
        if self.predicted_views is not None:
            between = "no interval yet"
            if self.confidence_interval:
                between = f"90 %: {self.confidence_interval[0]:,.0f}..{self.confidence_interval[1]:,.0f}"
            age = f" after {self.age_h / 24:.0f} days" if self.age_h and self.age_h >= 48 else ""
            said.append(f"  views{age}: about {self.predicted_views:,.0f} ({between}), by {self.views_by}")
        if self.predicted_engagement_rate is not None:
            between = ""
            if self.engagement_interval:
                between = f" (90 %: {self.engagement_interval[0]:.1%}..{self.engagement_interval[1]:.1%})"
            said.append(f"  engagement: {self.predicted_engagement_rate:.1%}{between}, by {self.engagement_by}")
        said += [f"  {_told(factor)}" for factor in self.contributing_factors]
        what = self.recommendations
        said.append(f"  boost: {'yes' if what.boost_recommended else 'no'}, {what.boost_reason}")
        said.append(f"  time: {what.optimal_time_local or 'any'}, {what.optimal_time_reason}")
        said.append(f"  platform: {what.platform or 'any'}, {what.platform_reason}")
        about = {"views": self.interval_note, "engagement": self.engagement_note}
        said += [f"  note: {target}: {note}" for target, note in about.items() if note]
        return said + [f"  note: {note}" for note in self.notes]


@dataclass(frozen=True, slots=True)
class Model:
    """What answers on a platform and why, for lists and screens.

    Attributes:
        posts: how many it rests on; few: fewer than 30.
        choices: per target ("views", "engagement") the choice with all its numbers, as JSON.
        notes: per target a warning where the 90 % interval is outside 87-93 % of later posts, or unknown.
        growth: how views are brought to one age.
    """

    platform: str
    posts: int
    few: bool
    choices: dict[str, dict[str, Any]]
    notes: dict[str, str | None]
    growth: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """The choice for people."""
        said = [f"{self.platform}: {self.posts:,} posts"]
        for target, choice in self.choices.items():
            said.append(f"  {target}: {NAMES[choice['name']]} ({choice['reason']})")
            for name, score in choice["scores"].items():
                rank = "none" if score["spearman"] is None else f"{score['spearman']:.2f}"
                held = "not known" if score["coverage"] is None else f"{score['coverage']:.0%}"
                said.append(f"    {NAMES[name]}: off by x{math.exp(score['mae']):.2f}, rank correlation {rank}, "
                            f"interval held {held} of {score['covered_n']}")  # fmt: skip
            if self.notes[target]:
                said.append(f"    note: {self.notes[target]}")
        return said


def _told(factor: Factor) -> str:
    if factor.points is not None:
        value = "not known" if factor.value is None else f"{factor.value:.2f}"
        return f"{factor.words}: {value}, {factor.points:.1f} points"
    return f"{factor.words}: {factor.change or 0:+.0%} views"
