"""Posts by how long viewers stayed (seed 001: 70 and 40 %), and what is more frequent or larger in each group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.insights.findings.choices import Choice, choices, times
from core.insights.findings.effects import FALSE_SHARE, LEAST_ROWS, Effect, Floats, Ints, claims, compare, rounded
from core.insights.findings.held import Held
from core.insights.findings.outcomes import groups
from core.insights.posts import Posts
from core.insights.zones import Zone

HIGH, LOW = 0.70, 0.40
NAMES = ("high_retention", "medium_retention", "low_retention")
BOUNDS = {
    "high_retention": f">= {HIGH:.0%}",
    "medium_retention": f"{LOW:.0%} to {HIGH:.0%}",
    "low_retention": f"< {LOW:.0%}",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """A level of a choice that is more or less frequent in a cluster than in the others.

    Attributes:
        effect: difference of shares (0..1).
    """

    name: str
    level: str
    share: float
    share_elsewhere: float
    effect: Effect

    def to_json(self) -> dict[str, Any]:
        one = self.effect
        return {
            "feature": self.name, "level": self.level, "share": rounded(self.share),
            "share_elsewhere": rounded(self.share_elsewhere), "difference": rounded(one.effect),
            "interval": [rounded(one.low), rounded(one.high)], "interval_level": rounded(one.level),
            "q": rounded(one.q), "n": one.n, "n_elsewhere": one.n_other,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cluster:
    """Attributes: note: why no feature is named, None where some are."""

    name: str
    content: tuple[tuple[str, str], ...]
    avg_retention: float
    avg_engagement: float
    features: tuple[Feature, ...]
    note: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "bounds": BOUNDS[self.name], "count": len(self.content),
            "content_ids": sorted({content for content, _ in self.content}),
            "avg_retention": rounded(self.avg_retention), "avg_engagement_rate": rounded(self.avg_engagement),
            "common_features": [one.to_json() for one in self.features], "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clusters:
    """Attributes: unmeasured: posts without a measured retention, which are in no cluster."""

    clusters: tuple[Cluster, ...]
    measured: int
    unmeasured: int
    looks: int

    def to_json(self) -> dict[str, Any]:
        return {
            "clusters": {one.name: one.to_json() for one in self.clusters},
            "measured": self.measured, "not_measured": self.unmeasured, "comparisons": self.looks,
        }  # fmt: skip


def cluster(posts: Posts, where: Zone) -> Clusters:
    """High, medium and low; a feature is named when its share differs after correction for all comparisons."""
    fine = np.isfinite(posts.avg_watch_percentage)
    own = posts.where(fine)
    codes = membership(own.avg_watch_percentage)
    looks: list[tuple[int, Feature]] = []
    if len(own) >= 2 * LEAST_ROWS:
        group, _ = groups(own)
        # What is only a platform's habit is no feature of a cluster.
        platform = Held(np.unique(own.platform.astype(str), return_inverse=True)[1].astype(np.int64))
        for choice in (*choices(own), *times(own.posted_at, where)):
            looks += _compared(choice, codes, group, platform)
    judged = claims([one.effect for _, one in looks])
    kept = [
        (number, replace(one, effect=effect))
        for (number, one), effect in zip(looks, judged, strict=True)
        if effect.q <= FALSE_SHARE
    ]
    parts = tuple(_cluster(own, codes, number, [one for at, one in kept if at == number]) for number in range(3))
    return Clusters(parts, len(own), int(len(posts) - len(own)), len(looks))


def membership(watched: Floats) -> Ints:
    """0 high, 1 medium, 2 low."""
    return np.where(watched >= HIGH, 0, np.where(watched >= LOW, 1, 2)).astype(np.int64)


def _compared(choice: Choice, codes: Ints, group: Ints, platform: Held) -> list[tuple[int, Feature]]:
    found: list[tuple[int, Feature]] = []
    known = np.where(choice.codes >= 0, codes, -1)
    first = 1 if len(choice.levels) == 2 else 0
    for level in range(first, len(choice.levels)):
        has = np.where(choice.codes >= 0, (choice.codes == level).astype(np.float64), np.nan)
        for number, effect in enumerate(compare(has, known, 3, group, platform)):
            if effect is not None:
                inside, outside = has[known == number].mean(), has[(known >= 0) & (known != number)].mean()
                words = choice.levels[level]
                found.append((number, Feature(choice.name, words, float(inside), float(outside), effect)))
    return found


def _cluster(own: Posts, codes: Ints, number: int, features: list[Feature]) -> Cluster:
    mine = own.where(codes == number)
    features = sorted(features, key=lambda one: -abs(one.effect.sure))
    note = None
    if not features:
        few = len(mine) < LEAST_ROWS or len(own) - len(mine) < LEAST_ROWS
        note = f"fewer than {LEAST_ROWS} posts here or elsewhere" if few else "no difference shown"
    return Cluster(
        NAMES[number], tuple(zip(mine.content_id.tolist(), mine.platform.tolist(), strict=True)),
        _mean(mine.avg_watch_percentage), _mean(mine.engagement_rate), tuple(features), note,
    )  # fmt: skip


def _mean(values: Floats) -> float:
    fine = values[np.isfinite(values)]
    return float(fine.mean()) if len(fine) else float("nan")
