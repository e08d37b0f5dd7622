"""What the view Virality shows: what is predicted of the last posts, and which predictor answers and why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import WrongUseError
from core.snapshot.insights.kept import kept

if TYPE_CHECKING:
    from core.insights.virality.prediction import Prediction
    from core.insights.virality.predictor import ViralityPredictor
    from core.workspace import Workspace

LAST_POSTS = 12
_LEARNING = threading.Lock()  # learning takes seconds, and whoever waits finds it done
Progress = Callable[[int, int], None]  # steps done, of


@dataclass(frozen=True, slots=True)
class Post:
    """A published post.

    Attributes:
        posted: date and time in the user's zone; None where not known. views: newest measured. sample: it is linked to.
        said: what is predicted from what was known before it; None where `problem` says why not.
    """

    content_id: str
    caption: str | None
    sample: str | None
    posted: str | None
    views: int | None
    engagement: float | None
    said: Prediction | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A predictor on later posts; see core.insights.virality.evaluation.Score.

    Attributes:
        factor: typical error as a factor of the truth, 1 = none.
    """

    name: str
    chosen: bool
    factor: float
    spearman: float | None
    coverage: float | None
    covered_n: int
    n: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which predictor answers for views or engagement.

    Attributes:
        history: "as measured then" or "as read later".
        coverage: share of later posts in the 90 % interval; None where too few. note: a warning about it, else None.
    """

    target: str
    name: str
    reason: str
    history: str
    coverage: float | None
    covered_n: int
    note: str | None
    tried: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class ViralityView:
    """One reading.

    Attributes:
        platforms: with posts that have a time and views, the one posted on last first.
        posts: how many the predictors learnt from. few: too few for more than the formula.
    """

    platforms: tuple[str, ...]
    platform: str | None
    posts: int
    few: bool
    last: tuple[Post, ...]
    chosen: tuple[Chosen, ...]


def take(
    space: Workspace,
    platform: str | None,
    progress: Progress,
    stop: Callable[[], bool],
) -> ViralityView:
    """Read, predict, and learn first where the posts have changed: 8 s for 5,000 posts, then from memory.

    Raises:
        CancelledError: `stop` said so.
        WrongUseError: insights.timezone names no zone.
    """
    with _LEARNING:
        return kept(space, "virality", platform, lambda: _made(space, platform, progress, stop))


def _made(space: Workspace, platform: str | None, progress: Progress, stop: Callable[[], bool]) -> ViralityView:
    from core.insights.metrics import listing
    from core.insights.metrics.store import MetricsStore
    from core.insights.virality import fitting
    from core.insights.virality.predictor import ViralityPredictor

    with MetricsStore(space) as store:
        predictor = ViralityPredictor(space, store)
        names = tuple(predictor.platforms())
        if not names:
            return ViralityView((), None, 0, True, (), ())
        name = platform if platform in names else names[0]
        ready = predictor.load(name, progress, stop)
        last = tuple(_post(row, predictor, name) for row in listing.newest(store, name, LAST_POSTS)["posts"])
        chosen = tuple(_chosen(target, ready.fits[target].choice) for target in fitting.TARGETS)
    return ViralityView(names, name, ready.posts, ready.posts < fitting.FEW, last, chosen)


def _post(row: dict[str, Any], predictor: ViralityPredictor, platform: str) -> Post:
    from core.insights.zones import shown

    said, problem = None, None
    try:
        said = predictor.predict(row["content_id"], {"platform": platform})
    except WrongUseError as error:  # edit metadata that make no sense: the other posts are shown all the same
        problem = error.sentence()
    at = row["posted_at"]
    posted = None if at is None else shown(at, predictor.where).partition(" ")[2]  # without the weekday
    return Post(
        row["content_id"], row["caption"], row["sample_id"], posted, row["views"], row["engagement_rate"], said, problem
    )


def _chosen(target: str, choice: Any) -> Chosen:
    import math

    from core.insights.virality.evaluation import NAMES

    score = choice.score
    tried = tuple(
        Tried(NAMES[name], name == choice.name, math.exp(one.mae), one.spearman, one.coverage, one.covered_n, one.n)
        for name, one in choice.scores.items()
    )
    return Chosen(
        target=target,
        name=NAMES[choice.name],
        reason=choice.reason,
        history=choice.history,
        coverage=score.coverage if score else None,
        covered_n=score.covered_n if score else 0,
        note=choice.coverage_note,
        tried=tuple(sorted(tried, key=lambda one: one.factor)),
    )
