"""What a post is judged by, made comparable: how views are set against followers and age, and whose posts resemble.

Outcomes are compared on a logarithm, so an effect reads "x 1.2".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.insights.findings.effects import LEAST_GROUPS, LEAST_ROWS, Floats, Ints, adjusted, logs
from core.insights.findings.remembered import remembered
from core.insights.posts import Posts

WEEK = 7 * 86400.0
POSTS_PER_ACCOUNT = 5  # from here on, an account's posts are compared with each other and not with other accounts'
MOST_ADJUSTED = 500_000  # rows: beyond them only the account's or the platform's mean is taken out


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one column of numbers is called and how it is shown.

    Attributes:
        percent: shown in per cent of views or viewers; else as a count.
        weight: how much it says about a recommendation; retention first, as in seed 001.
    """

    name: str
    words: str
    percent: bool
    weight: float


OUTCOMES = (
    Outcome("avg_watch_percentage", "share watched", True, 3.0),
    Outcome("completion_rate", "completion", True, 2.0),
    Outcome("save_rate", "saves per view", True, 1.5),
    Outcome("share_rate", "shares per view", True, 1.5),
    Outcome("engagement_rate", "engagement per view", True, 1.0),
    Outcome("views", "views", False, 1.0),
)
BY_NAME = {one.name: one for one in OUTCOMES}


def measured(posts: Posts, name: str) -> Floats:
    """The outcome's values as measured: (N,), NaN = not measured."""
    if name != "share_rate":
        return getattr(posts, name)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(posts.views > 0, posts.shares / posts.views, np.nan)


def groups(posts: Posts) -> tuple[Ints, str]:
    """Whose posts resemble each other: accounts where there are enough, else weeks, else days; and its word."""
    return remembered(posts, "groups", lambda: _groups(posts))


def _groups(posts: Posts) -> tuple[Ints, str]:
    accounts = _accounts(posts)
    if accounts.max(initial=-1) + 1 >= 2 * LEAST_GROUPS:
        return accounts, "account"
    for seconds, word in ((WEEK, "week"), (WEEK / 7, "day")):
        found = _ranked(np.floor(np.nan_to_num(posts.posted_at, nan=-WEEK) / seconds))
        if found.max(initial=-1) + 1 >= 3 * LEAST_GROUPS:
            return found, word
    return np.arange(len(posts), dtype=np.int64), "post"


def comparable(posts: Posts, name: str) -> Floats:
    """Logarithm of the outcome, less what followers, age at measurement and the account explain.

    Followers and age are taken out by a straight line in logarithms; where accounts have `POSTS_PER_ACCOUNT` posts
    each, their mean is taken out instead of their followers. What correlates with both a choice and these facts is
    credited to the facts, so that an effect is rather too small than too large.
    """
    return remembered(posts, ("comparable", name), lambda: _comparable(posts, name))


def _comparable(posts: Posts, name: str) -> Floats:
    y = logs(measured(posts, name))
    accounts = _accounts(posts)
    with np.errstate(divide="ignore", invalid="ignore"):
        age = np.log(np.maximum(posts.measured_at - posts.posted_at, 3600.0))
    if many_posts_each(accounts):
        y = _less_group_mean(y, accounts)
        facts = [age, posts.posted_at]
    else:
        followers = posts.features.get("followers")
        facts = [age, posts.posted_at] if followers is None else [np.log1p(followers), age, posts.posted_at]
    return adjusted(y, facts) if len(y) <= MOST_ADJUSTED else y


def many_posts_each(accounts: Ints) -> bool:
    """Whether accounts have enough posts to be compared with themselves."""
    count = accounts.max(initial=-1) + 1
    return count >= 1 and len(accounts) / count >= POSTS_PER_ACCOUNT


def account_numbers(posts: Posts) -> Ints:
    """(N,) 0..A-1; posts of unknown accounts share one number."""
    return _accounts(posts)


def _accounts(posts: Posts) -> Ints:
    number = posts.account_number
    return remembered(posts, "accounts", lambda: np.unique(number, return_inverse=True)[1].astype(np.int64))


def _ranked(values: Floats) -> Ints:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _less_group_mean(y: Floats, group: Ints) -> Floats:
    fine = np.isfinite(y)
    if fine.sum() < LEAST_ROWS:
        return y
    size = int(group.max()) + 1
    counts = np.bincount(group[fine], minlength=size)
    sums = np.bincount(group[fine], weights=y[fine], minlength=size)
    return (y - (sums / np.maximum(counts, 1))[group] + y[fine].mean()).astype(np.float64)
