"""Backups: what runs by itself, how it went, when it is due; one of it can be run now, in a process of its own."""

from __future__ import annotations

import datetime as dt
import time
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static

from core.errors import RushesError
from core.log import bug
from tui import actions
from tui.screens.section import SectionScreen
from tui.widgets.rows import Rows
from tui.wording import age

if TYPE_CHECKING:
    from core.snapshot.backups import Backups, Entry, Made
    from core.workspace import Workspace
    from tui.screens.recall import Doing

COLUMNS = {"State": 9, "What": 0, "When": 15, "Last done": 11, "Next due": 11}  # cells
SHORT, LONG = "%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"


class BackupsScreen(SectionScreen["Backups"]):
    """The sixth screen."""

    CSS_PATH: ClassVar[list[str]] = ["section.tcss", "backups.tcss"]
    where = "backups"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("backups")
    AUTO_FOCUS = "#schedule"
    help_text = (
        "What runs by itself, with its rule, its last success and when it is due. b runs the chosen one now; the "
        "schedule goes on as it was. Closing the screens does not stop what was started so. d proves a backup, R makes "
        "a workspace of one; both list all backups first."
    )

    class Ended(Message):
        """What was run now has ended, or could not be started."""

        def __init__(self, name: str, words: str, *, good: bool) -> None:
            super().__init__()
            self.name = name
            self.words = words
            self.good = good

    def __init__(self) -> None:
        super().__init__()
        self._started: set[str] = set()

    def body(self) -> ComposeResult:
        yield Static(id="owner")
        yield Rows(COLUMNS, titles=True, id="schedule")
        yield Static(id="detail")
        yield Static(id="backup")

    def on_mount(self) -> None:
        for name in ("#owner", "#schedule", "#backup"):
            self.query_one(name).display = False
        self.query_one("#backup").border_title = "Backups"

    def take(self, space: Workspace, task: str) -> Backups:
        """See `core.snapshot.backups`."""
        from core.snapshot import backups

        del task  # what runs by itself is the same for all of them
        return backups.take(space)

    def show(self, data: Backups) -> None:
        """Draw a reading."""
        table = self.query_one("#schedule", Rows)
        table.show({entry.name: _cells(entry, entry.name in self._started) for entry in data.entries})
        if not table.display:
            table.focus()
        for name in ("#owner", "#schedule", "#backup"):
            self.query_one(name).display = True
        self.query_one("#owner", Static).update(owner_line(data))
        self.query_one("#backup", Static).update(backup_lines(data))
        self._show_detail()

    def entry(self) -> Entry | None:
        """The chosen entry."""
        chosen = self.query_one("#schedule", Rows).chosen
        entries = () if self.data is None else self.data.entries
        return next((entry for entry in entries if entry.name == chosen), None)

    @on(DataTable.RowHighlighted)
    def _show_detail(self) -> None:
        entry = self.entry()
        self.query_one("#detail", Static).update(Content("") if entry is None else detail_lines(entry))

    def copied(self) -> str:
        """What the chosen entry's last run said, and what it is."""
        entry = self.entry()
        return "" if entry is None else f"{entry.name}: {entry.every}\n{detail_lines(entry).plain}"

    def action_run(self) -> None:
        """Run the chosen entry now."""
        entry, space = self.entry(), self.rushes.space
        if entry is None or space is None:
            return
        if entry.running or entry.name in self._started:
            self.notify(f"{entry.name} runs already.", severity="warning", markup=False)
        else:
            self._started.add(entry.name)
            self.notify(f"Running {entry.name}…", timeout=2.0, markup=False)  # the table says it from then on
            # A daemon, so that leaving does not wait for hours of work: the child goes on and writes down its end.
            Thread(target=self._run_now, args=(space, entry.name), daemon=True).start()
            self.look()

    def action_drill(self) -> None:
        """Choose a backup and prove it."""
        self._recall("drill")

    def action_restore(self) -> None:
        """Choose a backup and make a workspace of it."""
        self._recall("restore")

    def _recall(self, doing: Doing) -> None:
        from tui.screens.recall import RecallScreen

        if self.rushes.space is not None:
            self.app.push_screen(RecallScreen(self.rushes.space, doing))

    def _run_now(self, space: Workspace, name: str) -> None:
        from core import schedule

        try:
            ran = schedule.run_now(space, name)
        except RushesError as error:
            self.post_message(self.Ended(name, error.sentence(), good=False))
        except Exception as error:  # a bug must end the entry's "running" too
            words = f"an unexpected error; the log has it under {bug(error)}"
            self.post_message(self.Ended(name, words, good=False))
        else:
            self.post_message(self.Ended(name, ran_words(ran), good=bool(ran["ok"])))

    @on(Ended)
    def _ended(self, message: Ended) -> None:
        self._started.discard(message.name)
        words = f"{'✓' if message.good else '✗'} {message.name}: {message.words}"
        self.notify(words, severity="information" if message.good else "error", markup=False)
        self.look()
        self.rushes.look_again()


def ran_words(ran: dict[str, Any]) -> str:
    """How a run ended, in words: the last line it said and how long it took."""
    said = ran["said"].splitlines()[-1:] or ["done" if ran["ok"] else f"exit code {ran['exit_code']}"]
    return f"{said[0]} ({ran['seconds']:.0f} s)"


def owner_line(data: Backups) -> Content:
    """Who runs the schedule."""
    if data.owner is None and data.in_app:
        return Content.styled(
            "· The schedule starts shortly: these screens run it while they are open.", "$foreground-muted"
        )
    if data.owner is None:
        words = "! Nobody runs the schedule: schedule.in_app is off. Start: rushes scheduler run"
        return Content.styled(words, "$text-warning")
    if data.ours:
        return Content.styled("✓ These screens run the schedule while they are open.", "$text-success")
    return Content.styled(f"✓ Process {data.owner} runs the schedule; these screens stand by.", "$text-success")


def backup_lines(data: Backups) -> Content:
    """What was backed up and proven."""
    return Content("\n").join([*_made_lines(data.made), _proven_line(data.made)])


def _made_lines(made: Made) -> list[Content]:
    if made.at is None:
        words = "! No backup was made yet: choose the weekly backup above and press b."
        return [Content.styled(words, "$text-warning")]
    failed = [Content.styled(f"✗ {one}", "$text-error") for one in made.failed]
    if not made.where:
        return failed
    size = f"{made.size / 1e6:,.1f} MB at {', '.join(made.where)}"
    return [
        Content.assemble(("✓ Last backup ", "$text-success"), f"{when(made.at, LONG)}, {_age(made.at)}, {size}"),
        *failed,
    ]


def _proven_line(made: Made) -> Content:
    if made.broken:
        words = f"✗ The newest trial of a restore failed; last proven restore: {when(made.proven, LONG)}"
        return Content.styled(words, "$text-error")
    if made.proven is None:
        return Content.styled("! No restore was ever proven: press d", "$text-warning")
    said = f"Last proven restore: {when(made.proven, LONG)}, {_age(made.proven)}"
    if made.unproven:
        return Content.styled(f"! {said}; never from {', '.join(made.unproven)}: press d", "$text-warning")
    return Content.styled(f"✓ {said}", "$text-success")


def detail_lines(entry: Entry) -> Content:
    """What the entry does and how its last run went."""
    lines = [Content(entry.what)]
    if entry.last_error:
        lines.append(Content.styled(f"✗ the last run failed: {entry.last_error}", "$text-error"))
    started = f"last started {when(entry.last_started, LONG)}, last done {when(entry.last_success, LONG)}"
    lines.append(Content.styled(started, "$foreground-muted"))
    return Content("\n").join(lines)


def state_of(entry: Entry, started: bool) -> tuple[str, str]:
    """Mark and word for what an entry does now, and its colour variable."""
    if started or entry.running:
        return "▶ running", "$text-primary"
    if entry.last_error:
        return "✗ failed", "$text-error"
    if entry.last_success is None:
        return "· not yet", "$foreground-muted"
    return "✓ done", "$text-success"


def when(at: float | None, form: str = SHORT) -> str:
    """A time on this machine's clock."""
    return "never" if at is None else time.strftime(form, time.localtime(at))


def _age(at: float) -> str:
    """How many nights ago that was, on this machine's calendar."""
    return age((dt.date.today() - dt.date.fromtimestamp(at)).days)


def _cells(entry: Entry, started: bool) -> tuple[Content, ...]:
    words, colour = state_of(entry, started)
    due = "-" if entry.next_due is None else when(entry.next_due)
    last = Content.styled(when(entry.last_success), "$foreground-muted")
    return Content.styled(words, colour), Content(entry.name), Content(entry.every), last, Content(due)
