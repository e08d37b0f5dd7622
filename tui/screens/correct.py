"""The E flow (seed 003): what the model said, was it right, and if not, what is. Nothing is lost by leaving it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.worker import Worker, WorkerState

from core.errors import RushesError
from tui import actions, wording
from tui.screens.ending import EndingScreen
from tui.widgets.choices import Choices
from tui.widgets.line import Line

if TYPE_CHECKING:
    from core.snapshot import Kind, Row, Value
    from core.tasks.base import ModelSpec
    from core.workspace import Workspace
    from tui.app import RushesApp

ASKING, EDITING, SAVING = "asking", "editing", "saving"
KEYS = {
    ASKING: "y right   n wrong   esc later",
    EDITING: "enter save   esc later, what you typed is kept",
    SAVING: "saving…",
}


class CorrectScreen(EndingScreen[str | None]):
    """Asks about one clip. Dismissed with the unsaved draft, or None when the answer is saved.

    Args:
        draft: what was typed when the flow was left the last time.
    """

    CSS_PATH = "correct.tcss"
    AUTO_FOCUS = ""
    where = "correct"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "later", "Later"),
        *actions.bindings("correct"),
        *actions.in_dialogs(),
    ]
    help_text = (
        "y keeps the answer as right. n lets you give the right one; enter saves it. Saved means it is on disk, "
        "and the next model learns from it. Escape leaves the clip waiting."
    )

    class Saved(Message):
        """The answer is durable."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Refused(Message):
        """The answer could not be taken."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, space: Workspace, row: Row, kind: Kind, spec: ModelSpec, draft: str | None) -> None:
        super().__init__()
        self.space = space
        self.row = row
        self.kind: Kind = kind
        self.spec = spec
        self.draft = draft
        self.stage = ASKING
        self._asked = ASKING  # the stage before saving

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(id="said")
            yield Static(id="question")
            if self.kind == "label":
                yield Choices.numbered(self.spec.labels, id="labels")
            else:
                yield Line(id="line", select_on_focus=self.kind == "score")
            yield Static(id="problem")
            yield Static(id="keys")

    def on_mount(self) -> None:
        cast("RushesApp", self.app).changed.subscribe(self, self._newer)
        self.query_one("#box").border_title = Content(self.row.name)  # a name may hold square brackets
        if self.row.suggestion is None:
            self.action_no()
        else:
            self._enter(ASKING)

    def _newer(self, _: None) -> None:
        snapshot = cast("RushesApp", self.app).snapshot
        row = snapshot.row(self.row.sample.id) if snapshot else None
        if row is not None and self.stage == ASKING:  # the language model's text may come while this is open
            self.row = row
            self._show_said()

    def _show_said(self) -> None:
        lines = wording.suggestion_lines(self.row, self.kind, self.spec)
        if self.row.correction is not None:
            lines.append(("YOUR ANSWER", wording.value(self.kind, self.row.correction.value, self.spec)))
        said = [Content.assemble(f"{heading}: ", (text, "bold")) for heading, text in lines]
        self.query_one("#said", Static).update(Content("\n").join(said))

    def _enter(self, stage: str) -> None:
        self.stage = stage
        self._asked = asked = self._asked if stage == SAVING else stage
        self._show_said()
        editor = self.query_one("#labels" if self.kind == "label" else "#line")
        question = "Was this correct? (y/n)" if asked == ASKING else wording.question(self.kind)
        self.query_one("#question", Static).update(Content(question))
        self.query_one("#keys", Static).update(Content(KEYS[stage]))
        editor.display = asked == EDITING
        editor.disabled = stage != EDITING
        self.refresh_bindings()
        if stage == EDITING:
            editor.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual names them
        return self.stage == ASKING if action in {"yes", "no"} else True

    def action_yes(self) -> None:
        """The answer was right."""
        self._enter(SAVING)
        self._save(None)

    def action_no(self) -> None:
        """The answer was wrong: edit it, starting from the suggestion or the draft."""
        self._problem("")
        if self.kind == "label":
            self._highlight()
        else:
            line = self.query_one(Input)
            known = self.row.suggestion
            suggestion = "" if known is None else wording.value(self.kind, known, self.spec)
            line.value = self.draft or suggestion
            line.cursor_position = len(line.value)
        self._enter(EDITING)

    def _highlight(self) -> None:
        wanted = self.draft or str(self.row.suggestion)
        if wanted in self.spec.labels:
            self.query_one(OptionList).highlighted = self.spec.labels.index(wanted)

    def action_later(self) -> None:
        """Leave the clip waiting; a draft is kept. What is being saved is waited for."""
        if self.stage != SAVING:
            self.end(self._typed() if self.stage == EDITING else self.draft or "")

    def _typed(self) -> str:
        if self.kind != "label":
            return self.query_one(Input).value
        index = self.query_one(OptionList).highlighted
        return "" if index is None else self.spec.labels[index]

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _entered(self) -> None:
        from core import tasks

        if self.stage != EDITING:
            return
        try:
            value = tasks.get(self.row.sample.task).parse(self._typed(), self.spec)
        except RushesError as error:
            self._problem(wording.brief(error.sentence()))
            return
        self._enter(SAVING)
        self._save(value)

    def _problem(self, words: str) -> None:
        self.query_one("#problem", Static).update(Content(f"! {words}" if words else ""))

    @work(thread=True, group="save", exit_on_error=False)
    def _save(self, value: Value | None) -> None:
        from core import loop

        try:
            loop.correct(self.space, [(self.row.sample, value)])
        except RushesError as error:
            self.post_message(self.Refused(error.sentence()))
        else:
            self.post_message(self.Saved("✓ Marked as correct" if value is None else "✓ Training sample saved!"))

    @on(Saved)
    def _saved(self, message: Saved) -> None:
        self.app.notify(message.words)
        self.end()

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        self._problem(message.reason)
        self._enter(self._asked)

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            cast("RushesApp", self.app).tell(event.worker.error)
            self._enter(self._asked)
