"""What Capture stands on: a source that is shown, another one when the user wants it, and recordings from it.

What becomes of a recording is left to the screen on top (`take_in`).
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.screen import Screen
from textual.timer import Timer

from tui.consent import with_consent
from tui.feed import Feed
from tui.messages import FrameReady, Recorded, SourceEnded, SourceReady
from tui.screens.choose import SourceScreen
from tui.widgets.guide import Guide
from tui.widgets.preview import Preview, frames_per_second, wished
from tui.widgets.title import Title

if TYPE_CHECKING:
    from core.workspace import Workspace
    from tui.app import RushesApp

LEVEL_S = 0.25  # between two looks at the sound's level while something is recorded


class WatchingScreen(Screen[None]):
    """Shows a source and records from it.

    Attributes:
        feed: the source that is open.
    """

    def __init__(self) -> None:
        super().__init__()
        self.feed: Feed | None = None
        self._clock: Timer | None = None
        self._silent: str | None = None  # why recordings have no sound; said once
        self._recovered = False  # what a crash left behind was looked for

    @property
    def rushes(self) -> RushesApp:
        return cast("RushesApp", self.app)

    @abstractmethod
    def draw(self) -> None:
        """Bring every part up to date with the app's state; cheap, nothing is read."""

    @abstractmethod
    def draw_title(self) -> None:
        """Bring the title alone up to date."""

    @abstractmethod
    def follow_face(self, feed: Feed) -> None:
        """A picture was shown: say so if there is a face now, or none any more."""

    @abstractmethod
    def take_in(self, feed: Feed, recording: Path) -> None:
        """A recording is whole."""

    def on_unmount(self) -> None:
        if self.feed is not None:
            self.feed.abandon()

    # The source

    def open_source(self, spec: str) -> None:
        """Show another source; the one shown so far is closed."""
        if self.feed is not None:
            self.feed.stop.set()
            if self.feed.recording:
                self._finish(self.feed)
        self.feed = Feed(spec, self.post_message, frames_per_second(wished(self.app)))
        self.query_one(Preview).say(f"Opening {spec}…")
        self.draw()
        # A photo has one frame only, which is lost as long as the preview has no room yet.
        self.call_after_refresh(self._play, self.feed)

    def _play(self, feed: Feed) -> None:
        size = self.query_one(Preview).size
        feed.room = (size.width, size.height * 2)
        self._run_feed(feed)

    @work(thread=True, group="source", exit_on_error=False)
    def _run_feed(self, feed: Feed) -> None:
        feed.run()

    @on(SourceReady)
    def _source_ready(self, message: SourceReady) -> None:
        if message.feed is self.feed:
            message.feed.room = self.query_one(Preview).room
            self.draw()

    @on(FrameReady)
    def _frame_ready(self, message: FrameReady) -> None:
        feed = message.feed
        feed.announced = False
        preview = self.query_one(Preview)
        feed.room = preview.room
        if feed is self.feed and feed.picture is not None:
            preview.show(feed.picture)
            self.follow_face(feed)

    @on(SourceEnded)
    def _source_ended(self, message: SourceEnded) -> None:
        if message.feed is not self.feed:
            return
        if message.feed.recording:
            self._finish(message.feed)
        if message.feed.problem:
            self.query_one(Preview).say("The source cannot be shown.\n\nPress s for another one.")
            self.notify(message.feed.problem, severity="error", markup=False)
        self.draw()

    # Recording

    def action_record(self) -> None:
        """Start recording, or stop and judge."""
        space, feed = self.rushes.space, self.feed
        if space is None or feed is None:
            self.notify("Choose a source first: press s.", severity="warning")
        elif feed.recording:
            self._finish(feed)
        elif feed.dead:
            self._again(feed)
        else:
            with_consent(self, lambda: self._start(space, feed))

    def _start(self, space: Workspace, feed: Feed) -> None:
        if feed.over:
            self.open_source(feed.spec)  # a file that has ended is played again from its beginning
            assert self.feed is not None
            feed = self.feed
        self._begin(space, feed, self.rushes.chosen_task or "")

    def _again(self, feed: Feed) -> None:
        """A camera or stream may be there by now; a file that could not be read stays as it is."""
        if feed.live:
            self.open_source(feed.spec)
        else:
            self.notify(feed.problem or "", severity="error", markup=False)

    @work(thread=True, group="record", exit_on_error=False)
    def _begin(self, space: Workspace, feed: Feed, task: str) -> None:
        self.app.call_from_thread(self._begun, feed.record(space, task))

    def _begun(self, silent: str | None) -> None:
        if silent and silent != self._silent:
            self.notify(f"Recording without sound: {silent}.", severity="warning", markup=False)
        self._silent = silent
        if self._clock is not None:
            self._clock.stop()
        self._recovered = False
        self._clock = self.set_interval(LEVEL_S, self._tick)
        self.draw()

    def _tick(self) -> None:
        """How long it runs: here, and in the title of the screen one sees."""
        feed = self.feed
        self.draw_title()
        self.rushes.recording = f"● rec {int(feed.recorded_s)} s " if feed is not None and feed.recording else ""
        for title in self.app.screen_stack[0].query(Title):
            title.draw()

    @work(thread=True, group="record", exit_on_error=False)
    def _finish(self, feed: Feed) -> None:
        feed.finish()

    @on(Recorded)
    def _recorded(self, message: Recorded) -> None:
        if self._clock is not None:
            self._clock.stop()
        self._tick()
        if message.problem:
            self.notify(message.problem, severity="error", markup=False)
        if message.path is not None:
            self.take_in(message.feed, message.path)
        self.draw()

    # Choosing

    def action_source(self) -> None:
        """Choose another source."""
        self.app.push_screen(SourceScreen(self.feed.spec if self.feed else ""), self._source_chosen)

    def _source_chosen(self, spec: str | None) -> None:
        if spec:
            self.open_source(spec)

    def action_webcam(self) -> None:
        """Show the first camera."""
        self.open_source("0")

    def action_demo(self) -> None:
        """Draw demo clips of the task, and open them."""
        if self.rushes.space is not None:
            self.query_one(Guide).draw_demo(self.rushes.space, self.rushes.chosen_task or "")
            self.draw()

    @on(Guide.Drawn)
    def _demo_drawn(self, message: Guide.Drawn) -> None:
        if message.folder is None:
            self.notify(message.problem, severity="error", markup=False)
            self.draw()
        else:
            self.open_source(str(message.folder))
