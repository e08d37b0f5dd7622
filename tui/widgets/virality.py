"""The last posts with what was predicted of them; below, the chosen one's numbers, and who predicts and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable

from tui import insight_words, posting_words
from tui.widgets.approvals import Turning
from tui.widgets.page import Lines, Page

if TYPE_CHECKING:
    from core.snapshot.insights.virality import Post, ViralityView

POSTS = {"Post": 0, "Posted": 16, "Score": 8, "Views": 6, "90 %": 16, "So far": 6}  # cells


class Virality(Vertical):
    """The view Virality."""

    def __init__(self, waiting: Lines, *, id: str, classes: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.data: ViralityView | None = None
        self._waiting = waiting

    def compose(self) -> ComposeResult:
        yield Turning(POSTS, titles=True, id="posts")
        yield Page(self._waiting, id="virality")

    def on_mount(self) -> None:
        self._table.display = False

    @property
    def _table(self) -> Turning:
        return self.query_one("#posts", Turning)

    @property
    def page(self) -> Page:
        """What is below the posts."""
        return self.query_one("#virality", Page)

    def show(self, data: ViralityView) -> None:
        """Draw a reading."""
        first = self.data is None
        self.data = data
        self._table.show({post.content_id: posting_words.post_cells(post) for post in data.last})
        self._table.display = bool(data.last)
        if first and self.display:
            self.take_focus()
        self._show_post()

    def show_instead(self, lines: Lines) -> None:
        """Show no posts but these words."""
        self.data = None
        self._table.display = False
        self.page.show(lines)

    def take_focus(self) -> None:
        """The posts, or where there are none the text."""
        (self._table if self._table.display else self.page).focus()

    def post(self) -> Post | None:
        """The chosen post."""
        chosen = self._table.chosen
        last = () if self.data is None else self.data.last
        return next((post for post in last if post.content_id == chosen), None)

    @on(DataTable.RowHighlighted)
    def _show_post(self) -> None:
        data = self.data
        if data is None:
            return
        if data.platform is None:
            self.page.show(lambda _: [Content(insight_words.NO_POSTS)])
            return
        post = self.post()

        def lines(width: int) -> list[Content]:
            about = [*posting_words.warning_lines(data, width), *posting_words.post_lines(post, width)]
            gap = [Content("")] if about else []
            return [*about, *gap, *posting_words.model_lines(data, width)]

        self.page.show(lines)
