"""What can be measured of one picture at its own resolution: sharpness, noise, compression, exposure, colour.

No reference picture is needed. The statistics of normalised brightness live in `statistics`; what the numbers mean for
a score is learnt (`network`).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.media.clip import Image
from core.tasks.ratings import statistics
from core.tasks.ratings.statistics import Plane

BLOCK = 16  # pixels: side of the blocks local measures are taken on
BANDS = 6  # rings of the spectrum, from coarse to fine
SPECTRUM_SIDE = 512  # pixels: side of the centre piece the spectrum is taken of

SHARPNESS = (
    *(f"laplacian_{s}" for s in (1, 2, 4)),
    "laplacian_1_to_2",
    "laplacian_2_to_4",
    "tenengrad",
    "reblur_h",
    "reblur_v",
    "edge_width",
    *(f"local_laplacian_p{p}" for p in (10, 50, 90, 99)),
    *(f"band_{b}" for b in range(BANDS)),
)
NOISE = ("noise_all", "noise_flat", "noise_diagonal", "noise_blue", "noise_red", "impulses")
COMPRESSION = ("block_h", "block_v", "block_zeros", "block_zeros_excess")
EXPOSURE = (
    *(f"luma_p{p}" for p in (1, 5, 25, 50, 75, 95, 99)),
    "luma_mean",
    "luma_contrast",
    "clipped_low",
    "clipped_high",
    "clipped_channels",
    "entropy",
    "empty_bins",
)
COLOUR = ("colourfulness", "saturation_mean", "saturation_p90", "blue_mean", "red_mean")
CONTENT = ("edge_density", *(f"local_contrast_p{p}" for p in (5, 25, 50, 75, 95)), "bright_flat_top")
NAMES = (*SHARPNESS, *NOISE, *COMPRESSION, *EXPOSURE, *COLOUR, *CONTENT, *statistics.NAMES)


def measure(image: Image) -> NDArray[np.float32]:
    """The measures of one (H, W, 3) picture, (len(NAMES),) float32, in the order of `NAMES`; all finite."""
    ycc = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb), dtype=np.uint8)
    luma = np.asarray(ycc[..., 0], dtype=np.float32)
    gradient = _gradient(luma)
    found = [
        *_sharpness(luma, gradient),
        *_noise(ycc, luma),
        *_compression(luma),
        *_exposure(image, ycc[..., 0]),
        *_colour(image, ycc),
        *_content(luma, gradient),
        *statistics.natural(luma),
    ]
    return np.nan_to_num(np.array(found, dtype=np.float32), posinf=0.0, neginf=0.0)


def _gradient(luma: Plane) -> Plane:
    """Sobel magnitude."""
    return np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1))


def _blocks(plane: Plane, side: int) -> Plane:
    """(N, side, side): the whole blocks of a plane, row by row."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    cut = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return np.ascontiguousarray(cut.transpose(0, 2, 1, 3)).reshape(-1, side, side)


def _sharpness(luma: Plane, gradient: Plane) -> list[float]:
    levels = [luma]
    for _ in range(2):
        last = levels[-1]
        size = (max(last.shape[1] // 2, 4), max(last.shape[0] // 2, 4))
        levels.append(np.asarray(cv2.resize(last, size, interpolation=cv2.INTER_AREA), dtype=np.float32))
    edges = [np.asarray(cv2.Laplacian(level, cv2.CV_32F), dtype=np.float32) for level in levels]
    logs = [float(np.log(edge.var() + 0.1)) for edge in edges]
    local = np.log(_blocks(edges[0], BLOCK).var(axis=(1, 2)) + 0.1)
    return [
        *logs,
        logs[0] - logs[1],
        logs[1] - logs[2],
        float(np.log(np.mean(gradient * gradient) + 0.1)),
        _reblur(luma, axis=1),
        _reblur(luma, axis=0),
        _edge_width(luma, gradient),
        *(float(p) for p in np.percentile(local, (10, 50, 90, 99))),
        *_spectrum(luma),
    ]


def _reblur(luma: Plane, axis: int) -> float:
    """Share of the variation that survives a 9-tap blur: near 1 for a picture that was blurred already.

    Crete, Dolmiere, Ladret, Nicolas, "The blur effect: perception and estimation" (2007).
    """
    blurred = cv2.blur(luma, (9, 1) if axis == 1 else (1, 9))
    before = np.abs(np.diff(luma, axis=axis))
    after = np.abs(np.diff(np.asarray(blurred), axis=axis))
    lost = float(np.maximum(before - after, 0.0).sum())
    return 1.0 - lost / (float(before.sum()) + 1e-6)


def _edge_width(luma: Plane, gradient: Plane) -> float:
    """Median width of the strongest 2 % of edges in pixels: brightness step over slope."""
    kernel = np.ones((9, 9), dtype=np.uint8)
    step = np.asarray(cv2.dilate(luma, kernel)) - np.asarray(cv2.erode(luma, kernel))
    strong = gradient >= max(float(np.percentile(gradient, 98)), 1.0)
    if not strong.any():
        return 9.0
    # A Sobel answer of 8 is a slope of one grey level a pixel.
    return float(np.median(8.0 * step[strong] / gradient[strong]))


def _spectrum(luma: Plane) -> list[float]:
    """Log power in six rings (up to 0.5 cycles a pixel), each relative to the whole."""
    height, width = (min(side, SPECTRUM_SIDE) for side in luma.shape)
    top, left = (luma.shape[0] - height) // 2, (luma.shape[1] - width) // 2
    piece = luma[top : top + height, left : left + width]
    window = np.hanning(height)[:, None] * np.hanning(width)[None, :]
    power = np.abs(np.fft.rfft2((piece - piece.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    ring = np.minimum((radius / 0.5 * BANDS).astype(np.int64), BANDS - 1)
    sums = np.bincount(ring.ravel(), weights=power.ravel(), minlength=BANDS)
    return [float(v) for v in np.log(sums / (power.sum() + 1e-9) + 1e-9)]


def _noise(ycc: NDArray[np.uint8], luma: Plane) -> list[float]:
    """Standard deviations in grey levels, as logarithms, and the share of lone pixels.

    Immerkaer, "Fast noise variance estimation" (1996); median of Haar's diagonal: Donoho and Johnstone (1994).
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    response = np.abs(np.asarray(cv2.filter2D(luma, cv2.CV_32F, kernel)))
    scale = (np.pi / 2) ** 0.5 / 6
    local = _blocks(response, BLOCK).mean(axis=(1, 2))
    soft = np.asarray(cv2.GaussianBlur(luma, (0, 0), 2.0), dtype=np.float32)
    variation = _blocks(soft, BLOCK).var(axis=(1, 2))
    flattest = local[np.argsort(variation)[: max(len(local) // 10, 1)]]
    lone = np.abs(luma - cv2.medianBlur(ycc[..., 0], 3).astype(np.float32)) > 40
    planes = (luma, ycc[..., 2].astype(np.float32), ycc[..., 1].astype(np.float32))
    return [
        float(np.log(response.mean() * scale + 0.05)),
        float(np.log(np.median(flattest) * scale + 0.05)),
        *(float(np.log(_diagonal(plane) + 0.05)) for plane in planes),
        float(np.log(lone.mean() + 1e-4)),
    ]


def _diagonal(plane: Plane) -> float:
    """Noise sigma from the median of the finest diagonal differences."""
    even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
    detail = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    return float(np.mean(np.abs(detail)[np.abs(detail) <= np.percentile(np.abs(detail), 75)])) / 0.377


def _compression(luma: Plane) -> list[float]:
    """Steps across the 8 x 8 grid against steps beside it, and coefficients a quantiser has set to zero."""
    across = _grid_step(luma)
    down = _grid_step(np.ascontiguousarray(luma.T))
    aligned, shifted = _zeros(luma), _zeros(np.ascontiguousarray(luma[4:, 4:]))
    return [across, down, aligned, aligned - shifted]


def _grid_step(luma: Plane) -> float:
    """Log ratio of the mean step at every eighth column to the mean of all others.

    After Wang, Sheikh, Bovik, "No-reference perceptual quality assessment of JPEG compressed images" (2002).
    """
    # The second difference ignores slopes that run through the block edge.
    step = np.abs(np.diff(luma, axis=1))
    second = np.maximum(step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2, 0.0).mean(axis=0)
    columns = np.arange(1, 1 + len(second)) % 8 == 7
    return float(np.log((second[columns].mean() + 0.05) / (second[~columns].mean() + 0.05)))


def _zeros(luma: Plane) -> float:
    """Share of 8 x 8 cosine coefficients below half a grey level."""
    blocks = _blocks(luma, 8)[:: max(len(luma) * luma.shape[1] // 64 // 4096, 1)]
    coefficients = _cosine() @ blocks @ _cosine().T
    return float((np.abs(coefficients) < 0.5).mean())


def _cosine() -> Plane:
    """The orthonormal 8-point cosine transform as a matrix."""
    k, n = np.arange(8)[:, None], np.arange(8)[None, :]
    matrix = np.cos(np.pi * (2 * n + 1) * k / 16) * 0.5
    matrix[0] *= 0.5**0.5
    return matrix.astype(np.float32)


def _exposure(image: Image, luma: NDArray[np.uint8]) -> list[float]:
    counts = np.bincount(luma.ravel(), minlength=256)
    share = counts / counts.sum()
    total = np.cumsum(share)
    low, high = int(np.searchsorted(total, 0.005)), int(np.searchsorted(total, 0.995))
    inside = counts[low : high + 1]
    used = share[share > 0]
    grey = np.arange(256) / 255
    mean = float((share * grey).sum())
    return [
        *(float(np.searchsorted(total, p / 100)) / 255 for p in (1, 5, 25, 50, 75, 95, 99)),
        mean,
        float((share * (grey - mean) ** 2).sum()) ** 0.5,
        float(np.log(share[:4].sum() + 1e-4)),
        float(np.log(share[252:].sum() + 1e-4)),
        float(np.log((image >= 254).mean() + 1e-4)),
        float(-(used * np.log2(used)).sum()),
        float((inside == 0).mean()),
    ]


def _colour(image: Image, ycc: NDArray[np.uint8]) -> list[float]:
    """Colourfulness by Hasler and Suesstrunk (2003); saturation; mean colour differences."""
    red, green, blue = (image[..., c].astype(np.float32) for c in range(3))
    first, second = red - green, (red + green) / 2 - blue
    spread = float(np.hypot(first.std(), second.std()))
    centre = float(np.hypot(first.mean(), second.mean()))
    saturation = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))[..., 1].astype(np.float32) / 255
    return [
        (spread + 0.3 * centre) / 100,
        float(saturation.mean()),
        float(np.percentile(saturation, 90)),
        float(ycc[..., 2].mean()) / 255,
        float(ycc[..., 1].mean()) / 255,
    ]


def _content(luma: Plane, gradient: Plane) -> list[float]:
    """How much there is to see, and how much even brightness (sky, wall) lies in the upper half."""
    spread = _blocks(luma, BLOCK).std(axis=(1, 2))
    top = luma[: max(luma.shape[0] // 2, BLOCK)]
    blocks = _blocks(np.ascontiguousarray(top), BLOCK)
    even = (blocks.std(axis=(1, 2)) < 6) & (blocks.mean(axis=(1, 2)) > 130)
    return [
        float((gradient > 100).mean()),
        *(float(np.log(p + 0.5)) for p in np.percentile(spread, (5, 25, 50, 75, 95))),
        float(even.mean()),
    ]
