"""Training: the queue and past trainings, one of them with live curves and log, the check, the advice.

The training itself is another process; this only reads what it writes (`core.snapshot.training`) and tells it to stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import DataTable, Static

from tui import actions, job_words, wording
from tui.screens.section import SectionScreen
from tui.widgets.job_list import JobList
from tui.widgets.reading import Reading, content

if TYPE_CHECKING:
    from core.review.advice import Advice
    from core.snapshot.training import Checked, Training
    from core.training.jobs import Job
    from core.workspace import Workspace
    from tui.widgets.curves import Curves

Page = Literal["log", "check", "advice"]
TITLES: dict[Page, str] = {"check": "Check (p goes back)", "advice": "Advice (a goes back)"}
NOTICE_S = 12.0  # how long the end of a backup stands there
LOOK_S = 1.0  # how often the elapsed time of a running training is brought up to date
WIDTHS = [(0, "-narrow"), (110, "-wide")]  # cells from which the class is set


class TrainingScreen(SectionScreen["Training"]):
    """The trainings of a workspace, whoever started them."""

    CSS_PATH: ClassVar[list[str]] = ["section.tcss", "training.tcss"]
    where = "training"
    BINDINGS = actions.bindings("training")
    AUTO_FOCUS = "#jobs"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    help_text = (
        "Trainings run in a process of their own: leaving does not stop one, and one started elsewhere is shown just "
        "the same. t checks what a training needs and queues one on everything answered."
    )

    @dataclass
    class CheckDone(Message):
        """The check is done; `job` is the training that was queued after it, if one was wanted and could be."""

        seen: Checked
        wanted: bool
        job: Job | None

    @dataclass
    class AdviceDone(Message):
        """The advice is there."""

        found: Advice
        task: str

    @dataclass
    class Stopped(Message):
        """A cancelled training has ended, or could not be stopped."""

        job_id: str
        job: Job | None

    @dataclass
    class Resumed(Message):
        """A training was queued again."""

        job: Job

    @dataclass
    class Exporting(Message, bubble=False):
        """How far the export is, 0..100; None when it has ended."""

        percent: int | None

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TrainingScreen.Exporting)

    def __init__(self) -> None:
        super().__init__()
        self.pinned: str | None = None  # the training the user chose; by default what runs, else the newest
        self.stopping: set[str] = set()
        self.page: Page = "log"
        self.leaving = Event()
        self._seen: Checked | None = None
        self._advice: tuple[Advice, str] | None = None
        self._exporting = False
        self._clock: Timer | None = None

    def body(self) -> ComposeResult:
        yield Static(id="busy")
        with Container(id="body"):
            with Vertical(id="left"):
                yield Static(id="now")
                yield JobList(id="jobs")
            with Vertical(id="right"):
                yield Reading(id="reading")

    def on_unmount(self) -> None:
        self.leaving.set()

    def on_screen_suspend(self) -> None:
        self._tick(running=False)

    def take(self, space: Workspace, task: str) -> Training:
        from core.snapshot import training
        from tui.widgets import curves

        del curves  # textual-plot and NumPy take 150 ms to import: here, not in the thread of the keys
        return training.take(space, task, self.pinned)

    def show(self, data: Training) -> None:
        self.stopping &= {job.job_id for job in data.jobs if job.state in ("Queued", "Running")}
        listed = self.query_one(JobList)
        listed.display = bool(data.jobs)
        if not data.jobs:
            self.say(job_words.nothing_yet(data))
        snapshot = self.rushes.snapshot
        until_next = wording.training(snapshot) if snapshot is not None and snapshot.job is None else ""
        self.query_one("#now", Static).update(content(job_words.now(data, until_next)))
        listed.show_jobs(data, self.stopping, self.pinned)
        if data.jobs and self.focused is None:
            listed.focus()
        if data.detail is not None:
            self._curves().show(data.detail.job.job_id, data.detail.charts)
        self._draw_page()
        self._tick(running=data.running is not None)

    def _curves(self) -> Curves:
        from tui.widgets.curves import Curves

        found = self.query(Curves)
        if found:
            return found.first()
        made = Curves(id="curves")
        self.query_one("#right").mount(made, before=0)
        return made

    def _draw_page(self) -> None:
        reading = self.query_one(Reading)
        self.set_class(self.page != "log", "-page")
        if self.page == "check":
            words = (
                [("Looking at the machine and the answers…", "")] if self._seen is None else job_words.check(self._seen)
            )
        elif self.page == "advice":
            words = [("Counting the answers…", "")] if self._advice is None else job_words.advice(*self._advice)
        else:
            detail = self.data.detail if self.data is not None else None
            chosen = detail is not None and detail.job.job_id in self.stopping
            words = [] if detail is None else job_words.log(detail, chosen)
            title = f"Log of {detail.job.job_id}" if detail is not None else "Log"
            reading.show(title, words, newest_last=True)
            reading.display = detail is not None
            return
        reading.show(TITLES[self.page], words, newest_last=False)
        reading.display = True

    def _turn_to(self, page: Page) -> None:
        self.page = page
        self._draw_page()

    def _tick(self, *, running: bool) -> None:
        """Look every second while a training runs, whichever task it is of; not at all while none does."""
        if running and self._clock is None and self.is_current:
            self._clock = self.set_interval(LOOK_S, self.look)
        elif not running and self._clock is not None:
            self._clock.stop()
            self._clock = None

    @on(DataTable.RowHighlighted)
    def _chosen(self) -> None:
        # Asked now and not when the message was sent: drawing the list moves its cursor too.
        chosen, shown = self.query_one(JobList).chosen, self.data.detail if self.data is not None else None
        if chosen is not None and (shown is None or chosen != shown.job.job_id):
            self.pinned = chosen
            self._turn_to("log")
            self.look()

    def copied(self) -> str:
        """What the page on the right says."""
        return self.query_one(Reading).text

    # The check, and training

    def action_train(self) -> None:
        """Check, then queue a training on everything answered."""
        self._check(queue=True)

    def action_preflight(self) -> None:
        """Show the check; the same key goes back to the log."""
        if self.page == "check":
            self._turn_to("log")
        else:
            self._turn_to("check")
            self._check(queue=False)

    def _check(self, *, queue: bool) -> None:
        space, task = self.rushes.space, self.rushes.chosen_task
        if space is not None and task:
            self._run_check(space, task, queue)

    @work(thread=True, exclusive=True, group="check", exit_on_error=False)
    def _run_check(self, space: Workspace, task: str, queue: bool) -> None:
        from core.snapshot import training
        from core.training import jobs

        seen = training.check(space, task)
        job = None
        if queue and seen.found.ok:
            promised = {} if seen.seconds is None else {"estimate_seconds": seen.seconds}
            job = jobs.submit(space, task, params=promised)
        self.post_message(self.CheckDone(seen, queue, job))
        if job is not None:
            jobs.ensure_worker(space)

    @on(CheckDone)
    def _check_done(self, message: CheckDone) -> None:
        self._seen = message.seen
        if message.job is not None:
            self.notify(job_words.queued(message.job, message.seen), markup=False)
            self._follow(message.job)
        elif message.wanted:
            self.notify(job_words.blocked(message.seen), severity="error", markup=False)
            self._turn_to("check")
        elif self.page == "check":
            self._draw_page()

    def _follow(self, job: Job) -> None:
        self.pinned = job.job_id
        self._turn_to("log")
        self._look_everywhere()

    def _look_everywhere(self) -> None:
        self.rushes.look_again()
        self.look()

    def action_advice(self) -> None:
        """Show what to answer next; the same key goes back to the log."""
        space, task = self.rushes.space, self.rushes.chosen_task
        if self.page == "advice":
            self._turn_to("log")
        elif space is not None and task:
            self._turn_to("advice")
            self._ask_advice(space, task)

    @work(thread=True, exclusive=True, group="advice", exit_on_error=False)
    def _ask_advice(self, space: Workspace, task: str) -> None:
        from core.review.advice import advice

        self.post_message(self.AdviceDone(advice(space, task), task))

    @on(AdviceDone)
    def _advice_done(self, message: AdviceDone) -> None:
        self._advice = (message.found, message.task)
        if self.page == "advice":
            self._draw_page()

    # Cancelling and resuming

    def _job(self, states: tuple[str, ...], otherwise: str) -> Job | None:
        """The chosen training if it is in one of these states; else says why not."""
        chosen, listed = self.query_one(JobList).chosen, self.data.jobs if self.data is not None else ()
        job = next((job for job in listed if job.job_id == chosen), None)
        if job is None:
            self.notify("There is no training to choose; press t to start one.", severity="warning")
        elif job.state not in states:
            self.notify(otherwise.format(job.state.lower()), severity="warning", markup=False)
        else:
            return job
        return None

    def action_cancel(self) -> None:
        """Stop the chosen training."""
        space = self.rushes.space
        job = self._job(("Queued", "Running"), "It is {} already; only a queued or running training can be cancelled.")
        if space is None or job is None or self.data is None or job.job_id in self.stopping:
            return
        self.stopping.add(job.job_id)
        self.pinned = job.job_id
        self.show(self.data)
        self._cancel(space, job.job_id)

    @work(thread=True, group="cancel", exit_on_error=False)
    def _cancel(self, space: Workspace, job_id: str) -> None:
        from core.training import jobs

        job: Job | None = None
        try:
            job = jobs.cancel(space, job_id)
        finally:  # an error is told by the screen
            self.post_message(self.Stopped(job_id, job))

    @on(Stopped)
    def _stopped(self, message: Stopped) -> None:
        self.stopping.discard(message.job_id)
        if message.job is not None and message.job.state == "Running":
            self.notify(f"Training {message.job_id} was asked to stop and still runs.", severity="warning")
        self._look_everywhere()

    def action_resume(self) -> None:
        """Queue the chosen failed or cancelled training again."""
        space = self.rushes.space
        job = self._job(("Failed", "Cancelled"), "It is {}; only a failed or cancelled training can be resumed.")
        if space is not None and job is not None:
            self._resume(space, job.job_id)

    @work(thread=True, exclusive=True, group="resume", exit_on_error=False)
    def _resume(self, space: Workspace, job_id: str) -> None:
        from core.training import jobs

        job = jobs.resume(space, job_id)
        self.post_message(self.Resumed(job))
        jobs.ensure_worker(space)

    @on(Resumed)
    def _resumed(self, message: Resumed) -> None:
        earlier = message.job.params.get("resumes")
        self.notify(f"Queued as {message.job.job_id}, on the corrections that {earlier} had.", markup=False)
        self._follow(message.job)

    # The two buttons of the dashboard

    def action_export(self) -> None:
        """Write the data set as one archive: answers, clips, versions, manifests."""
        space, task, data = self.rushes.space, self.rushes.chosen_task, self.data
        if space is None or not task or data is None or self._exporting:
            return
        if not data.answered:
            words = f"{task} has no answers to export; give some on Capture (1) or Review (2)."
            self.notify(words, severity="warning", markup=False)
            return
        self._exporting = True
        self._busy(0)
        self._export(space)

    @work(thread=True, group="export", exit_on_error=False)
    def _export(self, space: Workspace) -> None:
        from core.exporting import dataset

        told = [0]

        def tell(part: float) -> None:
            if (percent := int(part * 100)) != told[0]:
                told[0] = percent
                self.post_message(self.Exporting(percent))

        try:
            found = dataset.export(space, report=tell, stop=self.leaving.is_set)
        finally:
            self.post_message(self.Exporting(None))
        self.notify(job_words.exported(found), markup=False)  # may be called from a thread

    @on(Exporting)
    def _export_on(self, message: Exporting) -> None:
        self._exporting = message.percent is not None
        self._busy(message.percent)

    def _busy(self, percent: int | None) -> None:
        line = self.query_one("#busy", Static)
        line.display = percent is not None
        line.update(f"Exporting the data set {job_words.bar(percent or 0)} {percent or 0} %")

    def action_backup(self) -> None:
        """Back up now, by the schedule's own work."""
        space = self.rushes.space
        if space is not None:
            self.notify("Backing up…")
            self._backup(space)

    @work(thread=True, exclusive=True, group="backup", exit_on_error=False)
    def _backup(self, space: Workspace) -> None:
        from core import schedule
        from core.snapshot.backups import BACKUP

        ran = schedule.run_now(space, BACKUP)
        words = str(ran["said"]) if space.settings.backup.destinations else f"{ran['said']}\n{job_words.SAME_DISK}"
        self.notify(words, severity="information" if ran["ok"] else "error", timeout=NOTICE_S, markup=False)
