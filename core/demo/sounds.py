"""Makes the sounds of drawn scenes from sines and noise: beats, babble, drones, air, whooshes, music."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.demo.paint import pick
from core.media.clip import SOUND_RATE, Sound

Wave = NDArray[np.float32]  # (N,), about -1..1 at SOUND_RATE
Maker = Callable[[np.random.Generator, int], Wave]
# Middle frequencies (Hz) of the first two formants of a few vowels.
_FORMANTS = ((730, 1090), (270, 2290), (530, 1840), (570, 840), (300, 870), (490, 1350))
_CHORDS = ((0, 4, 7), (0, 3, 7), (5, 9, 12), (7, 11, 14), (-3, 0, 4))  # semitones above the key


def make_sound(
    kind: str, music: bool, loudness: float, seconds: float, rng: np.random.Generator, event_s: float
) -> Sound | None:
    """The sound of a scene, or None for a silent film.

    Args:
        kind: a name in `KINDS`, or "none".
        music: music over it, louder than the rest.
        loudness: peak, 0..1.
        event_s: when a whoosh passes, seconds.
    """
    if kind == "none" and not music:
        return None
    count = round(seconds * SOUND_RATE)
    wave: Wave = np.zeros(count, np.float32)
    if kind == "whoosh":
        wave += _whoosh(rng, count, event_s)
    elif kind != "none":
        wave += KINDS[kind](rng, count)
    if music:
        wave = _wave(0.35 * wave + 0.9 * _music(rng, count))
    wave += 0.002 * rng.standard_normal(count, dtype=np.float32)
    return Sound(np.asarray(wave * (loudness / max(float(np.abs(wave).max()), 0.05)), np.float32))


def _wave(samples: NDArray[Any]) -> Wave:
    return np.asarray(samples, dtype=np.float32)


def _time(count: int) -> NDArray[np.float32]:
    return _wave(np.arange(count) / SOUND_RATE)


def _coloured(rng: np.random.Generator, count: int, low: float, high: float) -> Wave:
    """Noise between two frequencies (Hz), soft at the edges, peak about 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count, dtype=np.float32))
    hertz = np.fft.rfftfreq(count, 1 / SOUND_RATE)
    keep = 1.0 / (1.0 + (hertz / high) ** 4) * (1.0 - 1.0 / (1.0 + (hertz / max(low, 1.0)) ** 4))
    wave = np.fft.irfft(spectrum * keep, count)
    return _wave(wave / (4.0 * float(wave.std()) + 1e-9))


def _swell(rng: np.random.Generator, count: int, hertz: float, depth: float) -> NDArray[np.float32]:
    phase = pick(rng, 0, 6.28)
    return np.asarray(1.0 - depth * 0.5 * (1.0 + np.sin(6.2832 * hertz * _time(count) + phase)), np.float32)


def _beats(rng: np.random.Generator, count: int) -> Wave:
    """A driving drum with bangs in between."""
    wave: Wave = np.zeros(count, np.float32)
    step = 60.0 / pick(rng, 105, 170)
    kick_t = _time(int(0.16 * SOUND_RATE))
    kick = np.sin(6.2832 * (95 * kick_t - 180 * kick_t**2)) * np.exp(-kick_t * 22)
    bang_t = _time(int(0.3 * SOUND_RATE))
    at = pick(rng, 0, step)
    while at < count / SOUND_RATE:
        _put(wave, kick.astype(np.float32), at)
        _put(wave, _wave(0.35 * _hit(rng, 0.05, 60)), at + step / 2)
        if rng.random() < 0.35:
            noise = rng.standard_normal(len(bang_t), dtype=np.float32) * np.exp(-bang_t * pick(rng, 9, 22))
            _put(wave, _wave(0.5 * noise), at + pick(rng, 0, step))
        at += step
    return wave


def _hit(rng: np.random.Generator, seconds: float, decay: float) -> Wave:
    t = _time(int(seconds * SOUND_RATE))
    return _wave(rng.standard_normal(len(t), dtype=np.float32) * np.exp(-t * decay))


def _put(wave: Wave, sound: Wave, at: float) -> None:
    start = int(at * SOUND_RATE)
    if start < len(wave):
        wave[start : start + len(sound)] += sound[: len(wave) - start]


def _babble(rng: np.random.Generator, count: int) -> Wave:
    """Speech without words: a voice gliding between vowels, 4 to 6 syllables a second, with breaths."""
    syllables = int(count / SOUND_RATE * pick(rng, 4, 6)) + 2
    knots = np.linspace(0, count, syllables)
    at = np.arange(count)
    pitch = np.interp(at, knots, pick(rng, 95, 210) * rng.uniform(0.85, 1.2, syllables))
    phase = 6.2832 * np.cumsum(pitch) / SOUND_RATE
    chosen = np.asarray(_FORMANTS)[rng.integers(len(_FORMANTS), size=syllables)]
    first, second = (np.interp(at, knots, chosen[:, column]) for column in (0, 1))
    wave: Wave = np.zeros(count, np.float32)
    for harmonic in range(1, 13):
        hertz = harmonic * pitch
        gain = 1.0 / (1.0 + ((hertz - first) / 110) ** 2) + 0.6 / (1.0 + ((hertz - second) / 150) ** 2)
        wave += np.asarray(gain * np.sin(harmonic * phase), np.float32)
    stress = np.repeat(rng.uniform(0.0, 1.0, syllables) > 0.18, count // syllables + 1)[:count]
    envelope = stress * (0.25 + 0.75 * np.abs(np.sin(np.pi * at * syllables / count)))
    return _wave(wave * envelope + 0.05 * _coloured(rng, count, 2500, 6000) * (1 - envelope))


def _drone(rng: np.random.Generator, count: int) -> Wave:
    """A low beating tone that climbs and grows, a thin dissonance above it."""
    t = _time(count)
    rise = t / max(float(t[-1]), 0.1)
    base = pick(rng, 42, 75)
    glide = base * (t + pick(rng, 0.05, 0.35) * rise * t / 2)
    low = np.sin(6.2832 * glide) + 0.6 * np.sin(6.2832 * glide * 1.013 + 1) + 0.4 * np.sin(6.2832 * glide * 2.02)
    thin = np.sin(6.2832 * pick(rng, 500, 900) * t * (1 + 0.05 * rise)) * (0.5 + 0.5 * np.sin(6.2832 * 6 * t))
    return np.asarray((0.35 + 0.65 * rise) * low + 0.18 * rise**2 * thin, np.float32)


def _air(rng: np.random.Generator, count: int) -> Wave:
    """Wind or water: noise that swells slowly."""
    low = pick(rng, 80, 500)
    return _wave(_coloured(rng, count, low, low * pick(rng, 3, 9)) * _swell(rng, count, pick(rng, 0.15, 0.5), 0.7))


def _whoosh(rng: np.random.Generator, count: int, event_s: float) -> Wave:
    """Noise that rushes past at one moment, high to low."""
    t = _time(count) - event_s
    width = pick(rng, 0.15, 0.4)
    loud = np.exp(-((t / width) ** 2))
    high = 1.0 / (1.0 + np.exp(t / (0.3 * width)))
    mixed = high * _coloured(rng, count, 1200, 5000) + (1 - high) * _coloured(rng, count, 150, 900)
    return _wave(loud * mixed + 0.06 * _air(rng, count))


def _music(rng: np.random.Generator, count: int) -> Wave:
    """Broken chords of plucked notes in a steady beat."""
    wave: Wave = np.zeros(count, np.float32)
    key, step = pick(rng, 180, 300), 60.0 / pick(rng, 150, 220)
    t = _time(int(0.9 * SOUND_RATE))
    chord = _CHORDS[int(rng.integers(len(_CHORDS)))]
    number, at = 0, 0.0
    while at < count / SOUND_RATE:
        if number % 8 == 0:
            chord = _CHORDS[int(rng.integers(len(_CHORDS)))]
        hertz = key * 2 ** (chord[number % 3] / 12) * (2 if number % 4 == 3 else 1)
        note = np.exp(-t * 4) * (np.sin(6.2832 * hertz * t) + 0.35 * np.sin(12.5664 * hertz * t))
        _put(wave, note.astype(np.float32), at)
        number, at = number + 1, at + step
    return wave


KINDS: dict[str, Maker] = {"beats": _beats, "babble": _babble, "drone": _drone, "air": _air}
