"""Capture: the source's picture, what the model says of the clips taken from it, and the way to correct it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import DataTable, Input, Static
from textual.worker import Worker, WorkerState

from tui import actions, capture_words, wording
from tui.feed import Feed
from tui.screens.choose import TaskScreen
from tui.screens.correct import CorrectScreen
from tui.screens.judging import JudgingScreen
from tui.widgets.about import About
from tui.widgets.card import Card
from tui.widgets.clip_list import ClipList
from tui.widgets.guide import Guide
from tui.widgets.keys import Keys
from tui.widgets.preview import Preview, frames_per_second, wished
from tui.widgets.title import Title

if TYPE_CHECKING:
    from core.snapshot import Row

FAILED = "Press q to leave, and start again with: rushes --workspace FOLDER"
MOST_REASONS = 3  # a folder of unusable files shall not fill the screen with notices


class CaptureScreen(JudgingScreen):
    """Capture on a camera, a stream, a file or a folder."""

    CSS_PATH = "capture.tcss"
    where = "capture"
    BINDINGS = actions.bindings("capture")
    AUTO_FOCUS = "#clips"
    help_text = (
        "Record a clip from the source with space, or take a whole file or folder in with enter. The model answers "
        "each clip, and esc stops it; e says whether it was right. What you answer is what the next model learns from."
    )

    def __init__(self) -> None:
        super().__init__()
        self.drafts: dict[str, str] = {}
        self._face_shown: bool | None = None  # what the card says of the source

    def compose(self) -> ComposeResult:
        yield Title("capture", id="title")
        yield Guide(id="guide")
        with Horizontal(id="top"):
            yield Preview(id="preview")
            yield Card(id="card")
        yield ClipList(id="clips")
        yield About(id="about")
        yield Static(id="training")
        yield Keys()

    def on_mount(self) -> None:
        self.rushes.changed.subscribe(self, self._changed)
        self.rushes.parting = lambda: capture_words.parting(self.feed, self.judge)
        self.draw()
        if self.rushes.first_source is not None:
            self.open_source(self.rushes.first_source)

    # What is shown

    def _changed(self, _: None) -> None:
        if self.feed is not None:
            self.feed.fps = frames_per_second(wished(self.app))
        self.draw()
        self.go_on()

    def draw_title(self) -> None:
        app = self.rushes
        words = capture_words.title(
            app.chosen_task or "", app.serving, self.feed, problem=app.problem, judge=self.judge
        )
        self.query_one("#title", Title).show(words)

    def draw(self) -> None:
        """Bring every part up to date with the app's state; cheap, nothing is read."""
        app = self.rushes
        self.draw_title()
        self.query_one(About).display = app.snapshot is not None and app.snapshot.kind == "text"
        if app.snapshot is None:
            failed = app.problem is not None
            self.query_one(Card).say(
                f"{app.problem}\n\n{FAILED}" if failed else "Opening the workspace…", failed=failed
            )
            self.query_one("#training", Static).update("")
        else:
            clips = self.query_one(ClipList)
            # The newest is followed from the top row only: elsewhere somebody looks at the clip that is chosen.
            follows = clips.cursor_row <= 0
            newest = self.newest(app.snapshot)
            clips.show_clips(app.snapshot, app.spec)
            if follows:
                clips.choose(newest)
            self._draw_card()
            self.query_one("#training", Static).update(Content(wording.training(app.snapshot)))
        welcome = self.query_one(Guide).lead(self.feed, busy=self.judge.busy)
        self.query_one("#top").display = not welcome
        if self.feed is None:
            self.query_one(Preview).say("No source.\n\nPress s for a camera, a file,\na folder or a stream.")

    def _draw_card(self) -> None:
        from core.snapshot import gate

        app = self.rushes
        assert app.snapshot is not None
        row = self.row()
        card = self.query_one(Card)
        if self.feed is not None:
            self.feed.watch_mouth = app.keeps_face
        self._face_shown = face = self.feed.face_seen if self.feed is not None else None
        if row is not None:
            gated = app.serving and app.space and gate.take(app.space, row, app.serving.predictor.spec)
            card.show(row, app.snapshot.kind, app.spec, gate=gated or None, face=face)
        elif app.serving is None and app.problem:
            card.say(capture_words.no_model(app.problem), failed=True)
        else:
            card.say(capture_words.no_clip(self.feed), face=face)

    def follow_face(self, feed: Feed) -> None:
        if feed.face_seen != self._face_shown and self.rushes.snapshot is not None:
            self._draw_card()

    def row(self) -> Row | None:
        """The chosen clip."""
        snapshot = self.rushes.snapshot
        return None if snapshot is None else snapshot.row(self.query_one(ClipList).chosen)

    @on(DataTable.RowHighlighted)
    def _other_row(self) -> None:
        if self.rushes.snapshot is not None:
            self._draw_card()

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.rushes.tell(event.worker.error)

    # Correcting, and choosing the task

    def action_correct(self) -> None:
        """The E flow on the chosen clip."""
        row, snapshot, space = self.row(), self.rushes.snapshot, self.rushes.space
        if row is None or snapshot is None or space is None:
            self.notify("There is no clip to correct yet.", severity="warning")
            return
        sample = row.sample.id

        def closed(draft: str | None) -> None:
            if draft is None:
                self.drafts.pop(sample, None)
            else:
                self.drafts[sample] = draft
            self.rushes.look_again()

        self.app.push_screen(
            CorrectScreen(space, row, snapshot.kind, self.rushes.spec, self.drafts.get(sample)), closed
        )

    def action_task(self) -> None:
        """Choose another task."""
        self.app.push_screen(TaskScreen(self.rushes.tasks, self.rushes.chosen_task), self._task_chosen)

    def _task_chosen(self, task: str | None) -> None:
        if task and task != self.rushes.chosen_task:
            self.rushes.choose_task(task)

    def action_about(self) -> None:
        """Type who speaks."""
        fields = self.query_one(About)
        if fields.display:
            fields.ask()
        else:
            self.notify("Speaker and context are kept with clips of speech.")

    @on(Input.Submitted)
    def _about_said(self) -> None:
        self.query_one(ClipList).focus()

    def key_escape(self) -> None:
        if self.query_one(ClipList).has_focus and self.judge.busy and self.judge.total > 1:
            self.judge.stop()
        elif self.query_one(ClipList).has_focus:
            self.query_one(Guide).leave()
            self.draw()
        self.query_one(ClipList).focus()
