"""Capture: the source's picture, what the model says of the clips taken from it, and the way to correct it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import DataTable, Input, Static
from textual.worker import Worker, WorkerState

from tui import actions, wording
from tui.feed import Feed
from tui.judge import Judge, Mender, Request
from tui.messages import FrameReady, Judged, JudgingEnded, Mended, NotTaken, Recorded, SourceEnded, SourceReady
from tui.screens.choose import ConsentScreen, SourceScreen, TaskScreen
from tui.screens.correct import CorrectScreen
from tui.widgets.card import Card
from tui.widgets.clip_list import ClipList
from tui.widgets.guide import Guide
from tui.widgets.keys import Keys
from tui.widgets.line import Line
from tui.widgets.preview import Preview, frames_per_second, wished
from tui.widgets.title import Title

if TYPE_CHECKING:
    from core.snapshot import Row
    from core.workspace import Workspace
    from tui.app import RushesApp

FAILED = "Press q to leave, and start again with: rushes --workspace FOLDER"
LEVEL_S = 0.25  # between two looks at the sound's level while something is recorded
MOST_REASONS = 3  # a folder of unusable files shall not fill the screen with notices


class CaptureScreen(Screen[None]):
    """Capture on a camera, a stream, a file or a folder."""

    CSS_PATH = "capture.tcss"
    where = "capture"
    BINDINGS = actions.bindings("capture")
    AUTO_FOCUS = "#clips"
    help_text = (
        "Record a clip from the source with space, or take a whole file or folder in with enter. The model answers "
        "each clip; e says whether it was right. What you answer is what the next model learns from."
    )

    def __init__(self) -> None:
        super().__init__()
        self.feed: Feed | None = None
        self.leaving = Event()
        self.judge = Judge(self.post_message, lambda: self.rushes.serving)
        self.mender = Mender(self.post_message)
        self.refused: list[NotTaken] = []
        self.drafts: dict[str, str] = {}
        self._wanted: str | None = None  # a sample to choose as soon as the list has it
        self._clock: Timer | None = None
        self._recovered = False
        self._face_shown: bool | None = None  # what the card says of the source
        self._silent: str | None = None  # why recordings have no sound; said once
        self.session = f"session-{int(time.time() * 1000)}"  # what is recorded live in one sitting is one group

    @property
    def rushes(self) -> RushesApp:
        return cast("RushesApp", self.app)

    def compose(self) -> ComposeResult:
        yield Title("capture", id="title")
        yield Guide(id="guide")
        with Horizontal(id="top"):
            yield Preview(id="preview")
            yield Card(id="card")
        yield ClipList(id="clips")
        with Horizontal(id="about"):
            yield Static("Speaker", classes="field")
            yield Line(id="speaker", compact=True, placeholder="who speaks")
            yield Static("Context", classes="field")
            yield Line(id="context", compact=True, placeholder="what it is about")
        yield Static(id="training")
        yield Keys()

    def on_mount(self) -> None:
        self.rushes.changed.subscribe(self, self._changed)
        self.draw()
        if self.rushes.first_source is not None:
            self.open_source(self.rushes.first_source)

    def on_unmount(self) -> None:
        self.leaving.set()
        self.judge.requests.clear()
        if self.feed is not None:
            self.feed.abandon()

    # What is shown

    def _changed(self, _: None) -> None:
        if self.feed is not None:
            self.feed.fps = frames_per_second(wished(self.app))
        self.draw()
        self._recover()
        self._judge_next()

    def _recover(self) -> None:
        """Once: take in recordings that a crash left behind."""
        app = self.rushes
        if self._recovered or app.space is None or app.serving is None:
            return
        from core.capture.intake import About, leftovers

        self._recovered = True
        if found := leftovers(app.space):
            self.notify(f"Taking in {len(found)} recordings that were left by a crash.")
            self.judge.requests.append(Request(found, app.chosen_task or "", About(), incoming=True))

    def draw(self) -> None:
        """Bring every part up to date with the app's state; cheap, nothing is read."""
        app = self.rushes
        self.query_one("#title", Title).show(self._title())
        self.query_one("#about").display = app.snapshot is not None and app.snapshot.kind == "text"
        if app.snapshot is None:
            failed = app.problem is not None
            self.query_one(Card).say(
                f"{app.problem}\n\n{FAILED}" if failed else "Opening the workspace…", failed=failed
            )
            self.query_one("#training", Static).update("")
        else:
            clips = self.query_one(ClipList)
            clips.show(app.snapshot, app.spec)
            if self._wanted is not None and app.snapshot.row(self._wanted) is not None:
                clips.choose(self._wanted)
                self._wanted = None
            self._draw_card()
            self.query_one("#training", Static).update(Content(wording.training(app.snapshot)))
        welcome = self.query_one(Guide).lead(self.feed, busy=self.judge.busy)
        self.query_one("#top").display = not welcome
        if self.feed is None:
            self.query_one(Preview).say("No source.\n\nPress s for a camera, a file,\na folder or a stream.")

    def _title(self) -> Content:
        app = self.rushes
        serving = app.serving
        version = serving.predictor.version if serving is not None else "no model" if app.problem else "loading"
        parts: list[str | Content | tuple[str, str]] = [
            (" Rushes ", "bold $text-primary"),
            (f" {app.chosen_task or ''}", "bold"),
            f" · {version}",
        ]
        if app.problem and serving is not None:
            parts.append((" ! not the champion", "$text-error"))
        elif serving is not None and serving.override:
            parts.append((" ! set by the environment", "$text-warning"))
        if self.feed is not None:
            parts.append((f"   {self.feed.name}", "$foreground-muted"))
            if self.feed.recording:
                parts.append((f"   ● REC {int(self.feed.recorded_s)} s", "bold $text-error"))
                parts.append((f" · {wording.sound_level(self.feed.level)}", "$foreground-muted"))
            elif self.feed.over:
                parts.append(("   ended", "$foreground-muted"))
        if self.judge.busy:
            parts.append(("   … judging", "$text-warning"))
        return Content.assemble(*parts)

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
            words = f"No model answers: {app.problem}\n\nClips are taken in all the same and can be answered."
            card.say(words, failed=True)
        elif self.feed is None:
            card.say("No clip yet.\n\nPress s to choose a source.")
        elif self.feed.live:
            card.say("No clip yet.\n\nPress space to record one, and space again to stop.", face=face)
        else:
            words = "No clip yet.\n\nPress enter to judge the whole file or folder,\nor space to record a part."
            card.say(words, face=face)

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
            if feed.face_seen != self._face_shown and self.rushes.snapshot is not None:
                self._draw_card()

    @on(SourceEnded)
    def _source_ended(self, message: SourceEnded) -> None:
        if message.feed is not self.feed:
            return
        if message.feed.recording:
            self._finish(message.feed)
        if message.problem:
            self.query_one(Preview).say("The source cannot be shown.\n\nPress s for another one.")
            self.notify(message.problem, severity="error", markup=False)
        self.draw()

    # Recording and judging

    def action_record(self) -> None:
        """Start recording, or stop and judge."""
        space, feed = self.rushes.space, self.feed
        if space is None or feed is None:
            self.notify("Choose a source first: press s.", severity="warning")
        elif feed.recording:
            self._finish(feed)
        else:
            self._with_consent(lambda: self._start(space, feed))

    def _start(self, space: Workspace, feed: Feed) -> None:
        if feed.over:
            self.open_source(feed.spec)  # a file that has ended is played again from its beginning
            assert self.feed is not None
            feed = self.feed
        self._begin(space, feed)

    @work(thread=True, group="record", exit_on_error=False)
    def _begin(self, space: Workspace, feed: Feed) -> None:
        self.app.call_from_thread(self._begun, feed.record(space))

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
        self.query_one("#title", Title).show(self._title())

    @work(thread=True, group="record", exit_on_error=False)
    def _finish(self, feed: Feed) -> None:
        feed.finish()

    @on(Recorded)
    def _recorded(self, message: Recorded) -> None:
        if self._clock is not None:
            self._clock.stop()
        if message.problem:
            self.notify(message.problem, severity="error", markup=False)
        if message.path is not None:
            self._ask(message.feed, [message.path], incoming=True)
        self.draw()

    def action_take(self) -> None:
        """Judge the whole file, or each file of the folder."""
        feed = self.feed
        if self.rushes.space is None or feed is None:
            self.notify("Choose a source first: press s.", severity="warning")
        elif feed.live:
            self.notify("A live source has no end: record a part of it with space.", severity="warning")
        else:
            self._with_consent(lambda: self._ask(feed, feed.files(self.leaving), incoming=False))

    def _ask(self, feed: Feed, files: Iterable[Path], *, incoming: bool) -> None:
        from core.capture.intake import About

        about = About(
            source=None if feed.kind == "file" else feed.name,
            group=self.session if incoming and feed.live else None,
            speaker=self.query_one("#speaker", Input).value.strip() or None,
            context=self.query_one("#context", Input).value.strip() or None,
        )
        self.judge.requests.append(Request(files, self.rushes.chosen_task or "", about, incoming))
        self._judge_next()

    def _judge_next(self) -> None:
        app, judge = self.rushes, self.judge
        if app.space is None or judge.busy or not judge.requests or (app.serving is None and not app.problem):
            return  # while the model loads, clips wait
        judge.busy = True
        self._run_judge(app.space)
        self.draw()

    @work(thread=True, group="judge", exit_on_error=False)
    def _run_judge(self, space: Workspace) -> None:
        self.judge.run(space)

    @on(Judged)
    def _judged(self, message: Judged) -> None:
        self._wanted = message.sample
        space = self.rushes.space
        if message.said is not None and space is not None and space.settings.llm.enabled:
            self.mender.ask(space, message.said)
        self.rushes.look_again()

    @on(Mended)
    def _mended(self) -> None:
        self.rushes.look_again()

    @on(NotTaken)
    def _not_taken(self, message: NotTaken) -> None:
        self.refused.append(message)

    @on(JudgingEnded)
    def _judging_ended(self) -> None:
        self.judge.busy = False
        if self.refused:
            lines = [wording.refusal(one.file, one.reason) for one in self.refused[:MOST_REASONS]]
            if len(self.refused) > MOST_REASONS:
                lines.append(f"… and {len(self.refused) - MOST_REASONS} more")
            self.notify("\n".join(lines), title="Not taken", severity="warning", timeout=12, markup=False)
            self.refused = []
        self._judge_next()
        self.draw()

    # Correcting and choosing

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

    def action_task(self) -> None:
        """Choose another task."""
        self.app.push_screen(TaskScreen(self.rushes.tasks, self.rushes.chosen_task), self._task_chosen)

    def _task_chosen(self, task: str | None) -> None:
        if task and task != self.rushes.chosen_task:
            self.rushes.choose_task(task)

    def action_about(self) -> None:
        """Type who speaks."""
        if self.query_one("#about").display:
            self.query_one("#speaker", Input).focus()
        else:
            self.notify("Speaker and context are kept with clips of speech.")

    @on(Input.Submitted)
    def _about_said(self) -> None:
        self.query_one(ClipList).focus()

    def key_escape(self) -> None:
        if self.query_one(ClipList).has_focus:
            self.query_one(Guide).leave()
            self.draw()
        self.query_one(ClipList).focus()

    def _with_consent(self, then: Callable[[], None]) -> None:
        """Go on, after asking once where the task keeps faces and nobody has agreed yet."""
        app = self.rushes
        if app.snapshot is None or app.space is None:
            self.notify("The workspace is still being opened.", severity="warning")
        elif not app.snapshot.consent_missing:
            then()
        else:
            space, task = app.space, app.snapshot.task

            def answered(agreed: bool | None) -> None:
                if agreed:
                    self._agree(space, task, then)
                else:
                    self.notify("Nothing was taken: without your consent no face is kept.", severity="warning")

            app.push_screen(ConsentScreen(), answered)

    @work(thread=True, group="consent", exit_on_error=False)
    def _agree(self, space: Workspace, task: str, then: Callable[[], None]) -> None:
        from core.capture.consent import give_consent

        give_consent(space, task, by="screen")
        self.rushes.look_again()
        self.app.call_from_thread(then)
