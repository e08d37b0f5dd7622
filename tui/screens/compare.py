"""Two versions compared on clips new to both: what is missing is answered now, in a thread that esc stops."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from core.errors import CancelledError, RushesError
from core.log import bug
from tui import actions, model_words
from tui.screens.ending import EndingScreen

if TYPE_CHECKING:
    from core.comparison import Comparison
    from core.workspace import Workspace
    from tui.job_words import Line

PADDING = 4  # cells of border and padding


class CompareScreen(EndingScreen["Comparison | None"]):
    """Version b against version a; dismissed with the comparison, or None where there is none.

    Attributes:
        found: the result, once it is there.
    """

    CSS_PATH = "compare.tcss"
    AUTO_FOCUS = "#box"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "leave", "Stop or close"), *actions.in_dialogs()]
    help_text = (
        "Both versions on every answered clip that neither was trained on. The line is the interval of the "
        "difference: right of zero the second is better, left of zero worse, across zero it is open."
    )

    @dataclass
    class Answered(Message):
        """How many clips a version has answered so far."""

        count: int
        version: str

    @dataclass
    class Compared(Message):
        """The result."""

        found: Comparison

    @dataclass
    class NotCompared(Message):
        """There is no result; `reason` None: it was stopped."""

        reason: str | None

    def __init__(self, space: Workspace, task: str, a: str, b: str) -> None:
        super().__init__()
        self.space, self.task_name, self.a, self.b = space, task, a, b
        self.found: Comparison | None = None
        self._busy, self._halt = True, Event()

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="box") as box:
            box.border_title = f"{self.b} against {self.a}"
            yield Static("Looking for answered clips that are new to both…", id="result")
            yield Static("esc stop", id="keys")

    def on_mount(self) -> None:
        self._compare()

    def on_unmount(self) -> None:
        self._halt.set()

    @work(thread=True, exclusive=True, group="compare", exit_on_error=False)
    def _compare(self) -> None:
        from core import comparison

        try:
            found = comparison.compare(self.space, self.task_name, self.a, self.b, progress=self._step)
        except CancelledError:
            self.post_message(self.NotCompared(None))
        except RushesError as error:
            self.post_message(self.NotCompared(error.sentence()))
        else:
            self.post_message(self.Compared(found))

    def _step(self, count: int, version: str) -> None:
        if self._halt.is_set():
            raise CancelledError("the comparison was stopped")
        self.post_message(self.Answered(count, version))

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        if not self._halt.is_set():
            self._say([(f"{message.version} has answered {message.count} clips it had not seen…", "")])

    @on(Compared)
    def _compared(self, message: Compared) -> None:
        self.found, self._busy = message.found, False
        self._say(model_words.comparison_lines(message.found, self._width()), "esc close")

    @on(NotCompared)
    def _not_compared(self, message: NotCompared) -> None:
        self._busy = False
        if message.reason is None:
            self.end()
        else:
            self._say([(f"! Nothing was compared: {message.reason}", "$text-error")], "esc close")

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            words = f"! An unexpected error; the log has it under {bug(event.worker.error)}."
            self._busy = False
            self._say([(words, "$text-error")], "esc close")

    def on_resize(self) -> None:
        if self.found is not None:
            self._say(model_words.comparison_lines(self.found, self._width()), "esc close")

    def action_leave(self) -> None:
        """Close; while it runs stop it first, and with a second press do not wait for the batch to end."""
        if self._busy and not self._halt.is_set():
            self._halt.set()
            self._say([("Stopping after this batch; what was answered is kept.", "")], "esc close at once")
        else:
            self.end(self.found)

    def copied(self) -> str:
        """The result as shown."""
        return "" if self.found is None else self.found.sentence()

    def _width(self) -> int:
        return max(20, self.query_one("#box").size.width - PADDING)

    def _say(self, lines: list[Line], keys: str | None = None) -> None:
        words = Content("\n").join(Content.styled(text, colour) for text, colour in lines)
        self.query_one("#result", Static).update(words)
        if keys is not None:
            self.query_one("#keys", Static).update(keys)
