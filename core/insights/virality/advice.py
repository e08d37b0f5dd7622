"""What to do with a planned post: whether to put it first, when and where to publish. Every answer has its reason."""

from __future__ import annotations

import math

import numpy as np

from core.insights import ages
from core.insights.posts import Posts
from core.insights.virality.fitting import Known
from core.insights.virality.formula import Formula
from core.insights.virality.prediction import Recommendations
from core.insights.zones import DAYS, Zone, iso, next_at, shown

LAST = 50  # posts a prediction is held against
BOOST_SHARE = 0.75  # of them that it has to beat
BOOST_SCORE = 70.0  # of a complete formula, where no views can be predicted
FEWEST = 10  # posts of a platform
SURE = 0.95
NO_TIME = "no difference shown yet between hours or weekdays"


def without_posts() -> Recommendations:
    """Nothing was ever posted."""
    none = "no posts yet"
    return Recommendations(False, none, None, None, none, None, none)


def advise(
    platform: str, known: Known, level: float | None, by_formula: Formula, posts: Posts, at: float, where: Zone
) -> Recommendations:
    """Recommendations for a post with this predicted level (log views at the comparable age)."""
    boost, why = _boost(known, level, by_formula)
    moment, local, when = _time(known, at, where)
    best, there = _platform(posts, platform)
    return Recommendations(boost, why, moment, local, when, best, there)


def _boost(known: Known, level: float | None, by_formula: Formula) -> tuple[bool, str]:
    before = known.histories["views"].level[-LAST:]
    if level is not None and len(before) >= FEWEST:
        beaten = float((before < level).mean())
        return beaten >= BOOST_SHARE, f"it is expected to beat {beaten:.0%} of the last {len(before)} posts"
    if by_formula.partial:
        return False, "too little is known: " + ", ".join(by_formula.missing)
    return by_formula.score >= BOOST_SCORE, f"the formula says {by_formula.score:.0f} of 100"


def _time(known: Known, at: float, where: Zone) -> tuple[str | None, str | None, str]:
    found = known.time
    if not found.shown:
        return None, None, NO_TIME
    hour = found.best_hours_local[0] if found.hours_shown else None
    day = DAYS.index(found.best_days[0]) if found.days_shown else None
    if hour is None and day is not None and found.heat is not None:
        hour = int(np.argmax(found.heat.values[day]))
    moment = next_at(day, hour or 0, at, where)
    return (None, None, NO_TIME) if moment is None else (iso(moment), shown(moment, where), found.sentence())


def _platform(posts: Posts, here: str) -> tuple[str | None, str]:
    """Where the last 20 posts got most views, if that is beyond noise (normal, log views, 95 %)."""
    means: dict[str, tuple[float, float]] = {}
    for name in sorted(set(posts.platform)):
        mine = posts.where(posts.platform == name)
        mine = mine.where(ages.mature(mine))
        last = np.log1p(mine.views[np.argsort(mine.posted_at, kind="stable")[-20:]])
        if len(last) >= FEWEST:
            means[name] = (float(last.mean()), float(last.var(ddof=1)) / len(last))
    if len(means) < 2:
        return here, "the only platform with enough posts to compare"
    best = max(means, key=lambda name: means[name][0])
    others = [one for name, one in means.items() if name != best]
    sure = min(_beats(means[best], one) for one in others)
    if sure < SURE:
        return None, "no difference shown yet between platforms"
    return best, f"its last posts typically got {math.expm1(means[best][0]):,.0f} views, more than elsewhere"


def _beats(a: tuple[float, float], b: tuple[float, float]) -> float:
    spread = a[1] + b[1]
    return 0.5 * (1 + math.erf((a[0] - b[0]) / math.sqrt(2 * spread))) if spread > 0 else 0.5
