"""How a file is named in a message: control characters and undecodable bytes are written out."""

from __future__ import annotations

from pathlib import Path

from core.visible import visible


def shown(path: Path | str) -> str:
    """The path with everything unprintable escaped as in a Python string."""
    return visible(path)
