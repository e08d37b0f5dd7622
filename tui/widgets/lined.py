"""Lines that are made for the width there is; as high as they are."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from tui.widgets.page import Lines


class Lined(Static):
    """One text, made again when the width changes."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._lines: Lines | None = None

    def show(self, lines: Lines) -> None:
        """Show this from now on."""
        self._lines = lines
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._lines is not None and self.content_size.width > 0:
            self.update(Content("\n").join(self._lines(self.content_size.width)))
