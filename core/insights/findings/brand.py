"""How near a post is to its account's brand: by style vectors where they are, else by its tags.

Both are the same formula: the cosine between the post and the mean of what the brand is, negative values counted as 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from core.embeddings.types import Embedding, EmbeddingType, Vector, VectorError
from core.errors import StoreError
from core.insights.findings.effects import Floats
from core.insights.posts import Posts
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.embeddings.store import EmbeddingsStore

LEAST_TAGGED = 3  # other tagged posts of the account that make a brand
BRAND = "brand"  # the style that holds for accounts without one of their own
STYLES = "style vectors"


@dataclass(frozen=True, eq=False)
class Alignment:
    """0..1 per post, NaN = not known.

    Attributes:
        source: what was compared, for sentences.
        needs: what a post without a value lacks.
    """

    values: Floats
    source: str
    needs: str


def by_tags(posts: Posts) -> Alignment:
    """Cosine between a post's brand tags and those of the account's other tagged posts."""
    tags: list[Sequence[str] | None] = posts.brand_tags.tolist()
    accounts: list[object] = posts.account.tolist()
    sums: dict[object, Counter[str]] = {}
    counts: Counter[object] = Counter()
    for account, own in zip(accounts, tags, strict=True):
        if own:
            sums.setdefault(account, Counter()).update(set(own))
            counts[account] += 1
    squares = {account: sum(value * value for value in found.values()) for account, found in sums.items()}
    values = np.full(len(posts), np.nan)
    for row, (account, own) in enumerate(zip(accounts, tags, strict=True)):
        if own and counts[account] > LEAST_TAGGED:
            values[row] = _cosine(set(own), sums[account], squares[account])
    return Alignment(values, "brand tags", f"needs brand_tags, and of {LEAST_TAGGED} other posts of the account")


def _cosine(own: set[str], total: Counter[str], squared: int) -> float:
    """Of the tags (1 each) with the sum of all less themselves."""
    inner = sum(total[tag] - 1 for tag in own)
    length = squared + sum((total[tag] - 1) ** 2 - total[tag] ** 2 for tag in own)
    return inner / sqrt(len(own) * length) if length else 0.0


def of(space: Workspace | None, posts: Posts) -> Alignment:
    """By style vectors where a linked post has one and a brand to be held against, else by tags."""
    if space is not None and any(sample is not None for sample in posts.sample_id.tolist()):
        from core.embeddings.store import EmbeddingsStore

        try:
            with EmbeddingsStore(space.settings.embeddings.backend, None, workspace=space) as store:
                found = by_styles(store, posts)
        except StoreError as error:
            return Alignment(np.full(len(posts), np.nan), STYLES, f"needs the vectors' store: {error.what}")
        if np.isfinite(found.values).any():
            return found
    return by_tags(posts)


def by_styles(store: EmbeddingsStore, posts: Posts) -> Alignment:
    """Cosine between each linked post's visual vector and its account's style, of the same encoder.

    The style is the one kept under the account's name, else under `BRAND`.
    """
    values = np.full(len(posts), np.nan)
    styles: dict[object, Embedding | None] = {}
    for row, (sample, account) in enumerate(zip(posts.sample_id.tolist(), posts.account.tolist(), strict=True)):
        if sample is None:
            continue
        if account not in styles:
            styles[account] = _style(store, account) or _style(store, BRAND)
        style = styles[account]
        looks = None if style is None else store.get_now(EmbeddingType.CLIP_VISUAL, sample, style.encoder_id)
        if style is not None and looks is not None:
            values[row] = max(_between(looks.vector, style.vector), 0.0)
    return Alignment(
        values, STYLES, f"needs a linked sample with a visual vector, and a style named as the account or {BRAND}"
    )


def _style(store: EmbeddingsStore, name: object) -> Embedding | None:
    try:
        return store.get_now(EmbeddingType.BRAND_STYLE, str(name)) if name else None
    except VectorError:  # of several encoders: which one is meant is not ours to say
        return None


def _between(one: Vector, other: Vector) -> float:
    return float(one @ other / ((np.linalg.norm(one) * np.linalg.norm(other)) or 1.0))
