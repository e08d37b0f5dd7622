"""Lines of text that are made for the width there is, and scrolled by keys; left and right stay with the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui import actions

Lines = Callable[[int], list[Content]]  # from the width in cells


class Page(VerticalScroll, inherit_bindings=False):
    """One text."""

    DEFAULT_CSS = """
    Page {
        height: 1fr; padding: 0 1; border-top: solid $panel; scrollbar-gutter: stable;
        scrollbar-size-vertical: 1; background: $background;
    }
    Page:focus { border-top: solid $primary; }
    Page > Static { width: 100%; height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", show=False),
        Binding("down", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home", "scroll_home", show=False),
        Binding("end", "scroll_end", show=False),
        *actions.bindings("page"),
    ]
    where = "page"

    def __init__(self, lines: Lines, *, id: str, classes: str = "") -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines = lines
        self._drawn = Content("")

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, lines: Lines) -> None:
        """Show this from now on; where the words are the same nothing is drawn."""
        self._lines = lines
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return self._drawn.plain

    def _draw(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0:  # not laid out yet
            return
        drawn = Content("\n").join(self._lines(width))
        if drawn != self._drawn or drawn.spans != self._drawn.spans:
            self._drawn = drawn
            self.query_one(Static).update(drawn)
