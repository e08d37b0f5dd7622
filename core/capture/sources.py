"""Where pictures come from: a camera, a file, a folder (once or watched), a stream URL; one interface for all.

Nothing here knows a workspace or decides what a clip is; OpenCV and libav load when a source is first read.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Literal, Protocol, cast

import numpy as np

from core.errors import MediaError, WrongUseError
from core.media.clip import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Frame, Image
from core.media.names import shown

if TYPE_CHECKING:
    import cv2

Kind = Literal["camera", "file", "folder", "stream"]
SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "tcp", "rtmp")
OPEN_MS = 5000  # a camera or stream that has not opened by then is reported, not waited for
READ_MS = 5000
POLL = 0.5  # seconds between two looks at a watched folder
PREVIEW_SIDE = 1280  # pixels; a 4K file is scaled down while it is played
IMAGE_SECONDS = 2.0  # how long an image of a folder is shown
MOST_SEARCHED = 1000  # folders inside a folder without clips; no more are looked at
MOST_NAMED = 3  # of those that hold clips


class Source(Protocol):
    """Something to watch.

    `frames` plays it, at its own pace, until it ends or `stop` is set. `files` yields what should be taken whole;
    live sources yield none. Both raise `MediaError`, and `WrongUseError` for a folder without clips.
    """

    name: str
    kind: Kind
    live: bool

    def frames(self, stop: Event) -> Iterator[Frame]: ...
    def files(self, stop: Event) -> Iterator[Path]: ...
    def close(self) -> None: ...


def open_source(spec: str, *, watch: bool = False, loop: bool = False) -> Source:
    """The source a user named: a path, a camera index ("0") or a URL (rtsp, http, udp, tcp, rtmp).

    A file or folder whose name is a number is reached as "./0".

    Args:
        watch: a folder keeps yielding files as they arrive.
        loop: a file starts again when it ends.

    Raises:
        MediaError: there is no such file or folder.
        WrongUseError: an unknown kind of URL, or `watch` for something that is no folder.
    """
    address = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", spec)
    if watch and (address or not Path(spec).is_dir()):
        raise WrongUseError("only a folder can be watched", where=shown(spec))
    if address:
        if address[1].lower() not in SCHEMES:
            raise WrongUseError(f"is no kind of stream this program reads ({', '.join(SCHEMES)})", where=shown(spec))
        return StreamSource(spec)
    if re.fullmatch(r"[0-9]{1,3}", spec):
        return CameraSource(int(spec))
    path = Path(spec).expanduser()
    if path.is_dir():
        return FolderSource(path, watch=watch)
    if not path.exists():
        raise MediaError("does not exist", where=shown(path), do="Name a file, a folder, a camera (0) or a stream URL")
    return FileSource(path, loop=loop)


def safe_address(url: str) -> str:
    """A URL without the password it may carry."""
    return shown(re.sub(r"(?<=://)[^/@\s]*@", "", url))


class FileSource:
    """A video or image file, played at the pace it was recorded."""

    kind: Kind = "file"
    live = False

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        self.path, self.loop, self.name = path, loop, shown(path.name)

    def frames(self, stop: Event) -> Iterator[Frame]:
        shown_until, last = 0.0, 0.0
        while not stop.is_set():
            for frame in _play(self.path, stop):
                yield Frame(frame.image, shown_until + frame.time)
                last = frame.time
            if not self.loop or stop.is_set():
                return
            shown_until += last + 0.04  # one frame at 25 fps, so that time goes on across the seam

    def files(self, stop: Event) -> Iterator[Path]:
        if not stop.is_set():
            yield self.path

    def close(self) -> None:
        """Nothing stays open between two calls."""


class FolderSource:
    """The videos and images of a folder in the order of their names; watched, also those that arrive later."""

    kind: Kind = "folder"
    live = False

    def __init__(self, path: Path, *, watch: bool = False, poll: float = POLL) -> None:
        self.path, self.watch, self.poll, self.name = path, watch, poll, shown(path.name or path)

    def frames(self, stop: Event) -> Iterator[Frame]:
        """What cannot be played is passed over, unless nothing can be; taking it in names it."""
        begin = monotonic()
        last = -1.0
        problem: MediaError | None = None
        for path in self.files(stop):
            offset = max(last + 0.04, monotonic() - begin)
            try:
                for frame in _play(path, stop):
                    last = offset + frame.time
                    yield Frame(frame.image, last)
            except MediaError as error:
                problem = error
        if problem is not None and last < 0:
            raise problem

    def files(self, stop: Event) -> Iterator[Path]:
        """Each file once; watched, when its size and time did not change between two looks, and again when replaced."""
        if not self.watch:
            found = sorted(self._looks())
            if not found:
                raise WrongUseError("holds no clip or picture itself", where=self.name, do=self._elsewhere())
            for path in found:
                if stop.is_set():
                    return
                yield path
            return
        given: dict[Path, tuple[int, int]] = {}
        before: dict[Path, tuple[int, int]] = {}
        while not stop.is_set():
            now = self._looks()
            given = {path: stamp for path, stamp in given.items() if path in now}
            for path in sorted(now):
                if now[path][0] > 0 and before.get(path) == now[path] and given.get(path) != now[path]:
                    given[path] = now[path]
                    yield path
                    if stop.is_set():
                        return
            before = now
            stop.wait(self.poll)

    def _elsewhere(self) -> str:
        """Which folders inside this one hold some."""
        inside = itertools.islice(os.walk(self.path), MOST_SEARCHED)
        found = (Path(place) for place, _, names in inside if any(is_media_name(name) for name in names))
        named = [shown(place.relative_to(self.path)) for place in itertools.islice(found, MOST_NAMED + 1)]
        if not named:
            return "Name a folder that does"
        return f"There are some in: {', '.join(sorted(named[:MOST_NAMED]))}{', …' if named[MOST_NAMED:] else ''}"

    def _looks(self) -> dict[Path, tuple[int, int]]:
        """(size, modification time in ns) of what looks like finished media."""
        found: dict[Path, tuple[int, int]] = {}
        try:
            for path in self.path.iterdir():
                if is_media_name(path.name) and path.is_file():
                    status = path.stat()
                    found[path] = (status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            if not self.path.is_dir():
                raise MediaError("the folder is gone", where=shown(self.path)) from None
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise MediaError(f"cannot be read ({reason})", where=shown(self.path)) from None
        return found

    def close(self) -> None:
        """Nothing stays open between two looks."""


def is_media_name(name: str) -> bool:
    """A name that is a video or image, neither hidden nor a half-written download."""
    if name.startswith((".", "~", "#")) or name.endswith("~"):
        return False
    return Path(name).suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES


class CameraSource:
    """A camera of this machine by its index."""

    kind: Kind = "camera"
    live = True

    def __init__(self, index: int) -> None:
        self.index, self.name = index, f"camera {index}"
        self._capture: cv2.VideoCapture | None = None

    def frames(self, stop: Event) -> Iterator[Frame]:
        import cv2  # 120 ms

        _quiet()
        capture = cv2.VideoCapture(self.index)
        if not capture.isOpened():
            do = "Close other programs that use it, or choose a file, a folder or a stream"
            raise MediaError("there is no such camera, or it is busy", where=self.name, do=do)
        self._capture = capture
        yield from _grab(capture, stop, self.name)

    def files(self, stop: Event) -> Iterator[Path]:
        del stop
        return iter(())

    def close(self) -> None:
        """Release the camera; call it after `frames` ended."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class StreamSource:
    """A network camera or stream by its URL; calling `frames` again connects again."""

    kind: Kind = "stream"
    live = True

    def __init__(self, url: str) -> None:
        self.url, self.name = url, safe_address(url)
        self._capture: cv2.VideoCapture | None = None

    def frames(self, stop: Event) -> Iterator[Frame]:
        import cv2  # 120 ms

        _quiet()
        self.close()
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
        capture = cv2.VideoCapture(self.url, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            raise MediaError("the stream does not answer", where=self.name, do="Check the address and that it is on")
        self._capture = capture
        yield from _grab(capture, stop, self.name)

    def files(self, stop: Event) -> Iterator[Path]:
        del stop
        return iter(())

    def close(self) -> None:
        """Hang up; call it after `frames` ended."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def _quiet() -> None:
    """OpenCV writes its warnings to standard error, over the screen."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _grab(capture: cv2.VideoCapture, stop: Event, name: str) -> Iterator[Frame]:
    """Frames with the time they arrived; a device's own clock is often missing or wrong."""
    begin, last = monotonic(), -1.0
    while not stop.is_set():
        read, image = capture.read()
        if stop.is_set():
            return
        if not read:
            raise MediaError("stopped sending pictures", where=name, do="Start it again to reconnect")
        last = max(monotonic() - begin, last + 1e-4)
        # BGR -> RGB
        yield Frame(cast("Image", np.ascontiguousarray(image[..., ::-1])), last)


def _play(path: Path, stop: Event) -> Iterator[Frame]:
    from core.media.container import is_image  # with libav, 60 ms
    from core.media.decode import stream_frames
    from core.media.images import read_image

    if is_image(path):
        yield Frame(read_image(path, max_side=PREVIEW_SIDE), 0.0)
        stop.wait(IMAGE_SECONDS)
        return
    begin = monotonic()
    for time, image in stream_frames(path, max_side=PREVIEW_SIDE):
        if stop.wait(max(0.0, begin + time - monotonic())):
            return
        yield Frame(image, time)
