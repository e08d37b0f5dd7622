"""What the screens beside Capture share: a title, a reading taken in a thread when the workspace changed, its drawing.

A screen says what it reads (`take`, in a thread) and how it shows that (`show`, in the app); it never reads by itself.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from core.errors import RushesError
from tui.widgets.keys import Keys
from tui.widgets.title import Title

if TYPE_CHECKING:
    from core.workspace import Workspace
    from tui.app import RushesApp

Data = TypeVar("Data")
OPENING = "Opening the workspace…"


class SectionScreen(Screen[None], Generic[Data]):
    """One of the screens 2 to 6.

    Attributes:
        where: the screen's name in the table of actions.
        data: what was read last; None before the first reading.
    """

    CSS_PATH = "section.tcss"
    where = ""

    @dataclass
    class Taken(Message):
        """A reading is there."""

        data: object

    @dataclass
    class NotTaken(Message):
        """The reading failed."""

        reason: str

    def __init__(self) -> None:
        super().__init__()
        self.data: Data | None = None

    @property
    def rushes(self) -> RushesApp:
        return cast("RushesApp", self.app)

    @abstractmethod
    def body(self) -> ComposeResult:
        """The parts between title and footer."""

    @abstractmethod
    def take(self, space: Workspace, task: str) -> Data:
        """Read what is shown, in a thread. May take a while; the screen goes on showing the last reading."""

    @abstractmethod
    def show(self, data: Data) -> None:
        """Draw a reading; nothing is read here."""

    def compose(self) -> ComposeResult:
        yield Title(self.where, id="title")
        yield Static(OPENING, id="notice")
        yield from self.body()
        yield Keys()

    def on_mount(self) -> None:
        self.rushes.changed.subscribe(self, lambda _: self.look())
        self.look()

    def on_screen_resume(self) -> None:
        self.look()

    def look(self) -> None:
        """Take a new reading, if this is the screen one sees."""
        app = self.rushes
        self._draw_title()
        if app.space is None:
            self.say(app.problem or OPENING, failed=app.problem is not None)
        elif self.is_current:
            self._take(app.space, app.chosen_task or "")

    def say(self, words: str, *, failed: bool = False) -> None:
        """A line under the title: what is wrong, or what to press; "" removes it."""
        notice = self.query_one("#notice", Static)
        notice.display = bool(words)
        notice.set_class(failed, "failed")
        notice.update(Content(f"! {words}" if failed else words))

    @work(thread=True, exclusive=True, group="take", exit_on_error=False, description="reading")
    def _take(self, space: Workspace, task: str) -> None:
        try:
            self.post_message(self.Taken(self.take(space, task)))
        except RushesError as error:
            self.post_message(self.NotTaken(error.sentence()))

    @on(Taken)
    def _taken(self, message: Taken) -> None:
        self.data = cast("Data", message.data)
        self.say("")
        self.show(self.data)

    @on(NotTaken)
    def _not_taken(self, message: NotTaken) -> None:
        self.say(f"{message.reason} Press 1 for Capture or q to leave.", failed=True)

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.rushes.tell(event.worker.error)

    def _draw_title(self) -> None:
        app = self.rushes
        version = app.serving.predictor.version if app.serving is not None else "no model" if app.problem else "loading"
        name = (" Rushes ", "bold $text-primary")
        left = Content.assemble(name, (f" {app.chosen_task or ''}", "bold"), f" · {version}")
        self.query_one("#title", Title).show(left)
