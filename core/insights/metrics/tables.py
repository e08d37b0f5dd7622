"""The tables of metrics, for SQLite and PostgreSQL alike: seed 001's names and columns, ours beside them.

Imported only inside functions: SQLAlchemy costs 200 ms. Times are UTC seconds since 1970, a
snapshot's date is ISO text, JSON columns are text as in the seed, NULL is "not measured".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text, text
from sqlalchemy.dialects import postgresql, sqlite

Number = Double
METADATA = MetaData()
LINKED = text("sample_id IS NOT NULL")


def _key(name: str) -> Column[Any]:
    return Column(name, String, primary_key=True, nullable=False)


def _of_posts(name: str, columns: Mapping[str, type[Any]], clock: str, index: str) -> Table:
    """A table with a row per post and moment, which stands in its last column."""
    return Table(
        name,
        METADATA,
        _key("content_id"),
        _key("platform"),
        *(Column(one, kind) for one, kind in columns.items()),
        Column(clock, Number, primary_key=True, nullable=False, autoincrement=False),
        Index(index, clock),
        sqlite_with_rowid=False,
    )


CONTENT = Table(
    "content",
    METADATA,
    _key("content_id"),
    _key("platform"),
    Column("account", String),
    Column("sample_id", String),
    Column("posted_at", Number),
    Column("duration_s", Number),
    Column("caption", Text),
    Column("brand_tags", Text),
    Column("edit_metadata", Text),
    Column("features", Text),
    # When the facts above were seen; an older scrape that comes later only fills gaps.
    Column("facts_at", Number),
    # First measurement and the newest of both kinds: reading the newest numbers is then one join.
    Column("first_at", Number),
    Column("engagement_at", Number),
    Column("retention_at", Number),
    Index("content_sample", "sample_id", sqlite_where=LINKED, postgresql_where=LINKED),
    sqlite_with_rowid=False,
)

RETENTION = _of_posts(
    "retention_metrics",
    {
        "avg_watch_percentage": Number,
        "retention_curve": Text,
        "drop_off_points": Text,
        "completion_rate": Number,
        "rewatch_rate": Number,
    },
    "measured_at",
    "retention_measured",
)

ENGAGEMENT = _of_posts(
    "engagement_metrics",
    {
        **dict.fromkeys(("views", "likes", "comments", "shares", "saves"), BigInteger),
        **dict.fromkeys(("engagement_rate", "save_rate", "views_velocity"), Number),
    },
    "measured_at",
    "engagement_measured",
)

SCORES = _of_posts(
    "meta_learning_scores",
    {
        "overall_score": Number,
        "retention_score": Number,
        "engagement_score": Number,
        "virality_score": Number,
        "brand_alignment_score": Number,
        "factors": Text,
        "strengths": Text,
        "weaknesses": Text,
    },
    "computed_at",
    "scores_computed",
)

SNAPSHOTS = Table(
    "daily_snapshots",
    METADATA,
    Column("snapshot_date", String(10), primary_key=True),
    Column("total_content_analyzed", Integer),
    Column("avg_retention", Number),
    Column("avg_engagement_rate", Number),
    Column("best_content_ids", Text),
    Column("insights", Text),
    Column("recommendations", Text),
    Column("created_at", Number),
    Column("report", Text),
)

POSITION = Table(
    "metrics_position",
    METADATA,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("workspace", String, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("rows_done", BigInteger, nullable=False),
)

KINDS = {"engagement": ENGAGEMENT, "retention": RETENTION, "scores": SCORES, "content": CONTENT}
MIRRORED = (CONTENT, RETENTION, ENGAGEMENT, SCORES, SNAPSHOTS)


def names(table: Table) -> list[str]:
    """The table's columns in order."""
    return [column.name for column in table.columns]


@cache
def upsert(table: Table, dialect: str) -> str:
    """SQL that inserts a row, or replaces the one with the same key; its values are the table's columns in order.

    As text, because SQLAlchemy's own way of many rows takes as long as SQLite itself.
    """
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = make(table)
    keys = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in names(table) if name not in keys}
    whole = statement.on_conflict_do_update(index_elements=keys, set_=rest)
    known = sqlite.dialect() if dialect == "sqlite" else postgresql.dialect(paramstyle="format")
    return str(whole.compile(dialect=known))
