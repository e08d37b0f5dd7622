"""One open source in its thread: keeps the newest picture scaled for the screen, and feeds the recorder if one runs.

Imported light; OpenCV and the sources come with `run`, in the thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from core.errors import RushesError
from core.log import logger
from tui.messages import FrameReady, Recorded, SourceEnded, SourceReady

if TYPE_CHECKING:
    from textual.message import Message

    from core.capture.microphone import Microphone
    from core.capture.recorder import Recorder
    from core.capture.sources import Source
    from core.media.clip import Frame, Image
    from core.tasks.speech.live import LiveMouth
    from core.workspace import Workspace

OUTLINE = (90, 255, 120)  # RGB


class Feed:
    """A source being shown.

    Args:
        spec: path, camera index or URL.
        post: takes messages, from any thread.
        fps: pictures a second that are worth scaling.
    """

    def __init__(self, spec: str, post: Callable[[Message], bool], fps: int) -> None:
        self.spec = spec
        self.name = spec
        self.kind = ""
        self.live = False
        self.room: tuple[int, int] = (0, 0)  # pixels the screen has, columns and rows; set by the screen
        self.picture: Image | None = None
        self.announced = False  # a FrameReady is on its way; newer pictures replace the one it speaks of
        self.stop = Event()
        self.over = False
        self.problem: str | None = None  # why it is over
        self.task = ""  # what is recorded is for this task; set when a recording begins
        self.watch_mouth = False  # the task reads lips; set by the screen
        self._mouth: LiveMouth | None = None
        self._post = post
        self.fps = fps
        self._lock = Lock()
        self._seen = False  # a frame came
        self._source: Source | None = None
        self._recorder: Recorder | None = None
        self._microphone: Microphone | None = None

    def run(self) -> None:
        """Open the source and show its frames until it ends or `stop` is set."""
        from core.capture.sources import open_source

        try:
            self._source = source = open_source(self.spec)
            self.name, self.kind, self.live = source.name, source.kind, source.live
            self._post(SourceReady(self))
            self._show(source.frames(self.stop))
        except RushesError as error:
            self.problem = error.sentence()
        finally:
            self.over = True
            if self._source is not None:
                self._source.close()
            self._post(SourceEnded(self))

    @property
    def dead(self) -> bool:
        """Nothing ever came of the source; `problem` says why."""
        return self.problem is not None and not self._seen

    def files(self, stop: Event) -> Iterator[Path]:
        """The whole files behind the source, until `stop` is set; nothing for a camera.

        Raises:
            RushesError: the source cannot be opened.
        """
        from core.capture.sources import open_source

        source = open_source(self.spec)
        try:
            yield from source.files(stop)
        finally:
            source.close()

    def _show(self, frames: Iterator[Frame]) -> None:
        import cv2

        cv2.setNumThreads(1)  # the second core belongs to the keys
        due = 0.0
        for frame in frames:
            self._seen = True
            with self._lock:
                if self._recorder is not None:
                    self._recorder.feed(frame)
            now = time.monotonic()
            if now < due or 0 in self.room:
                continue
            due = max(due + 1.0 / self.fps, now)
            self.picture = self._fit(frame.image, now, cv2)
            if not self.announced:
                self.announced = True
                self._post(FrameReady(self))

    @property
    def face_seen(self) -> bool | None:
        """Whether a face is in the newest pictures; None where nobody looks, or it is too early to tell."""
        return None if self._mouth is None or not self.watch_mouth or self.over else self._mouth.seen

    def _outline(self, image: Image, small: Image, now: float, cv2: Any) -> None:
        """Draw a box around the mouth, where there is one, into the scaled picture."""
        from core.tasks.speech.live import LiveMouth

        if self._mouth is None:
            self._mouth = LiveMouth()
        self._mouth.look(image, now)
        if self._mouth.box is not None:
            high, wide = small.shape[0] - 1, small.shape[1] - 1
            left, top, right, bottom = self._mouth.box
            corners = (round(left * wide), round(top * high)), (round(right * wide), round(bottom * high))
            cv2.rectangle(small, *corners, OUTLINE, 1)

    def _fit(self, image: Image, now: float, cv2: Any) -> Image:
        columns, rows = self.room
        height, width = image.shape[:2]
        scale = min(columns / width, rows / height)
        size = (max(1, round(width * scale)), max(2, round(height * scale / 2) * 2))
        small = cv2.resize(image, (min(size[0], columns), min(size[1], rows)), interpolation=cv2.INTER_AREA)
        if self.watch_mouth:
            self._outline(image, small, now, cv2)
        return small[:, ::-1] if self.kind == "camera" else small  # people expect a mirror

    @property
    def recording(self) -> bool:
        return self._recorder is not None

    @property
    def recorded_s(self) -> float:
        """Seconds that the recording holds so far."""
        recorder = self._recorder
        return 0.0 if recorder is None else recorder.seconds

    @property
    def level(self) -> float | None:
        """How loud it is, 0..1, while something is recorded with sound; None without a microphone."""
        microphone = self._microphone
        return None if microphone is None else microphone.level

    def record(self, space: Workspace, task: str) -> str | None:
        """Start a recording in `incoming/`; frames from now on go into it. Returns why it has no sound, if it should.

        Raises:
            RushesError: the file cannot be made.
        """
        from core.capture.intake import recording
        from core.capture.microphone import Microphone
        from core.capture.recorder import Recorder

        microphone = Microphone.open() if self.kind == "camera" else None
        recorder = Recorder(recording(space, task))
        if microphone is not None and not microphone.start():
            microphone = None
        with self._lock:
            self.task, self._recorder, self._microphone = task, recorder, microphone
        return Microphone.reason if self.kind == "camera" else None

    def finish(self) -> None:
        """End the recording and announce the file, or why there is none; the source's own problem is known already."""
        try:
            path = self._end()
        except RushesError as error:
            self._post(Recorded(self, None, None if self.dead else error.sentence()))
        else:
            if path is not None:
                self._post(Recorded(self, path))

    def abandon(self) -> None:
        """Close the source; a recording that runs is kept in `incoming/`, where it is found again."""
        self.stop.set()
        try:
            self._end()
        except RushesError as error:
            logger.warning("%s", error)

    def _end(self) -> Path | None:
        with self._lock:
            recorder, self._recorder = self._recorder, None
            microphone, self._microphone = self._microphone, None
        if recorder is None:
            return None
        try:
            return recorder.finish(microphone.stop() if microphone is not None else None).path
        except RushesError:
            recorder.abort()
            raise
