"""What is said of the clip behind a post: nothing that was said, or learnt, after it was published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import importing, loop
from core.insights.posts import Posts
from core.insights.virality import clips
from core.store.records import Prediction
from core.workspace import Workspace
from tests.core.insights.drawn_posts import DAY, author


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "workspace")
    yield found
    found.close()


def said(sample: str, version: str, value: float, at: float) -> Prediction:
    return Prediction(
        f"{version}-{at}", sample, "ratings", version, "model", value, None, False, {}, (), 1.0, at
    )  # fmt: skip


def test_a_version_that_answered_after_publishing_is_not_heard_and_the_factory_is(space: Workspace, drawn: Any) -> None:
    importing.run(space, drawn("ratings", 4, 1) / "manifest.csv", "ratings")
    answer = space.store.answered("ratings")[0]
    sample, answered_at = answer.sample.id, answer.correction.at
    rows = author(3)
    for row, days in zip(rows, (-3, -1, 2), strict=True):
        row |= {"sample_id": sample, "posted_at": answered_at + days * DAY}
    early = said(sample, "v1", 0.2, answered_at - 2 * DAY)
    learnt = said(sample, "v2", 0.9, answered_at + DAY)  # may have been trained on the answer
    space.store.add_predictions([early, learnt])
    found = clips.about(space, Posts.of(rows)).quality
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([0.2, answer.correction.value])
    space.store.add_predictions([said(sample, "factory", 0.6, answered_at + DAY)])
    assert clips.about(space, Posts.of(rows)).quality[0] == pytest.approx(0.6)
