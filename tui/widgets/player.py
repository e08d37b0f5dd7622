"""Plays the chosen clip, without sound: space, half a second back and on. One clip more is decoded ahead."""

from __future__ import annotations

import time
from textwrap import wrap
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from tui.reel import Reel, ReelReady, fit
from tui.widgets.preview import Preview, frames_per_second, is_behind

if TYPE_CHECKING:
    from core.snapshot import Sample
    from core.workspace import Workspace

STEP_S = 0.5
CALM_S = 0.08  # the cursor rests so long before a clip is opened: a held key passes over many
RETRY_S = 0.1  # the terminal has not taken what was written
BAR = 16  # cells


class Player(Vertical):
    """One clip's pictures with its time."""

    help_text = "The chosen clip: space plays it, left and right go half a second back and on. There is no sound."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.reel: Reel | None = None
        self.ahead: Reel | None = None
        self.position = 0.0
        self._fps = frames_per_second()
        self._wanted: tuple[Workspace, Sample, Sample | None] | None = None
        self._playing: Timer | None = None
        self._calm: Timer | None = None
        self._began = 0.0

    def compose(self) -> ComposeResult:
        yield Preview(id="picture")
        yield Static(id="time")

    @property
    def playing(self) -> bool:
        return self._playing is not None

    def say(self, words: str) -> None:
        """Show words instead of a clip."""
        self.pause()
        self._let_go(self.reel)
        self.reel = None
        self._say(words)
        self.query_one("#time", Static).update("", layout=False)

    def _say(self, words: str) -> None:
        self.query_one(Preview).say("\n".join(wrap(words, max(10, self.size.width - 2))))

    def show(self, space: Workspace, sample: Sample, following: Sample | None) -> None:
        """Show a clip's first picture; `following` is decoded once this one is."""
        if self._wanted is not None and self.reel is not None and self.reel.sample.id == sample.id:
            self._wanted = (space, sample, following)
            self._look_ahead()
            return
        self._wanted = (space, sample, following)
        self.pause()
        if self._calm is not None:
            self._calm.stop()
        if self.ahead is not None and self.ahead.sample.id == sample.id:
            self._open()
        else:
            self._calm = self.set_timer(CALM_S, self._open)

    def _open(self) -> None:
        if self._wanted is None:
            return
        space, sample, _ = self._wanted
        self._let_go(self.reel)
        if self.ahead is not None and self.ahead.sample.id == sample.id:
            self.reel, self.ahead = self.ahead, None
        else:
            self._let_go(self.ahead)
            self.ahead = None
            self.reel = Reel(sample, self._fps)
            self._decode(space, self.reel)
        self.position = 0.0
        if not self.reel.frames:
            self._say("Opening the clip…")
        self.draw()
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Decode the next clip, when this one is done and nothing else is kept."""
        if self._wanted is None or self.reel is None or not self.reel.ended:
            return
        space, _, following = self._wanted
        if following is None or (self.ahead is not None and self.ahead.sample.id == following.id):
            return
        self._let_go(self.ahead)
        self.ahead = Reel(following, self._fps)
        self._decode(space, self.ahead)

    @work(thread=True, group="decode", exit_on_error=False, description="decode")
    def _decode(self, space: Workspace, reel: Reel) -> None:
        reel.decode(space, self.post_message)

    @on(ReelReady)
    def _ready(self, message: ReelReady) -> None:
        message.stop()
        if message.reel is self.reel:
            self.draw()
            self._look_ahead()

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            from tui.app import RushesApp

            assert isinstance(self.app, RushesApp)
            self.app.tell(event.worker.error)

    def _let_go(self, reel: Reel | None) -> None:
        if reel is not None:
            reel.stop.set()

    def on_unmount(self) -> None:
        self._let_go(self.reel)
        self._let_go(self.ahead)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    # Playing

    def play(self) -> None:
        """Play from here, or from the start where the end was reached; pause where it plays."""
        reel = self.reel
        if self.playing:
            self.pause()
        elif reel is None or not reel.times:
            return
        elif reel.still:
            self.notify("This is a picture: there is nothing to play.")
        else:
            if self.position >= reel.length - 1.0 / self._fps:
                self.position = 0.0
            self._began = time.monotonic() - self.position
            self._playing = self.set_interval(1.0 / self._fps, self._tick)
        self.draw()

    def pause(self) -> None:
        """Stop where it is."""
        if self._playing is not None:
            self._playing.stop()
            self._playing = None

    def step(self, seconds: float) -> None:
        """Go back or on."""
        if self.reel is None or self.reel.still or not self.reel.times:
            return
        self.pause()
        self.position = min(max(0.0, self.position + seconds), self.reel.times[-1])
        self.draw()

    def _tick(self) -> None:
        reel = self.reel
        if reel is None:
            self.pause()
            return
        self.position = time.monotonic() - self._began
        if self.position > reel.times[-1]:
            self.position = reel.times[-1]
            if reel.ended:
                self.pause()
            else:  # wait for the decoder
                self._began = time.monotonic() - self.position
        self.draw()

    def draw(self) -> None:
        """Draw the picture of this moment and its time."""
        reel, preview = self.reel, self.query_one(Preview)
        if reel is None:
            return
        if reel.ended and not reel.frames:
            self._say(f"! {reel.problem or 'the clip has no pictures'}")
            self.query_one("#time", Static).update("", layout=False)
            return
        picture = reel.at(self.position)
        if picture is None or 0 in preview.room:
            return
        if is_behind(self.app):
            if not self.playing:
                self.set_timer(RETRY_S, self.draw)
            return
        preview.show(fit(picture, preview.room))
        words = self._time(reel)
        if self.query_one("#time", Static).content != words:
            self.query_one("#time", Static).update(words, layout=False)

    def _time(self, reel: Reel) -> Content:
        if reel.still:
            return Content("a picture")
        length = reel.length
        done = round(min(1.0, self.position / length if length else 0.0) * BAR)
        bar = "━" * done + "╌" * (BAR - done)
        mark = "▶" if self.playing else "‖"
        problem = f"  ! {reel.problem}" if reel.problem else ""
        return Content(f"{mark} {self.position:.1f} / {length:.1f} s {bar}{problem}")
