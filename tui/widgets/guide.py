"""The first run: a welcome while the workspace is empty, then a line with the key that comes next; draws demo clips."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from core.errors import RushesError
from tui import first

if TYPE_CHECKING:
    from core.workspace import Workspace
    from tui.app import RushesApp
    from tui.feed import Feed


class Guide(Static):
    """Leads to the first answer; hidden afterwards, and when the user has left it."""

    class Progress(Message):
        """So many of the demo clips are drawn."""

        def __init__(self, done: int, total: int) -> None:
            super().__init__()
            self.done = done
            self.total = total

    class Drawn(Message):
        """The demo clips are in `folder`, or (None) `problem` says why not."""

        def __init__(self, folder: Path | None, problem: str = "") -> None:
            super().__init__()
            self.folder = folder
            self.problem = problem

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.drawing: str | None = None  # what is said while demo clips are made
        self._leaving = Event()

    def on_unmount(self) -> None:
        self._leaving.set()

    @property
    def rushes(self) -> RushesApp:
        return cast("RushesApp", self.app)

    def lead(self, feed: Feed | None, *, busy: bool) -> bool:
        """Say what comes next; returns whether this is the welcome, which wants the room of picture and card.

        Args:
            feed: the source that is open.
            busy: a clip is being judged.
        """
        app, snapshot = self.rushes, self.rushes.snapshot
        if snapshot is not None and app.first_run and snapshot.answered:
            app.first_run = False
            self.notify(first.done(snapshot), timeout=12, markup=False)
        led = app.first_run and snapshot is not None
        self.display = led or self.drawing is not None
        welcome = led and self.drawing is None and feed is None and not (snapshot and snapshot.rows)
        self.set_class(welcome, "welcome")
        if self.drawing is not None:
            self.update(Content(self.drawing))
        elif welcome and snapshot is not None:
            lines = [Content.styled(text, style) for text, style in first.welcome(snapshot)]
            self.update(Content("\n").join(lines))
        elif snapshot is not None:
            self.update(Content(first.step(snapshot, feed, busy=busy)))
        return welcome

    def leave(self) -> None:
        """The user wants to be led no more."""
        self.rushes.first_run = False

    def draw_demo(self, space: Workspace, task: str) -> None:
        """Draw demo clips of a task; `Drawn` follows."""
        if self.drawing is None:
            self.drawing = first.DRAWING
            self._draw_demo(space, task)

    @work(thread=True, group="demo", exit_on_error=False)
    def _draw_demo(self, space: Workspace, task: str) -> None:
        from core.demo.clips import demo_clips

        def said(done: int, total: int) -> None:
            if self._leaving.is_set():
                raise RushesError("the screens were left before the demo clips were drawn")
            self.post_message(self.Progress(done, total))

        try:
            self.post_message(self.Drawn(demo_clips(space, task, said)))
        except RushesError as error:
            self.post_message(self.Drawn(None, error.sentence()))

    @on(Progress)
    def _progress(self, message: Progress) -> None:
        self.drawing = first.drawing(message.done, message.total)
        self.update(Content(self.drawing))

    @on(Drawn)
    def _drawn(self) -> None:
        self.drawing = None
