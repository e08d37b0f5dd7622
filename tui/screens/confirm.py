"""A question before a change: what it will change, then yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import actions


class ConfirmScreen(ModalScreen[bool]):
    """Dismissed with True for yes.

    Args:
        title: what is about to be done.
        changes: one sentence each; those that begin with "!" are shown as warnings.
    """

    CSS_PATH = "confirm.tcss"
    AUTO_FOCUS = "#box"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape", "dismiss(False)", "No"),
        *actions.in_dialogs(),
    ]
    help_text = "What will change if you say yes. y does it; n or esc leaves everything as it is."

    def __init__(self, title: str, changes: Sequence[str]) -> None:
        super().__init__()
        self.heading = title
        self.changes = tuple(changes)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="box") as box:
            box.border_title = self.heading
            for change in self.changes:
                warning = change.startswith("!")
                words = change if warning else f"· {change}"
                yield Static(Content.styled(words, "$text-warning" if warning else ""), classes="change")
            yield Static("y yes   n no   ? help", classes="keys")

    def on_mount(self) -> None:
        self.app.clear_notifications()  # nothing may stand on what is asked
