"""Posts for a list and for a look at one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.errors import WrongUseError
from core.insights.metrics.requests import Json, ReadRequest
from core.insights.platforms import one_name

if TYPE_CHECKING:
    from core.insights.metrics.store import MetricsStore

FACTS = ("content_id", "platform", "account", "sample_id", "posted_at", "caption")
NUMBERS = ("views", "likes", "comments", "shares", "saves", "engagement_rate", "save_rate", "views_velocity")


def newest(store: MetricsStore, platform: str | None, limit: int) -> Json:
    """How many posts there are, and the last posted ones with their newest numbers; None is not known."""
    name = None if platform is None else one_name(platform)
    return store.ask(lambda conn: _newest(conn, name, limit))


def _newest(conn: Any, platform: str | None, limit: int) -> Json:
    from sqlalchemy import and_, func, select

    from core.insights.metrics.newest import known
    from core.insights.metrics.tables import CONTENT, ENGAGEMENT

    c, e = CONTENT.c, ENGAGEMENT.c
    same = and_(e.content_id == c.content_id, e.platform == c.platform, e.measured_at == c.engagement_at)
    columns = [*(c[name] for name in FACTS), e.measured_at, *(known(name).label(name) for name in NUMBERS)]
    query = select(*columns).select_from(CONTENT.outerjoin(ENGAGEMENT, same))
    number = select(func.count()).select_from(CONTENT)
    if platform is not None:
        query, number = query.where(c.platform == platform), number.where(c.platform == platform)
    ordered = query.order_by(c.posted_at.desc().nulls_last(), c.content_id).limit(limit)
    return {"count": conn.scalar(number), "posts": [dict(row) for row in conn.execute(ordered).mappings()]}


def platforms(store: MetricsStore) -> dict[str, int]:
    """How many posts each platform has, the one posted on last first."""
    return store.ask(_platforms)


def _platforms(conn: Any) -> dict[str, int]:
    from sqlalchemy import func, select

    from core.insights.metrics.tables import CONTENT

    c = CONTENT.c
    query = select(c.platform, func.count()).group_by(c.platform)
    ordered = query.order_by(func.max(c.posted_at).desc().nulls_last(), c.platform)
    return {str(name): int(count) for name, count in conn.execute(ordered)}


def linked_samples(conn: Any) -> list[str]:
    """The samples that posts came from."""
    from sqlalchemy import select

    from core.insights.metrics.tables import CONTENT

    return list(conn.scalars(select(CONTENT.c.sample_id).where(CONTENT.c.sample_id.is_not(None)).distinct()))


def everything(store: MetricsStore, content: str, platform: str | None) -> Json:
    """What a post is, and all its measurements, oldest first.

    Raises:
        WrongUseError: there is no such post.
    """
    found = {
        kind: store.read(ReadRequest(kind, content_id=content, platform=platform, limit=None))
        for kind in ("content", "engagement", "retention", "scores")
    }
    if not found["content"]:
        raise WrongUseError("there is no such post", where=content, do="See: rushes metrics list")
    return found
