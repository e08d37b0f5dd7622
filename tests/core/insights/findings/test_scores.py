"""meta_learning_scores: 0 to 1 by their formulae, and nothing in the place of what was not measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import loop
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import Embedding, EmbeddingType
from core.insights.findings import brand
from core.insights.findings.brand import by_tags
from core.insights.findings.scores import WEIGHTS, ranks, score
from core.insights.posts import Posts
from core.workspace import Workspace
from tests.core.insights import made


def tagged(count: int = 60) -> Posts:
    lines = made.rows(count, accounts=4, retained=1.0)
    for number, line in enumerate(lines):
        line["brand_tags"] = ["neon", "night"] if number % 5 else ["picnic"]
        line["features"]["followers"] = 1000
    return Posts.of(lines)


def test_overall_is_the_weighted_sum_of_four_parts() -> None:
    posts = tagged()
    found = score(posts, by_tags(posts))
    for row in range(len(posts)):
        line = found.of(row)
        assert line["overall_score"] == pytest.approx(sum(line[name] * WEIGHTS[name] for name in WEIGHTS), abs=1e-4)
        assert all(0 <= line[name] <= 1 for name in ("overall_score", *WEIGHTS))
        assert line["factors"]["missing"] == {}
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_a_missing_part_is_null_and_named_and_overall_is_bounded() -> None:
    posts = made.posts(60, accounts=4)  # no retention, no tags
    line = score(posts, by_tags(posts)).of(0)
    assert line["overall_score"] is None
    assert line["retention_score"] is None
    assert set(line["factors"]["missing"]) == {"retention_score", "brand_alignment_score"}
    low, high = line["factors"]["lower_bound"], line["factors"]["upper_bound"]
    known = line["engagement_score"] * 0.30 + line["virality_score"] * 0.20
    assert (low, high) == (pytest.approx(known, abs=1e-4), pytest.approx(known + 0.5, abs=1e-4))


def test_engagement_is_the_share_of_the_platforms_posts_that_did_worse() -> None:
    values = np.array([*range(20), 5.0, np.nan])
    found = ranks(values)
    assert found[19] == 1.0
    assert found[0] == 0.0
    assert found[5] == found[20] == pytest.approx(5.5 / 20)
    assert np.isnan(found[21])


def test_below_twenty_posts_there_is_nothing_to_rank_among() -> None:
    posts = made.posts(19)
    line = score(posts, by_tags(posts)).of(0)
    assert line["engagement_score"] is None
    assert "needs 20 posts of tiktok" in line["factors"]["missing"]["engagement_score"]


def test_strengths_and_weaknesses_are_words_from_the_numbers() -> None:
    posts = tagged()
    found = score(posts, by_tags(posts))
    best = found.of(int(np.nanargmax(posts.engagement_rate)))
    worst = found.of(int(np.nanargmin(posts.engagement_rate)))
    assert any("rank 1 of 60" in words for words in best["strengths"])
    assert any("rank 60 of 60" in words for words in worst["weaknesses"])


def test_a_post_unlike_the_account_is_less_aligned() -> None:
    posts = tagged()
    alike = by_tags(posts).values
    own = np.array(["picnic" in tags for tags in posts.brand_tags])
    assert alike[own].max() < alike[~own].min()


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "workspace")
    yield found
    found.close()


def test_style_vectors_come_before_tags_and_count_by_their_cosine(space: Workspace) -> None:
    lines = made.rows(4, accounts=1)
    for line, sample in zip(lines, ("a", "b", "unseen", None), strict=True):
        line |= {"sample_id": sample, "brand_tags": ["neon"]}
    looks = {"a": [1.0, 1.0], "b": [-1.0, 0.0]}
    with EmbeddingsStore(dimension=None, workspace=space) as store:
        store.store_now(Embedding(EmbeddingType.BRAND_STYLE, "account-0", np.array([2, 0], np.float32), "eye"))
        for sample, vector in looks.items():
            store.store_now(Embedding(EmbeddingType.CLIP_VISUAL, sample, np.array(vector, np.float32), "eye"))
    found = brand.of(space, Posts.of(lines))
    assert found.source == "style vectors"
    assert found.values[:2] == pytest.approx([np.sqrt(0.5), 0.0])
    assert np.isnan(found.values[2:]).all()


def test_without_a_style_the_tags_count(space: Workspace) -> None:
    lines = made.rows(30, accounts=1)
    for line in lines:
        line |= {"sample_id": f"sample-{line['content_id']}", "brand_tags": ["neon"]}
    found = brand.of(space, Posts.of(lines))
    assert found.source == "brand tags"
    assert found.values == pytest.approx(np.ones(30))
