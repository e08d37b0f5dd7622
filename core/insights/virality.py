"""How a clip may do, before it is published (seed 001's virality predictor).

The formula gives a score; views and engagement come from what predicted later posts best (`learning`, `evaluation`).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.insights import advice, fitted, formula, learning, linked
from core.insights.boosted import Stop, never
from core.insights.evaluation import NAMES, Choice
from core.insights.features import WORDS, Design
from core.insights.formula import WEIGHTS, Formula
from core.insights.learning import TARGETS, Fit, Known, Material, Progress, Target, silent
from core.insights.plan import Plan, moment, plan
from core.insights.posts import JSONS, Numbers, Posts
from core.insights.prediction import Factor, Model, Prediction
from core.insights.requests import ReadRequest
from core.insights.zones import iso, zone

if TYPE_CHECKING:
    from core.insights.metrics import MetricsStore
    from core.workspace import Workspace

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


class ViralityPredictor:
    """Predicts posts of a workspace. Reads and learns a platform when it is first asked for.

    Args:
        metrics: an open store to read from; else one is opened, and closed by `close` or at the end of a `with`.
        timezone: overrides insights.timezone.
    """

    def __init__(self, space: Workspace, metrics: MetricsStore | None = None, *, timezone: str | None = None) -> None:
        self.space, self._given = space, metrics
        self._opened: MetricsStore | None = None
        self.where = zone(timezone or space.settings.insights.timezone)
        self._ready: dict[str, Ready] = {}
        self._overview: Posts | None = None
        self._looker: linked.Looker | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> ViralityPredictor:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store, if it was opened here."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @property
    def metrics(self) -> MetricsStore:
        """The store that is read; opening one takes 40 ms."""
        if self._given is not None:
            return self._given
        with self._lock:
            if self._opened is None:
                from core.insights.metrics import MetricsStore

                self._opened = MetricsStore(self.space)
            return self._opened

    def refresh(self) -> None:
        """Forget what was read; the next question reads again."""
        with self._lock:
            self._ready, self._overview, self._looker = {}, None, None

    async def predict_virality(self, content_id: str, metadata: Mapping[str, Any] | None = None) -> Prediction:
        """As `predict`, without blocking the event loop (seed 001's name)."""
        return await asyncio.to_thread(self.predict, content_id, metadata)

    def predict(self, content_id: str, metadata: Mapping[str, Any] | None = None) -> Prediction:
        """How a post may do; at most 10 ms once its platform is loaded.

        Args:
            content_id: of content that is known, or any name for a new one.
            metadata: see `core.insights.plan.plan`; what is known of the content fills the gaps.

        Raises:
            WrongUseError: the metadata make no sense.
        """
        wanted, notes = self._planned(content_id, dict(metadata or {}))
        platform = wanted.platform or self.usual_platform()
        if platform is None:
            return self._alone(wanted, notes)
        ready = self.load(platform)
        wanted = replace(wanted, platform=platform, account=wanted.account or _newest_account(ready))
        return self._predicted(ready, wanted, notes)

    def models(self, progress: Progress = silent, stop: Stop = never) -> list[Model]:
        """What answers on each platform and why."""
        found = [self.load(name, progress, stop) for name in self.platforms()]
        return [
            Model(
                one.platform, one.posts, one.posts < learning.FEW,
                {target: one.fits[target].choice.to_json() for target in TARGETS},
                {target: one.fits[target].choice.coverage_note for target in TARGETS},
                asdict(one.known.grown),
            )
            for one in found
        ]  # fmt: skip

    def platforms(self) -> list[str]:
        """Platforms with posts, the one posted on last first."""
        posts = self.overview()
        newest = {name: float(np.nanmax(posts.posted_at[posts.platform == name])) for name in set(posts.platform)}
        return sorted(newest, key=lambda name: (-newest[name], name))

    def usual_platform(self) -> str | None:
        """The platform posted on last; None without posts."""
        return next(iter(self.platforms()), None)

    def overview(self) -> Posts:
        """All posts with a time and views, without their texts."""
        with self._lock:
            if self._overview is None:
                posts = self._read(None, None, without=("caption", *JSONS))
                self._overview = posts.where(np.isfinite(posts.posted_at) & np.isfinite(posts.views))
            return self._overview

    def load(self, platform: str, progress: Progress = silent, stop: Stop = never) -> Ready:
        """Read a platform's posts and learn from them, or take what was learnt from the same posts.

        Raises:
            CancelledError: `stop` said so.
        """
        with self._lock:
            if platform not in self._ready:
                self._ready[platform] = self._loaded(platform, progress, stop)
            return self._ready[platform]

    def _loaded(self, platform: str, progress: Progress, stop: Stop) -> Ready:
        material = Material.of(
            self._read(platform, None), platform, lambda posts: linked.about(self.space, posts), self.where,
            lambda until: self._read(platform, until),
        )  # fmt: skip
        mark = fitted.stamp(material)
        fits = fitted.read(self.space, platform, mark)
        if fits is None:
            fits = learning.learn(material, time.time(), progress, stop)
            fitted.write(self.space, platform, mark, fits)
        known = Known(material.posts, material.about, self.where, time.time())
        return Ready(platform, len(material.posts), known, fits)

    def _read(self, platform: str | None, until: float | None, without: tuple[str, ...] = ()) -> Posts:
        return self.metrics.posts(platform, until, without=without)

    def _planned(self, content_id: str, given: dict[str, Any]) -> tuple[Plan, list[str]]:
        """The plan, filled with what is known of the content and of the clip behind it."""
        notes: list[str] = []
        content = self._content(content_id, given.get("platform"))
        if content:
            known = {name: content[name] for name in ("platform", "account", "caption", "sample_id", "brand_tags",
                     "posted_at")} | {"duration": content["duration_s"]} | (content["edit_metadata"] or {})  # fmt: skip
            given = {name: value for name, value in known.items() if value is not None} | given
            if content["first_at"] is not None:
                notes.append("it is published already: only earlier posts count, but what was learnt has seen it")
        wanted = plan(content_id, given, time.time())
        if wanted.sample_id is None:
            return wanted, notes
        seen = self._looking().look(wanted.sample_id, before=moment(given.get("posted_at"), math.nan))
        if wanted.quality is None and seen.quality is not None:
            wanted = replace(wanted, quality=seen.quality)
            notes.append(f"quality {seen.quality:.2f} by {seen.quality_by}")
        if not wanted.objects and seen.objects:
            wanted = replace(wanted, objects=seen.objects)
            notes.append(f"{', '.join(seen.objects)} by {seen.objects_by}")
        return wanted, notes

    def _looking(self) -> linked.Looker:
        with self._lock:
            if self._looker is None:
                self._looker = linked.Looker(self.space)
            return self._looker

    def _content(self, content_id: str, platform: str | None) -> dict[str, Any] | None:
        return next(iter(self.metrics.read(ReadRequest("content", content_id, platform, limit=1))), None)

    def _alone(self, wanted: Plan, notes: list[str]) -> Prediction:
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

    def _predicted(self, ready: Ready, wanted: Plan, notes: list[str]) -> Prediction:
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
            recommendations=advice.advise(ready.platform, known, level, found, self.overview(), wanted.at, self.where),
            posts=ready.posts,
            notes=[*notes, *_warnings(ready, wanted)],
        )


def _warnings(ready: Ready, wanted: Plan) -> list[str]:
    found: list[str] = []
    if new := [one for one in wanted.objects if one not in ready.known.histories["views"].lifts]:
        found.append(f"not posted before, so it changes nothing: {', '.join(new)}")
    if ready.posts < learning.FEW:
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


def _newest_account(ready: Ready) -> str | None:
    posts = ready.known.histories["views"].posts
    return posts.account[-1] if len(posts) else None


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
