"""From a source to files that `loop.capture` takes in: whole files as they are, live pictures cut into clips."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from core.capture.intake import claim
from core.capture.microphone import Microphone
from core.capture.recorder import Recorder
from core.capture.sources import Source
from core.workspace import Workspace


def clips(
    space: Workspace, source: Source, stop: Event, *, seconds: float | None = None, count: int | None = None
) -> Iterator[tuple[Path, bool]]:
    """Files to take in, and whether they are our own recordings (in `incoming/`, gone after they were judged).

    Args:
        seconds: length of a recorded clip; the setting by default.
        count: end after so many clips; a camera never ends by itself.
    """
    found = _recorded(space, source, stop, seconds) if source.live else ((path, False) for path in source.files(stop))
    yield from itertools.islice(found, count)


def _recorded(space: Workspace, source: Source, stop: Event, seconds: float | None) -> Iterator[tuple[Path, bool]]:
    length = seconds or space.settings.capture.clip_seconds
    frames = source.frames(stop)
    sound = Microphone.open()
    for first in frames:
        path = claim(space.incoming, ".avi", prefix="webcam")
        recorder = Recorder(path)
        if sound:
            sound.start()
        try:
            recorder.feed(first)
            for frame in frames:
                recorder.feed(frame)
                if frame.time - first.time >= length:
                    break
            recorder.finish(sound.stop() if sound else None)
        except BaseException:
            recorder.abort()
            raise
        yield path, True
