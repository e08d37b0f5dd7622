"""Requests into rows for the journal and the tables, and rows of the tables into answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from core.errors import WrongUseError
from core.insights.intake.values import moment
from core.insights.metrics.requests import DailySnapshot, Json, Moment, ReadRequest, WriteRequest
from core.insights.platforms import one_name
from core.store import wire

if TYPE_CHECKING:
    from sqlalchemy import Connection

LISTS = ("retention_curve", "drop_off_points", "brand_tags", "edit_metadata", "features", "factors", "strengths",
         "weaknesses", "best_content_ids", "insights", "recommendations", "report")  # fmt: skip
SCORES = ("overall_score", "retention_score", "engagement_score", "virality_score", "brand_alignment_score")


def row_of(request: WriteRequest, now: float) -> Json:
    """A measurement or facts as a row of the journal; `now` (UTC seconds) is when, where the request does not say."""
    at = request.measured_at
    if at is None and request.kind != "content":
        at = now
    return dict(request.values) | {
        "content_id": request.content_id,
        "platform": one_name(request.platform),
        "measured_at": _when(at),
    }


def require_right(rows: list[Json], now: float) -> None:
    """Refuse rows that the tables could not take.

    Raises:
        WrongUseError: a column is unknown or a value is wrong; which, and why.
    """
    from core.insights.intake.block import COLUMNS
    from core.insights.intake.checking import Rules, check

    for row in rows:
        where = f"{row['content_id']} on {row['platform']}"
        if unknown := set(row) - {*COLUMNS, "platform"}:
            raise WrongUseError(f"there is no column {sorted(unknown)[0]!r}", where=where)
        raw = {name: [row[name]] for name in COLUMNS if name in row}
        if refused := check("", raw, {}, Rules(now=now)).refused:
            raise WrongUseError(refused[0], where=where)


def score_of(request: WriteRequest, now: float) -> Json:
    """A request of kind scores as a row of its table.

    Raises:
        WrongUseError: a score is outside of 0..1.
    """
    at = _when(request.measured_at)
    at = now if at is None else at
    key = {"content_id": request.content_id, "platform": one_name(request.platform), "computed_at": at}
    for name in SCORES:
        value = request.values.get(name)
        if value is not None and not (isinstance(value, int | float) and 0 <= value <= 1):
            raise WrongUseError(f"{name}: {value!r} is outside of 0..1", where=request.content_id)
    return texts(dict(request.values) | key)


def texts(row: Mapping[str, Any]) -> Json:
    """The row with lists and objects as JSON text."""
    return {
        name: wire.compact(value) if name in LISTS and value is not None and not isinstance(value, str) else value
        for name, value in row.items()
    }


def _parsed(row: Mapping[str, Any]) -> Json:
    return {
        name: json.loads(value) if name in LISTS and isinstance(value, str) else value for name, value in row.items()
    }


def _when(at: Moment | None) -> float | None:
    try:
        return moment(at, UTC)
    except ValueError as error:
        raise WrongUseError(str(error)) from None


def read(conn: Connection, request: ReadRequest) -> list[Json]:
    """The rows that are asked for, as `MetricsStore.read` gives them.

    Raises:
        WrongUseError: its kind is none, or a time is none.
    """
    from sqlalchemy import select

    from core.insights.metrics.tables import KINDS

    if request.kind not in KINDS:
        raise WrongUseError(f"kind {request.kind!r} is not known", do=f"Use {', '.join(KINDS)}.")
    table = KINDS[request.kind]
    clock = table.c[{"scores": "computed_at", "content": "facts_at"}.get(request.kind, "measured_at")]
    query = select(table).order_by(clock, table.c.content_id, table.c.platform).limit(request.limit)
    if request.content_id is not None:
        query = query.where(table.c.content_id == request.content_id)
    if request.platform is not None:
        query = query.where(table.c.platform == one_name(request.platform))
    if (since := _when(request.since)) is not None:
        query = query.where(clock >= since)
    if (until := _when(request.until)) is not None:
        query = query.where(clock < until)
    return [_parsed(dict(row)) for row in conn.execute(query).mappings()]


def snapshots(conn: Connection, since: str | None, until: str | None) -> list[DailySnapshot]:
    """The days' snapshots by date, both ends included."""
    from sqlalchemy import select

    from core.insights.metrics.tables import SNAPSHOTS

    query = select(SNAPSHOTS).order_by(SNAPSHOTS.c.snapshot_date)
    if since is not None:
        query = query.where(SNAPSHOTS.c.snapshot_date >= since)
    if until is not None:
        query = query.where(SNAPSHOTS.c.snapshot_date <= until)
    rows = [_parsed(dict(row)) for row in conn.execute(query).mappings()]
    return [DailySnapshot(**{name: value for name, value in row.items() if value is not None}) for row in rows]
