"""Two curves beside each other: training loss and the validation metric by epoch, drawn by textual-plot.

Imported when the Training screen is first opened. Drawn at most once a second, and only when there is a new epoch.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Static
from textual_hires_canvas import Canvas
from textual_plot import HiResMode, NumericAxisFormatter, PlotWidget
from textual_plot.plot_widget import Legend

if TYPE_CHECKING:
    from core.snapshot.training import Chart, Trace

Points = Sequence[tuple[float, float]]
REDRAW_S = 1.0
ROWS_PER_TICK = 3
FLATTEST = 1e-9  # of the values' size: a smaller spread is no spread
NOW, BEFORE, NEWEST = "━", "·", "●"  # told apart by their shape where there are no colours


def thinned(points: Points, most: int) -> list[tuple[float, float]]:
    """At most `most` of the points, evenly spread, the first and the newest among them."""
    count = len(points)
    if count <= most or most < 2:
        return list(points)
    return [points[round(place * (count - 1) / (most - 1))] for place in range(most)]


def limits(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis: room above and below; a flat curve lies in the middle."""
    low, high = min(values), max(values)
    size = max(abs(low), abs(high), 1e-6)
    room = (high - low) * 0.05 if high - low > FLATTEST * size else size * 0.1
    return low - room, high + room


class StyledCanvas(Canvas):
    """A canvas whose every part has a style: Textual's filter for no colours fails at one that has none."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        styled = [Segment(text, style or self.rich_style, control) for text, style, control in strip]
        return Strip(styled, strip.cell_length)


class Plot(PlotWidget, can_focus=False):
    """A plot without labels of its own, as its title says what it is; keys go to the list beside it."""

    margin_top = reactive(0)
    margin_bottom = reactive(1)
    margin_left = reactive(8)

    def compose(self) -> ComposeResult:
        with Grid():
            for part in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield StyledCanvas(1, 1, id=part)
        yield Legend(id="legend")  # never shown, but asked for


class ChartView(Vertical):
    """One measure: what its lines are, and the lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"chart--now", "chart--before"}
    DEFAULT_CSS = """
    ChartView { width: 1fr; height: 1fr; }
    ChartView > .chart--now { color: $primary; }
    ChartView > .chart--before { color: $foreground-muted; }
    ChartView > .heading { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ChartView > Plot { height: 1fr; }
    Plot > .plot--axis { color: $foreground-darken-3; }
    Plot > .plot--tick { color: $foreground-muted; text-style: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._chart: Chart | None = None

    def compose(self) -> ComposeResult:
        yield Static(classes="heading")
        yield Plot(allow_pan_and_zoom=False)

    def show(self, chart: Chart) -> None:
        """Draw a chart; nothing is done if it is the one that is drawn."""
        if chart != self._chart:
            self._chart = chart
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        chart = self._chart
        if chart is None:
            return
        self.query_one(".heading", Static).update(self._heading(chart))
        plot = self.query_one(Plot)
        plot.display = chart.now is not None
        plot.clear()
        if chart.now is None:
            return
        most = max(2, 2 * (self.size.width - plot.margin_left))
        traces = [trace for trace in (chart.before, chart.now) if trace is not None]
        values = [value for trace in traces for _, value in trace.points]
        self._axes(plot, chart, limits(values))
        if chart.before is not None:
            x, y = _columns(chart.before, most)
            plot.scatter(x, y, marker=BEFORE, marker_style=self._style("chart--before"))
        x, y = _columns(chart.now, most)
        plot.plot(x, y, line_style=self._style("chart--now"), hires_mode=HiResMode.BRAILLE)
        plot.scatter(x[-1:], y[-1:], marker=NEWEST, marker_style=self._style("chart--now"))

    def _axes(self, plot: Plot, chart: Chart, ends: tuple[float, float]) -> None:
        shown = NumericAxisFormatter()
        plot.set_xlimits(0.0, max(1, chart.epochs) * 1.02)  # the newest mark is not hidden by the frame
        plot.set_ylimits(*ends)
        plot.set_xticks(_whole(shown.get_ticks(0.0, float(max(1, chart.epochs)))))
        # Ticks are as many as have a row of their own, and some air.
        plot.set_yticks(thinned_ticks(shown.get_ticks(*ends), (self.size.height - 4) // ROWS_PER_TICK))

    def _style(self, name: str) -> str:
        return str(self.get_component_rich_style(name, partial=True))

    def _heading(self, chart: Chart) -> Content:
        if chart.now is None:
            return Content.assemble((chart.title, "bold"), "\n", ("no epoch yet", "$foreground-muted"))
        newest = f" {chart.now.points[-1][1]:.4g}"
        before = f"  {BEFORE} {chart.before.name}" if chart.before is not None else ""
        rest = before + (f"  {chart.better} better" if chart.better else "")
        line = Content.assemble((NOW, "$text-primary"), f" {chart.now.name}", (rest, "$foreground-muted"))
        return Content("\n").join([Content.assemble((chart.title, "bold"), newest), line])


def _columns(trace: Trace, most: int) -> tuple[list[float], list[float]]:
    points = thinned(trace.points, most)
    return [x for x, _ in points], [y for _, y in points]


def _whole(ticks: Sequence[float]) -> list[float]:
    return [tick for tick in ticks if tick == round(tick)]  # there is no half epoch


def thinned_ticks(ticks: Sequence[float], most: int) -> list[float]:
    """Every so many of the ticks, so that at most `most` (at least 2) are left; their distances stay equal."""
    step = -(-len(ticks) // max(2, most))
    return list(ticks[::step]) if step else list(ticks)


class Curves(Horizontal):
    """Training loss and validation metric of one training."""

    help_text = (
        "Left the loss on what is learnt from, right the metric on what is held out, by epoch. In a cross-validation "
        "the dots are the mean of the folds before, and the line that of all folds once they are done. ● is the newest."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.drawn = 0  # how often
        self._latest: tuple[str, tuple[Chart, Chart]] | None = None
        self._shown: tuple[str, tuple[Chart, Chart]] | None = None
        self._drawn_at = -REDRAW_S
        self._waits = True  # until the parts are there, later for the second to pass

    def compose(self) -> ComposeResult:
        yield ChartView()
        yield ChartView()

    def on_mount(self) -> None:
        self._draw()

    def show(self, job: str, charts: tuple[Chart, Chart]) -> None:
        """Show a job's charts: another job's at once, a newer epoch of the same one when a second has passed."""
        self._latest = (job, charts)
        if self._shown is not None and self._shown[0] != job:
            self._drawn_at = -REDRAW_S
        if self._latest == self._shown or self._waits:
            return
        wait = self._drawn_at + REDRAW_S - time.monotonic()
        if wait > 0:
            self._waits = True
            self.set_timer(wait, self._draw)
        else:
            self._draw()

    def _draw(self) -> None:
        self._waits = False
        if self._latest is None or self._latest == self._shown:
            return
        self._shown, self._drawn_at = self._latest, time.monotonic()
        self.drawn += 1
        for view, chart in zip(self.query(ChartView), self._latest[1], strict=True):
            view.show(chart)
