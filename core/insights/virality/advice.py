"""What to do with a planned post: whether to put it first, when and where to publish. Every answer has its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.insights import ages
from core.insights.findings.outcomes import picked_platforms
from core.insights.findings.remembered import on, platforms, remembered
from core.insights.platforms import shown as platform_shown
from core.insights.posts import Numbers, Posts
from core.insights.virality.fitting import Known
from core.insights.virality.formula import Formula
from core.insights.virality.prediction import Recommendations
from core.insights.zones import DAYS, Zone, iso, next_at, shown

LAST = 50  # posts a prediction is held against
BOOST_SHARE = 0.75  # of them that it has to beat
BOOST_SCORE = 70.0  # of a complete formula, where no views can be predicted
LATELY = 20  # posts of a platform that are compared
FEWEST = 10  # posts of a platform
GROWN_FROM = 1000  # newest posts that growth with age is estimated from
DOUBT = 0.1  # of a growth that was measured: log views per log age; of another nothing is known but that it is 0 to 1
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
    best, there = best_platform(posts, platform)
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
    why = found.sentence() if found.shown else NO_TIME
    day = found.advised_days[0] if found.advised_days else None
    if not found.advised_hours:
        return None, day, why
    moment = next_at(DAYS.index(day) if day else None, found.advised_hours[0], at, where)
    return (None, day, why) if moment is None else (iso(moment), shown(moment, where), why)


@dataclass(frozen=True, slots=True)
class _Lately:
    """A platform's last posts: mean log views, at their mean log age; growth with age, and how far it may be off."""

    mean: float
    variance: float
    age: float
    slope: float
    doubt: float

    def at(self, age: float) -> float:
        return self.mean + self.slope * (age - self.age)


def best_platform(posts: Posts, here: str) -> tuple[str | None, str]:
    """Where the last posts got most views at one age, if that is beyond noise (normal, log views, 95 %).

    Ages that differ leave a doubt as large as growth may differ from what was estimated; that is taken off.
    """
    picked = picked_platforms(posts)
    if here in picked:
        return None, f"posts on {platform_shown(here)} look picked for having done well: not compared"
    found = {name: one for name in platforms(posts) if name not in picked and (one := _lately(posts, name))}
    if len(found) < 2:
        return here, "the only platform with enough posts to compare"
    age = float(np.mean([one.age for one in found.values()]))
    best = max(found, key=lambda name: found[name].at(age))
    others = [name for name in found if name != best]
    if min(_beats(found[best], found[name], age) for name in others) < SURE:
        return None, "no difference shown yet between platforms"
    said = f"its last posts typically got {math.expm1(found[best].at(age)):,.0f} views by {_old(age)}, more than on "
    return best, said + ", ".join(map(platform_shown, others))


def _lately(posts: Posts, name: str) -> _Lately | None:
    return remembered(posts, ("lately", name), lambda: _looked_at(on(posts, name)))


def _looked_at(own: Posts) -> _Lately | None:
    own = own.where(np.argsort(own.posted_at, kind="stable")[-GROWN_FROM:])
    own = own.where(ages.mature(own))
    grown = ages.growth(own, own.account_number)
    last = own.where(np.arange(len(own))[-LATELY:])
    level: Numbers = ages.levels(last, grown)
    if len(level) < FEWEST:
        return None
    old = ages.log_age(last)
    age = float(np.where(np.isfinite(old), old, math.log(grown.age_h)).mean())
    doubt = DOUBT if grown.source == "two measurements" else max(grown.slope, 1 - grown.slope)
    mean = float(level.mean()) + grown.slope * (age - math.log(grown.age_h))
    return _Lately(mean, float(level.var(ddof=1)) / len(level), age, grown.slope, doubt)


def _beats(a: _Lately, b: _Lately, age: float) -> float:
    ahead = a.at(age) - b.at(age) - max(a.doubt, b.doubt) * abs(a.age - b.age)
    spread = a.variance + b.variance
    return 0.5 * (1 + math.erf(ahead / math.sqrt(2 * spread))) if spread > 0 else 0.5


def _old(age: float) -> str:
    hours = math.exp(age)
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
