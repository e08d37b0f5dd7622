"""The learning report of a day: its fields, as JSON and back; how it reads is core.insights.learning.page."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from core.errors import StoreError

SCHEMA_VERSION = 1
Json = dict[str, Any]


@dataclass(frozen=True)
class LearningReport:
    """What was learned up to the end of a UTC day; equal input gives an equal report.

    Attributes:
        date: the day. as_of: its last moment, UTC; nothing measured later was used.
        inputs: the day's measurements in counts and sums; when they have changed, the day is due again.
        summary: the day's posts (posted or measured that day) in counts and plain averages.
        patterns: claimed differences, strongest first; `comparisons` is how many were looked at.
        insights: sentences. recommendations: sentences, the strongest first. rules: the same for programs.
        best_time: per platform what core.insights.posting.besttime answers, in short.
        unmeasured: which numbers are missing on which platform. limits: what these posts cannot say.
    """

    date: str
    as_of: str
    inputs: Json
    summary: Json
    retention_analysis: Json
    engagement_analysis: list[Json]
    comparisons: int
    patterns: list[Json]
    clusters: Json
    best_performers: list[Json]
    worst_performers: list[Json]
    insights: list[str]
    recommendations: list[str]
    rules: Json
    best_time: list[Json]
    hypotheses: list[Json]
    brand_alignment: Json
    scores: Json
    cost: Json
    roi: Json
    unmeasured: list[Json]
    limits: list[str]

    def to_json(self) -> Json:
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


NAMES = tuple(field.name for field in fields(LearningReport))


def from_json(found: Json, where: object = None) -> LearningReport:
    """The report again.

    Raises:
        StoreError: it was written by another version of this program, or is damaged.
    """
    if found.get("schema_version") != SCHEMA_VERSION or set(found) != {*NAMES, "schema_version"}:
        raise StoreError(
            "is a report of another version, or damaged", where=where, do="Make it again: rushes insights daily --date"
        )
    return LearningReport(**{name: found[name] for name in NAMES})
