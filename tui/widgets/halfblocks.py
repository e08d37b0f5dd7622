"""From a small picture to terminal rows: two pixels per cell, few colours, each row one string of escape codes.

A style per cell costs ten times as much (6 pictures a second instead of 15 at 160x90). Knows no widget; imports NumPy,
so it is imported with the first frame only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

if TYPE_CHECKING:
    from rich.console import Console

Colours = Literal["true", "256", "16", "mono"]
Picture = NDArray[np.uint8]  # (2 * rows, columns, 3), RGB
Codes = NDArray[np.int32]  # (2 * rows, columns): one number per colour; mono: (rows, columns), one per shade

HALF_BLOCK = "▀"
NEVER = -1  # the code of no colour: what was never painted
NO_STYLE = Style()  # not None: Textual's filter for NO_COLOR looks into it
SHADES = " ░▒▓█"
# Sensor noise moves a pixel by less than this (of 255); repainting it would only cost. A slow link raises it.
NOISE, MOST_NOISE = 12, 40
CUBE = np.searchsorted([48, 115, 155, 195, 235], np.arange(256), side="right").astype(np.int32)
SIXTEEN = [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
           (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255),
           (0, 255, 255), (255, 255, 255)]  # fmt: skip  # xterm's; other terminals are near them


class PixelRow(Strip):
    """A row that is written as one ready string while it is whole, and is ordinary styled text where it is cut.

    Codes inside a text would be cut in half by a window over the picture; so the text is made only then.
    """

    __slots__ = ("_styled",)

    def __init__(self, ready: str, width: int, styled: Callable[[], list[Segment]]) -> None:
        super().__init__((), width)
        self._render_cache = ready  # what Textual writes for a strip it need not change
        self._styled = styled
        del self._segments  # so that `__getattr__` is asked for it

    def __getattr__(self, name: str) -> Any:
        if name != "_segments":
            raise AttributeError(name)
        self._segments = self._styled()
        return self._segments

    def between(self, left: Strip, right: Strip, console: Console) -> PixelRow:
        """The same row with something at its sides."""
        ready = left.render(console) + self.render(console) + right.render(console)
        return PixelRow(ready, left.cell_length + self.cell_length + right.cell_length, lambda: [*left, *self, *right])


class Painter:
    """Turns pictures into strips and says which rows changed.

    Attributes:
        noise: a pixel that moved by no more than this (of 255) is left as it is.
        written: bytes that the rows painted last cost.
        owes: whether rows that changed were not painted, because they would have cost too much.
    """

    def __init__(self, colours: Colours) -> None:
        self.colours: Colours = colours
        self.strips: list[Strip] = []
        self.noise: float = NOISE
        self.written = 0
        self.owes = False
        self._next = 0  # the row that has waited longest
        self._shown: Picture | None = None
        self._codes: Codes | None = None

    def paint(self, picture: Picture, most: int | None = None) -> list[int]:
        """Update `strips` from the picture; returns the rows that look different now.

        Args:
            most: bytes to write. What costs more is written in pieces of about one size: rows beyond the first are owed
                to the next call, which begins with them. One row, the least there is, may cost more.
        """
        codes = self._encode(self._without_noise(picture))
        rows = len(picture) // 2
        if self._codes is None or self._codes.shape != codes.shape:
            self._codes, self._next = np.full_like(codes, NEVER), 0
            self.strips = [Strip.blank(codes.shape[1])] * rows
        changed = np.flatnonzero((self._codes != codes).any(axis=1).reshape(rows, -1).any(axis=1)).tolist()
        self.written, self.owes = 0, False
        painted: list[int] = []
        waiting = {row: self._strip(codes, row) for row in sorted(changed, key=lambda row: (row < self._next, row))}
        total = sum(cost for _, cost in waiting.values())
        share = total / max(1, -(-total // most)) if most else total
        for row, (strip, cost) in waiting.items():
            if most and painted and (self.written >= share or self.written + cost > most):
                self._next, self.owes = row, True
                break
            self.strips[row] = strip
            self.written += cost
            painted.append(row)
        if self.owes:
            for row in painted:
                self._codes[self._lines(row)] = codes[self._lines(row)]
        else:
            self._codes = codes
        return painted

    def _lines(self, row: int) -> slice:
        """Where a row's codes are."""
        return slice(row, row + 1) if self.colours == "mono" else slice(2 * row, 2 * row + 2)

    def _strip(self, codes: Codes, row: int) -> tuple[Strip, int]:
        """A row, and how many bytes it costs."""
        return self._shades(codes[row]) if self.colours == "mono" else self._row(*codes[self._lines(row)])

    def _without_noise(self, picture: Picture) -> Picture:
        shown = self._shown
        if shown is None or shown.shape != picture.shape:
            self._shown = picture.copy()
        else:
            far = (np.maximum(picture, shown) - np.minimum(picture, shown)) > self.noise
            moved = far[..., 0] | far[..., 1] | far[..., 2]  # `any` along so short an axis takes four times as long
            self._shown = np.where(moved[..., None], picture, shown)
        return self._shown

    def _encode(self, picture: Picture) -> Codes:
        if self.colours == "mono":
            grey = (picture.astype(np.int32) @ np.array([77, 150, 29])) >> 8
            return (((grey[0::2] + grey[1::2]) // 2 * len(SHADES)) >> 8).astype(np.int32)
        if self.colours == "true":
            high = (picture >> 3).astype(np.int32)
            return (high[..., 0] << 10) | (high[..., 1] << 5) | high[..., 2]
        if self.colours == "16":
            high = (picture >> 4).astype(np.int32)
            return _nearest()[(high[..., 0] << 8) | (high[..., 1] << 4) | high[..., 2]]
        levels = CUBE[picture]
        return 16 + 36 * levels[..., 0] + 6 * levels[..., 1] + levels[..., 2]

    def _shades(self, codes: Codes) -> tuple[Strip, int]:
        text = "".join(map(SHADES.__getitem__, codes.tolist()))
        return Strip([Segment(text, NO_STYLE)], len(codes)), len(text.encode())

    def _row(self, top: Codes, bottom: Codes) -> tuple[Strip, int]:
        edges = np.flatnonzero((top[1:] != top[:-1]) | (bottom[1:] != bottom[:-1])) + 1
        starts = [0, *edges.tolist()]
        lengths = [end - start for start, end in pairwise([*starts, len(top)])]
        runs = list(zip(top[starts].tolist(), bottom[starts].tolist(), lengths, strict=True))
        ready = _ready(runs, SGR[self.colours])
        colour = COLOUR[self.colours]
        cost = len(ready) + 2 * ready.count(HALF_BLOCK)
        return PixelRow(ready, len(top), lambda: [_segment(*run, colour) for run in runs]), cost


def _ready(runs: list[tuple[int, int, int]], sgr: Callable[[int, bool], str]) -> str:
    """The row as it is written; a colour that holds already is not said again."""
    parts: list[str] = []
    over = under = -1
    for top, bottom, count in runs:
        if top == bottom:  # a space needs no foreground
            if bottom != under:
                parts.append(f"\x1b[{sgr(bottom, False)}m")
            parts.append(" " * count)
        else:
            if top != over:
                more = f";{sgr(bottom, False)}" if bottom != under else ""
                parts.append(f"\x1b[{sgr(top, True)}{more}m")
                over = top
            elif bottom != under:
                parts.append(f"\x1b[{sgr(bottom, False)}m")
            parts.append(HALF_BLOCK * count)
        under = bottom
    parts.append("\x1b[0m")
    return "".join(parts)


def _segment(top: int, bottom: int, count: int, colour: Callable[[int], Color]) -> Segment:
    return Segment(HALF_BLOCK * count, _style(colour(top), colour(bottom)))


@lru_cache(maxsize=4096)
def _style(top: Color, bottom: Color) -> Style:
    return Style(color=top, bgcolor=bottom)


@lru_cache(maxsize=1)
def _nearest() -> NDArray[np.int32]:
    """For each colour of 4 bits a channel the nearest of the sixteen; green counts most, as the eye has it."""
    steps = np.arange(16) * 17
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    far = (np.square(colours - np.array(SIXTEEN)) * np.array([3, 6, 1])).sum(axis=2)
    return far.argmin(axis=1).astype(np.int32)


def _rgb(code: int) -> tuple[int, int, int]:
    red, green, blue = code >> 10, (code >> 5) & 31, code & 31
    return (red << 3) | (red >> 2), (green << 3) | (green >> 2), (blue << 3) | (blue >> 2)


@lru_cache(maxsize=65536)  # all there are
def _true_sgr(code: int, over: bool) -> str:
    red, green, blue = _rgb(code)
    return f"{38 if over else 48};2;{red};{green};{blue}"


@lru_cache(maxsize=4096)
def _true_colour(code: int) -> Color:
    return Color.from_rgb(*_rgb(code))


@lru_cache(maxsize=512)
def _indexed_sgr(code: int, over: bool) -> str:
    return f"{38 if over else 48};5;{code}"


@lru_cache(maxsize=32)
def _sixteen_sgr(code: int, over: bool) -> str:
    return str((30 if over else 40) + code if code < 8 else (82 if over else 92) + code)


SGR: dict[Colours, Callable[[int, bool], str]] = {"true": _true_sgr, "256": _indexed_sgr, "16": _sixteen_sgr}
COLOUR: dict[Colours, Callable[[int], Color]] = {
    "true": _true_colour,
    "256": Color.from_ansi,
    "16": Color.from_ansi,
}
