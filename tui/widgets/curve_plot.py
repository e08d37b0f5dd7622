"""The learning curve: score of the answers against the number of corrections, with versions, stages and forecast.

Drawn by textual-plot, once per reading. Imported when there is something to draw: with NumPy it takes 150 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static
from textual_plot import HiResMode, NumericAxisFormatter

from tui.widgets.curves import ROWS_PER_TICK, Plot, thinned_ticks

if TYPE_CHECKING:
    from core.training.curve import Block, Curve

AHEAD = 1.08  # the axis goes a little beyond the newest correction
NEAR = 1.6  # times the corrections so far: a next stage or a forecast within that is drawn too
FLAT_END = 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line and what it says at the top."""

    at: float
    words: str
    stage: bool


class CurvePlot(Vertical):
    """One task's learning curve."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"curve--{part}" for part in ("score", "band", "version", "stage", "forecast")
    }
    DEFAULT_CSS = """
    CurvePlot > .curve--score { color: $primary; }
    CurvePlot > .curve--band { color: $foreground; }
    CurvePlot > .curve--version { color: $panel-lighten-3; }
    CurvePlot > .curve--stage { color: $warning; }
    CurvePlot > .curve--forecast { color: $success; }
    CurvePlot > .marks { height: 1; color: $text-muted; text-wrap: nowrap; }
    CurvePlot > Plot { height: 1fr; }
    """
    help_text = (
        "How right the answers were, window by window, with 95 % bands. Every answer first tested the version that "
        "answered then. Lines mark where a version began to answer and where a stage begins; ◇ is the forecast."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.drawn = 0  # how often
        self._curve: Curve | None = None

    def compose(self) -> ComposeResult:
        yield Static(classes="marks")
        yield Plot(allow_pan_and_zoom=False)

    def show(self, curve: Curve) -> None:
        """Draw a curve with at least one window; nothing is done if it is the one that is drawn."""
        if curve != self._curve:
            self._curve = curve
            self._draw()

    def on_mount(self) -> None:
        self.call_after_refresh(self._draw_first)

    def on_resize(self) -> None:
        self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._draw()

    def _draw_first(self) -> None:
        if not self.drawn:  # its size came before it was mounted, and comes no second time
            self._draw()

    def _draw(self) -> None:
        curve = self._curve
        if curve is None or not curve.windows or not self.is_mounted:
            return
        self.drawn += 1
        plot, end = self.query_one(Plot), right_end(curve)
        marks = [mark for mark in marks_of(curve) if mark.at <= end]
        plot.clear()
        self._axes(plot, end, bottom(curve.windows))
        for mark in marks:
            plot.add_v_line(mark.at, self._style("curve--stage" if mark.stage else "curve--version"))
        self._blocks(plot, curve.windows)
        self._forecast(plot, curve, end)
        columns = self.size.width - plot.margin_left
        words = mark_line(marks, end, columns, self._style("curve--stage"))
        self.query_one(".marks", Static).update(Content.assemble(" " * plot.margin_left, words))

    def _blocks(self, plot: Plot, blocks: Sequence[Block]) -> None:
        style = self._style("curve--score")
        x = [(block.first + block.last) / 2 for block in blocks]
        y = [block.score for block in blocks]
        for place, block in zip(x, blocks, strict=True):  # bands are not symmetric, and lie behind the curve
            plot.plot(
                [place, place],
                [block.low, block.high],
                line_style=self._style("curve--version"),
                hires_mode=HiResMode.BRAILLE,
            )
        plot.plot(x, y, line_style=style, hires_mode=HiResMode.BRAILLE)
        plot.scatter(x, y, marker="●", marker_style=style)

    def _forecast(self, plot: Plot, curve: Curve, end: float) -> None:
        seen = curve.forecast
        if seen is None or seen.reach.corrections > end:
            return
        style = self._style("curve--forecast")
        low, high = max(1, seen.reach.low), min(end, seen.reach.high)
        plot.plot([low, high], [seen.target, seen.target], line_style=style, hires_mode=HiResMode.BRAILLE)
        plot.scatter([seen.reach.corrections], [seen.target], marker="◇", marker_style=style)

    def _axes(self, plot: Plot, end: float, low: float) -> None:
        shown = NumericAxisFormatter()
        plot.set_xlimits(0.0, end)
        plot.set_ylimits(low, FLAT_END)
        plot.set_xticks([tick for tick in shown.get_ticks(0.0, end) if tick == round(tick)])
        plot.set_yticks(thinned_ticks(shown.get_ticks(low, FLAT_END), (self.size.height - 4) // ROWS_PER_TICK))

    def _style(self, name: str) -> str:
        return str(self.get_component_rich_style(name, partial=True))


def right_end(curve: Curve) -> float:
    """Where the axis ends: beyond what there is, and at what lies near enough to be drawn too."""
    wanted = [curve.corrections]
    if curve.next_stage is not None:
        wanted.append(curve.next_stage.corrections)
    if curve.forecast is not None:
        wanted.append(curve.forecast.reach.corrections)
    return AHEAD * max(value for value in wanted if value <= NEAR * curve.corrections)


def bottom(blocks: Sequence[Block]) -> float:
    """Where the score's axis begins: a round tenth below the lowest band."""
    return max(0.0, floor(min(block.low for block in blocks) * 10) / 10)


def marks_of(curve: Curve) -> list[Mark]:
    """Where a version answered first, and where a stage begins."""
    from core.training.curve import STAGES

    found = [Mark(block.first, version, False) for version, block in curve.versions.items()]
    found += [Mark(stage.corrections, stage.name, True) for stage in STAGES if stage.corrections]
    return sorted(found, key=lambda mark: mark.at)


def mark_line(marks: Sequence[Mark], end: float, columns: int, stage_style: str) -> Content:
    """What the vertical lines are, each above its own; one that has no room is left out."""
    parts: list[str | tuple[str, str]] = []
    used = 0
    for mark in marks:
        place = min(1 + floor(mark.at / end * max(1, columns - 2)), columns - len(mark.words))
        if place < used:
            continue
        parts += [" " * (place - used), (mark.words, stage_style) if mark.stage else mark.words]
        used = place + len(mark.words) + 1
        parts.append(" ")
    return Content.assemble(*parts)
