"""Where the mouth is throughout a clip: a steady track from the faces found, and its note inside a blurred copy.

A blurred face is found by nobody, so a copy that keeps the mouth says itself where that is, in its comment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import untrusted
from core.media.container import opened
from core.media.faces import CENTRE_DOWN, MOUTH_WIDE, Boxes

Track = NDArray[np.float64]  # (T, 3): centre x, centre y and width

SMOOTHING = 0.6  # seconds on each side over which the track is smoothed
NOTE = "rushes mouth/1 "  # what the comment begins with
UNIT = 10_000  # the note counts ten-thousandths of the picture's width and height
LONGEST_NOTE = 4_000_000  # characters: seven hours of 25 frames a second


def steady_track(at: NDArray[np.float64], boxes: Boxes, ticks: NDArray[np.float64], reach: int) -> Track:
    """The mouth at `ticks`, from the largest frontal face at the moments `at`; the width is the clip's median.

    Args:
        at: (N,) frames or seconds, increasing.
        boxes: (N, 4) faces, pixels.
        reach: boxes on each side over which the track is smoothed.
    """
    boxes = _without_strays(boxes)
    centres = np.stack([boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + CENTRE_DOWN * boxes[:, 3]], axis=1)
    smooth = _smoothed(at, centres, reach)
    width = np.full(len(ticks), MOUTH_WIDE * float(np.median(boxes[:, 2])))
    return np.stack([np.interp(ticks, at, smooth[:, 0]), np.interp(ticks, at, smooth[:, 1]), width], axis=1)


def _without_strays(boxes: Boxes) -> Boxes:
    """Boxes far from the clip's usual size (a wall pattern taken for a face) become the nearest usual one."""
    usual = float(np.median(boxes[:, 2]))
    good = np.flatnonzero(np.abs(boxes[:, 2] - usual) <= 0.35 * usual)
    nearest = good[np.argmin(np.abs(good[None, :] - np.arange(len(boxes))[:, None]), axis=1)]
    return boxes[nearest]


def _smoothed(at: NDArray[np.float64], centres: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The track without its jitter. A straight walk is taken out first: cut-off windows would lag behind it."""
    line = np.stack([np.ones_like(at), at], axis=1)
    walk = line @ np.linalg.lstsq(line, centres)[0]
    return walk + _running(np.mean, _running(np.median, centres - walk, reach), reach)


def _running(how: Callable[..., NDArray[np.float64]], values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    return np.stack([how(values[max(0, i - reach) : i + reach + 1], axis=0) for i in range(len(values))])


def note(every: float, track: Track) -> str:
    """The comment of a clip: the mouth every so many seconds from its first frame, in shares of the picture."""
    rows: list[list[int]] = np.rint(np.clip(track, 0, 1) * UNIT).astype(int).tolist()
    return NOTE + json.dumps({"every": round(every, 6), "track": rows}, separators=(",", ":"))


def noted(path: Path, times: Sequence[float] | NDArray[np.float64]) -> Track | None:
    """The mouth at these seconds from a file's first frame, in shares of the picture; None where it says nothing.

    Raises:
        MediaError: the file cannot be opened.
    """
    with opened(path) as container:
        tags = {name.lower(): text for name, text in container.metadata.items()}
    return read_note(tags.get("comment", ""), np.asarray(times, dtype=np.float64))


def read_note(text: str, times: NDArray[np.float64]) -> Track | None:
    """The mouth at these seconds from a comment; anybody may have written it: what is no track is no note."""
    if not text.startswith(NOTE) or len(text) > LONGEST_NOTE:
        return None
    try:
        said: Any = untrusted.loads(text.removeprefix(NOTE))
        every, track = float(said["every"]), np.array(said["track"], dtype=np.float64) / UNIT
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    sound = track.ndim == 2 and track.shape[1:] == (3,) and len(track) > 0 and 0.001 <= every <= 10
    # Beside the picture only its edge could be cut out, and any edge is read as some sentence.
    if not sound or not ((track >= 0) & (track <= 1)).all() or not (track[:, 2] >= 0.01).all():
        return None
    at = np.arange(len(track)) * every
    return np.stack([np.interp(times, at, track[:, axis]) for axis in range(3)], axis=1)
