"""From a small picture to terminal rows: two pixels per cell, few colours, equal neighbours merged.

Full colour costs five times as much (a style per cell); 16 levels per channel look the same at this size.
Knows no widget; imports NumPy, so it is imported with the first frame only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Colours = Literal["true", "256", "mono"]
Picture = NDArray[np.uint8]  # (2 * rows, columns, 3), RGB
Codes = NDArray[np.int32]  # (rows, columns): one number per distinct cell

HALF_BLOCK = "▀"
NO_STYLE = Style()  # not None: Textual's filter for NO_COLOR looks into it
SHADES = " ░▒▓█"
# Sensor noise moves a pixel by less than this (of 255); repainting it would only cost.
NOISE = 12
CUBE = np.searchsorted([48, 115, 155, 195, 235], np.arange(256), side="right").astype(np.int32)


class Painter:
    """Turns pictures into strips and says which rows changed."""

    def __init__(self, colours: Colours) -> None:
        self.colours: Colours = colours
        self.strips: list[Strip] = []
        self._shown: NDArray[np.int16] | None = None
        self._codes: Codes | None = None

    def paint(self, picture: Picture) -> list[int]:
        """Update `strips` from the picture; returns the rows that look different now."""
        steady = self._without_noise(picture)
        codes = self._encode(steady)
        before = self._codes
        if before is None or before.shape != codes.shape:
            changed = list(range(len(codes)))
            self.strips = [Strip.blank(codes.shape[1])] * len(codes)
        else:
            changed = np.flatnonzero((before != codes).any(axis=1)).tolist()
        self._codes = codes
        for row in changed:
            self.strips[row] = self._strip(codes[row])
        return changed

    def _without_noise(self, picture: Picture) -> NDArray[np.int16]:
        new = picture.astype(np.int16)
        if self._shown is None or self._shown.shape != new.shape:
            self._shown = new
        else:
            moved = (np.abs(new - self._shown) > NOISE).any(axis=2, keepdims=True)
            self._shown = np.where(moved, new, self._shown)
        return self._shown

    def _encode(self, picture: NDArray[np.int16]) -> Codes:
        if self.colours == "mono":
            grey = (picture @ np.array([77, 150, 29])) >> 8
            return (((grey[0::2] + grey[1::2]) // 2 * len(SHADES)) >> 8).astype(np.int32)
        if self.colours == "256":
            levels = CUBE[picture]
            one = 16 + 36 * levels[..., 0] + 6 * levels[..., 1] + levels[..., 2]
        else:
            high = (picture >> 4).astype(np.int32)
            one = (high[..., 0] << 8) | (high[..., 1] << 4) | high[..., 2]
        return (one[0::2] << 12) | one[1::2]

    def _strip(self, codes: NDArray[np.int32]) -> Strip:
        edges = np.flatnonzero(np.diff(codes)) + 1
        starts = [0, *edges.tolist()]
        lengths = np.diff([*starts, len(codes)]).tolist()
        values = codes[starts].tolist()
        if self.colours == "mono":
            text = "".join(SHADES[value] * count for value, count in zip(values, lengths, strict=True))
            return Strip([Segment(text, NO_STYLE)], len(codes))
        style = _true_style if self.colours == "true" else _indexed_style
        runs = [Segment(HALF_BLOCK * n, style(v)) for v, n in zip(values, lengths, strict=True)]
        return Strip(runs, len(codes))


@lru_cache(maxsize=16384)
def _true_style(code: int) -> Style:
    return Style(color=_rgb(code >> 12), bgcolor=_rgb(code & 0xFFF))


@lru_cache(maxsize=4096)
def _rgb(code: int) -> Color:
    # 17 spreads 0..15 over 0..255.
    return Color.from_rgb(17 * (code >> 8), 17 * ((code >> 4) & 15), 17 * (code & 15))


@lru_cache(maxsize=16384)
def _indexed_style(code: int) -> Style:
    return Style(color=Color.from_ansi(code >> 12), bgcolor=Color.from_ansi(code & 0xFFF))
