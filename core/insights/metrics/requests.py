"""What is asked of the metrics store, in the words of seed 001: writing, reading, a day's snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from core.errors import WrongUseError

Kind = Literal["engagement", "retention", "scores", "content"]
Moment = float | str | datetime
Json = dict[str, Any]


@dataclass(frozen=True)
class WriteRequest:
    """One measurement of one post.

    Attributes:
        kind: engagement, retention, scores (of meta-learning) or content (what it is).
        values: by column name of that kind's table; a missing one is not known.
        measured_at: UTC seconds, ISO text or datetime; without a zone it is UTC. None = now (content
            needs none).
    """

    content_id: str
    platform: str
    kind: Kind
    values: Mapping[str, Any]
    measured_at: Moment | None = None


def require_usable(request: WriteRequest) -> None:
    """Refuse what no table could take; the values themselves are checked where they are read.

    Raises:
        WrongUseError: the kind, the platform, the content_id or a name of a score is none.
    """
    from core.insights.intake.checking import is_name
    from core.insights.metrics.tables import KINDS, names

    where = f"{request.content_id} on {request.platform!r}"
    if request.kind not in KINDS:
        raise WrongUseError(f"kind {request.kind!r} is not known", where=where, do=f"Use {', '.join(KINDS)}.")
    # Other programs write without types: None or a number would fail further in, with a traceback.
    if not isinstance(request.platform, str) or not is_name(request.platform):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise WrongUseError("the platform has no name that can be used", where=where)
    if not request.content_id:
        raise WrongUseError("content_id: is empty", where=where)
    if request.kind == "scores" and (unknown := set(request.values) - set(names(KINDS["scores"]))):
        raise WrongUseError(f"there is no column {min(unknown)!r}", where=where)


@dataclass(frozen=True)
class ReadRequest:
    """Rows of one kind, oldest first; `since` <= measured_at < `until`."""

    kind: Kind = "engagement"
    content_id: str | None = None
    platform: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: int | None = 1000


@dataclass(frozen=True)
class DailySnapshot:
    """One day in numbers.

    Attributes:
        avg_retention: mean avg_watch_percentage, a fraction; None = nothing measured.
        created_at: UTC seconds.
        report: whatever else belongs to the day, as JSON.
    """

    snapshot_date: str
    total_content_analyzed: int = 0
    avg_retention: float | None = None
    avg_engagement_rate: float | None = None
    best_content_ids: Sequence[str] = ()
    insights: Sequence[Any] = ()
    recommendations: Sequence[Any] = ()
    created_at: float | None = None
    report: Json = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        date.fromisoformat(self.snapshot_date)

    def to_json(self) -> Json:
        return asdict(self)
