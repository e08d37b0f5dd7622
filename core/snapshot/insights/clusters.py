"""What the view Clusters shows: posts by how long viewers stayed, and what is more frequent in each group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.snapshot.insights.kept import kept

if TYPE_CHECKING:
    from core.insights.findings.clusters import Cluster, Feature
    from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Common:
    """What is more (or less) frequent in a cluster; shares 0..1, the interval is of their difference.

    Attributes:
        level_of_interval: 0..1; wider than 0.95 because only differences that hold are shown.
    """

    feature: str
    level: str
    share: float
    elsewhere: float
    low: float
    high: float
    level_of_interval: float
    n: int


@dataclass(frozen=True, slots=True)
class Group:
    """A cluster.

    Attributes:
        share: of the posts with a measured retention. note: why no feature is named; None where some are.
    """

    name: str
    bounds: str
    count: int
    share: float
    retention: float | None
    engagement: float | None
    common: tuple[Common, ...]
    note: str | None


@dataclass(frozen=True, slots=True)
class ClustersView:
    """One reading.

    Attributes:
        measured, unmeasured: posts with and without a measured retention.
        looks: how many comparisons were made.
    """

    measured: int
    unmeasured: int
    looks: int
    groups: tuple[Group, ...]


def take(space: Workspace) -> ClustersView:
    """Read and compare, from memory while nothing changed.

    Raises:
        WrongUseError: insights.timezone names no zone.
    """
    return kept(space, "clusters", None, lambda: _made(space))


def _made(space: Workspace) -> ClustersView:
    from core.insights.learning.aggregation import MetricsAggregator
    from core.insights.metrics.store import MetricsStore

    with MetricsStore(space) as store:
        found = MetricsAggregator(store).compute_retention_clusters()
    groups = tuple(_group(one, found.measured) for one in found.clusters)
    return ClustersView(found.measured, found.unmeasured, found.looks, groups)


def _group(one: Cluster, measured: int) -> Group:
    from core.insights.findings.clusters import BOUNDS

    count = len(one.content)
    return Group(
        name=one.name.removesuffix("_retention"),
        bounds=BOUNDS[one.name],
        count=count,
        share=count / measured if measured else 0.0,
        retention=_known(one.avg_retention),
        engagement=_known(one.avg_engagement),
        common=tuple(_common(feature) for feature in one.features),
        note=one.note,
    )


def _common(one: Feature) -> Common:
    found = one.effect
    return Common(one.name, one.level, one.share, one.share_elsewhere, found.low, found.high, found.level, found.n)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
