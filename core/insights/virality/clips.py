"""What the user's own models and answers say of the clips behind posts: quality from ratings, objects from scenes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.insights.posts import Posts
from core.insights.virality.features import About
from core.versions import FACTORY

if TYPE_CHECKING:
    from core.store.records import Correction, Prediction, Sample
    from core.workspace import Workspace

QUALITY, OBJECTS = "ratings", "scenes"


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one clip: quality 0..1 or None, labels of its scenes, and who said so ("your rating", "ratings/v3")."""

    quality: float | None = None
    objects: tuple[str, ...] = ()
    quality_by: str | None = None
    objects_by: str | None = None


def about(space: Workspace, posts: Posts) -> About:
    """Of posts linked to a sample. What was said after publishing may know how it did, and is not used."""
    found = About.unknown(len(posts))
    linked = np.flatnonzero(posts.sample_id != np.array(None))
    if not linked.size:
        return found
    looker = Looker(space)
    for row in linked.tolist():
        seen = looker.look(str(posts.sample_id[row]), before=float(posts.posted_at[row]))
        found.quality[row] = np.nan if seen.quality is None else seen.quality
        found.objects[row] = seen.objects or None
    return found


class Looker:
    """Looks samples up, also those other tasks made of the same file."""

    def __init__(self, space: Workspace) -> None:
        self.store = space.store
        self.answers: dict[str, dict[str, Correction]] = {
            task: {item.sample.id: item.correction for item in self.store.answered(task)}
            for task in (QUALITY, OBJECTS)
            if task in self.store.codecs
        }

    def look(self, sample_id: str, *, before: float) -> Seen:
        """What was said of a sample's file.

        Args:
            before: UTC seconds; what was said later is not used, neither by the user nor by a version, which may have
                learnt from the user. The factory has not, and may be asked at any time. NaN = use all.
        """
        sample = self.store.sample(sample_id)
        if sample is None:
            return Seen()
        said = {task: self._said(task, sample, before) for task in self.answers}
        scores = [(value, by) for value, by in said.get(QUALITY, []) if isinstance(value, float)]
        labels = [(value, by) for value, by in said.get(OBJECTS, []) if isinstance(value, str)]
        return Seen(
            min(1.0, max(0.0, float(np.mean([value for value, _ in scores])))) if scores else None,
            tuple(dict.fromkeys(value for value, _ in labels)),
            _by(by for _, by in scores),
            _by(by for _, by in labels),
        )

    def _said(self, task: str, sample: Sample, before: float) -> list[tuple[str | float, str]]:
        mine = [sample] if sample.task == task else []
        if not mine and sample.media_hash:
            mine = self.store.samples_of_media(task, sample.media_hash)
        found: list[tuple[str | float, str]] = []
        for one in mine:
            answer = self.answers[task].get(one.id)
            if answer is not None and not answer.at > before:
                found.append((answer.value, "your answer"))
            elif prediction := self._predicted(one.id, before):
                found.append(prediction)
        return found

    def _predicted(self, sample: str, before: float) -> tuple[str | float, str] | None:
        for said in reversed(self.store.predictions(sample)):
            if said.kind == "model" and said.value is not None and (said.version == FACTORY or not said.at > before):
                return said.value, _model(said)
        return None


def _model(prediction: Prediction) -> str:
    return f"{prediction.task}/{prediction.version}"


def _by(names: Iterable[str]) -> str | None:
    return ", ".join(dict.fromkeys(names)) or None
