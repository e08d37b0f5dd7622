"""How much of what comes from outside is read before it is refused: what the open workspace sets, for this process.

Kept apart from them because neither the store nor the media know a workspace.
"""

from __future__ import annotations

from dataclasses import dataclass

MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """See `LimitsSettings`, whose defaults these are, and `CaptureSettings.max_seconds`.

    Attributes:
        pixels: most pixels of a picture or a frame.
        line: longest line of a journal or an import file, bytes.
        seconds: longest video that is looked at.
    """

    pixels: int = 100 * MEGA
    line: int = 16 * MEGA
    seconds: float = 7200.0


_now = Limits()


def now() -> Limits:
    """What holds now."""
    return _now


def use(limits: Limits) -> None:
    """Let these hold from now on."""
    global _now
    _now = limits
