"""The peer of the first paint: the smallest Textual program with a header, a line of text and a footer."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Static

MARKER = "bare-marker"


class Bare(App[None]):
    """Nothing but the parts."""

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static(MARKER)
        yield Footer()


if __name__ == "__main__":
    Bare().run()
