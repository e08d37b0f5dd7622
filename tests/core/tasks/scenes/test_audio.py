"""Sound features mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media.clip import SOUND_RATE, Sound
from core.tasks.scenes import audio


def tone(hertz: float, seconds: float = 2.0, level: float = 0.5) -> Sound:
    t = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    return Sound((level * np.sin(2 * np.pi * hertz * t)).astype(np.float32))


def clicks(bpm: float, seconds: float = 6.0) -> Sound:
    samples = np.zeros(int(seconds * SOUND_RATE), np.float32)
    burst = np.random.default_rng(0).normal(0, 0.5, 800).astype(np.float32)
    for start in range(0, len(samples) - 800, int(60 / bpm * SOUND_RATE)):
        samples[start : start + 800] += burst
    return Sound(samples)


def features(sound: Sound) -> dict[str, float]:
    found = audio.audio_features(sound)
    assert found is not None
    return found


def test_the_journals_features_have_the_seeds_names_in_its_order() -> None:
    assert list(features(tone(440))) == ["audioEnergy", "spectralFlux", "zeroCrossingRate", "tempo"]


def test_no_sound_is_not_silence() -> None:
    silence = Sound(np.zeros(SOUND_RATE, np.float32))
    assert audio.audio_features(None) is None
    assert features(silence) == {"audioEnergy": 0.0, "spectralFlux": 0.0, "zeroCrossingRate": 0.0, "tempo": 0.0}
    assert np.isnan(audio.measure(None)).all()
    assert np.isfinite(audio.measure(silence)).all()


def test_a_tone_has_its_energy_and_crossing_rate() -> None:
    found = features(tone(1000, level=0.5))
    assert found["audioEnergy"] == pytest.approx(0.5 / 2**0.5, abs=0.01)
    assert found["zeroCrossingRate"] == pytest.approx(2 * 1000 / SOUND_RATE, abs=0.01)
    assert found["spectralFlux"] < 0.1


def test_noise_changes_its_spectrum_more_than_a_tone() -> None:
    noise = Sound(np.random.default_rng(1).normal(0, 0.2, 2 * SOUND_RATE).astype(np.float32))
    assert features(noise)["spectralFlux"] > 3 * features(tone(440))["spectralFlux"]


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_the_tempo_of_clicks_is_found(bpm: float) -> None:
    assert features(clicks(bpm))["tempo"] == pytest.approx(bpm, rel=0.05)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3000), st.floats(0, 1, width=32))
def test_any_length_of_sound_gives_finite_numbers(length: int, level: float) -> None:
    samples = np.full(length, level, np.float32)
    assert np.isfinite(audio.measure(Sound(samples))).all()
