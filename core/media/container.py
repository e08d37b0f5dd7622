"""Opening a media file with libav: only local files of known kinds, every failure one clear `MediaError`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from core import limits
from core.errors import MediaError
from core.media.clip import IMAGE_SUFFIXES
from core.media.names import shown
from core.media.whole import is_cut_short

# Anything else (playlists, scripts that name other files or URLs) is not opened, whatever the file is called.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts,flv,asf,ogg,ivf,mjpeg,gif,wav,mp3,flac,aac"
STREAMS = 100  # of one file; libav's own limit of 1,000 takes seconds to look through
THREADS = 2  # libav's own choice is one per core, and several clips may be decoded at once
NOT_MEDIA = "is not a video or an image"


def check_file(path: Path) -> None:
    """Refuse what cannot even be read.

    Raises:
        MediaError: missing, a folder, empty or unreadable.
    """
    try:
        if path.is_dir():
            raise MediaError("is a folder, not a file", where=shown(path))
        if not path.exists():
            raise MediaError("does not exist", where=shown(path))
        if not path.is_file():
            raise MediaError("is not a regular file", where=shown(path))
        with path.open("rb") as file:
            if not file.read(1):
                raise MediaError("is empty", where=shown(path), do="Copy or record it again")
    except (OSError, ValueError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "the name is not valid"
        raise MediaError(f"cannot be read ({reason})", where=shown(path)) from None


@contextmanager
def opened(path: Path) -> Generator[InputContainer]:
    """The file as a libav container.

    Raises:
        MediaError: it is no readable file, nothing this program knows, or its index is missing.
    """
    check_file(path)
    try:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_streams": str(STREAMS)}
        container = av.open(f"file:{path}", options=options)
    except (FFmpegError, OSError, ValueError) as error:
        what = "is cut short (its index is missing)" if is_cut_short(path) else NOT_MEDIA
        raise MediaError(what, where=shown(path)) from error
    with container:
        yield container


def video_of(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture in the file, ready to decode; a cover image does not count.

    Raises:
        MediaError: there is none.
    """
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        # A stream whose codec was not recognised has no such attributes at all.
        if getattr(stream, "width", 0) and getattr(stream, "height", 0):
            refuse_large(stream.width, stream.height, path)
            # Frames may turn out larger than the header says: then libav refuses them before it asks for memory.
            stream.codec_context.options = {"max_pixels": str(limits.now().pixels)}
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = THREADS
            return stream
    what = "has sound but no picture" if container.streams.audio else "has no frames"
    if container.streams.video:
        what = "is cut short (no whole frame)" if is_cut_short(path) else "holds a picture this program cannot decode"
    raise MediaError(what, where=shown(path))


def refuse_large(width: int, height: int, path: Path) -> None:
    """Refuse a picture or a video by what its header says, before anything is decoded.

    Raises:
        MediaError: it has more pixels than limits.picture_megapixels.
    """
    if width * height > limits.now().pixels:
        most = f"at most {limits.now().pixels / limits.MEGA:g} megapixels are taken"
        what = f"is too large ({width}x{height} pixels, {most})"
        raise MediaError(what, where=shown(path), do="See: limits.picture_megapixels.")


def seconds(container: InputContainer, stream: VideoStream) -> float:
    """The duration the file claims, 0 where it claims none."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else 0.0


def is_image(path: Path) -> bool:
    """By suffix: what the image reader takes."""
    return path.suffix.lower() in IMAGE_SUFFIXES
