"""Learning from one platform's posts: fit what can predict, let it predict later posts, choose what answers.

Pure of files and of the workspace; `fitted` keeps the result, `predictor` asks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import CancelledError
from core.insights import ages
from core.insights.posting import besttime
from core.insights.posting.answers import BestTime
from core.insights.posts import Numbers, Posts
from core.insights.virality import boosted, evaluation, formula
from core.insights.virality.boosted import Boosted, Stop, never
from core.insights.virality.evaluation import Choice, Later
from core.insights.virality.features import About, Design, History
from core.insights.virality.formula import Line, Standards
from core.insights.zones import Zone

Target = Literal["views", "engagement"]
TARGETS: tuple[Target, Target] = ("views", "engagement")
FEW = 30  # posts below which only the formula answers
MOST = 5000  # posts, the newest
WEEK_S = 7 * 86400
THEN_SHARE = 0.5  # of the earlier posts that must have been measured by then, to replay what was known then
Progress = Callable[[int, int], None]  # steps done, of


def silent(done: int, total: int) -> None:
    """Nobody watches."""
    del done, total


@dataclass(frozen=True, slots=True)
class Material:
    """One platform's posts and what is known of them.

    Attributes:
        posts: the newest `MOST`, in order of publishing. about: of the same rows.
        then: the platform's posts as they were known at a moment, UTC seconds; None where only today is known.
    """

    platform: str
    posts: Posts
    about: About
    where: Zone
    then: Callable[[float], Posts] | None = None

    @staticmethod
    def of(
        posts: Posts, platform: str, about: Callable[[Posts], About], where: Zone,
        then: Callable[[float], Posts] | None = None,
    ) -> Material:  # fmt: skip
        """From posts in any order and of any platform."""
        mine = posts.where((posts.platform == platform) & np.isfinite(posts.posted_at) & np.isfinite(posts.views))
        order = np.lexsort((mine.content_id.astype(str), mine.posted_at))[-MOST:]
        mine = mine.where(order)
        return Material(platform, mine, about(mine), where, then)


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learnt about one target. line: what a score of the formula meant so far."""

    choice: Choice
    trees: Boosted | None
    line: Line

    def to_json(self) -> dict[str, Any]:
        line = {"at": self.line.at, "slope": self.line.slope, "middle": self.line.middle}
        return {"choice": self.choice.to_json(), "trees": self.trees and self.trees.to_json(), "line": line}

    @staticmethod
    def from_json(found: dict[str, Any]) -> Fit:
        trees = None if found["trees"] is None else Boosted.from_json(found["trees"])
        return Fit(Choice.from_json(found["choice"]), trees, Line(**found["line"]))


class Known:
    """What is known of a platform at a moment: histories of both targets, growth, best time, standards."""

    def __init__(self, posts: Posts, about: About, where: Zone, at: float) -> None:
        keep = ages.mature(posts) & np.isfinite(posts.posted_at) & np.isfinite(posts.views)
        posts, about = posts.where(keep), about.where(keep)
        self.posts, self.where = posts, where
        self.grown = ages.growth(posts, besttime.accounts(posts))
        self.histories = {target: History(posts, about, self.level(posts, target), where) for target in TARGETS}
        self.platform, self.at = str(posts.platform[0]) if len(posts) else "", at
        rates = posts.engagement_rate[np.isfinite(posts.engagement_rate)]
        top = float(np.quantile(rates, formula.TOP_SHARE)) if rates.size else 0.0
        self.standards = Standards(top if top > 0 else None, self._timing(), where)

    @cached_property
    def time(self) -> BestTime:
        """When to post."""
        return besttime.analyse(self.posts, self.platform, where=self.where, at=self.at)

    def _timing(self) -> Numbers | None:
        """(7, 24) the formula's timing component; None with too few posts."""
        shown = besttime.differs(self.posts, self.platform, self.where)
        if shown is None:
            return None
        values = np.array(self.time.heat.values) if shown and self.time.heat else np.zeros((7, 24))
        spread = float(np.ptp(values))
        return (values - values.min()) / spread if spread > 0 else np.full(values.shape, formula.NO_DIFFERENCE)

    def level(self, posts: Posts, target: Target) -> Numbers:
        """(n,) what posts reached, log units: views at the comparable age, or the engagement rate."""
        return ages.levels(posts, self.grown) if target == "views" else besttime.outcome(posts, "engagement")

    def scores(self, design: Design, about: About, posted: Numbers) -> Numbers:
        """(n,) the formula's scores."""
        return formula.scores(self.standards.components(design, about.quality, posted))


def learn(material: Material, at: float, progress: Progress = silent, stop: Stop = never) -> dict[Target, Fit]:
    """Fit and choose, for views and engagement; 5,000 posts take about 8 s, 300 posts 2 s.

    Raises:
        CancelledError: `stop` said so; nothing is kept.
    """
    parts = evaluation.blocks(material.posts.posted_at) if len(material.posts) >= FEW else []
    replay = _replays(material, parts)
    found: dict[Target, list[_Block]] = {target: [] for target in TARGETS}
    for number, rows in enumerate(parts):
        progress(number, len(parts) + 1)
        for target, block in _predicted(material, rows, replay, stop).items():
            found[target].append(block)
    progress(len(parts), len(parts) + 1)
    history = "as measured then" if replay else "as read later"
    now = Known(material.posts, material.about, material.where, at)
    fits: dict[Target, Fit] = {target: _fit(now, target, _chosen(found[target], history), stop) for target in TARGETS}
    progress(len(parts) + 1, len(parts) + 1)
    return fits


@dataclass(frozen=True, slots=True)
class _Block:
    said: dict[str, Numbers]
    earlier: Numbers
    truth: Numbers
    posts: Posts


def _replays(material: Material, parts: list[NDArray[np.int64]]) -> bool:
    if material.then is None or not parts:
        return False
    first = int(parts[0][0])
    return len(material.then(float(material.posts.posted_at[first]))) >= THEN_SHARE * first


def _predicted(material: Material, rows: NDArray[np.int64], replay: bool, stop: Stop) -> dict[Target, _Block]:
    """What each predictor says of a block's posts, knowing only what was there before its first."""
    if stop():
        raise CancelledError("learning from the posts was stopped", do="Nothing was changed.")
    before = np.arange(rows[0])
    past, about = material.posts.where(before), material.about.where(before)
    start = float(material.posts.posted_at[rows[0]])
    if replay and material.then is not None:
        past, about = _as_then(material.then(start), past, about)
    known = Known(past, about, material.where, start)
    posts, of_posts = material.posts.where(rows), material.about.where(rows)
    found: dict[Target, _Block] = {}
    for target in TARGETS:
        truth = known.level(posts, target)
        history = known.histories[target]
        if not len(history.posts):
            continue
        design = history.design(posts, of_posts)
        fit = _fit(known, target, None, stop)
        said = _said(fit, design, known.scores(design, of_posts, posts.posted_at))
        fine = np.isfinite(truth) & np.all([np.isfinite(one) for one in said.values()], axis=0)
        found[target] = _Block(
            {name: one[fine] for name, one in said.items()}, design.earlier[fine], truth[fine], posts.where(fine)
        )
    return found


def _as_then(then: Posts, past: Posts, about: About) -> tuple[Posts, About]:
    """The earlier posts with the numbers they had then."""
    at = {one: row for row, one in enumerate(past.content_id)}
    rows = np.array([at.get(one, -1) for one in then.content_id], np.int64)
    then, rows = then.where(rows >= 0), rows[rows >= 0]
    return then, about.where(rows)


def _said(fit: Fit, design: Design, score: Numbers) -> dict[str, Numbers]:
    said = {"last_k": design.last_k, "overall": design.overall, "formula": fit.line.level(score)}
    if fit.trees is not None:
        said["boosted"] = fit.trees.predict(design)
    return said


def _fit(known: Known, target: Target, choice: Choice | None, stop: Stop) -> Fit:
    history = known.histories[target]
    design = history.design(history.posts, history.about)
    score = known.scores(design, history.about, history.posted)
    line = formula.line(score, history.level)
    trees = boosted.fit(design, history.level, stop) if len(history.posts) >= FEW else None
    return Fit(choice or blank(len(history.posts)), trees, line)


def _chosen(found: list[_Block], history: str) -> Choice | None:
    whole = [block for block in found if "boosted" in block.said and len(block.truth)]
    if sum(len(block.truth) for block in whole) < evaluation.FEWEST_LATER:
        return None
    number = np.concatenate([np.full(len(block.truth), index) for index, block in enumerate(whole)])
    earlier = np.concatenate([block.earlier for block in whole])
    truth = np.concatenate([block.truth for block in whole])
    later = {
        name: Later(np.concatenate([block.said[name] for block in whole]), earlier, truth, number)
        for name in whole[0].said
    }
    return evaluation.choose(later, _clusters([block.posts for block in whole]), history)


def _clusters(found: list[Posts]) -> NDArray[np.int64]:
    """Posts that resemble each other: of one account, or of one week where there are few accounts."""
    account = np.concatenate([np.array([name or "" for name in posts.account], dtype=str) for posts in found])
    _, number = np.unique(account, return_inverse=True)
    if number.max() >= 9:
        return number.reshape(-1).astype(np.int64)
    posted = np.concatenate([posts.posted_at for posts in found])
    return (posted // WEEK_S).astype(np.int64)


def blank(n: int) -> Choice:
    """The choice where too few posts allow none."""
    reason = f"too few posts to compare predictors ({n}; about {FEW} are needed): the formula answers"
    return Choice("formula", {}, {}, reason, "as read later", None)


def without_trees(fit: Fit) -> Fit:
    """The fit without trees that do not answer."""
    return fit if fit.choice.name == "boosted" else replace(fit, trees=None)
