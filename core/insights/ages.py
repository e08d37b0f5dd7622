"""Posts are measured at different ages: what their views would be at one comparable age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.insights.posts import Numbers, Posts

YOUNGEST_H, OLDEST_H = 1.0, 720.0  # hours; after 30 days views hardly grow any more
FEWEST = 20  # posts from which a growth is estimated
MATURE_H = 24.0  # a post of an hour says little of where it will end
FEW_MATURE = 10
USUAL_AGE_H = 168.0  # a week, where no age is known


@dataclass(frozen=True, slots=True)
class Growth:
    """How views grow with age: log views rise by `slope` per unit of log age; `age_h` is the comparable age, hours.

    Attributes:
        source: "two measurements", "age at measurement" (which cannot be told from a trend), or "none".
    """

    slope: float
    age_h: float
    source: str


def log_age(posts: Posts) -> Numbers:
    """Log of the age in hours at which views were taken, held to 1 hour..30 days; NaN where either time is unknown."""
    age = (posts.viewed_at - posts.posted_at) / 3600
    return np.log(np.clip(np.where(age >= 0, age, np.nan), YOUNGEST_H, OLDEST_H))


def growth(posts: Posts, account: NDArray[np.int64]) -> Growth:
    """Estimate the growth from posts of one platform.

    From posts measured twice: views per hour * age / views is the slope at that age; the median over posts. Else from
    a regression of log views on log age within accounts, held to 0..1.

    Args:
        account: (n,) numbers from 0.
    """
    ages = log_age(posts)
    known = np.isfinite(ages) & np.isfinite(posts.views)
    if not known.any():
        return Growth(0.0, USUAL_AGE_H, "none")
    age_h = float(np.exp(np.median(ages[known])))
    hours = np.exp(ages)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = posts.views_velocity * hours / posts.views
    # Measured once, velocity is views / age, and the quotient 1 by construction.
    twice = slopes[known & (posts.views > 0) & (np.abs(slopes - 1) > 1e-6) & (hours > YOUNGEST_H) & (hours < OLDEST_H)]
    twice = twice[np.isfinite(twice)]
    if twice.size >= FEWEST:
        return Growth(float(np.clip(np.median(twice), 0.0, 1.0)), age_h, "two measurements")
    if known.sum() < FEWEST:
        return Growth(0.0, age_h, "none")
    which = np.unique(account[known], return_inverse=True)[1].reshape(-1)
    size = np.bincount(which)
    x, y = ages[known], np.log1p(posts.views[known])
    x = x - (np.bincount(which, x) / size)[which]
    y = y - (np.bincount(which, y) / size)[which]
    # Ten posts' worth of doubt: ages that hardly differ say nothing of growth.
    slope = float(x @ y) / (float(x @ x) + 10 * 0.25)
    return Growth(float(np.clip(slope, 0.0, 1.0)), age_h, "age at measurement")


def levels(posts: Posts, grown: Growth) -> Numbers:
    """Log(1 + views) as it would be at the comparable age; NaN without views. An unknown age is taken as comparable."""
    ages = log_age(posts)
    older = np.where(np.isfinite(ages), ages, np.log(grown.age_h)) - np.log(grown.age_h)
    return np.log1p(posts.views) - grown.slope * older


def mature(posts: Posts) -> NDArray[np.bool_]:
    """(n,) posts whose views were taken a day or more after publishing, or at an unknown age; else, if few, all."""
    with np.errstate(invalid="ignore"):
        found = ~((posts.viewed_at - posts.posted_at) < MATURE_H * 3600)
    return found if found.sum() >= FEW_MATURE else np.ones(len(posts), np.bool_)
