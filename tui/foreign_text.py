"""The last look at every line of the screens: no sign of a label or a file name may steer the terminal."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from core.visible import drawn, is_safe


class ForeignText(LineFilter):
    """Puts a sign of one cell where one would steer the terminal; the line keeps its width.

    Such signs count as no cells when a line is laid out, so what stands after them would be pushed over its end.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        del background
        if all(segment.control or is_safe(segment.text) for segment in segments):
            return segments
        width = Segment.get_line_length(segments)
        made = [
            segment if segment.control else Segment(drawn(segment.text), segment.style, segment.control)
            for segment in segments
        ]
        return list(Strip(made).crop(0, width))
