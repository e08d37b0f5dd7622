"""What Capture does with files and recordings: they wait, are judged one after the other, and can be stopped.

What was left of it by a crash or by leaving the program goes on when the program, or the task, is opened again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from textual import on, work

from tui import capture_words, wording
from tui.consent import with_consent
from tui.feed import Feed
from tui.judge import Judge, Mender, Request
from tui.messages import Judged, JudgingBegun, JudgingEnded, JudgingStopped, LeftUnjudged, Mended, NotTaken
from tui.screens.watching import WatchingScreen
from tui.widgets.about import About

if TYPE_CHECKING:
    from core.snapshot import Snapshot
    from core.workspace import Workspace

MOST_REASONS = 3  # a folder of unusable files shall not fill the screen with notices


class JudgingScreen(WatchingScreen):
    """Takes in what is recorded or chosen, and lets the serving version answer it."""

    def __init__(self) -> None:
        super().__init__()
        self.leaving = Event()
        self.judge = Judge(self.post_message, lambda: self.rushes.serving)
        self.mender = Mender(self.post_message)
        self.refused: list[NotTaken] = []
        self.opened_at = time.time()
        self.session = f"session-{int(self.opened_at * 1000)}"  # what is recorded live in one sitting is one group
        self._wanted: str | None = None  # a sample to choose as soon as the list has it
        self._opened: str | None = None  # the task whose unjudged clips were asked for
        self._ours: set[Path] = set()  # recordings that wait here, however long

    def on_unmount(self) -> None:
        self.leaving.set()
        self.judge.close()

    # What was left

    def go_on(self) -> None:
        """Take up what was left, and what waits while a model loads."""
        app = self.rushes
        if app.space is not None and app.serving is not None:
            self._recover()
            if app.chosen_task and app.chosen_task != self._opened:
                self._opened = app.chosen_task
                self._look_for_unjudged(app.space, app.chosen_task)
        self._judge_next()

    @work(thread=True, group="unjudged", exit_on_error=False)
    def _look_for_unjudged(self, space: Workspace, task: str) -> None:
        from core.capture import intake

        if found := intake.unjudged(space, task):
            self.post_message(LeftUnjudged(task, tuple(found)))

    @on(LeftUnjudged)
    def _left_unjudged(self, message: LeftUnjudged) -> None:
        from core.capture import intake

        self.judge.requests.append(Request((), message.task, intake.About(), samples=message.samples))
        self._judge_next()

    def _recover(self) -> None:
        """Once: take in recordings that a crash, or leaving the program, left behind."""
        space = self.rushes.space
        if self._recovered or space is None:
            return
        from core.capture import intake

        self._recovered = True
        found = intake.leftovers(space)
        self._take_leftovers(found)
        # Those of just now cannot be told yet from another process's that still grow.
        others = (path for path in space.incoming.glob("webcam*.avi") if path not in found)
        if young := [path for path in others if _older(path, self.opened_at)]:
            self.set_timer(intake.ABANDONED_S + 1.0, lambda: self._recover_young(young))

    def _recover_young(self, known: list[Path]) -> None:
        from core.capture import intake

        if (space := self.rushes.space) is not None:
            self._take_leftovers([path for path in intake.leftovers(space) if path in known])
            self._judge_next()

    def _take_leftovers(self, left: list[Path]) -> None:
        from core.capture import intake

        if found := [path for path in left if path not in self._ours]:
            self.notify(f"Taking in {wording.count(len(found), 'recording')} left from the last time.")
        for path in found:
            task = intake.recorded_for(path)
            owner = task if task in self.rushes.tasks else self.rushes.chosen_task or ""
            self.judge.requests.append(Request([path], owner, intake.About(), incoming=True))

    # Recording and judging

    def action_take(self) -> None:
        """Judge the whole file, or each file of the folder."""
        feed = self.feed
        if self.rushes.space is None or feed is None:
            self.notify("Choose a source first: press s.", severity="warning")
        elif feed.live:
            self.notify("A live source has no end: record a part of it with space.", severity="warning")
        elif feed.dead:
            self.notify(feed.problem or "", severity="error", markup=False)
        else:
            with_consent(self, lambda: self._take(feed))

    def _take(self, feed: Feed) -> None:
        if self.judge.busy:
            self.notify(f"{feed.name} comes next, when what is judged now is done.", markup=False)
        self._ask(feed, feed.files(self.leaving), self.rushes.chosen_task or "", incoming=False)

    def take_in(self, feed: Feed, recording: Path) -> None:
        self._ours.add(recording)
        self._ask(feed, [recording], feed.task, incoming=True)

    def _ask(self, feed: Feed, files: Iterable[Path], task: str, *, incoming: bool) -> None:
        from core.capture import intake

        fields = self.query_one(About)
        about = intake.About(
            source=None if feed.kind == "file" else feed.name,
            group=self.session if incoming and feed.live else None,
            speaker=fields.speaker,
            context=fields.context,
        )
        self.judge.requests.append(Request(files, task, about, incoming))
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
        if self.judge.total == 1:  # of many the newest is at the top
            self._wanted = message.sample
        space = self.rushes.space
        if message.said is not None and space is not None and space.settings.llm.enabled:
            self.mender.ask(space, message.said)
        self.rushes.look_again()

    def newest(self, snapshot: Snapshot) -> str | None:
        """The clip to follow: the one that was judged alone, however old it is, else the newest."""
        wanted, self._wanted = self._wanted, None
        if snapshot.row(wanted) is not None:
            return wanted
        return snapshot.rows[0].sample.id if snapshot.rows else None

    @on(Mended)
    def _mended(self) -> None:
        self.rushes.look_again()

    @on(NotTaken)
    def _not_taken(self, message: NotTaken) -> None:
        self.refused.append(message)

    @on(JudgingBegun)
    def _judging_begun(self) -> None:
        self.draw_title()

    @on(JudgingStopped)
    def _judging_stopped(self, message: JudgingStopped) -> None:
        self.notify(capture_words.stopped(message.done, message.total))

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


def _older(path: Path, at: float) -> bool:
    try:
        return path.stat().st_mtime < at
    except FileNotFoundError:  # its recording was ended or given up meanwhile
        return False
