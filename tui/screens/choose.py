"""Small questions: which source, which task, and whether faces may be kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui import actions
from tui.widgets.line import Line

MOST_ENTRIES = 5000  # of a folder; a larger one is not searched for a completion


class PathSuggester(Suggester):
    """Completes a path from the folder it is in."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        head, slash, start = value.rpartition("/")
        folder = Path(head + slash or ".").expanduser()
        if not value or "://" in value:
            return None
        try:
            with os.scandir(folder) as entries:
                names = sorted(
                    entry.name + "/" * entry.is_dir()
                    for _, entry in zip(range(MOST_ENTRIES), entries, strict=False)
                    if entry.name.startswith(start) and not (entry.name.startswith(".") and not start)
                )
        except OSError:
            return None
        return head + slash + names[0] if names else None


class SourceScreen(ModalScreen[str | None]):
    """Asks for a source; dismissed with what was typed, or None."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back"), *actions.in_dialogs()]
    help_text = "Type a path (right arrow completes it), a camera's number or an address, then press enter."

    def __init__(self, current: str) -> None:
        super().__init__()
        self.current = current

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = "Source"
            yield Static("A file or folder of clips, a camera's number (0 is the first), or a stream's address:")
            yield Line(self.current, id="spec", suggester=PathSuggester(), select_on_focus=True)
            yield Static("enter open   → complete the path   esc back", classes="keys")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        spec = event.value.strip()
        self.dismiss(os.path.expanduser(spec) if spec.startswith("~") else spec or None)


class TaskScreen(ModalScreen[str | None]):
    """Asks for a task; dismissed with its name, or None."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        *actions.in_dialogs(),
    ]
    help_text = "What the model learns. Each task has its own clips, answers and versions."

    def __init__(self, names: tuple[str, ...], current: str | None) -> None:
        super().__init__()
        self.names = names
        self.current = current

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = "Task"
            yield OptionList(*(Option(name, id=name) for name in self.names))
            yield Static("enter choose   esc back", classes="keys")

    def on_mount(self) -> None:
        if self.current in self.names:
            self.query_one(OptionList).highlighted = self.names.index(self.current)

    def action_move(self, by: int) -> None:
        """Move down or up."""
        listed = self.query_one(OptionList)
        (listed.action_cursor_down if by > 0 else listed.action_cursor_up)()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


class ConsentScreen(ModalScreen[bool]):
    """Asks once before the first face is kept; dismissed with the answer."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape", "dismiss(False)", "No"),
        *actions.in_dialogs(),
    ]
    help_text = "Your answer is kept with the time it was given. Without a yes nothing is recorded."

    def compose(self) -> ComposeResult:
        from core.capture.consent import QUESTION

        with Vertical(id="box") as box:
            box.border_title = "Before the first face is kept"
            yield Static(Content(QUESTION))
            yield Static("y yes   n no", classes="keys")
