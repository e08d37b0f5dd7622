"""One prediction, put together: the formula's score, what the chosen models say, their intervals, and in words why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.insights.posts import Numbers, Posts
from core.insights.virality import advice, fitting, formula
from core.insights.virality.evaluation import NAMES, Choice
from core.insights.virality.features import WORDS, Design
from core.insights.virality.fitting import TARGETS, Fit, Known, Target
from core.insights.virality.formula import WEIGHTS, Formula
from core.insights.virality.plan import Plan
from core.insights.virality.prediction import Factor, Prediction
from core.insights.zones import Zone, iso

OWN_INTERVAL = 20  # posts from which their own spread is an interval where no errors are known
LAST = 50  # posts that a score by trees is a share of
MOST_FACTORS = 5
LEAST_CHANGE = 0.01
TOLD = {
    "retention": "retention of your last posts",
    "engagement": "engagement of your last posts",
    "quality": "quality",
    "timing": "posting time",
}


@dataclass(frozen=True, slots=True)
class Ready:
    """A platform whose posts are read and learnt from."""

    platform: str
    posts: int
    known: Known
    fits: dict[Target, Fit]


def alone(wanted: Plan, notes: list[str]) -> Prediction:
    """Without any posts: the formula with what the metadata say."""
    found = formula.score({"quality": wanted.quality})
    return Prediction(
        content_id=wanted.content_id,
        platform=None,
        at=iso(wanted.at),
        virality_score=found.score,
        score_by="formula",
        **_scored(found),
        **_told_views(None, None, None),
        **_told_rate(None, None),
        contributing_factors=_points(found),
        recommendations=advice.without_posts(),
        posts=0,
        notes=[*notes, "no posts yet: import how they did with: rushes metrics import"],
    )


def predict(ready: Ready, wanted: Plan, notes: list[str], overview: Posts, where: Zone) -> Prediction:
    """From what is known of the platform; `overview`: the posts of all platforms."""
    row, about, known = wanted.row(), wanted.about(), ready.known
    follows = np.array([np.nan if wanted.followers is None else wanted.followers])
    designs = {target: known.histories[target].design(row, about, follows) for target in TARGETS}
    parts = known.standards.components(designs["engagement"], about.quality, row.posted_at)
    found = formula.score({name: _known(value[0]) for name, value in parts.items()})
    score = np.array([found.score if found.possible else np.nan])
    views = _forecast(ready, "views", designs["views"], score)
    rate = _forecast(ready, "engagement", designs["engagement"], score)
    level = None if views is None else views.level
    by_trees = ready.fits["views"].choice.name == "boosted" and level is not None
    return Prediction(
        content_id=wanted.content_id,
        platform=ready.platform,
        at=iso(wanted.at),
        virality_score=_share_beaten(known, level) if by_trees and level is not None else found.score,
        score_by="boosted" if by_trees else "formula",
        **_scored(found),
        **_told_views(views, ready.fits["views"].choice, known.grown.age_h),
        **_told_rate(rate, ready.fits["engagement"].choice),
        contributing_factors=[*_points(found), *(views.factors if views else [])],
        recommendations=advice.advise(ready.platform, known, level, found, overview, wanted.at, where),
        posts=ready.posts,
        notes=[*notes, *_warnings(ready, wanted)],
    )


def _warnings(ready: Ready, wanted: Plan) -> list[str]:
    found: list[str] = []
    if new := [one for one in wanted.objects if one not in ready.known.histories["views"].lifts]:
        found.append(f"not posted before, so it changes nothing: {', '.join(new)}")
    if ready.posts < fitting.FEW:
        found.append(f"few posts ({ready.posts}): the formula answers, and little is known")
    return found


def _share_beaten(known: Known, level: float) -> float:
    return 100 * float((known.histories["views"].level[-LAST:] < level).mean())


def _scored(found: Formula) -> dict[str, Any]:
    return {
        "formula_score": found.score,
        "score_possible": found.possible,
        "partial": found.partial,
        "missing": list(found.missing),
        "components": found.components,
    }


def _told_views(said: _Said | None, choice: Choice | None, age_h: float | None) -> dict[str, Any]:
    ends = said.ends if said else None
    return {
        "predicted_views": max(0.0, math.expm1(said.level)) if said else None,
        "confidence_interval": (max(0.0, math.expm1(ends[0])), math.expm1(ends[1])) if ends else None,
        "views_by": NAMES[choice.name] if choice and said else None,
        "views_reason": choice.reason if choice else None,
        "age_h": age_h if said else None,
        "interval_note": choice.coverage_note if choice and said else None,
        "coverage": choice.score.coverage if choice and choice.score else None,
    }


def _told_rate(said: _Said | None, choice: Choice | None) -> dict[str, Any]:
    ends = said.ends if said else None
    return {
        "predicted_engagement_rate": min(1.0, math.exp(said.level)) if said else None,
        "engagement_interval": (math.exp(ends[0]), min(1.0, math.exp(ends[1]))) if ends else None,
        "engagement_by": NAMES[choice.name] if said and choice else None,
        "engagement_note": choice.coverage_note if said and choice else None,
    }


@dataclass(frozen=True, slots=True)
class _Said:
    level: float
    ends: tuple[float, float] | None
    factors: list[Factor]


def _forecast(ready: Ready, target: Target, design: Design, score: Numbers) -> _Said | None:
    """The level of the chosen predictor, with its interval; None where nothing is known."""
    fit, history = ready.fits[target], ready.known.histories[target]
    name, factors = fit.choice.name, list[Factor]()
    if name == "boosted" and fit.trees is not None:
        level = float(fit.trees.predict(design)[0])
        factors = _changes(design, fit.trees.contributions(design)[0]) if target == "views" else []
    elif name == "formula":
        level = float(fit.line.level(score)[0])
    else:
        level = float((design.last_k if name == "last_k" else design.overall)[0])
    if not math.isfinite(level):
        return None
    if fit.choice.interval is not None:
        low, high = fit.choice.interval.ends(np.array([level]), design.earlier)
        return _Said(level, (float(low[0]), float(high[0])), factors)
    ends = None
    if len(history.level) >= OWN_INTERVAL:
        # What the posts so far spread over, one rank wider: nothing is known of errors.
        ordered, n = np.sort(history.level), len(history.level)
        edge = max(0, math.floor(0.05 * (n + 1)) - 1)
        ends = (float(min(level, ordered[edge])), float(max(level, ordered[n - 1 - edge])))
    return _Said(level, ends, factors)


def _points(found: Formula) -> list[Factor]:
    return [
        Factor(name, TOLD[name], value, points=100 * WEIGHTS[name] * (value or 0.0))
        for name, value in found.components.items()
    ]


def _changes(design: Design, moved: Numbers) -> list[Factor]:
    """The largest contributions, columns that say the same thing taken together."""
    total: dict[str, tuple[str, float, float | None]] = {}
    for column, (name, value) in enumerate(zip(design.names, moved.tolist(), strict=True)):
        words = WORDS.get(name, name.removeprefix("edit ").replace("_", " "))
        first, so_far, shown = total.get(words, (name, 0.0, _known(design.x[0, column])))
        total[words] = (first, so_far + value, shown)
    found = [Factor(name, words, value, change=math.expm1(change)) for words, (name, change, value) in total.items()]
    large = [factor for factor in found if abs(factor.change or 0) >= LEAST_CHANGE]
    return sorted(large, key=lambda factor: -abs(math.log1p(factor.change or 0)))[:MOST_FACTORS]


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
