"""Decoding: a file to frames with the times they were measured at, scaled while decoding, and the sound beside them.

A file that is cut short, damaged or no film at all is refused with its reason; nothing here knows a workspace.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from core import limits
from core.errors import MediaError
from core.media import mouths
from core.media.clip import Clip, DecodeSpec, Image, MediaInfo
from core.media.container import check_file, is_image, opened, seconds, video_of
from core.media.images import read_image
from core.media.names import shown
from core.media.resample import Ticker
from core.media.sound import read_sound
from core.media.whole import is_cut_short

__all__ = ["probe", "read_clip", "read_sound", "stream_frames"]

MAX_BYTES = 1 << 30  # decoded frames of one clip
MAX_SIDE = 16_384  # pixels; larger claims are damage
LONGEST = 86_400.0  # seconds; damaged headers claim thousands of years
MOST_FPS = 1000  # frames a second; a film of more is damage or meant to wear us out
SLACK = 2  # packets a header may claim and a whole file still lack
SEEK_FROM = 2.0  # seconds; below this decoding from the start is as fast
EXPORT_AGAIN = "Record or export it again"


def probe(path: Path) -> MediaInfo:
    """What the header says; nothing but an image is decoded.

    Raises:
        MediaError: the file is no readable video or image.
    """
    if is_image(path):
        image = read_image(path)
        return MediaInfo("image", image.shape[1], image.shape[0], 0.0, 1, 0.0, has_sound=False)
    with opened(path) as container:
        stream = video_of(container, path)
        return MediaInfo(
            kind="video",
            width=stream.width,
            height=stream.height,
            fps=_rate(stream),
            frames=stream.frames,
            duration=seconds(container, stream),
            has_sound=bool(container.streams.audio),
        )


def read_clip(
    path: Path, spec: DecodeSpec, *, start_s: float = 0.0, end_s: float | None = None, max_frames: int = 3000
) -> Clip:
    """Decode a file, or the part of it from `start_s` (inclusive) to `end_s` (exclusive), seconds from its first frame.

    Raises:
        MediaError: no video or image, cut short, damaged, without frames, or too long for memory.
    """
    if is_image(path):
        image = read_image(path, max_side=spec.max_side)
        native = image if spec.max_side is None else read_image(path)
        return Clip(image[np.newaxis], np.zeros(1), None, (native.shape[1], native.shape[0]))
    if spec.still:
        return _still(path, spec, start_s, end_s)
    keep = _Keep(path, max_frames, spec.fps)
    native = (0, 0)
    for time, image, native in _decoded(path, spec.max_side, start_s, end_s):  # noqa: B007 - native is read after the loop
        keep.push(time, image)
    frames, times = keep.finish()
    if not len(times):
        raise MediaError(_nothing(start_s, end_s), where=shown(path))
    times = times - times[0]
    clip = Clip(frames, times, None, native, mouths.noted(path, start_s + times) if spec.mouth else None)
    if not spec.sound:
        return clip
    end = start_s + clip.duration if end_s is None else min(end_s, start_s + clip.duration)
    return replace(clip, sound=read_sound(path, start_s, end))


def stream_frames(
    path: Path, *, max_side: int | None = None, start_s: float = 0.0, end_s: float | None = None
) -> Iterator[tuple[float, Image]]:
    """The same frames one at a time, for what does not fit memory: (seconds from the file's first frame, image).

    Raises:
        MediaError: as `read_clip`; what shows only at the end (fewer frames than claimed) is raised there.
    """
    for time, image, _ in _decoded(path, max_side, start_s, end_s):
        yield time, image


def _still(path: Path, spec: DecodeSpec, start_s: float, end_s: float | None) -> Clip:
    with opened(path) as container:
        stream = video_of(container, path)
        rate = _rate(stream)
        length = seconds(container, stream) or sum(1 for p in container.demux(stream) if p.size) / rate
    end = length if end_s is None else min(end_s, length)
    # Half a frame's rounding: of 75 frames the 38th, of 2 the first.
    middle = max(start_s, start_s + (end - start_s - 1 / rate) / 2 - 0.001)
    for begin in (middle, start_s):  # a header may claim more than there is: then the first frame
        for _, image, native in _decoded(path, spec.max_side, begin, None):
            return Clip(image[np.newaxis], np.zeros(1), None, native)
    raise MediaError(_nothing(start_s, end_s), where=shown(path))


def _nothing(start_s: float, end_s: float | None) -> str:
    if start_s <= 0 and end_s is None:
        return "has no frames"
    return f"has no frames from {start_s:.2f} s" + ("" if end_s is None else f" to {end_s:.2f} s")


class _Keep:
    """Frames kept for a clip: measured ones, or resampled as they come so that dropped ones cost nothing."""

    def __init__(self, path: Path, max_frames: int, fps: float | None) -> None:
        self.path, self.max_frames, self.fps = path, max_frames, fps
        self.ticker = Ticker(fps) if fps else None
        self.images: list[Image] = []
        self.times: list[float] = []
        self.newest: Image | None = None

    def push(self, time: float, image: Image) -> None:
        if self.ticker is None:
            self.times.append(time)
            self._add(image, 1)
            return
        shown_for = self.ticker.push(time)
        if self.newest is not None:
            self._add(self.newest, shown_for)
        self.newest = image

    def _add(self, image: Image, times: int) -> None:
        count = len(self.images) + times
        if times and (count > self.max_frames or count * image.nbytes > MAX_BYTES):
            limit = min(self.max_frames, MAX_BYTES // image.nbytes)
            raise MediaError(f"is too long (more than {limit} frames)", where=shown(self.path), do="Cut it into scenes")
        self.images += [image] * times

    def finish(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        if self.ticker is not None and self.newest is not None:
            self._add(self.newest, self.ticker.finish())
            self.times = [k / self.ticker.fps for k in range(len(self.images))]
        if not self.images:
            return np.empty((0, 0, 0, 3), np.uint8), np.empty(0)
        frames = np.empty((len(self.images), *self.images[0].shape), np.uint8)
        for row, image in enumerate(self.images):
            frames[row] = image
            self.images[row] = image[:0]  # let go of it, or the clip is in memory twice
        return frames, np.asarray(self.times)


def _rate(stream: VideoStream) -> float:
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    return rate if 0 < rate <= 1000 else 25.0


def _decoded(
    path: Path, max_side: int | None, start_s: float, end_s: float | None
) -> Generator[tuple[float, Image, tuple[int, int]]]:
    """(seconds from the file's first frame, RGB image, native (width, height)) for every frame in the span."""
    if is_image(path):
        raise MediaError("is an image, not a video", where=shown(path))
    with opened(path) as container:
        stream = video_of(container, path)
        if max(stream.width, stream.height) > MAX_SIDE:
            raise MediaError(f"claims {stream.width}x{stream.height} pixels", where=shown(path))
        if is_cut_short(path):
            raise _cut_short(path, container, stream, _count(container, stream))
        zero = _seek(container, stream, start_s)
        if zero is not None:
            frames = _timed(path, container, stream, zero, partial=True)
            first = next(frames, None)
            if first is not None and first[0] <= start_s + 1e-6:
                yield from _span(first, frames, max_side, start_s, end_s)
                return
    with opened(path) as container:  # from the start: exact, and counts what the header claims
        stream = video_of(container, path)
        frames = _timed(path, container, stream, None, partial=False)
        first = next(frames, None)
        if first is not None:
            yield from _span(first, frames, max_side, start_s, end_s)


def _span(
    first: tuple[float, VideoFrame],
    rest: Iterator[tuple[float, VideoFrame]],
    max_side: int | None,
    start_s: float,
    end_s: float | None,
) -> Generator[tuple[float, Image, tuple[int, int]]]:
    size: tuple[int, int] | None = None
    time, frame = first
    while True:
        if end_s is not None and time >= end_s - 1e-6:
            return
        if time >= start_s - 1e-6:
            size = size or scaled(frame.width, frame.height, max_side)
            image = _rgb(frame, size)
            turned = frame.rotation % 180 != 0
            yield time, image, (frame.height, frame.width) if turned else (frame.width, frame.height)
        following = next(rest, None)
        if following is None:
            return
        time, frame = following


def scaled(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """(width, height) with the longer side at most `max_side`; never scaled up, never 0."""
    longest = max(width, height)
    if max_side is None or longest <= max_side:
        return width, height
    return max(1, round(width * max_side / longest)), max(1, round(height * max_side / longest))


def _rgb(frame: VideoFrame, size: tuple[int, int]) -> Image:
    smaller = frame.reformat(*size, format="rgb24", interpolation="AREA", threads=1)
    image = cast("Image", smaller.to_ndarray())
    turns = round(frame.rotation / 90) % 4  # the display matrix: degrees anticlockwise to turn by
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _seek(container: InputContainer, stream: VideoStream, start_s: float) -> float | None:
    """Go near `start_s`; returns the time of the file's first frame, or None when it is better to start from there.

    MPEG program streams have no index, and libav lands between key frames.
    """
    if start_s < SEEK_FROM or stream.start_time is None or not stream.time_base or container.format.name == "mpeg":
        return None
    zero = float(stream.start_time * stream.time_base)
    try:
        container.seek(int((zero + start_s) / stream.time_base), stream=stream)
    except FFmpegError:
        return None
    return zero


def _timed(
    path: Path, container: InputContainer, stream: VideoStream, zero: float | None, *, partial: bool
) -> Generator[tuple[float, VideoFrame]]:
    """Every frame with its time since the first, strictly increasing; refuses files with too many broken packets."""
    step, last = 1 / _rate(stream), -1.0
    packets = broken = frames = 0
    try:
        for packet in container.demux(stream):
            packets += packet.size > 0
            try:
                decoded = packet.decode()
            except InvalidDataError:
                broken += 1
                continue
            for frame in decoded:
                measured = cast("float | None", frame.time)
                measured = last + step + (zero or 0.0) if measured is None else float(measured)
                zero = measured if zero is None else zero
                time = measured - zero
                if frames and time <= last:
                    time = last + step / 100 if last - time < step else last + step
                _refuse_long(path, time, frames)
                last, frames = time, frames + 1
                yield time, frame
    except (FFmpegError, OSError) as error:
        raise MediaError("is damaged and cannot be decoded", where=shown(path), do=EXPORT_AGAIN) from error
    if partial:
        return
    if stream.frames and packets < stream.frames - SLACK:
        raise _cut_short(path, container, stream, packets)
    if broken > max(SLACK, packets // 20):
        what = f"is damaged ({broken} of {packets} frames cannot be decoded)"
        raise MediaError(what, where=shown(path), do=EXPORT_AGAIN)
    if not frames:
        raise MediaError("has no frames", where=shown(path), do=EXPORT_AGAIN)


def _refuse_long(path: Path, time: float, frames: int) -> None:
    """A file's length shows only while it is read, whatever its header says."""
    if time > max(LONGEST, limits.now().seconds):
        raise MediaError("is damaged (its times make no sense)", where=shown(path), do=EXPORT_AGAIN)
    if time > limits.now().seconds or frames > limits.now().seconds * MOST_FPS:
        what = f"is longer than {limits.now().seconds:g} s"
        raise MediaError(what, where=shown(path), do="See: capture.max_seconds.")


def _count(container: InputContainer, stream: VideoStream) -> int:
    try:
        return sum(1 for packet in container.demux(stream) if packet.size)
    except (FFmpegError, OSError):
        return 0


def _cut_short(path: Path, container: InputContainer, stream: VideoStream, found: int) -> MediaError:
    claimed = stream.frames or round(seconds(container, stream) * _rate(stream))
    if claimed and found >= claimed and container.format.name != "mpeg":
        detail = " (its last bytes are missing)"
    elif stream.frames:
        detail = f" ({found} of {stream.frames} frames)"
    elif container.format.name != "mpeg" and seconds(container, stream):  # program streams: an estimate from the bytes
        detail = f" ({found / _rate(stream):.1f} of {seconds(container, stream):.1f} s)"
    else:
        detail = f" (after {found} frames)"
    return MediaError(f"is cut short{detail}", where=shown(path), do=EXPORT_AGAIN)


def check_media(path: Path) -> None:
    """Decode the whole file and keep nothing: raises as `read_clip` does."""
    check_file(path)
    if is_image(path):
        read_image(path)
        return
    for _ in _decoded(path, 16, 0.0, None):
        pass
