"""Measured frame times onto a steady rate: every tick shows the frame measured nearest to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def steady(times: Sequence[float] | NDArray[np.float64], fps: float) -> NDArray[np.intp]:
    """Which frame each tick of a steady clip shows.

    Args:
        times: (T,) seconds, strictly increasing, T >= 1.
        fps: ticks per second.

    Returns:
        (N,) indices into `times`, not decreasing; N ticks cover the clip's duration, the last frame counted as long
        as the mean of the others. Of two frames equally near, the earlier.
    """
    measured = np.asarray(times, dtype=np.float64)
    ticker = Ticker(fps)
    counts = [ticker.push(float(t)) for t in measured]
    shown = [*counts[1:], ticker.finish()]
    return np.repeat(np.arange(len(measured), dtype=np.intp), shown)


class Ticker:
    """The same, one frame at a time: how often the frame before the newest is to be shown.

    Holds no frames, so a recorder needs to keep one frame only.
    """

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.frames = 0
        self.ticks = 0  # already given out
        self.first = self.last = 0.0

    def push(self, time: float) -> int:
        """A frame measured at `time` arrived: how many ticks the previous one gets (0 for the very first call)."""
        if self.frames == 0:
            self.first = self.last = time
            self.frames = 1
            return 0
        middle = ((self.last + time) / 2 - self.first) * self.fps
        # Ticks up to and including the middle belong to the earlier frame; 1e-6 absorbs rounding of measured times.
        return self._upto(int(np.floor(middle + 1e-6)) + 1, time)

    def finish(self) -> int:
        """No more frames: how many ticks the last one gets."""
        if self.frames == 0:
            return 0
        span = self.last - self.first
        duration = span * self.frames / (self.frames - 1) if self.frames > 1 else 1 / self.fps
        return self._upto(max(1, round(duration * self.fps)), self.last, new=False)

    def _upto(self, ticks: int, time: float, *, new: bool = True) -> int:
        shown = max(0, ticks - self.ticks)
        self.ticks += shown
        self.last = time
        self.frames += new
        return shown
