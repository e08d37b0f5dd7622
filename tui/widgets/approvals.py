"""The automation gate: its state and what it lacks, how right the model is, the clips on their way out, the rating.

Shows what it is given and asks `core.automation` in threads; the screen around it reads anew after `Changed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, ScrollableContainer, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from core.errors import RushesError
from tui import insight_words
from tui.widgets.line import Line
from tui.widgets.lined import Lined
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.snapshot.insights.gate import Entry, GateView
    from core.workspace import Workspace
    from tui.app import RushesApp

QUEUE = {"state": 13, "platform": 9, "clip": 26, "said": 0}  # cells
QUEUE_EMPTY = (
    "Nothing waits for approval.\nA clip is put here, or published at once when the gate is unlocked, by:\n"
    "rushes automation publish SAMPLE --platform NAME"
)


class Turning(Rows, inherit_bindings=False):
    """Rows that leave left and right to the screen, which changes views with them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(one for one in DataTable.BINDINGS if isinstance(one, Binding) and one.key not in ("left", "right")),
        *Rows.BINDINGS,
    ]


class Approvals(Vertical):
    """The view Gate."""

    class Changed(Message):
        """A verb has ended; `words` say how."""

        def __init__(self, words: str, *, good: bool = True) -> None:
            super().__init__()
            self.words = words
            self.good = good

    class Rated(Message):
        """The rating was kept, or (with a reason) not."""

        def __init__(self, reason: str = "") -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, *, id: str, classes: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.data: GateView | None = None

    def compose(self) -> ComposeResult:
        with ScrollableContainer(id="top"):
            yield Lined(id="gate")
            yield Lined(id="accuracy")
        yield Static(id="queue-empty")
        yield Turning(QUEUE, titles=False, id="queue")
        yield Lined(id="said")
        with Horizontal(id="rating"):
            yield Static("How good is the system, 0 to 10?", classes="field")
            yield Line(id="line", compact=True, placeholder="8.7, then enter; esc leaves")
        yield Static(id="problem")

    def on_mount(self) -> None:
        for name in ("#top", "#rating", "#queue", "#said", "#queue-empty", "#problem"):
            self.query_one(name).display = False
        self.query_one("#gate").border_title = "Automation gate"
        self.query_one("#accuracy").border_title = "How right the model is"
        self.query_one("#queue-empty").border_title = "Approvals"

    @property
    def _space(self) -> Workspace | None:
        return cast("RushesApp", self.app).space

    def show(self, data: GateView) -> None:
        """Draw a reading."""
        self.data = data
        self.query_one("#top").display = True
        self.query_one("#gate", Lined).show(lambda width: insight_words.gate_lines(data, width))
        self.query_one("#accuracy", Lined).show(lambda width: insight_words.accuracy_lines(data.accuracy, width))
        table, empty = self.query_one("#queue", Turning), self.query_one("#queue-empty", Static)
        had_entries = table.display
        table.show({entry.id: insight_words.entry_cells(entry, data.names[entry.id]) for entry in data.entries})
        table.border_title = f"Approvals: {data.waiting} to look at"
        table.display = bool(data.entries)
        self._show_said()
        empty.display = not data.entries
        if table.has_focus and not table.display:
            self.screen.set_focus(None)
        empty.update(Content(QUEUE_EMPTY))
        if table.display and not had_entries and self.display and not self.query_one("#rating").display:
            table.focus()

    @on(DataTable.RowHighlighted)
    def _show_said(self) -> None:
        """The chosen entry's reason in full, below the rows that cut it."""
        entry, said = self.entry(), self.query_one("#said", Lined)
        said.display = entry is not None
        if entry is not None:
            said.show(lambda width: insight_words.entry_lines(entry, width))

    def entry(self) -> Entry | None:
        """The chosen entry of the queue."""
        chosen = self.query_one("#queue", Turning).chosen
        entries = () if self.data is None else self.data.entries
        return next((entry for entry in entries if entry.id == chosen), None)

    def copied(self) -> str:
        """The chosen entry, else what the gate says."""
        if (entry := self.entry()) is not None:
            return f"{entry.id}  {entry.platform}  {entry.state}  {entry.detail or insight_words.criteria(entry.why)}"
        return "" if self.data is None else "\n".join(line.plain for line in insight_words.gate_lines(self.data))

    # Rating

    def rate(self) -> None:
        """Open the line for a rating."""
        if self.data is None:
            return
        known = next(one for one in self.data.gate.criteria if one.name == "system_rating").value
        line = self.query_one("#line", Line)
        line.value = "" if known is None else f"{known:g}"
        self.query_one("#rating").display = True
        self._problem("")
        line.focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        typed = event.value.strip().replace(",", ".")
        try:
            number = float(typed)
        except ValueError:
            self._problem(f"{typed!r} is not a number. Give one from 0 to 10, for instance 8.7.")
            return
        if self._space is not None:
            self._rate(self._space, number)

    @work(thread=True, group="rate", exit_on_error=False)
    def _rate(self, space: Workspace, number: float) -> None:
        from core import automation

        try:
            automation.rate(space, number)
        except RushesError as error:
            self.post_message(self.Rated(error.sentence()))
        else:
            self.post_message(self.Rated())

    @on(Rated)
    def _rated(self, message: Rated) -> None:
        self._problem(message.reason)
        if message.reason:
            return
        self.leave()
        self.post_message(self.Changed("✓ Your rating is saved."))

    def leave(self) -> None:
        """Close the line for a rating."""
        self._problem("")
        self.query_one("#rating").display = False
        self.take_focus()

    def take_focus(self) -> None:
        """The queue, or where it is empty nothing."""
        if self.query_one("#queue").display:
            self.query_one("#queue").focus()
        else:
            self.screen.set_focus(None)

    def _problem(self, words: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.display = bool(words)
        problem.update(Content(f"! {words}" if words else ""))

    # Approvals

    def approve(self) -> None:
        """Publish the chosen entry after a yes."""
        entry, space, data = self.entry(), self._space, self.data
        if entry is None or space is None or data is None:
            self.notify("Nothing waits for approval.", severity="warning")
            return
        if entry.state not in ("waiting", "failed", "unknown"):
            self.notify(f"It is {entry.state} already.", severity="warning")
            return
        from tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.notify(f"Publishing to {entry.platform}…", markup=False)
                self._approve(space, entry.id, again=entry.state == "unknown")

        name = data.names[entry.id]
        changes = insight_words.publishing(entry, name, data.way)
        self.app.push_screen(ConfirmScreen(f"Publish {name} to {entry.platform}", changes), answered)

    @work(thread=True, group="publish", exit_on_error=False)
    def _approve(self, space: Workspace, entry: str, *, again: bool) -> None:
        from core import automation

        try:
            ended = automation.approve(space, entry, again=again)
        except RushesError as error:
            self.post_message(self.Changed(error.sentence(), good=False))
            return
        mark = insight_words.STATES[ended.state][0]
        words = f"{mark} {ended.platform}: {ended.detail}" if ended.detail else f"{mark} {ended.platform}"
        self.post_message(self.Changed(words, good=ended.state == "published"))

    def reject(self) -> None:
        """Take the chosen entry out of the queue."""
        entry, space = self.entry(), self._space
        if entry is None or space is None:
            self.notify("Nothing waits for approval.", severity="warning")
        else:
            self._reject(space, entry.id)

    @work(thread=True, group="publish", exit_on_error=False)
    def _reject(self, space: Workspace, entry: str) -> None:
        from core import automation

        try:
            automation.reject(space, entry, reason="rejected on the screen")
        except RushesError as error:
            self.post_message(self.Changed(error.sentence(), good=False))
        else:
            self.post_message(self.Changed("- Rejected: it will not be published."))
