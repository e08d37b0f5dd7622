"""Blocks of rows into the tables: what is new, what is history, what changed; views_velocity from scrape to scrape.

A value that is not known never erases one that is. Applying a block again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from core.insights.intake.block import COLUMNS, FACTS, HOUR, RETAINED, Block, nullable, rates, since_posting
from core.insights.metrics.growing import Growing
from core.insights.posts import ENGAGEMENT
from core.store import wire

if TYPE_CHECKING:
    from sqlalchemy import Connection

AT_ONCE = 20_000  # ids in one question
Row = dict[str, Any]
Values = tuple[Any, ...]  # of a table's row, in the order of its columns
Key = tuple[str, float]
T = TypeVar("T")


@dataclass
class Changes:
    """What a block changes, before it is written.

    Attributes:
        new, history, updated: rows of content not measured before; of another measurement of known content; that say
            something else of a measurement that is known.
        jumped: ids whose measurements did not come in the order of time.
    """

    new: int = 0
    history: int = 0
    updated: int = 0
    content: list[Values] = field(default_factory=list[Values])
    engagement: list[Values] = field(default_factory=list[Values])
    retention: list[Values] = field(default_factory=list[Values])
    jumped: set[str] = field(default_factory=set[str])

    def __bool__(self) -> bool:
        return bool(self.content or self.engagement or self.retention)


def compare(conn: Connection, block: Block) -> Changes:
    """What a block would change; nothing is written."""
    ids: Sequence[str] = block.column("content_id")
    known = _known(conn, conn.dialect.name, block.platform, ids)
    times = block.column("measured_at")
    if not known and len(set(ids)) == len(ids) and None not in times:
        return _unseen(block.with_rates())
    counted = Counter(ids)
    plain = [row for row, one in enumerate(ids) if counted[one] == 1 and one not in known and times[row] is not None]
    found = _unseen(block.at(plain).with_rates())
    taken = set(plain)
    rest = block.at([row for row in range(len(ids)) if row not in taken])
    growing = Growing(rest, known)
    _grow(growing, found)
    if growing.rest:
        rest = rest.at(growing.rest)
        _Merging(conn, rest, {one: known[one] for one in set(rest.column("content_id")) if one in known}, found).run()
    return found


def _grow(growing: Growing, into: Changes) -> None:
    into.new, into.history = into.new + growing.new, into.history + growing.history
    if not len(growing.block):
        return
    into.content += _tuples("content", growing.content(), len(growing.starts))
    for table, rows, columns in (
        ("engagement_metrics", into.engagement, growing.engagement()),
        ("retention_metrics", into.retention, growing.retention()),
    ):
        rows += _tuples(table, columns, len(columns["content_id"]))


def write(conn: Connection, dialect: str, platform: str, changes: Changes) -> None:
    """Write what `compare` found, inside the caller's transaction."""
    from core.insights.metrics.tables import CONTENT, ENGAGEMENT, RETENTION, upsert

    for table, rows in ((CONTENT, changes.content), (ENGAGEMENT, changes.engagement), (RETENTION, changes.retention)):
        if rows:
            conn.exec_driver_sql(upsert(table, dialect), sorted(rows, key=itemgetter(0)))  # neighbours share a page
    for at in range(0, len(jumped := sorted(changes.jumped)), 5_000):  # SQLite takes 32,766 parameters
        some = jumped[at : at + 5_000]
        _recompute_velocity(conn, platform, some)


def chunks(some: Sequence[T]) -> Iterator[Sequence[T]]:
    """The ids in pieces that fit into one question."""
    return (some[at : at + AT_ONCE] for at in range(0, len(some), AT_ONCE))


def _known(conn: Connection, dialect: str, platform: str, ids: Sequence[str]) -> dict[str, Row]:
    """Content that is known already, by id; `last_views` are the newest known of it, taken at `viewed_at`."""
    from core.insights.metrics.tables import CONTENT, names

    own = names(CONTENT)
    views, viewed_at = (
        f"CASE WHEN e.views IS NOT NULL THEN e.{name} ELSE (SELECT b.{name} FROM engagement_metrics b "
        "WHERE b.content_id = c.content_id AND b.platform = c.platform AND b.views IS NOT NULL "
        "ORDER BY b.measured_at DESC LIMIT 1) END"
        for name in ("views", "measured_at")
    )
    query = (
        f"SELECT {', '.join(f'c.{name}' for name in own)}, {views}, {viewed_at} FROM {_listed(dialect)} "
        "JOIN content c ON c.content_id = j.value AND c.platform = PLATFORM "
        "LEFT JOIN engagement_metrics e ON e.content_id = c.content_id AND e.platform = c.platform "
        "AND e.measured_at = c.engagement_at"
    )
    found: dict[str, Row] = {}
    for row in _asked(conn, dialect, query, platform, sorted(set(ids))):
        found[row[0]] = dict(zip((*own, "last_views", "viewed_at"), row, strict=True))
    return found


def _listed(dialect: str) -> str:
    """A table `j` of ids given as one parameter: a question with thousands of them takes longer to compile than to ask.

    CROSS JOIN holds SQLite to going through the ids.
    """
    return "json_each(?) j CROSS" if dialect == "sqlite" else "unnest(%s::text[]) AS j(value)"


def _asked(conn: Connection, dialect: str, query: str, platform: str, ids: list[str], *more: float) -> Iterator[Values]:
    """Rows as plain tuples: SQLAlchemy's own cost twice the time."""
    mark = "?" if dialect == "sqlite" else "%s"
    query = query.replace("PLATFORM", mark).replace("NUMBER", mark)
    for some in chunks(ids):
        given = wire.compact(list(some)) if dialect == "sqlite" else list(some)
        result = conn.exec_driver_sql(query, (given, platform, *more))
        if result.cursor is not None:
            yield from result.cursor.fetchall()
        result.close()


def _unseen(block: Block) -> Changes:
    """Content that was never seen and is here once: the common case of a first import, column by column."""
    n = len(block)
    if not n:
        return Changes()
    times = block.column("measured_at")
    views, measured, posted = (
        np.array(block.column(name), dtype=np.float64) for name in ("views", "measured_at", "posted_at")
    )
    given = np.array(block.column("views_velocity"), dtype=np.float64)
    velocity = nullable(np.where(np.isnan(given), since_posting(views, measured, posted), given))
    engaged = _any(block, ENGAGEMENT)
    retained = _any(block, RETAINED)
    columns = dict(block.columns) | {
        "platform": [block.platform] * n,
        "views_velocity": velocity,
        "facts_at": times,
        "first_at": times if all(engaged) or all(retained) else _where(times, engaged, retained),
        "engagement_at": _where(times, engaged),
        "retention_at": _where(times, retained),
    }
    return Changes(
        new=n,
        content=_tuples("content", columns, n),
        engagement=_those(_tuples("engagement_metrics", columns, n) if any(engaged) else [], engaged),
        retention=_those(_tuples("retention_metrics", columns, n) if any(retained) else [], retained),
    )


def _any(block: Block, names: Sequence[str]) -> list[bool]:
    """Which rows say anything in these columns."""
    said = [block.columns[name] for name in names if name in block.columns]
    if any(None not in column for column in said):
        return [True] * len(block)
    if not said:
        return [False] * len(block)
    return [any(value is not None for value in row) for row in zip(*said, strict=True)]


def _where(times: Sequence[Any], *masks: Sequence[bool]) -> list[Any]:
    return [at if any(here) else None for at, *here in zip(times, *masks, strict=True)]


def _those(rows: list[Values], mask: Sequence[bool]) -> list[Values]:
    return rows if all(mask) else [row for row, is_so in zip(rows, mask, strict=False) if is_so]


def _tuples(table: str, columns: Mapping[str, Sequence[Any]], n: int) -> list[Values]:
    from core.insights.metrics.tables import METADATA, names

    nothing = [None] * n
    return list(zip(*(columns.get(name) or nothing for name in names(METADATA.tables[table])), strict=True))


class _Merging:
    """Rows of content that is known, or is in the block more than once, in the order of time."""

    def __init__(self, conn: Connection, block: Block, known: dict[str, Row], into: Changes) -> None:
        self.conn = conn
        self.dialect = conn.dialect.name
        self.platform = block.platform
        self.block = block
        self.into = into
        self.content = {one: dict(row) for one, row in known.items()}
        self.before = known
        self.engagement = self._existing("engagement_metrics", "engagement_at")
        self.retention = self._existing("retention_metrics", "retention_at")
        self.touched: dict[str, dict[Key, Row]] = {"engagement": {}, "retention": {}}
        self.there = {"engagement": dict(self.engagement), "retention": dict(self.retention)}

    def run(self) -> None:
        """Merge every row and hand over what changed."""
        from core.insights.metrics.tables import CONTENT, ENGAGEMENT, RETENTION, names

        for row in self._in_order():
            self._take(row)
        content = [row for one, row in self.content.items() if row != self.before.get(one)]
        # A block that says two things of one measurement may end with what is there.
        engagement, retention = (
            [row for key, row in found.items() if row != self.there[kind].get(key)]
            for kind, found in self.touched.items()
        )
        self.into.content += map(itemgetter(*names(CONTENT)), content)
        self.into.engagement += map(itemgetter(*names(ENGAGEMENT)), engagement)
        self.into.retention += map(itemgetter(*names(RETENTION)), retention)

    def _in_order(self) -> list[Row]:
        columns: dict[str, Sequence[Any]] = {
            name: self.block.columns.get(name) or [None] * len(self.block) for name in COLUMNS
        }
        rows: list[Row] = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        rows.sort(key=lambda row: -1.0 if row["measured_at"] is None else row["measured_at"])
        return rows

    def _existing(self, table: str, newest: str) -> dict[Key, Row]:
        """Measurements of this very moment that are there already, asked for only where time does not go on."""
        from core.insights.metrics.tables import METADATA, names

        ids, times = self.block.column("content_id"), self.block.column("measured_at")
        wanted = {
            (one, at)
            for one, at in zip(ids, times, strict=True)
            if at is not None and one in self.before and (last := self.before[one][newest]) is not None and at <= last
        }
        if not wanted:
            return {}
        own = names(METADATA.tables[table])
        query = (
            f"SELECT {', '.join(f't.{name}' for name in own)} FROM {_listed(self.dialect)} JOIN {table} t "
            "ON t.content_id = j.value AND t.platform = PLATFORM "
            "AND t.measured_at >= NUMBER AND t.measured_at <= NUMBER"
        )
        first, last = min(at for _, at in wanted), max(at for _, at in wanted)
        asked = _asked(self.conn, self.dialect, query, self.platform, sorted({one for one, _ in wanted}), first, last)
        rows = (dict(zip(own, row, strict=True)) for row in asked)
        return {key: row for row in rows if (key := (row["content_id"], row["measured_at"])) in wanted}

    def _take(self, row: Row) -> None:
        one, at = row["content_id"], row["measured_at"]
        content = self.content.get(one) or self._blank(one)
        first = content["first_at"] is None
        facts = self._facts(content, row, at)
        if at is None:
            self.into.new += one not in self.content
            self.into.updated += one in self.content and facts != content
            self.content[one] = facts
            return
        was = (one, at) in self.engagement, (one, at) in self.retention
        changed = self._measure("engagement", facts, row, ENGAGEMENT) | self._measure("retention", facts, row, RETAINED)
        self.content[one] = facts
        if first:
            self.into.new += changed or facts != content
        elif any(was):
            self.into.updated += changed or _said(facts) != _said(content)
        else:
            self.into.history += changed

    def _blank(self, one: str) -> Row:
        times = dict.fromkeys(("facts_at", "first_at", "engagement_at", "retention_at", "last_views", "viewed_at"))
        return {"content_id": one, "platform": self.platform} | dict.fromkeys(FACTS) | times

    @staticmethod
    def _facts(content: Row, row: Row, at: float | None) -> Row:
        """The content's facts with the row's: a newer row's weigh more, an older one's fill gaps."""
        merged = dict(content)
        newer = at is None or content["facts_at"] is None or at >= content["facts_at"]
        for name in FACTS:
            value = row[name]
            if value is not None and (newer or merged[name] is None):
                merged[name] = value
        if at is not None and newer:
            merged["facts_at"] = at
        return merged

    def _measure(self, kind: str, facts: Row, row: Row, names: Sequence[str]) -> bool:
        said = {name: row[name] for name in names if row[name] is not None}
        if not said:
            return False
        there = self.engagement if kind == "engagement" else self.retention
        one, at, newest = row["content_id"], row["measured_at"], facts[f"{kind}_at"]
        old = there.get((one, at))
        new = (old or {"content_id": one, "platform": self.platform, "measured_at": at} | dict.fromkeys(names)) | said
        if kind == "engagement":
            new |= {name: rate for name, rate in rates(new).items() if name not in said}
            self._set_velocity(new, old, facts, given=said.get("views_velocity"))
        if new == old:
            return False
        there[one, at] = self.touched[kind][one, at] = new
        facts["first_at"] = at if facts["first_at"] is None else min(at, facts["first_at"])
        facts[f"{kind}_at"] = at if newest is None else max(at, newest)
        return True

    def _set_velocity(self, new: Row, old: Row | None, facts: Row, *, given: float | None) -> None:
        at, views, last = new["measured_at"], new["views"], facts["engagement_at"]
        if last is not None and at <= last:
            # Its neighbours in time are in the table; the database works it out once all rows are there.
            if old is None or old["views"] != views:
                self.into.jumped.add(new["content_id"])
            return
        if views is None:
            return
        before, since = facts["last_views"], facts["viewed_at"]
        if since is None:
            before, since = 0, facts["posted_at"]
        if given is None and since is not None and at > since:
            new["views_velocity"] = (views - before) / ((at - since) / HOUR)
        facts["last_views"], facts["viewed_at"] = views, at


def _said(content: Row) -> list[Any]:
    return [content[name] for name in FACTS]


def _recompute_velocity(conn: Connection, platform: str, ids: Sequence[str]) -> None:
    """views_velocity of all measurements of some content, from the views known before each, else since posting."""
    from sqlalchemy import and_, case, func, select, update

    from core.insights.metrics.tables import CONTENT, ENGAGEMENT

    mine, other = ENGAGEMENT.c, ENGAGEMENT.alias("other").c
    same = and_(other.content_id == mine.content_id, other.platform == mine.platform)
    before = and_(same, other.measured_at < mine.measured_at, other.views.is_not(None))
    last = select(func.max(other.measured_at)).where(before).correlate(ENGAGEMENT).scalar_subquery()
    last_views = select(other.views).where(same, other.measured_at == last).correlate(ENGAGEMENT).scalar_subquery()
    posted = (
        select(CONTENT.c.posted_at)
        .where(CONTENT.c.content_id == mine.content_id, CONTENT.c.platform == mine.platform)
        .correlate(ENGAGEMENT)
        .scalar_subquery()
    )
    per_hour = case(
        (last_views.is_not(None), (mine.views - last_views) / ((mine.measured_at - last) / HOUR)),
        (and_(mine.measured_at > posted), mine.views / ((mine.measured_at - posted) / HOUR)),
        else_=None,
    )
    conn.execute(
        update(ENGAGEMENT)
        .where(mine.platform == platform, mine.content_id.in_(ids), mine.views.is_not(None))
        .values(views_velocity=func.coalesce(per_hour, mine.views_velocity))
    )
