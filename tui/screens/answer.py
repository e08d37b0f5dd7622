"""Asking for one answer to many clips; and the E flow for texts, with the difference shown while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from core.errors import RushesError
from tui import actions, wording
from tui.screens.correct import EDITING, CorrectScreen
from tui.widgets.choices import Choices
from tui.widgets.clip_detail import differences
from tui.widgets.line import Line

if TYPE_CHECKING:
    from core.snapshot import Kind
    from core.tasks.base import ModelSpec

ORDERS = {
    "queue": "as the queue asks",
    "newest": "newest first",
    "unsure": "least sure first",
    "wrong": "most wrong first",
    "suspects": "answers that look wrong",
}


class TextCorrectScreen(CorrectScreen):
    """The E flow, with raw, mended and true text compared word by word."""

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#box").mount(Static(id="difference"), before="#problem")
        self.call_after_refresh(self._compare)

    @on(Input.Changed)
    def _compare(self) -> None:
        typed = self.query_one(Input).value if self.stage == EDITING else None
        lines = differences(self.row, typed)
        self.query_one("#difference", Static).update(Content("\n").join(lines))


class AnswerScreen(ModalScreen[str | float | None]):
    """Asks for a value; dismissed with it, or None.

    Args:
        heading: what it is for.
    """

    CSS_PATH = "answer.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)", "Back"), *actions.in_dialogs()]
    help_text = "The answer all selected clips are given, as one action: one undo takes it back."

    def __init__(self, heading: str, task: str, kind: Kind, spec: ModelSpec) -> None:
        super().__init__()
        self.heading = heading
        self.task_name = task
        self.kind: Kind = kind
        self.spec = spec

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Content(self.heading)
            if self.kind == "label":
                yield Static(wording.question(self.kind))
                yield Choices.numbered(self.spec.labels, id="labels")
            else:
                scale = f" ({wording.scale(self.spec)})" if self.kind == "score" else ""
                yield Static(Content(wording.question(self.kind).rstrip(":") + scale + ":"))
                yield Line(id="line")
            yield Static(id="problem")
            yield Static("enter save   esc back", classes="keys")

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self._give(self.spec.labels[event.option_index])

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        self._give(event.value)

    def _give(self, text: str) -> None:
        from core import tasks

        try:
            self.dismiss(tasks.get(self.task_name).parse(text, self.spec))
        except RushesError as error:
            self.query_one("#problem", Static).update(Content(f"! {wording.brief(error.sentence())}"))


class OrderScreen(ModalScreen[str | None]):
    """Asks for the order of the list; dismissed with its name, or None."""

    CSS_PATH = "answer.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)", "Back"), *actions.in_dialogs()]
    help_text = "The order of the list. The queue asks unanswered clips only; the last two list answered ones."

    def __init__(self, current: str) -> None:
        super().__init__()
        self.current = current

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = "Order"
            yield Choices(*(Option(words, id=name) for name, words in ORDERS.items()))
            yield Static("enter choose   esc back", classes="keys")

    def on_mount(self) -> None:
        names = list(ORDERS)
        self.query_one(OptionList).highlighted = names.index(self.current) if self.current in names else 0

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)
