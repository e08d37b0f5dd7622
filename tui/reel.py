"""A clip's pictures, decoded small in a thread: the first is there at once, the others follow while one looks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, cast

from textual.message import Message

from core.errors import RushesError

if TYPE_CHECKING:
    from core.media.clip import Image
    from core.snapshot import Sample
    from core.workspace import Workspace

SIDE = 160  # pixels of the longer side: a terminal shows hardly more
MOST_FRAMES = 900  # 60 s at 15 a second: at most 80 MB for one clip


@dataclass
class ReelReady(Message):
    """A reel has its first picture, or has ended."""

    reel: Reel


class Reel:
    """One clip.

    Attributes:
        frames: (H, W, 3) uint8 RGB, thinned to what is worth drawing; grows while it is being decoded.
        times: seconds from the clip's start, one per frame.
        still: it is a picture.
        ended: nothing more will come; `problem` says why where that is no good end.
    """

    def __init__(self, sample: Sample, fps: int) -> None:
        self.sample = sample
        self.frames: list[Image] = []
        self.times: list[float] = []
        self.still = False
        self.ended = False
        self.problem: str | None = None
        self.stop = Event()
        self._gap = 1.0 / fps

    @property
    def length(self) -> float:
        """Seconds; as the sample says until all is decoded."""
        known = self.times[-1] + self._gap if self.times else 0.0
        return known if self.ended or not self.sample.duration_s else max(known, self.sample.duration_s)

    def at(self, second: float) -> Image | None:
        """The picture shown at a time; the last one there is where it is not decoded yet."""
        if not self.frames:
            return None
        # The thread adds the frame before its time.
        return self.frames[max(0, bisect_right(self.times, second + 1e-6) - 1)]

    def decode(self, space: Workspace, post: Callable[[Message], bool]) -> None:
        """Fill the reel; in a thread."""
        import cv2

        from core.media.container import is_image
        from core.media.decode import stream_frames
        from core.media.images import read_image
        from core.snapshot.review import media_path

        cv2.setNumThreads(1)  # the second core belongs to the keys
        try:
            path = media_path(space, self.sample)
            if is_image(path):
                self.still = True
                self._add(read_image(path, max_side=SIDE), 0.0)
            else:
                start, end = self.sample.start_s, self.sample.end_s
                for time, image in stream_frames(path, max_side=SIDE, start_s=start, end_s=end):
                    if self.stop.is_set() or len(self.frames) >= MOST_FRAMES:
                        break
                    if not self.times or time - start >= self.times[-1] + self._gap - 1e-3:
                        self._add(image, time - start)
                        if len(self.frames) == 1:
                            post(ReelReady(self))
                if not self.frames and not self.stop.is_set():
                    self.problem = "the clip has no pictures"
        except RushesError as error:
            self.problem = error.sentence()
        finally:
            self.ended = True
            if not self.stop.is_set():
                post(ReelReady(self))

    def _add(self, image: Image, time: float) -> None:
        self.frames.append(image)
        self.times.append(time)


def fit(image: Image, room: tuple[int, int]) -> Image:
    """Scaled to fit (columns, rows of pixels), an even number of rows."""
    import cv2  # loaded by the thread that decoded

    columns, rows = room
    height, width = image.shape[:2]
    scale = min(columns / width, rows / height)
    size = (min(columns, max(1, round(width * scale))), min(rows, max(2, round(height * scale / 2) * 2)))
    return cast("Image", cv2.resize(image, size, interpolation=cv2.INTER_AREA))
