"""Records live frames onto a steady rate: each tick shows the frame measured nearest to it.

Frames are encoded as they come and flushed at once, so a recording killed half-way can be read as far as it got,
at its true speed. Sound is added at the end.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from core.errors import MediaError
from core.files import private_dir, replacing
from core.media.clip import Frame, Image, Sound
from core.media.encode import add_picture, add_sound, put_sound, to_frame
from core.media.names import shown
from core.media.resample import Ticker

MAX_SIDE = 1280  # pixels of a recording's longer side
LONGEST_GAP = 10.0  # seconds without a frame that are filled with the last one; a longer stall is cut out


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished recording.

    Attributes:
        seconds: its length on the steady rate.
        frames: frames written, at that rate.
        measured_fps: frames per second that really arrived.
    """

    path: Path
    seconds: float
    frames: int
    measured_fps: float


class Recorder:
    """One recording to an MJPEG .avi. `feed` from one thread; then `finish` or `abort`, once."""

    def __init__(self, path: Path, fps: float = 25.0) -> None:
        if path.suffix.lower() != ".avi":
            raise MediaError("a recording is an .avi file", where=shown(path))
        self.path, self.fps = path, fps
        self.times: list[float] = []  # measured, seconds on the source's clock
        self._ticker = Ticker(fps)
        self._skipped = 0.0
        self._newest: Image | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._written = 0

    @property
    def seconds(self) -> float:
        """Length of what is in the file so far."""
        return self._written / self.fps

    def feed(self, frame: Frame) -> None:
        """Take one frame; its time must be later than the one before, or it is ignored.

        Raises:
            MediaError: the file cannot be written (disk full, folder read-only).
        """
        if self.times and frame.time <= self.times[-1]:
            return
        if self.times and frame.time - self.times[-1] > LONGEST_GAP:
            self._skipped += frame.time - self.times[-1] - 1 / self.fps
        self.times.append(frame.time)
        ticks = self._ticker.push(frame.time - self._skipped)
        if self._newest is not None:
            self._write(self._newest, ticks)
        self._newest = frame.image

    def finish(self, sound: Sound | None = None) -> Recorded:
        """Close the recording and replace it by the finished file, with the sound that belongs to it.

        Raises:
            MediaError: no frame arrived, or the file cannot be written; nothing is left then.
        """
        if self._newest is None:
            self.abort()
            raise MediaError("no frame arrived", where=shown(self.path), do="Check the source and record again")
        try:
            self._write(self._newest, self._ticker.finish())
            self._close()
            self._rewrite(sound)
        except (FFmpegError, OSError, MediaError) as error:
            self.abort()
            raise _unwritable(self.path, error) from error
        span = self.times[-1] - self.times[0]
        measured = (len(self.times) - 1) / span if span > 0 else 0.0
        return Recorded(self.path, self._written / self.fps, self._written, measured)

    def abort(self) -> None:
        """Throw the recording away."""
        with suppress(FFmpegError, OSError):
            self._close()
        self._newest = None
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _open(self, image: Image) -> tuple[OutputContainer, VideoStream]:
        private_dir(self.path.parent)
        self.path.touch(mode=0o600)
        # Without the flush a kill loses what libav still holds: 32 KB, a second of small pictures.
        container = av.open(f"file:{self.path}", "w", options={"flush_packets": "1"})
        height, width = image.shape[:2]
        scale = min(1.0, MAX_SIDE / max(height, width))
        stream = add_picture(container, "mjpeg", self.fps, round(width * scale), round(height * scale))
        return container, stream

    def _write(self, image: Image, ticks: int) -> None:
        """Encode once, write as often as the frame is shown."""
        if not ticks:
            return
        try:
            if self._container is None or self._stream is None:
                self._container, self._stream = self._open(image)
            frame = to_frame(self._stream, image)
            frame.pts, frame.time_base = self._written, 1 / self._stream.codec_context.framerate
            for packet in self._stream.encode(frame):
                data = bytes(packet)
                for _ in range(ticks):
                    copy = av.Packet(data)
                    copy.stream, copy.time_base = self._stream, 1 / self._stream.codec_context.framerate
                    copy.pts = copy.dts = self._written
                    copy.duration, copy.is_keyframe = 1, True
                    self._container.mux(copy)
                    self._written += 1
        except (FFmpegError, OSError) as error:
            raise _unwritable(self.path, error) from error

    def _close(self) -> None:
        container, self._container, self._stream = self._container, None, None
        if container is not None:
            container.close()

    def _rewrite(self, sound: Sound | None) -> None:
        """Copy the pictures as they are into the final file, whole and durable, beside the sound."""
        length = self._written / self.fps
        with (
            replacing(self.path) as temporary,
            av.open(f"file:{self.path}") as source,
            av.open(f"file:{temporary}", "w") as target,
        ):
            pictures = source.streams.video[0]
            copied = target.add_stream_from_template(pictures)
            noise = None
            if sound is not None and len(sound.samples):
                sound = Sound(sound.samples[: round(length * sound.rate)], sound.rate)
                noise = add_sound(target, "pcm_s16le", sound)
            for packet in source.demux(pictures):
                if packet.size:
                    packet.stream = copied
                    target.mux(packet)
            if noise is not None and sound is not None:
                put_sound(target, noise, sound)


def _unwritable(path: Path, error: Exception) -> MediaError:
    if isinstance(error, MediaError):
        return error
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    return MediaError(f"the recording cannot be written ({reason})", where=shown(path), do="Check space and rights")
