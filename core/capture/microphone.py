"""Sound from the microphone, where there is one; a machine without PortAudio or device is told so, not broken."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from core.media.clip import SOUND_RATE, Sound

if TYPE_CHECKING:
    from types import ModuleType

MAX_SECONDS = 3600  # of one recording kept in memory: 230 MB


class Microphone:
    """The default input device. `start`, then `stop` for the sound; `level` while it runs."""

    reason: str | None = None  # why the last `open` gave none, for the screen

    def __init__(self, backend: ModuleType) -> None:
        self._backend = backend
        self._stream: Any = None
        self._blocks: list[NDArray[np.float32]] = []
        self._held = 0
        self._lock = threading.Lock()
        self.level = 0.0  # root mean square of the newest block, 0..1

    @classmethod
    def open(cls) -> Microphone | None:
        """The microphone, or None with `Microphone.reason` set."""
        try:
            import sounddevice  # optional part; raises OSError where PortAudio's library is missing
        except ImportError:
            cls.reason = "no microphone: the part 'sounddevice' is not installed"
            return None
        except OSError:
            cls.reason = "no microphone: the PortAudio library is missing"
            return None
        try:
            sounddevice.check_input_settings(samplerate=SOUND_RATE, channels=1, dtype="float32")
        except (sounddevice.PortAudioError, ValueError):
            cls.reason = "no microphone: no input device"
            return None
        cls.reason = None
        return cls(cast("ModuleType", sounddevice))

    def start(self) -> bool:
        """Begin to listen; False, with `Microphone.reason`, when the device is gone or taken."""
        self.stop()
        stream: Any = None
        try:
            stream = self._backend.InputStream(samplerate=SOUND_RATE, channels=1, dtype="float32", callback=self._heard)
            stream.start()
        except (self._backend.PortAudioError, ValueError):
            if stream is not None:
                stream.close()
            type(self).reason = "no microphone: the device cannot be opened"
            return False
        self._stream = stream
        return True

    def stop(self) -> Sound | None:
        """End listening; what was heard since `start`, or None."""
        if self._stream is not None:
            self._stream.stop()
            self._stream.close()
            self._stream = None
        with self._lock:
            blocks, self._blocks, self._held = self._blocks, [], 0
        self.level = 0.0
        return Sound(np.concatenate(blocks)) if blocks else None

    def _heard(self, block: NDArray[np.float32], _frames: int, _time: object, _status: object) -> None:
        """Called by PortAudio's thread with (N, 1) samples that it reuses afterwards."""
        samples = block[:, 0].copy()
        self.level = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
        with self._lock:
            if self._held < MAX_SECONDS * SOUND_RATE:
                self._blocks.append(samples)
                self._held += len(samples)
