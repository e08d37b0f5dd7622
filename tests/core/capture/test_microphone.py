from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from core.capture.microphone import Microphone


class PortAudioError(Exception):
    """Named as sounddevice names it."""


def backend(*, devices: bool = True, taken: bool = False) -> ModuleType:
    """A stand-in for the sound card, which no test machine has; it speaks sounddevice's own interface."""
    module: Any = ModuleType("sounddevice")

    class InputStream:
        def __init__(self, **options: Any) -> None:
            if taken:
                raise PortAudioError("Device unavailable")
            self.heard = options["callback"]

        def start(self) -> None:
            block = np.full((160, 1), 0.5, np.float32)
            for _ in range(10):
                self.heard(block, 160, None, None)
            block[:] = 0  # the device reuses its buffer

        def stop(self) -> None: ...
        def close(self) -> None: ...

    def check_input_settings(**_: Any) -> None:
        if not devices:
            raise PortAudioError("Error querying device -1")

    module.PortAudioError = PortAudioError
    module.InputStream = InputStream
    module.check_input_settings = check_input_settings
    return module


def test_what_was_heard_comes_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", backend())
    microphone = Microphone.open()
    assert microphone is not None
    assert microphone.start()
    assert microphone.level == pytest.approx(0.5)
    sound = microphone.stop()
    assert sound is not None
    assert (len(sound.samples), sound.rate) == (1600, 16_000)
    assert sound.samples.min() == pytest.approx(0.5)
    assert microphone.level == 0
    assert microphone.stop() is None


def test_no_sounddevice_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert Microphone.open() is None
    assert "not installed" in str(Microphone.reason)


def test_no_device_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", backend(devices=False))
    assert Microphone.open() is None
    assert "no input device" in str(Microphone.reason)


def test_a_taken_device_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", backend(taken=True))
    microphone = Microphone.open()
    assert microphone is not None
    assert not microphone.start()
    assert "cannot be opened" in str(Microphone.reason)
    assert microphone.stop() is None


def test_this_machine_answers_with_a_microphone_or_a_reason() -> None:
    microphone = Microphone.open()
    assert microphone is not None or str(Microphone.reason).startswith("no microphone")
