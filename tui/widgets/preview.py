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
# Bytes that a link is given at once, and in a second. One of 500 KB/s takes a piece in 26 ms at most, so a key that
# comes behind one, or together with the next, is shown within 70 ms. 80x22 cells of 256 colours are one piece, of 24
# bits three. A link does not say how full it is: hence the pace.
REMOTE_BYTES, REMOTE_RATE = 13_000, 450_000


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
        self._place = Region()  # of the picture, in cells
        self._late: Picture | None = None  # the newest, as long as it is not drawn whole
        self._busy = False  # until `_draw` is called again

    def on_resize(self, event: Resize) -> None:
        self.room = (event.size.width, event.size.height * 2)

    def show(self, picture: Picture) -> None:
        """Draw a picture that was scaled to fit `room`, at once or as soon as the terminal can take it."""
        self._late = picture
        if not self._busy:
            self._draw()

    def _draw(self) -> None:
        """Draw the newest picture, or as much of it as may be written at once."""
        self._busy, picture = False, self._late
        if picture is None:
            return
        height, width = picture.shape[0] // 2, picture.shape[1]
        if width > self.size.width or height > self.size.height:
            self._late = None  # it was meant for the size before a resize
            return
        if is_behind(self.app):
            self._spare(1.5)
            self._pause(RETRY_S)
            return
        far, painter = is_remote(), self._ready_painter()
        place = Region((self.size.width - width) // 2, (self.size.height - height) // 2, width, height)
        changed = painter.paint(picture, REMOTE_BYTES if far else None)
        if place != self._place or len(changed) == height:
            self._place = place
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, place.y + row, self.size.width, 1) for row in changed))
        self._spare(1.2 if painter.owes else 0.97)
        if not painter.owes:
            self._late = None
        if changed:
            self.call_after_refresh(self._follow)
        if far and changed:
            self._pause(painter.written / REMOTE_RATE)

    def _pause(self, seconds: float) -> None:
        self._busy = True
        self.set_timer(seconds, self._draw)

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

        row = y - self._place.y
        if not 0 <= row < len(self._painter.strips):
            return Strip.blank(width, style)
        strip = self._painter.strips[row]
        left = self._place.x
        sides = Strip.blank(left, style), Strip.blank(max(0, width - left - strip.cell_length), style)
        if isinstance(strip, PixelRow):
            return strip if strip.cell_length == width else strip.between(*sides, self.app.console)
        return Strip.join([sides[0], strip, sides[1]])
