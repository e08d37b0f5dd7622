"""Help for what has the focus: what it is for, and the keys that work there."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import actions

GENERAL = "ctrl+p lists everything that can be done; tab moves between the parts of a screen."


class HelpScreen(ModalScreen[None]):
    """Speaks of one widget and of the screen it is on."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close")]

    def __init__(self, about: DOMNode) -> None:
        super().__init__()
        self.about = about

    def compose(self) -> ComposeResult:
        keymap: dict[str, str] = getattr(self.app, "own_keys", {})
        texts = [getattr(node, "help_text", "") for node in self.about.ancestors_with_self]
        with VerticalScroll(id="box") as box:
            box.border_title = "Help"
            for text in filter(None, texts):
                yield Static(Content(text), classes="text")
            for node in self._places():
                for action in actions.of(getattr(node, "where", "")):
                    if node.check_action(action.name, ()) is False:  # not there in this workspace
                        continue
                    with Horizontal(classes="action"):
                        yield Static(Content.styled(actions.shown(action, keymap), "bold $text-primary"), classes="key")
                        yield Static(action.does, markup=False, classes="does")
            yield Static(GENERAL, classes="text")
            yield Static("esc close", classes="text")

    def _places(self) -> list[DOMNode]:
        dialog = self.about.screen.is_modal  # the app's own keys are not heard there
        nodes = [node for node in self.about.ancestors_with_self if getattr(node, "where", None)]
        return [node for node in nodes if not (dialog and node is self.app)]
