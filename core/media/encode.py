"""Encoding: frames and sound to a file, replaced whole and readable by its owner only."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from core.errors import MediaError
from core.files import replacing, write_atomic
from core.media.clip import Frames, Image, Sound
from core.media.names import shown

Codec = Literal["mjpeg", "h264", "mpeg4", "mpeg1video", "vp8", "ffv1"]
SOUND_BLOCK = 1024  # samples per frame handed to an encoder

_BY_SUFFIX: dict[str, tuple[Codec, str]] = {
    ".avi": ("mjpeg", "pcm_s16le"),
    ".m4v": ("h264", "aac"),
    ".mkv": ("ffv1", "pcm_s16le"),
    ".mov": ("h264", "aac"),
    ".mp4": ("h264", "aac"),
    ".mpeg": ("mpeg1video", "mp2"),
    ".mpg": ("mpeg1video", "mp2"),
    ".webm": ("vp8", "libopus"),
}
_ENCODERS = {"h264": "libx264", "vp8": "libvpx"}
_PIXELS = {"mjpeg": "yuvj420p", "ffv1": "bgr0"}
_OPTIONS: dict[str, dict[str, str]] = {
    "mjpeg": {"qmin": "3", "qmax": "3"},
    "h264": {"preset": "veryfast", "crf": "20"},
    "mpeg4": {"qmin": "3", "qmax": "5"},
    "mpeg1video": {"qmin": "2", "qmax": "4"},
    "vp8": {"deadline": "realtime", "cpu-used": "8", "crf": "12", "b": "2M"},
}


def write_video(
    path: Path,
    frames: Iterable[Image] | Frames,
    fps: float,
    sound: Sound | None = None,
    codec: Codec | None = None,
    *,
    comment: str | None = None,
) -> None:
    """Write frames at a steady rate; the suffix chooses container and codecs.

    .avi is MJPEG with PCM (small loss, cheap), .mkv FFV1 (lossless), .mp4 H.264 with AAC, .mpg MPEG-1, .webm VP8.

    Args:
        frames: (H, W, 3) uint8 RGB each, all of one size; an odd last row or column is dropped
            where the codec needs it.
        fps: frames per second.
        comment: a note that the file carries in its header.

    Raises:
        MediaError: no frames, an unknown suffix, or what libav says of them.
    """
    if path.suffix.lower() not in _BY_SUFFIX:
        raise MediaError("has no suffix of a video this program writes", where=shown(path), do="Use .avi, .mp4 or .mkv")
    usual, sound_codec = _BY_SUFFIX[path.suffix.lower()]
    try:
        with replacing(path) as temporary, av.open(f"file:{temporary}", "w") as container:
            if comment:
                container.metadata["comment"] = comment
            written = _write(container, frames, fps, sound, codec or usual, sound_codec)
            if not written:
                raise MediaError("there are no frames to write", where=shown(path))
    except (FFmpegError, ValueError) as error:
        raise MediaError(f"cannot be written ({error})", where=shown(path)) from error


def write_image(path: Path, image: Image, *, quality: int = 95) -> None:
    """Write one (H, W, 3) uint8 RGB image; `quality` 0..100 counts for .jpg and .webp.

    Raises:
        MediaError: an unknown suffix.
    """
    suffix = path.suffix.lower()
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options = {".jpg": jpeg, ".jpeg": jpeg, ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality]}.get(suffix, [])
    try:
        done, data = cv2.imencode(suffix or ".?", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    except cv2.error as error:
        raise MediaError("has no suffix of an image this program writes", where=shown(path)) from error
    if not done:
        raise MediaError("cannot be encoded", where=shown(path))
    write_atomic(path, data.tobytes())


def add_picture(container: OutputContainer, codec: str, fps: float, width: int, height: int) -> VideoStream:
    """A video stream with this program's settings; one thread, because several clips may be written at once."""
    rate = Fraction(fps).limit_denominator(1001)
    stream = cast("VideoStream", container.add_stream(_ENCODERS.get(codec, codec), rate=rate))
    stream.pix_fmt = _PIXELS.get(codec, "yuv420p")
    even = 0 if codec in _PIXELS else 1  # 4:2:0 without room for half a pixel
    stream.width, stream.height = max(2, width - (width & even)), max(2, height - (height & even))
    stream.codec_context.thread_count = 1
    stream.options = dict(_OPTIONS.get(codec, {}))
    return stream


def to_frame(stream: VideoStream, image: Image) -> av.VideoFrame:
    """The image in the stream's size: an odd edge cropped, anything else scaled."""
    height, width = image.shape[:2]
    if (width, height) != (stream.width, stream.height):
        if 0 <= width - stream.width <= 1 and 0 <= height - stream.height <= 1:
            image = image[: stream.height, : stream.width]
        else:
            size = (stream.width, stream.height)
            image = cast("Image", cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")


def add_sound(container: OutputContainer, codec: str, sound: Sound) -> AudioStream:
    """A mono stream fit for `put_sound`; Opus and MPEG-1 know only some rates."""
    rate = {"libopus": 16_000, "mp2": 44_100, "aac": 44_100}.get(codec, sound.rate)
    stream = cast("AudioStream", container.add_stream(codec, rate=rate))
    stream.layout = "mono"
    return stream


def put_sound(container: OutputContainer, stream: AudioStream, sound: Sound) -> None:
    """Encode all of the sound into its stream."""
    resampler = av.AudioResampler(format=stream.format, layout="mono", rate=stream.rate)
    scaled = np.clip(np.round(sound.samples * 32767), -32768, 32767).astype(np.int16)
    fifo = av.AudioFifo()
    for at in range(0, len(scaled), SOUND_BLOCK):
        frame = av.AudioFrame.from_ndarray(scaled[None, at : at + SOUND_BLOCK], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sound.rate, at, Fraction(1, sound.rate)
        for made in resampler.resample(frame):
            fifo.write(made)
    for made in resampler.resample(None):
        fifo.write(made)
    block = stream.codec_context.frame_size or SOUND_BLOCK
    while (piece := fifo.read(block) or fifo.read(block, partial=True)) is not None:
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def _write(
    container: OutputContainer, frames: Iterable[Image], fps: float, sound: Sound | None, codec: Codec, sound_codec: str
) -> int:
    picture: VideoStream | None = None
    noise: AudioStream | None = None
    written = 0
    for image in frames:
        if picture is None:
            picture = add_picture(container, codec, fps, image.shape[1], image.shape[0])
            noise = add_sound(container, sound_codec, sound) if sound is not None and len(sound.samples) else None
        frame = to_frame(picture, image)
        frame.pts, frame.time_base = written, 1 / picture.codec_context.framerate
        container.mux(picture.encode(frame))
        written += 1
    if picture is not None:
        container.mux(picture.encode(None))
    if noise is not None and sound is not None:
        put_sound(container, noise, sound)
    return written
