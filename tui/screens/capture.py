"""Capture: the source's picture, what the model says of the clips taken from it, and the way to correct it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import DataTable, Input, Static
from textual.worker import Worker, WorkerState

from tui import actions, capture_words, wording
from tui.consent import with_consent
from tui.feed import Feed
from tui.judge import Judge, Mender, Request
from tui.messages import Judged, JudgingEnded, Mended, NotTaken
from tui.screens.choose import TaskScreen
from tui.screens.correct import CorrectScreen
from tui.screens.watching import WatchingScreen
from tui.widgets.about import About
from tui.widgets.card import Card
from tui.widgets.clip_list import ClipList
from tui.widgets.guide import Guide
from tui.widgets.keys import Keys
from tui.widgets.preview import Preview, frames_per_second, wished
from tui.widgets.title import Title

if TYPE_CHECKING:
    from core.snapshot import Row
    from core.workspace import Workspace

FAILED = "Press q to leave, and start again with: rushes --workspace FOLDER"
MOST_REASONS = 3  # a folder of unusable files shall not fill the screen with notices


class CaptureScreen(WatchingScreen):
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
        self.leaving = Event()
        self.judge = Judge(self.post_message, lambda: self.rushes.serving)
        self.mender = Mender(self.post_message)
        self.refused: list[NotTaken] = []
        self.drafts: dict[str, str] = {}
        self._wanted: str | None = None  # a sample to choose as soon as the list has it
        self._face_shown: bool | None = None  # what the card says of the source
        self.opened_at = time.time()
        self.session = f"session-{int(self.opened_at * 1000)}"  # what is recorded live in one sitting is one group

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
        self.draw()
        if self.rushes.first_source is not None:
            self.open_source(self.rushes.first_source)

    def on_unmount(self) -> None:
        self.leaving.set()
        self.judge.requests.clear()

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
        from core.capture import intake

        self._recovered = True
        found = intake.leftovers(app.space)
        self._take_leftovers(found)
        # Those of a crash just now cannot be told yet from another process's that still grow.
        others = (path for path in app.space.incoming.glob("webcam*.avi") if path not in found)
        if young := [path for path in others if path.stat().st_mtime < self.opened_at]:
            self.set_timer(intake.ABANDONED_S + 1.0, lambda: self._recover_young(young))

    def _recover_young(self, known: list[Path]) -> None:
        from core.capture import intake

        if (space := self.rushes.space) is not None:
            self._take_leftovers([path for path in intake.leftovers(space) if path in known])
            self._judge_next()

    def _take_leftovers(self, found: list[Path]) -> None:
        from core.capture import intake

        if found:
            words = "1 recording that was" if len(found) == 1 else f"{len(found)} recordings that were"
            self.notify(f"Taking in {words} left by a crash.")
            about = intake.About()
            self.judge.requests.append(Request(found, self.rushes.chosen_task or "", about, incoming=True))

    def draw_title(self) -> None:
        app = self.rushes
        words = capture_words.title(
            app.chosen_task or "", app.serving, self.feed, problem=app.problem, judging=self.judge.busy
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
            clips.show_clips(app.snapshot, app.spec)
            if self._wanted is not None and app.snapshot.row(self._wanted) is not None:
                clips.choose(self._wanted)
                self._wanted = None
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

    # Recording and judging

    def action_take(self) -> None:
        """Judge the whole file, or each file of the folder."""
        feed = self.feed
        if self.rushes.space is None or feed is None:
            self.notify("Choose a source first: press s.", severity="warning")
        elif feed.live:
            self.notify("A live source has no end: record a part of it with space.", severity="warning")
        else:
            with_consent(self, lambda: self._ask(feed, feed.files(self.leaving), incoming=False))

    def take_in(self, feed: Feed, recording: Path) -> None:
        self._ask(feed, [recording], incoming=True)

    def _ask(self, feed: Feed, files: Iterable[Path], *, incoming: bool) -> None:
        from core.capture import intake

        fields = self.query_one(About)
        about = intake.About(
            source=None if feed.kind == "file" else feed.name,
            group=self.session if incoming and feed.live else None,
            speaker=fields.speaker,
            context=fields.context,
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
        if self.query_one(ClipList).has_focus:
            self.query_one(Guide).leave()
            self.draw()
        self.query_one(ClipList).focus()
