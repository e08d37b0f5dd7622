"""The names of platforms: one is kept, however it is written, and shown as the platform writes itself."""

from __future__ import annotations

from functools import lru_cache

NAMES = {"tiktok": "TikTok", "youtube": "YouTube", "instagram": "Instagram", "facebook": "Facebook", "x": "X"}


@lru_cache(maxsize=1024)  # a file names it once a row
def one_name(written: str) -> str:
    """The name as it is kept: "TikTok", " tiktok" and "Tik Tok" are one platform, and so are "Red  Note", "red note".

    Small letters, single blanks; none at all in a name that is known to have none.
    """
    words = written.casefold().split()
    joined = "".join(words)
    return joined if joined in NAMES else " ".join(words)


def shown(name: str) -> str:
    """The kept name as the platform writes itself."""
    return NAMES.get(name, name)
