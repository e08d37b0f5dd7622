"""The first line of every screen: what is worked on at the left, the six screens with their keys at the right."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

SECTIONS = ("capture", "review", "training", "models", "insights", "backups")
ROOM_FOR_NAMES = 110  # cells; below, only the screen one is on is named


class Title(Static):
    """One line; `show` sets its left part."""

    DEFAULT_CSS = "Title { height: 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, section: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._section = section
        self._left = Content("")

    def show(self, left: Content) -> None:
        """Say what is worked on."""
        self._left = left
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Draw it again, with how long a recording on Capture runs by now."""
        recording = "" if self._section == "capture" else getattr(self.app, "recording", "")
        mark, right = Content.styled(recording, "bold $text-error"), self._right()
        if self._left.cell_length + mark.cell_length + 1 + right.cell_length > self.size.width:
            right = Content("")  # what happens now is worth more than where one could go
        right = Content.assemble(mark, right)
        room = self.size.width - right.cell_length
        self.update(Content.assemble(self._left.truncate(max(0, room - 1), ellipsis=True, pad=True), " ", right))

    def _right(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for number, name in enumerate(SECTIONS, start=1):
            if name == self._section:
                parts.append((f" {number} {name.capitalize()} ", "bold reverse"))
            elif self.size.width >= ROOM_FOR_NAMES:
                parts.append((f" {number} {name.capitalize()} ", "$foreground-muted"))
            else:
                parts.append((f" {number} ", "$foreground-muted"))
        return Content.assemble(*parts)
