"""Reading posts from the tables: of each column the newest number at a moment.

A measurement that does not say something leaves what an earlier one said of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from core.insights.posts import JSONS, NUMBERS, TEXTS, Posts, concatenated, from_columns

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

BLOCK = 500  # rows made into arrays at once, while their values are in the processor's cache
OPTIONAL = frozenset({"caption", *JSONS})


def read(
    conn: Connection, platform: str | None, until: float | None, without: Collection[str], *, measured: bool = True
) -> Posts:
    """See `MetricsStore.posts`.

    Raises:
        ValueError: `without` names a column that cannot be left out.
    """
    if unknown := set(without) - OPTIONAL:
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be left out")
    parts = [_fetched(conn, _query(platform, until, without, measured, late=False))]
    if until is not None:  # what was measured again since is few, and dearer to find
        parts.append(_fetched(conn, _query(platform, until, without, measured, late=True)))
    return concatenated(parts)


def _query(
    platform: str | None, until: float | None, without: Collection[str], measured: bool, *, late: bool
) -> Select[Any]:
    from sqlalchemy import and_, case, func, null, or_, select

    from core.insights.metrics.tables import CONTENT, ENGAGEMENT, RETENTION

    c, e, r = CONTENT.c, ENGAGEMENT.c, RETENTION.c
    e_at: ColumnElement[Any] = c.engagement_at
    r_at: ColumnElement[Any] = c.retention_at
    conditions: list[ColumnElement[bool]] = [] if platform is None else [c.platform == platform]
    if until is not None:
        after = or_(func.coalesce(c.engagement_at, until) > until, func.coalesce(c.retention_at, until) > until)
        conditions.append(after if late else ~after)
        if measured:
            conditions.append(c.first_at <= until)
    if until is not None and late:
        e_at, r_at = (
            select(func.max(t.measured_at))
            .where(t.content_id == c.content_id, t.platform == c.platform, t.measured_at <= until)
            .correlate(CONTENT)
            .scalar_subquery()
            for t in (e, r)
        )
    if measured:
        conditions.append(c.first_at.is_not(None))
    newest = case((e.measured_at.is_(None), r.measured_at), (r.measured_at > e.measured_at, r.measured_at),
                  else_=e.measured_at)  # fmt: skip
    own = {"measured_at": newest, "viewed_at": func.coalesce(known("views", "measured_at"), newest)}
    columns = [
        (null() if name in without else own[name] if name in own else c[name] if name in c else known(name)).label(name)
        for name in (*TEXTS, *NUMBERS, *JSONS)
    ]
    joined = CONTENT
    joined = joined.outerjoin(
        ENGAGEMENT, and_(e.content_id == c.content_id, e.platform == c.platform, e.measured_at == e_at)
    )
    joined = joined.outerjoin(
        RETENTION, and_(r.content_id == c.content_id, r.platform == c.platform, r.measured_at == r_at)
    )
    return select(*columns).select_from(joined).where(*conditions)


def known(name: str, wanted: str | None = None) -> ColumnElement[Any]:
    """The newest value of a column that is not null, from the joined measurement or one before it.

    Args:
        wanted: another column of the measurement that has it.
    """
    from sqlalchemy import case, func, select

    from core.insights.metrics.tables import CONTENT, ENGAGEMENT, RETENTION

    table = ENGAGEMENT if name in ENGAGEMENT.c else RETENTION
    joined, before = table.c, table.alias("before").c
    earlier = (
        select(before[wanted or name])
        .where(before.content_id == CONTENT.c.content_id, before.platform == CONTENT.c.platform)
        .where(before.measured_at < joined.measured_at, before[name].is_not(None))
        .order_by(before.measured_at.desc())
        .limit(1)
        .correlate(CONTENT, table)
        .scalar_subquery()
    )
    here = case((joined[name].is_not(None), joined[wanted or name]))
    return func.coalesce(here, case((CONTENT.c.first_at < joined.measured_at, earlier)))


def _fetched(conn: Connection, query: Select[Any]) -> Posts:
    """The rows as columns, block by block, so that at most one block is kept as Python objects."""
    names = (*TEXTS, *NUMBERS, *JSONS)
    result = conn.execute(query)
    found = result.cursor  # SQLAlchemy's own rows cost twice the time
    parts: list[Posts] = []
    while found is not None and (rows := found.fetchmany(BLOCK)):
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        parts.append(from_columns(dict(zip(names, columns, strict=True))))
    result.close()
    return concatenated(parts) if parts else Posts.of([])
