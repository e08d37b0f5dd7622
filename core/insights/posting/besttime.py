"""When to post on a platform: hours and weekdays shrunk towards the platform's mean, or "no difference shown yet".

The sums are `pooling`'s, `shrinking`'s and `exploring`'s; this chooses what is compared and names what was left out.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import WrongUseError
from core.insights.ages import log_age
from core.insights.platforms import one_name
from core.insights.posting import exploring, pooling, shrinking
from core.insights.posting.answers import FEWEST, BestTime, Heat, Metric, Next, Timed
from core.insights.posting.pooling import HOURS, WEEKDAYS, Floats, Ints, Sums
from core.insights.posting.shrinking import Drawn, Prior
from core.insights.posts import JSONS, Posts
from core.insights.zones import DAYS, Zone, iso, next_at, parts, shown, utc_hours, zone

if TYPE_CHECKING:
    from core.workspace import Workspace

TOP = 3
ENDS = (0.05, 0.95)  # 90 % intervals
SUREST = 0.999  # of no time more than this is said: the posts may be others tomorrow
SHOWN_AT = 40.0  # e-value: 1 / 0.025 each for hours and weekdays, together at most 5 % false alarms, ever


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
        platform, metric, where.name, iso(at), [], [], [], [], [], {}, None, n, left, False, False, False, 1.0, 1.0,
        None, None, [], [], None, None, notes,
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
    days, account = (posts.posted_at - posts.posted_at.mean()) / 86400, accounts(posts)
    y, block = pooling.clipped(outcome(posts, metric), account), pooling.blocks(account, posts.posted_at)
    return pooling.sums(y, hour, weekday, block, np.column_stack([days, ages]))


def _worded(blank: BestTime, data: Sums, where: Zone, at: float) -> BestTime:
    found = shrinking.draw(data)
    cells = found.cells.reshape(-1, WEEKDAYS, HOURS)
    e_hours, e_days = pooling.evidence(data, "hour"), pooling.evidence(data, "weekday")
    by_hour, by_day = data.counts.sum(axis=0), data.counts.sum(axis=1)
    hours = _timed(blank.metric, found.typical, cells.mean(axis=1), by_hour, e_hours, utc_hours(at, where))
    days = _timed(blank.metric, found.typical, cells.mean(axis=2), by_day, e_days, None)
    top = _best(hours)
    notes = list(blank.notes)
    if blank.sample_size < 30:
        notes.append("few posts: these are leanings, not findings")
    return replace(
        blank,
        best_hours=[one.utc_hour for one in top if one.utc_hour is not None],
        best_hours_local=[one.index for one in top],
        best_days=[one.name for one in _best(days)],
        advised_hours=[one.index for one in top if e_hours >= SHOWN_AT and one.change_low > 0],
        advised_days=[one.name for one in _best(days) if e_days >= SHOWN_AT and one.change_low > 0],
        hourly_performance={one.utc_hour: one.value for one in hours if one.utc_hour is not None},
        confidence=top[0].beats,
        shown=e_hours >= SHOWN_AT or e_days >= SHOWN_AT,
        hours_shown=e_hours >= SHOWN_AT,
        days_shown=e_days >= SHOWN_AT,
        hours_evidence=e_hours,
        days_evidence=e_days,
        typical=float(_scale(blank.metric)(found.typical.mean())),
        spread=float(np.median(found.noise)),
        hours=hours,
        days=days,
        heat=_heat(blank.metric, found, data.counts),
        next=_next(data, found.prior, where, at),
        notes=notes,
    )


def _scale(metric: Metric) -> Any:
    return np.exp if metric == "engagement" else np.expm1


def _timed(
    metric: Metric, typical: Floats, drawn: Floats, counts: Ints, evidence: float, utc: list[int] | None
) -> list[Timed]:
    """Hours, or weekdays where `utc` is None.

    Args:
        typical: (draws,) the average level. drawn: (draws, levels) against it, log units.
        evidence: that the levels differ at all; without it no level would be above another: even odds, before.
    """
    value = _scale(metric)
    mean, ends = drawn.mean(axis=0), np.quantile(drawn, ENDS, axis=0)
    low, high = value(np.quantile(typical[:, None] + drawn, ENDS, axis=0))
    chance, beats = _top_chances(drawn), 0.5 + ((drawn > 0).mean(axis=0) - 0.5) * evidence / (1 + evidence)
    return [
        Timed(
            index,
            DAYS[index] if utc is None else f"{index:02d}:00",
            None if utc is None else utc[index],
            float(value(typical.mean() + mean[index])),
            float(low[index]),
            float(high[index]),
            float(np.expm1(mean[index])),
            float(np.expm1(ends[0, index])),
            float(np.expm1(ends[1, index])),
            float(np.clip(beats[index], 1 - SUREST, SUREST)),
            float(chance[index]),
            int(counts[index]),
        )
        for index in range(drawn.shape[1])
    ]


def _top_chances(drawn: Floats) -> Floats:
    best = np.argpartition(-drawn, TOP - 1, axis=1)[:, :TOP]
    return np.bincount(best.ravel(), minlength=drawn.shape[1]) / len(drawn)


def _best(timed: list[Timed]) -> list[Timed]:
    return sorted(timed, key=lambda one: (-one.value, one.index))[:TOP]


def _heat(metric: Metric, found: Drawn, counts: Ints) -> Heat:
    cells = found.typical[:, None] + found.cells
    low, high = np.quantile(cells, ENDS, axis=0)
    value = _scale(metric)

    def table(one: Floats) -> list[list[float]]:
        return [[float(cell) for cell in row] for row in value(one).reshape(WEEKDAYS, HOURS)]

    return Heat(table(cells.mean(axis=0)), table(low), table(high), counts.tolist())


def _next(data: Sums, prior: Prior, where: Zone, at: float) -> Next | None:
    weekday, hour, gain = exploring.tells_most(data, prior)
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
