"""The sound of a file, or of a part of it, as mono at one rate."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from numpy.typing import NDArray

from core import limits
from core.errors import MediaError
from core.media.clip import SOUND_RATE, Sound
from core.media.container import opened
from core.media.names import shown

MAX_SECONDS = 7200


def read_sound(path: Path, start_s: float = 0.0, end_s: float | None = None) -> Sound | None:
    """Mono float32 at 16 kHz from `start_s` to `end_s`, seconds from the file's first picture; None where it has none.

    Sound that starts after the picture is preceded by silence, so that both keep their times.

    Raises:
        MediaError: the file cannot be opened, or the span is too long to hold.
    """
    with opened(path) as container:
        if not container.streams.audio:
            return None
        pieces = _pieces(path, container, start_s, end_s)
    if not pieces:
        return None
    begin = pieces[0][0]
    samples = np.concatenate([samples for _, samples in pieces])
    if begin - start_s > _most():
        raise _long(path)
    lead = round((begin - start_s) * SOUND_RATE)
    samples = np.concatenate([np.zeros(lead, np.float32), samples]) if lead > 0 else samples[-lead:]
    if end_s is not None:
        samples = samples[: max(0, round((end_s - start_s) * SOUND_RATE))]
    return Sound(np.ascontiguousarray(samples)) if len(samples) else None


def _pieces(
    path: Path, container: InputContainer, start_s: float, end_s: float | None
) -> list[tuple[float, NDArray[np.float32]]]:
    """(seconds from the first picture, samples) of every decoded frame that touches the span."""
    stream = container.streams.audio[0]
    first = container.streams.video[0] if container.streams.video else stream
    zero = float(first.start_time * first.time_base) if first.start_time and first.time_base else 0.0
    if start_s > 2.0 and container.format.name != "mpeg":
        try:
            container.seek(int((zero + start_s - 0.5) * 1_000_000))
        except FFmpegError:
            container.seek(0)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SOUND_RATE)
    pieces: list[tuple[float, NDArray[np.float32]]] = []
    clock: float | None = None
    held = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except InvalidDataError:
            continue
        except (FFmpegError, OSError):
            break
        for frame in frames:
            at = (clock or 0.0) if frame.time is None else frame.time - zero
            clock = at + frame.samples / frame.sample_rate
            if clock <= start_s:
                continue
            if end_s is not None and at >= end_s:
                return pieces
            for made in _resampled(resampler, frame):
                samples = cast("NDArray[np.float32]", made.to_ndarray()).reshape(-1)
                pieces.append((at, samples))
                held += len(samples)
            if held > _most() * SOUND_RATE:
                raise _long(path)
    if pieces:
        pieces += [(0.0, cast("NDArray[np.float32]", m.to_ndarray()).reshape(-1)) for m in resampler.resample(None)]
    return pieces


def _most() -> float:
    return min(MAX_SECONDS, limits.now().seconds)


def _long(path: Path) -> MediaError:
    return MediaError(f"has more than {_most():g} s of sound", where=shown(path), do="See: capture.max_seconds.")


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame) -> list[av.AudioFrame]:
    """The frame at our rate; one whose rate or channels differ from the first (damage) is left out."""
    try:
        return resampler.resample(frame)
    except ValueError:
        return []
