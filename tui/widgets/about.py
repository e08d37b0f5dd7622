"""Who speaks and what about: two fields, kept with each new clip of speech."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from tui.widgets.line import Line


class About(Horizontal):
    """Speaker and context."""

    def compose(self) -> ComposeResult:
        yield Static("Speaker", classes="field")
        yield Line(id="speaker", compact=True, placeholder="who speaks")
        yield Static("Context", classes="field")
        yield Line(id="context", compact=True, placeholder="what it is about")

    @property
    def speaker(self) -> str | None:
        return self._said("#speaker")

    @property
    def context(self) -> str | None:
        return self._said("#context")

    def _said(self, field: str) -> str | None:
        return self.query_one(field, Input).value.strip() or None

    def ask(self) -> None:
        """Put the cursor into the first field."""
        self.query_one("#speaker").focus()
