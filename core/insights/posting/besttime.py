"""When to post on a platform: hours and weekdays shrunk towards the platform's mean, or "no difference shown yet".

The sums are `pooling`'s and `exploring`'s; this chooses what is compared, names what was left out, and words it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import WrongUseError
from core.insights.ages import log_age
from core.insights.platforms import one_name
from core.insights.posting import exploring, pooling
from core.insights.posting.answers import FEWEST, BestTime, Heat, Metric, Next, Timed
from core.insights.posting.pooling import HOURS, WEEKDAYS, Floats, Ints, Posterior, Sums
from core.insights.posts import JSONS, Posts
from core.insights.zones import DAYS, Zone, iso, next_at, parts, shown, utc_hours, zone

if TYPE_CHECKING:
    from core.workspace import Workspace

TOP = 3
Z90 = 1.6449  # 90 % intervals
SHOWN_AT = 40.0  # e-value: 1 / 0.025 each for hours and weekdays, together at most 5 % false alarms, ever
DRAWS = 2000


def find(
    space: Workspace,
    platform: str,
    *,
    metric: Metric = "engagement",
    timezone: str | None = None,
    at: float | None = None,
) -> BestTime:
    """When to post on a platform, from the posts of this workspace.

    Args:
        timezone: overrides insights.timezone. at: UTC seconds, now by default.

    Raises:
        WrongUseError: there is no such time zone.
    """
    from core.insights.metrics.store import MetricsStore

    where, name = zone(timezone or space.settings.insights.timezone), one_name(platform)
    with MetricsStore(space) as store:
        posts = store.posts(name, without=("caption", *JSONS))
    return analyse(posts, name, metric=metric, where=where, at=time.time() if at is None else at)


def analyse(posts: Posts, platform: str, *, metric: Metric = "engagement", where: Zone, at: float) -> BestTime:
    """The same from posts; a pure function of its arguments, 0.5 s.

    Args:
        at: UTC seconds; decides which UTC hour a local hour is (daylight saving), and when "next" is.
    """
    chosen, notes, left = _comparable(posts, platform, metric)
    n = len(chosen)
    blank = BestTime(
        platform, metric, where.name, iso(at), [], [], [], {}, None, n, left, False, False, False, 1.0, 1.0, None, None,
        [], [], None, None, notes,
    )  # fmt: skip
    if n < FEWEST:
        return blank
    data = _sums(chosen, metric, where)
    if data.free < 3:
        return blank
    return _worded(blank, data, where, at)


def differs(posts: Posts, platform: str, where: Zone) -> bool | None:
    """Whether hours or weekdays are shown to differ; None with too few posts. 5 ms, where `analyse` takes 100."""
    chosen, _, _ = _comparable(posts, platform, "engagement")
    if len(chosen) < FEWEST or (data := _sums(chosen, "engagement", where)).free < 3:
        return None
    return max(pooling.evidence(data, "hour"), pooling.evidence(data, "weekday")) >= SHOWN_AT


def outcome(posts: Posts, metric: Metric) -> Floats:
    """Log outcome of each post, NaN where it was not measured.

    Engagement: log((rate * views + 0.5) / (views + 1)), so that a post without any reaction counts too; where the
    views are unknown, log(rate) of rates above 0. Views: log(1 + views).
    """
    if metric == "views":
        return np.log1p(posts.views)
    with np.errstate(divide="ignore", invalid="ignore"):
        counted = np.log((posts.engagement_rate * posts.views + 0.5) / (posts.views + 1))
        plain = np.where(posts.engagement_rate > 0, np.log(posts.engagement_rate), np.nan)
    return np.where(np.isnan(posts.views), plain, counted)


def accounts(posts: Posts) -> Ints:
    """(n,) the posts' accounts as numbers from 0; posts without one share one."""
    names: list[str] = [name or "" for name in posts.account.tolist()]
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.fromiter(map(numbers.__getitem__, names), np.int64, len(names))


def _comparable(posts: Posts, platform: str, metric: Metric) -> tuple[Posts, list[str], int]:
    mine = posts.where(posts.platform == platform)
    total, notes = len(mine), list[str]()
    mine = mine.where(np.isfinite(mine.posted_at) & np.isfinite(outcome(mine, metric)))
    if len(mine) < total:
        notes.append(f"{total - len(mine):,} posts have no posting time or no {metric}")
    number = accounts(mine)
    alone = np.bincount(number, minlength=1)[number] == 1 if len(mine) else np.zeros(0, np.bool_)
    if len(mine) and number.max() > 0 and alone.any():
        notes.append(
            f"{int(alone.sum()):,} posts are the only one of their account: hour and account cannot be told apart"
        )
        mine = mine.where(~alone)
    ages = log_age(mine)
    if len(mine) and (unknown := int(np.isnan(ages).sum())):
        notes.append(f"{unknown:,} posts have no time of measurement: their age is not taken out")
    return mine, notes, total - len(mine)


def _sums(posts: Posts, metric: Metric, where: Zone) -> Sums:
    hour, weekday = parts(posts.posted_at, where)
    ages = log_age(posts)
    known = ages[np.isfinite(ages)]
    ages = np.where(np.isfinite(ages), ages, float(np.median(known)) if known.size else 0.0)
    days = (posts.posted_at - posts.posted_at.mean()) / 86400
    return pooling.sums(outcome(posts, metric), hour, weekday, accounts(posts), np.column_stack([days, ages]))


def _worded(blank: BestTime, data: Sums, where: Zone, at: float) -> BestTime:
    found = pooling.fit(data)
    posted = data.counts.sum()
    slots = pooling.columns().T @ found.mean
    typical = data.mean - float(slots @ data.counts.ravel()) / posted + float(slots.mean())
    hours = _timed(blank.metric, found, typical, slice(0, HOURS), data.counts.sum(axis=0), where, at)
    days = _timed(blank.metric, found, typical, slice(HOURS, HOURS + WEEKDAYS), data.counts.sum(axis=1), where, at)
    top = _best(hours)
    e_hours, e_days = pooling.evidence(data, "hour"), pooling.evidence(data, "weekday")
    notes = list(blank.notes)
    if blank.sample_size < 30:
        notes.append("few posts: these are leanings, not findings")
    rate = _scale(blank.metric)
    return replace(
        blank,
        best_hours=[one.utc_hour for one in top if one.utc_hour is not None],
        best_hours_local=[one.index for one in top],
        best_days=[one.name for one in _best(days)],
        hourly_performance={one.utc_hour: one.value for one in hours if one.utc_hour is not None},
        confidence=_beats(found, top[0].index),
        shown=e_hours >= SHOWN_AT or e_days >= SHOWN_AT,
        hours_shown=e_hours >= SHOWN_AT,
        days_shown=e_days >= SHOWN_AT,
        hours_evidence=e_hours,
        days_evidence=e_days,
        typical=float(rate(typical)),
        spread=found.noise**0.5,
        hours=hours,
        days=days,
        heat=_heat(blank.metric, found, typical, data.counts),
        next=_next(data, found, where, at),
        notes=notes,
    )


def _scale(metric: Metric) -> Any:
    return np.exp if metric == "engagement" else np.expm1


def _contrast(size: int) -> Floats:
    return np.eye(size) - 1 / size


def _timed(
    metric: Metric, found: Posterior, typical: float, block: slice, counts: NDArray[np.int64], where: Zone, at: float
) -> list[Timed]:
    size = block.stop - block.start
    against = _contrast(size)
    mean, cover = against @ found.mean[block], against @ found.cover[block, block] @ against.T
    half = Z90 * np.sqrt(np.maximum(np.diag(cover), 0.0))
    chance = _top_chances(mean, cover)
    value = _scale(metric)
    hourly = size == HOURS
    utc = utc_hours(at, where) if hourly else [0] * size
    return [
        Timed(
            index,
            f"{index:02d}:00" if hourly else DAYS[index],
            utc[index] if hourly else None,
            float(value(typical + mean[index])),
            float(value(typical + mean[index] - half[index])),
            float(value(typical + mean[index] + half[index])),
            float(np.expm1(mean[index])),
            float(chance[index]),
            int(counts[index]),
        )
        for index in range(size)
    ]


def _top_chances(mean: Floats, cover: Floats) -> Floats:
    draws = np.random.default_rng(1).multivariate_normal(mean, cover, DRAWS, check_valid="ignore", method="eigh")
    best = np.argpartition(-draws, TOP - 1, axis=1)[:, :TOP]
    return np.bincount(best.ravel(), minlength=len(mean)) / DRAWS


def _best(timed: list[Timed]) -> list[Timed]:
    return sorted(timed, key=lambda one: (-one.value, one.index))[:TOP]


def _beats(found: Posterior, hour: int) -> float:
    from math import erf, sqrt

    against = _contrast(HOURS)[hour]
    spread = float(against @ found.cover[:HOURS, :HOURS] @ against)
    ahead = float(against @ found.mean[:HOURS])
    return 0.5 * (1 + erf(ahead / sqrt(2 * spread))) if spread > 0 else 0.5


def _heat(metric: Metric, found: Posterior, typical: float, counts: Ints) -> Heat:
    of = pooling.columns() @ _contrast(pooling.CELLS)
    mean = of.T @ found.mean
    half = Z90 * np.sqrt(np.maximum(np.einsum("ec,ef,fc->c", of, found.cover, of, optimize=True), 0.0))
    value = _scale(metric)

    def table(cells: Floats) -> list[list[float]]:
        return [[float(one) for one in row] for row in value(typical + cells).reshape(WEEKDAYS, HOURS)]

    return Heat(table(mean), table(mean - half), table(mean + half), counts.tolist())


def _next(data: Sums, found: Posterior, where: Zone, at: float) -> Next | None:
    weekday, hour, gain = exploring.tells_most(data, found)
    moment = next_at(weekday, hour, at, where)
    if moment is None:
        return None
    n = int(data.counts[weekday, hour])
    near = int(data.counts[:, hour].sum())
    why = f"{n} posts there and {near} at that hour so far, and it may yet be the best"
    return Next(DAYS[weekday], hour, iso(moment), shown(moment, where), n, gain, why)


def require(metric: str) -> Metric:
    """The metric of that name.

    Raises:
        WrongUseError: there is none.
    """
    if metric not in ("engagement", "views"):
        raise WrongUseError(f"times are not compared by {metric!r}", do="Use engagement or views.")
    return metric
