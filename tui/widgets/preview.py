"""The picture of the source: the newest frame and nothing older, in the terminal's own colours.

Reading, mirroring and scaling happen in the source's thread; this only paints what it is handed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.app import App
    from textual.events import Resize

    from tui.widgets.halfblocks import Colours, Painter, Picture

LOCAL_FPS, REMOTE_FPS = 15, 10


def colours_of(app: App[object]) -> Colours:
    """What this terminal can show: 24 bits, 256 colours, or shades of its own two colours."""
    if app.no_color:
        return "mono"
    return {"truecolor": "true", "256": "256"}.get(app.console.color_system or "", "mono")  # pyright: ignore[reportReturnType]


def frames_per_second() -> int:
    """How many frames are worth drawing; a link is spared a third of them."""
    return REMOTE_FPS if "SSH_CONNECTION" in os.environ else LOCAL_FPS


def is_behind(app: App[object]) -> bool:
    """Whether the terminal has not yet taken what was written: a frame more would make the keys wait."""
    # Textual keeps its queue to itself; without it every frame is drawn.
    thread = getattr(app._driver, "_writer_thread", None)  # pyright: ignore[reportPrivateUsage]
    queue = getattr(thread, "_queue", None)
    return queue is not None and not queue.empty()


class Preview(Widget):
    """Shows the newest frame and forgets the rest."""

    DEFAULT_CSS = "Preview { min-width: 10; min-height: 4; }"
    help_text = "The source's picture. It is scaled down to half blocks; what is recorded keeps its full size."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.message = ""
        self.room: tuple[int, int] = (0, 0)  # columns and rows of pixels; read by the source's thread
        self._painter: Painter | None = None
        self._corner = (0, 0)

    def on_resize(self, event: Resize) -> None:
        self.room = (event.size.width, event.size.height * 2)

    def show(self, picture: Picture) -> None:
        """Draw a picture that was scaled to fit `room`; one of another size was meant for the size before a resize."""
        from tui.widgets.halfblocks import Painter  # NumPy, which the source's thread has loaded by now

        height, width = picture.shape[0] // 2, picture.shape[1]
        if width > self.size.width or height > self.size.height or is_behind(self.app):
            return
        if self._painter is None:
            self._painter = Painter(colours_of(self.app))
            self.message = ""
            self.refresh()
        corner = ((self.size.width - width) // 2, (self.size.height - height) // 2)
        changed = self._painter.paint(picture)
        if corner != self._corner or len(changed) == height:
            self._corner = corner
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, corner[1] + row, self.size.width, 1) for row in changed))

    def say(self, message: str) -> None:
        """Show words instead of a picture."""
        self.message = message
        self._painter = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        style = self.rich_style
        if self._painter is None:
            lines = self.message.splitlines()
            first = max(0, (self.size.height - len(lines)) // 2)
            text = lines[y - first] if 0 <= y - first < len(lines) else ""
            left = max(0, (width - len(text)) // 2)
            return Strip([Segment(" " * left + text, style)]).adjust_cell_length(width, style)
        row = y - self._corner[1]
        if not 0 <= row < len(self._painter.strips):
            return Strip.blank(width, style)
        strip = self._painter.strips[row]
        left = self._corner[0]
        right = max(0, width - left - strip.cell_length)
        return Strip.join([Strip.blank(left, style), strip, Strip.blank(right, style)])
