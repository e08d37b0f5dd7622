"""What a post is judged by, made comparable: how views are set against followers and age, and whose posts resemble.

Outcomes are compared on a logarithm, so an effect reads "x 1.2".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.insights.findings.effects import LEAST_GROUPS, Floats, Ints, logs
from core.insights.findings.held import Held, columns_of
from core.insights.findings.remembered import on, platforms, remembered, rows_on
from core.insights.posts import Posts

WEEK = 7 * 86400.0
POSTS_PER_ACCOUNT = 5  # from here on, an account's posts are compared with each other and not with other accounts'
MOST_ADJUSTED = 500_000  # rows: beyond them only the account's or the platform's mean is taken out
FEW_ACCOUNTS = 50  # of fewer it cannot be told whether their posts were picked


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


def logged(posts: Posts, name: str) -> Floats:
    """Logarithm of the outcome as measured."""
    return remembered(posts, ("logged", name), lambda: logs(measured(posts, name)))


def held(posts: Posts) -> Held:
    """What posts of one platform are compared at: equal followers, age at measurement and posting time, where known.

    Where accounts have `POSTS_PER_ACCOUNT` posts each, they are compared with themselves instead of at equal followers.
    """
    return remembered(posts, "held", lambda: _held(posts))


def _held(posts: Posts) -> Held:
    accounts = account_numbers(posts)
    own = many_posts_each(accounts)
    if len(posts) > MOST_ADJUSTED:
        return Held(accounts, (), ("account",)) if own else Held()
    with np.errstate(divide="ignore", invalid="ignore"):
        age = np.log(np.maximum(posts.viewed_at - posts.posted_at, 3600.0))
    facts = {"age at measurement": age, "posting time": posts.posted_at}
    followers = posts.features.get("followers")
    if followers is not None and not own:
        facts = {"followers": np.log1p(followers)} | facts
    columns = {name: columns_of(fact) for name, fact in facts.items()}
    names = [name for name, found in columns.items() if found]
    return Held(
        accounts if own else None, tuple(column for found in columns.values() for column in found),
        ("account", *names) if own else tuple(names),
    )  # fmt: skip


def held_everywhere(posts: Posts) -> Held:
    """The same for posts of several platforms, each compared within its own and at its own lines."""
    return remembered(posts, "held everywhere", lambda: _held_everywhere(posts))


def _held_everywhere(posts: Posts) -> Held:
    within, facts, first = np.zeros(len(posts), np.int64), list[Floats](), 0
    for platform in platforms(posts):
        rows, own = rows_on(posts, platform), held(on(posts, platform))
        within[rows] = first + (0 if own.within is None else own.within)
        first = int(within[rows].max()) + 1
        for column in own.facts if len(posts) <= MOST_ADJUSTED else ():
            facts.append(np.zeros(len(posts)))
            facts[-1][rows] = column
    return Held(within, tuple(facts))


def spread(posts: Posts, name: str) -> float:
    """Standard deviation of the outcome's logarithm among posts of one platform that are alike in what is held."""
    y = logged(posts, name)
    keep = np.isfinite(y)
    return float(held(posts).frame(keep).residual(y[keep]).std())


def picked_platforms(posts: Posts) -> dict[str, tuple[int, int]]:
    """Platforms whose posts look picked: most of many accounts appear with one post; (accounts with one, accounts)."""
    return remembered(posts, "picked", lambda: _picked(posts))


def _picked(posts: Posts) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for platform in platforms(posts):
        counts = np.unique(on(posts, platform).account_number, return_counts=True)[1]
        once = int((counts == 1).sum())
        if len(counts) >= FEW_ACCOUNTS and once > len(counts) / 2:
            found[platform] = (once, len(counts))
    return found


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
