"""Which corrections a version learnt from: counts, where the frozen list lies, and the list itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Log, Static

from tui import actions, model_words

if TYPE_CHECKING:
    from core.snapshot.provenance import Provenance


class Listing(Log):
    """Lines by the thousand; only those one sees are drawn."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("list")

    def action_cursor_down(self) -> None:
        self.scroll_down(animate=False)

    def action_cursor_up(self) -> None:
        self.scroll_up(animate=False)

    def action_scroll_top(self) -> None:
        self.scroll_home(animate=False)

    def action_scroll_bottom(self) -> None:
        self.scroll_end(animate=False)


class ProvenanceScreen(ModalScreen[None]):
    """What one version learnt from."""

    CSS_PATH = "provenance.tcss"
    AUTO_FOCUS = "#listing"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,p", "dismiss", "Close"), *actions.in_dialogs("copy")]
    help_text = (
        "Every correction the version learnt from, in the order of its frozen manifest: split, how the answer came to "
        "be, the answer, the clip, its id. `fold` stands for cross-validation: each was held out once, all were learnt."
    )

    def __init__(self, found: Provenance) -> None:
        super().__init__()
        self.found = found

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = f"{self.found.version} learnt from"
            lines = model_words.learnt_summary(self.found)
            yield Static(Content("\n").join(Content.styled(text, colour) for text, colour in lines), id="summary")
            yield Listing(auto_scroll=False, id="listing")
            yield Static("j k g G scroll   ctrl+y copy   esc close", id="keys")

    def on_mount(self) -> None:
        listing = self.query_one(Listing)
        listing.display = bool(self.found.rows)
        listing.write_lines(model_words.learnt_rows(self.found), scroll_end=False)

    def copied(self) -> str:
        """Everything that is listed."""
        summary = [text for text, _ in model_words.learnt_summary(self.found)]
        return "\n".join([*summary, *model_words.learnt_rows(self.found)])
