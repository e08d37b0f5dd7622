"""What a scene sounds like: seed 000's four audio features and a few more, in NumPy.

Own formulae instead of librosa's, because importing and compiling that costs seconds in every process.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.media.clip import Sound

Numbers = NDArray[np.float64]

WINDOW_S, HOP_S = 0.032, 0.016
BANDS_HZ = (0, 200, 500, 1000, 2000, 4000, 8000)
QUIET_DB = -50.0  # below full scale: what counts as silence
TEMPI = (40.0, 240.0)  # beats a minute that are looked for
USUAL_TEMPO = 120.0

SEED = ("audioEnergy", "spectralFlux", "zeroCrossingRate", "tempo")
NAMES = (
    *SEED,
    "loudness",
    "loudness_spread",
    "loudness_p95",
    "quiet_share",
    "onsets",
    "centroid",
    "centroid_spread",
    "flatness",
    "zero_crossing_spread",
    "syllable_rhythm",
    *(f"band_{low}" for low in BANDS_HZ[:-1]),
)


def audio_features(sound: Sound | None) -> dict[str, float] | None:
    """Seed 000's `audioFeatures`, or None where there is no sound (which is not the same as silence).

    audioEnergy: root mean square, 0..1. spectralFlux: mean half L1 distance of neighbouring normalised magnitude
    spectra, 0..1. zeroCrossingRate: share of neighbouring samples of unequal sign, 0..1. tempo: beats a minute, 0 where
    no beat is heard.
    """
    if sound is None or len(sound.samples) == 0:
        return None
    values = measure(sound)
    return {name: round(float(values[index]), 4) for index, name in enumerate(SEED)}


def measure(sound: Sound | None) -> NDArray[np.float32]:
    """(len(NAMES),) float32 in the order of `NAMES`; NaN throughout where there is no sound."""
    if sound is None or len(sound.samples) == 0:
        return np.full(len(NAMES), np.nan, dtype=np.float32)
    windows = _windows(sound)
    spectra = np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]), axis=1))
    shares = spectra / (spectra.sum(axis=1, keepdims=True) + 1e-9)
    heard = spectra.sum(axis=1) > 1e-3
    crossings = (np.signbit(windows[:, 1:]) != np.signbit(windows[:, :-1])).mean(axis=1)
    crossings = np.where(heard, crossings, 0.0)
    decibels = 10 * np.log10((windows**2).mean(axis=1) + 1e-8)
    hertz = np.asarray(np.fft.rfftfreq(windows.shape[1], 1 / sound.rate), dtype=np.float64)
    centroid = np.where(heard, shares @ hertz, 0.0) / (sound.rate / 2)
    rise = np.maximum(np.diff(np.log1p(100 * spectra), axis=0), 0.0).mean(axis=1)
    found = [
        float(np.sqrt(np.mean(sound.samples.astype(np.float64) ** 2))),
        _flux(shares, heard),
        float(crossings.mean()),
        tempo(rise),
        float(decibels.mean()),
        float(decibels.std()),
        float(np.percentile(decibels, 95)),
        float((decibels < QUIET_DB).mean()),
        float((rise > rise.mean() + 2 * rise.std()).mean()) if len(rise) else 0.0,
        float(centroid.mean()),
        float(centroid.std()),
        _flatness(spectra, heard),
        float(crossings.std()),
        _rhythm(decibels),
        *_bands(spectra, hertz),
    ]
    return np.nan_to_num(np.array(found, dtype=np.float32))


def _windows(sound: Sound) -> Numbers:
    """(N, window) overlapping pieces, at least two."""
    size, hop = int(WINDOW_S * sound.rate), int(HOP_S * sound.rate)
    samples = sound.samples.astype(np.float64)
    short = size + hop - len(samples)
    padded = np.pad(samples, (0, max(short, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]


def _flux(shares: Numbers, heard: NDArray[np.bool_]) -> float:
    pairs = heard[1:] & heard[:-1]
    if not pairs.any():
        return 0.0
    return float(0.5 * np.abs(np.diff(shares, axis=0)).sum(axis=1)[pairs].mean())


def _flatness(spectra: Numbers, heard: NDArray[np.bool_]) -> float:
    """Geometric over arithmetic mean of power: 0 for a tone, towards 1 for noise."""
    if not heard.any():
        return 0.0
    power = spectra[heard] ** 2 + 1e-12
    return float((np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)).mean())


def _rhythm(decibels: Numbers) -> float:
    """Share of the loudness's movement at 3 to 8 Hz, where syllables are."""
    power = np.abs(np.fft.rfft(decibels - decibels.mean())) ** 2
    hertz = np.fft.rfftfreq(len(decibels), HOP_S)
    return float(power[(hertz >= 3) & (hertz <= 8)].sum() / (power.sum() + 1e-9))


def _bands(spectra: Numbers, hertz: Numbers) -> list[float]:
    """Log share of the power in each band."""
    power = (spectra**2).sum(axis=0)
    inside = [power[(hertz >= low) & (hertz < high)].sum() for low, high in pairwise(BANDS_HZ)]
    return [float(np.log((value + 1e-9) / (power.sum() + 1e-6))) for value in inside]


def tempo(rise: Numbers) -> float:
    """Beats a minute from the autocorrelation of the onset strength, preferring tempi near 120.

    Ellis, "Beat tracking by dynamic programming" (2007): a log-normal preference one octave wide.
    """
    if len(rise) < 8 or rise.std() < 1e-6:
        return 0.0
    centred = rise - rise.mean()
    correlation = np.correlate(centred, centred, "full")[len(rise) - 1 :]
    lags = np.arange(1, len(rise))
    bpm = 60 / (lags * HOP_S)
    preference = np.exp(-0.5 * np.log2(bpm / USUAL_TEMPO) ** 2)
    allowed = (bpm >= TEMPI[0]) & (bpm <= TEMPI[1])
    if not allowed.any():
        return 0.0
    strength = np.where(allowed, correlation[1:] * preference, -np.inf)
    best = int(np.argmax(strength))
    return float(bpm[best]) if strength[best] > 0 else 0.0
