"""Lines one reads: a log that stays at its newest line, or a page that begins at its first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui import actions


def content(words: Sequence[tuple[str, str]]) -> Content:
    """Lines (text, colour) as Textual draws them."""
    return Content("\n").join(Content.styled(text, colour) for text, colour in words)


class Reading(VerticalScroll):
    """Scrolls through lines with the arrows or j and k."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("list")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.words: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield Static()

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return "\n".join(text for text, _ in self.words)

    def show(self, title: str, words: Sequence[tuple[str, str]], *, newest_last: bool) -> None:
        """Show lines (text, colour) under a title.

        Args:
            newest_last: stay at the end, unless the user has scrolled up in these very lines; else begin at the top.
        """
        same_page = title == self.border_title
        if same_page and list(words) == self.words:
            return
        self.border_title, self.words = title, list(words)
        self.query_one(Static).update(content(words))
        if not same_page:
            self.anchor(newest_last)  # at the end, also when the room changes, until the user scrolls
            if not newest_last:
                self.scroll_home(animate=False)

    def action_cursor_down(self) -> None:
        self.release_anchor()
        self.scroll_down(animate=False)

    def action_cursor_up(self) -> None:
        self.release_anchor()
        self.scroll_up(animate=False)

    def action_scroll_top(self) -> None:
        self.release_anchor()
        self.scroll_home(animate=False)

    def action_scroll_bottom(self) -> None:
        self.scroll_end(animate=False)
