"""A post that is planned, from metadata as seed 001's usage gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.errors import WrongUseError
from core.insights.platforms import one_name
from core.insights.posts import Posts, objects
from core.insights.virality.features import FOLLOWERS, PLANNED, About

TEXTS = ("platform", "account", "caption", "sample_id")
SCORES = ("quality_score", "aesthetic_score")
LISTS = ("scene_objects", "brand_tags")
OWN = (*TEXTS, *SCORES, *LISTS, "duration", "posted_at", FOLLOWERS, *PLANNED)


@dataclass(frozen=True, slots=True)
class Plan:
    """One planned post.

    Attributes:
        quality: mean of the given scores, 0..1; None = none given.
        objects: what is seen in it. at: UTC seconds at which it is to be published.
        numbers: further numeric metadata, for the trees.
    """

    content_id: str
    platform: str | None
    account: str | None
    sample_id: str | None
    caption: str | None
    brand_tags: tuple[str, ...] | None
    duration: float | None
    followers: float | None
    quality: float | None
    objects: tuple[str, ...]
    at: float
    numbers: dict[str, float]

    def row(self) -> Posts:
        """The post as one row without any outcome."""
        return Posts.of(
            [
                {
                    "content_id": self.content_id,
                    "platform": self.platform or "",
                    "account": self.account,
                    "caption": self.caption,
                    "posted_at": self.at,
                    "duration_s": self.duration,
                    "brand_tags": None if self.brand_tags is None else list(self.brand_tags),
                    "features": self.numbers or None,
                }
            ]
        )

    def about(self) -> About:
        quality = np.nan if self.quality is None else self.quality
        return About(np.array([quality], np.float64), objects([self.objects or None]))


def plan(content_id: str, metadata: Mapping[str, Any], now: float) -> Plan:
    """Read metadata: quality_score and aesthetic_score (0..1), scene_objects, duration (seconds), and optionally
    platform, account, caption, brand_tags, sample_id, followers, posted_at (UTC seconds or ISO), any numbers.

    Raises:
        WrongUseError: a value is not what its name says.
    """
    for name in TEXTS:
        if not isinstance(metadata.get(name), str | None):
            raise WrongUseError(f"{name} is not a text", where=content_id)
    scores = [score for name in SCORES if (score := _number(metadata, name, 0.0, 1.0)) is not None]
    numbers = {name: float(value) for name, value in metadata.items() if _further(name, value)}
    tags = metadata.get("brand_tags")
    return Plan(
        content_id,
        one_name(metadata.get("platform") or "") or None,
        metadata.get("account") or None,
        metadata.get("sample_id") or None,
        metadata.get("caption"),
        None if tags is None else _texts(metadata, "brand_tags"),
        _number(metadata, "duration", 0.0, 1e6),
        _number(metadata, FOLLOWERS, 0.0, 1e12),
        float(np.mean(scores)) if scores else None,
        _texts(metadata, "scene_objects"),
        moment(metadata.get("posted_at"), now),
        numbers,
    )


def moment(value: object, now: float) -> float:
    """UTC seconds of a time given as such or as ISO text (without a zone: UTC); `now` for None.

    Raises:
        WrongUseError: it is no time.
    """
    if value is None:
        return now
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e11:
        return float(value)
    try:
        at = datetime.fromisoformat(str(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise WrongUseError(
            f"{str(value)[:40]!r} is no time", where="posted_at", do="Write it as 2026-05-04T18:00Z."
        ) from None


def _further(name: str, value: object) -> bool:
    usable = isinstance(value, bool | int | float) and math.isfinite(value)
    return usable and (name not in OWN or name in PLANNED)


def _number(metadata: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    value = metadata.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise WrongUseError(f"{name} is {str(value)[:40]!r}, not a number of {low:g}..{high:g}")
    return float(value)


def _texts(metadata: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = metadata.get(name)
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise WrongUseError(f"{name} is not a list of texts")
    return tuple(value)
