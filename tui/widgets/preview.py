"""The picture of the source: the newest frame and nothing older, in the terminal's own colours.

Reading, mirroring and scaling happen in the source's thread; this only paints what it is handed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from queue import Queue

    from textual.app import App
    from textual.events import Resize

    from core.settings import ScreenSettings
    from tui.widgets.halfblocks import Colours, Painter, Picture

LOCAL_FPS, REMOTE_FPS = 15, 10
RETRY_S = 0.02  # a frame that found the terminal behind tries again, unless a newer one comes first
SYSTEMS: dict[str, Colours] = {"truecolor": "true", "256": "256", "standard": "16", "windows": "16"}
WISHES: dict[str, Colours] = {"true": "true", "256": "256", "none": "mono"}
# A frame of this many bytes takes a link of 500 KB/s 30 ms; a key that comes behind it is still shown within 70 ms.
REMOTE_BYTES = 15_000


def wished(app: App[Any]) -> ScreenSettings | None:
    """The user's settings of the screen; None before the workspace is open."""
    space = getattr(app, "space", None)
    return None if space is None else space.settings.screen


def colours_of(app: App[Any]) -> Colours:
    """What is asked for, else what this terminal can show: 24 bits, 256 or 16 colours, or shades of its own two."""
    if app.no_color:
        return "mono"
    wish = wished(app)
    if wish is not None and wish.colour != "auto":
        return WISHES[wish.colour]
    found = SYSTEMS.get(app.console.color_system or "", "mono")
    return "256" if found == "true" and is_remote() else found  # 24 bits cost a link four times as much


def frames_per_second(wish: ScreenSettings | None = None) -> int:
    """How many frames are worth drawing; a link is spared a third of them."""
    if wish is not None and wish.fps:
        return wish.fps
    return REMOTE_FPS if is_remote() else LOCAL_FPS


def is_remote() -> bool:
    """Whether the terminal is at the far end of a link."""
    return "SSH_CONNECTION" in os.environ


def waiting(app: App[Any]) -> Queue[str | None] | None:
    """What the terminal has not yet taken. Textual keeps it to itself; without it every frame is drawn."""
    thread = getattr(app._driver, "_writer_thread", None)  # pyright: ignore[reportPrivateUsage]
    return getattr(thread, "_queue", None)


def is_behind(app: App[Any]) -> bool:
    """Whether the terminal has not yet taken what was written: a frame more would make the keys wait."""
    queue = waiting(app)
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
        self._late: Picture | None = None  # the newest that the terminal was too slow for

    def on_resize(self, event: Resize) -> None:
        self.room = (event.size.width, event.size.height * 2)

    def show(self, picture: Picture) -> None:
        """Draw a picture that was scaled to fit `room`; one of another size was meant for the size before a resize."""
        height, width = picture.shape[0] // 2, picture.shape[1]
        if width > self.size.width or height > self.size.height:
            return
        if is_behind(self.app):
            if self._late is None:
                self._spare(1.5)
                self.set_timer(RETRY_S, self._retry)
            self._late = picture
            return
        painter = self._ready_painter()
        corner = ((self.size.width - width) // 2, (self.size.height - height) // 2)
        changed = painter.paint(picture)
        if corner != self._corner or len(changed) == height:
            self._corner = corner
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, corner[1] + row, self.size.width, 1) for row in changed))
        self._spare(1.2 if is_remote() and painter.written > REMOTE_BYTES else 0.97)
        if changed:
            self.call_after_refresh(self._follow)

    def _retry(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            self.show(late)

    def _ready_painter(self) -> Painter:
        from tui.widgets.halfblocks import Painter  # NumPy, which the source's thread has loaded by now

        colours = colours_of(self.app)
        if self._painter is None or self._painter.colours != colours:
            self._painter = Painter(colours)
            self.message = ""
            self.refresh()
        return self._painter

    def _spare(self, factor: float) -> None:
        """What does not fit through the link is first the noise, then the finer changes."""
        from tui.widgets.halfblocks import MOST_NOISE, NOISE

        if self._painter is not None:
            self._painter.noise = min(MOST_NOISE, max(NOISE, self._painter.noise * factor))

    def _follow(self) -> None:
        # Nothing, behind the frame: it waits in the queue until the frame itself has been taken whole.
        queue = waiting(self.app)
        if queue is not None and not queue.full():
            queue.put("")

    def say(self, message: str) -> None:
        """Show words instead of a picture."""
        self.message = message
        self._painter = self._late = None
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._painter is None or self._painter.colours == "mono":
            return super().render_lines(crop)
        # Not by way of Textual's cache of styles: it would take the ready rows apart.
        rows = [self.render_line(y) for y in crop.line_range]
        return rows if crop.width == self.size.width else [row.crop(crop.x, crop.right) for row in rows]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        style = self.rich_style
        if self._painter is None:
            lines = self.message.splitlines()
            first = max(0, (self.size.height - len(lines)) // 2)
            text = lines[y - first] if 0 <= y - first < len(lines) else ""
            left = max(0, (width - len(text)) // 2)
            return Strip([Segment(" " * left + text, style)]).adjust_cell_length(width, style)
        from tui.widgets.halfblocks import PixelRow

        row = y - self._corner[1]
        if not 0 <= row < len(self._painter.strips):
            return Strip.blank(width, style)
        strip = self._painter.strips[row]
        left = self._corner[0]
        sides = Strip.blank(left, style), Strip.blank(max(0, width - left - strip.cell_length), style)
        if isinstance(strip, PixelRow):
            return strip if strip.cell_length == width else strip.between(*sides, self.app.console)
        return Strip.join([sides[0], strip, sides[1]])
