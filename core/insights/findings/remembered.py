"""What was computed of posts is computed once: several parts of a report ask for the same columns."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from core.insights.posts import Posts

T = TypeVar("T")
_KNOWN: WeakKeyDictionary[Posts, dict[Hashable, Any]] = WeakKeyDictionary()


def remembered(posts: Posts, key: Hashable, make: Callable[[], T]) -> T:
    """`make()`, or what it gave for these posts before; forgotten with the posts."""
    known = _KNOWN.setdefault(posts, {})
    if key not in known:
        known[key] = make()
    return known[key]


def platforms(posts: Posts) -> list[str]:
    """Their names in order."""
    return remembered(posts, "platforms", lambda: sorted(map(str, dict.fromkeys(posts.platform.tolist()))))


def rows_on(posts: Posts, platform: str) -> NDArray[np.int64]:
    """The rows of that platform."""
    return remembered(posts, ("rows", platform), lambda: np.flatnonzero(posts.platform == platform).astype(np.int64))


def on(posts: Posts, platform: str) -> Posts:
    """The posts of that platform, always the same object."""
    return remembered(posts, ("on", platform), lambda: posts.where(rows_on(posts, platform)))
