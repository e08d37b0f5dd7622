"""How a file is named in a message: control characters and undecodable bytes are written out."""

from __future__ import annotations

from pathlib import Path


def shown(path: Path | str) -> str:
    """The path with everything unprintable escaped as in a Python string."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))
