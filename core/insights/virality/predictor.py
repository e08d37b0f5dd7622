"""How a clip may do, before it is published (seed 001's virality predictor).

The formula gives a score; views and engagement come from what predicted later posts best (`fitting`, `evaluation`);
`forecast` puts the answer together.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import WrongUseError
from core.insights import costs
from core.insights.metrics.requests import ReadRequest
from core.insights.platforms import one_name
from core.insights.posts import JSONS, Posts
from core.insights.virality import clips, fitted, fitting, forecast
from core.insights.virality.boosted import Stop, never
from core.insights.virality.fitting import TARGETS, Known, Material, Progress, silent
from core.insights.virality.forecast import Ready
from core.insights.virality.plan import Plan, moment, plan
from core.insights.virality.prediction import Model, Prediction
from core.insights.zones import zone

if TYPE_CHECKING:
    from core.insights.metrics.store import MetricsStore
    from core.workspace import Workspace

UNNAMED = "draft"  # the id of a new post that was given none


class ViralityPredictor:
    """Predicts posts of a workspace. Reads and learns a platform when it is first asked for.

    Args:
        metrics: an open store to read from; else one is opened, and closed by `close` or at the end of a `with`.
        timezone: overrides insights.timezone.
    """

    def __init__(self, space: Workspace, metrics: MetricsStore | None = None, *, timezone: str | None = None) -> None:
        self.space, self._given = space, metrics
        self._opened: MetricsStore | None = None
        self.where = zone(timezone or space.settings.insights.timezone)
        self._ready: dict[str, Ready] = {}
        self._overview: Posts | None = None
        self._looker: clips.Looker | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> ViralityPredictor:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store, if it was opened here."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @property
    def metrics(self) -> MetricsStore:
        """The store that is read; opening one takes 40 ms."""
        if self._given is not None:
            return self._given
        with self._lock:
            if self._opened is None:
                from core.insights.metrics.store import MetricsStore

                self._opened = MetricsStore(self.space)
            return self._opened

    def refresh(self) -> None:
        """Forget what was read; the next question reads again."""
        with self._lock:
            self._ready, self._overview, self._looker = {}, None, None

    async def predict_virality(self, content_id: str, metadata: Mapping[str, Any] | None = None) -> Prediction:
        """As `predict`, without blocking the event loop (seed 001's name)."""
        return await asyncio.to_thread(self.predict, content_id, metadata)

    def predict(self, content_id: str, metadata: Mapping[str, Any] | None = None) -> Prediction:
        """How a post may do; at most 10 ms once its platform is loaded.

        Args:
            content_id: of content that is known, or any name for a new one.
            metadata: see `core.insights.virality.plan.plan`; what is known of the content fills the gaps.

        Raises:
            WrongUseError: the metadata make no sense.
        """
        wanted, notes = self._planned(content_id, dict(metadata or {}))
        platform = wanted.platform or self.usual_platform()
        if platform is None:
            return forecast.alone(wanted, notes)
        ready = self.load(platform)
        wanted = replace(wanted, platform=platform, account=wanted.account or _newest_account(ready))
        return forecast.predict(ready, wanted, notes, self.overview(), self.where)

    def answer(
        self, typed: str | None, metadata: Mapping[str, Any], progress: Progress = silent, stop: Stop = never
    ) -> Prediction:
        """As `predict`, for an id as a user types it: a post's, or a sample's or the beginning of one.

        Args:
            typed: None, or an id that nothing has, is a new post's; something must then be said of it.

        Raises:
            WrongUseError: nothing has that id and nothing is said of it, or the metadata make no sense.
            CancelledError: `stop` said so.
        """
        content_id, given, notes = self._meant(typed, dict(metadata))
        name = given.get("platform") or self.usual_platform()
        if isinstance(name, str):
            self.load(name, progress, stop)
        found = self.predict(content_id, given)
        return replace(found, notes=[*notes, *found.notes])

    def _meant(self, typed: str | None, given: dict[str, Any]) -> tuple[str, dict[str, Any], list[str]]:
        platform = given.get("platform")
        if typed is None or self._content(typed, platform):
            return typed or UNNAMED, given, []
        said = given.keys() - {"platform", "account", "posted_at"}
        found = [sample.id for sample in self.space.store.samples_like(typed)] if typed else []
        if typed in found or (len(found) == 1 and not said):
            sample = typed if typed in found else found[0]
            return sample, {"sample_id": sample} | given, []
        there = "no such post" + (f" on {platform}" if platform else "")
        if said:
            return typed, given, [f"there is {there}: taken as a new one"]
        raise WrongUseError(
            f"there is {there}, and no sample of that id",
            where=typed,
            do="See: rushes metrics list. For a new post say something of it, such as --duration 25.",
        )

    def models(self, progress: Progress = silent, stop: Stop = never) -> list[Model]:
        """What answers on each platform and why."""
        found = [self.load(name, progress, stop) for name in self.platforms()]
        return [
            Model(
                one.platform, one.posts, one.posts < fitting.FEW,
                {target: one.fits[target].choice.to_json() for target in TARGETS},
                {target: one.fits[target].choice.coverage_note for target in TARGETS},
                asdict(one.known.grown),
            )
            for one in found
        ]  # fmt: skip

    def platforms(self) -> list[str]:
        """Platforms with posts, the one posted on last first."""
        posts = self.overview()
        newest = {name: float(np.nanmax(posts.posted_at[posts.platform == name])) for name in set(posts.platform)}
        return sorted(newest, key=lambda name: (-newest[name], name))

    def usual_platform(self) -> str | None:
        """The platform posted on last; None without posts."""
        return next(iter(self.platforms()), None)

    def overview(self) -> Posts:
        """All posts with a time and views, without their texts."""
        with self._lock:
            if self._overview is None:
                posts = self._read(None, None, without=("caption", *JSONS))
                self._overview = posts.where(np.isfinite(posts.posted_at) & np.isfinite(posts.views))
            return self._overview

    def load(self, platform: str, progress: Progress = silent, stop: Stop = never) -> Ready:
        """Read a platform's posts and learn from them, or take what was learnt from the same posts.

        Raises:
            CancelledError: `stop` said so.
        """
        platform = one_name(platform)
        with self._lock:
            if platform not in self._ready:
                self._ready[platform] = self._loaded(platform, progress, stop)
            return self._ready[platform]

    def _loaded(self, platform: str, progress: Progress, stop: Stop) -> Ready:
        material = Material.of(
            self._read(platform, None), platform, lambda posts: clips.about(self.space, posts), self.where,
            lambda until: self._read(platform, until),
        )  # fmt: skip
        mark = fitted.stamp(material)
        fits = fitted.read(self.space, platform, mark)
        if fits is None:
            with costs.timed(self.metrics, "virality"):
                fits = fitting.learn(material, time.time(), progress, stop)
            fitted.write(self.space, platform, mark, fits)
        known = Known(material.posts, material.about, self.where, time.time())
        return Ready(platform, len(material.posts), known, fits)

    def _read(self, platform: str | None, until: float | None, without: tuple[str, ...] = ()) -> Posts:
        return self.metrics.posts(platform, until, without=without)

    def _planned(self, content_id: str, given: dict[str, Any]) -> tuple[Plan, list[str]]:
        """The plan, filled with what is known of the content and of the clip behind it."""
        notes: list[str] = []
        content = self._content(content_id, given.get("platform"))
        if content:
            known = {name: content[name] for name in ("platform", "account", "caption", "sample_id", "brand_tags",
                     "posted_at")} | {"duration": content["duration_s"]} | (content["edit_metadata"] or {})  # fmt: skip
            given = {name: value for name, value in known.items() if value is not None} | given
            if content["first_at"] is not None:
                notes.append("it is published already: only earlier posts count, but what was learnt has seen it")
        wanted = plan(content_id, given, time.time())
        if wanted.sample_id is None:
            return wanted, notes
        seen = self._looking().look(wanted.sample_id, before=moment(given.get("posted_at"), math.nan))
        if wanted.quality is None and seen.quality is not None:
            wanted = replace(wanted, quality=seen.quality)
            notes.append(f"quality {seen.quality:.2f} by {seen.quality_by}")
        if not wanted.objects and seen.objects:
            wanted = replace(wanted, objects=seen.objects)
            notes.append(f"{', '.join(seen.objects)} by {seen.objects_by}")
        return wanted, notes

    def _looking(self) -> clips.Looker:
        with self._lock:
            if self._looker is None:
                self._looker = clips.Looker(self.space)
            return self._looker

    def _content(self, content_id: str, platform: object) -> dict[str, Any] | None:
        name = platform if isinstance(platform, str) else None  # `plan` refuses what is no text
        return next(iter(self.metrics.read(ReadRequest("content", content_id, name, limit=1))), None)


def _newest_account(ready: Ready) -> str | None:
    posts = ready.known.histories["views"].posts
    return posts.account[-1] if len(posts) else None
