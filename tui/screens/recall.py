"""A backup called back: one is chosen from all there are, then proven, or restored into a folder that is asked for."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Input, Static
from textual.worker import Worker, WorkerState

from core.errors import CancelledError, RushesError
from core.log import bug
from tui import actions
from tui.screens.choose import PathSuggester
from tui.screens.ending import EndingScreen
from tui.widgets.line import Line
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.snapshot.backups import Copy
    from core.workspace import Workspace

Doing = Literal["drill", "restore"]
COLUMNS = {"Made": 16, "Size": 10, "Proven": 9, "Where": 0}  # cells
WHAT = {
    "drill": "Which one? It is restored into a folder of its own and replayed, and its models answer.",
    "restore": "Which one? It becomes a workspace in a folder of your choice.",
}
KEPT = "The workspace that is open stays as it is."


class RecallScreen(EndingScreen[None]):
    """Lists the backups, newest first; enter does with the chosen one what the screen was opened for."""

    CSS_PATH = "recall.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Stop or close"), *actions.in_dialogs("copy")]
    help_text = (
        "All backups that can be found now. A drill proves one: it is restored into a folder of its own, hashed and "
        "replayed, and its models answer as they did. A restore makes a workspace of one in an empty folder. esc "
        "stops either; nothing half-made stays."
    )

    @dataclass
    class Listed(Message):
        """All backups."""

        copies: tuple[Copy, ...]

    @dataclass
    class Step(Message):
        """How far it is."""

        done: int
        of: int

    @dataclass
    class Ended(Message):
        """What became of it; None: it was stopped."""

        lines: list[str] | None

    @dataclass
    class Refused(Message):
        """The restore was not done; another folder may do."""

        reason: str

    def __init__(self, space: Workspace, doing: Doing) -> None:
        super().__init__()
        self.space, self.doing = space, doing
        self._copies: dict[str, Copy] = {}
        self._chosen: Copy | None = None
        self._busy, self._halt = False, Event()
        self._said: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = {"drill": "Prove a backup", "restore": "Restore a backup"}[self.doing]
            yield Static("Looking for backups…", id="said")
            yield Rows(COLUMNS, titles=True, id="copies")
            folder = self.space.root.with_name(f"{self.space.root.name}-restored")
            yield Line(str(folder), id="folder", suggester=PathSuggester(), select_on_focus=False)
            yield Static("esc back", id="keys")

    def on_mount(self) -> None:
        self.app.clear_notifications()  # nothing may stand on what is asked
        self._show()
        self._list()

    def on_unmount(self) -> None:
        self._halt.set()

    @work(thread=True, group="recall", exit_on_error=False)
    def _list(self) -> None:
        from core.snapshot import backups

        try:
            self.post_message(self.Listed(backups.copies(self.space)))
        except RushesError as error:
            self.post_message(self.Ended([f"✗ {error.sentence()}"]))

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        self._copies = {f"{one.id} {one.where}": one for one in message.copies}
        if not self._copies:
            self._end(["! There is no backup yet. Choose the weekly one on Backups, press b."])
            return
        table = self.query_one("#copies", Rows)
        self._say([f"{WHAT[self.doing]} {KEPT}"], f"enter {self.doing}   esc back", table)
        table.show({key: _cells(one) for key, one in self._copies.items()})
        table.focus()

    @on(DataTable.RowSelected)
    def _row(self, event: DataTable.RowSelected) -> None:
        self._chosen = self._copies[str(event.row_key.value)]
        if self.doing == "drill":
            self._begin(None)
            return
        self._ask_folder([])

    def _ask_folder(self, refused: list[str]) -> None:
        folder = self.query_one("#folder", Line)
        self._say([*refused, f"Into which folder? It must be empty, or not be there yet. {KEPT}"],
                  "enter restore   → complete the path   esc back", folder)  # fmt: skip
        folder.focus()
        # A line that was hidden when it was given its text shows the beginning, with the cursor out of sight.
        self.call_after_refresh(lambda: folder.scroll_to(folder.max_scroll_x, animate=False, force=True))

    @on(Input.Submitted)
    def _folder(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._begin(Path(event.value.strip()).expanduser())

    def _begin(self, into: Path | None) -> None:
        if self._chosen is not None and not self._busy:
            self._busy = True
            self._say(["Reading the backup…"], "esc stop")
            self._do(self._chosen, into)

    @work(thread=True, group="recall", exit_on_error=False)
    def _do(self, chosen: Copy, into: Path | None) -> None:
        try:
            lines = self._drilled(chosen) if into is None else self._restored(chosen, into)
        except CancelledError:
            self.post_message(self.Ended(None))
        except RushesError as error:
            said = f"✗ {error.sentence()}"
            self.post_message(self.Ended([said]) if into is None else self.Refused(said))
        else:
            self.post_message(self.Ended(lines))

    def _drilled(self, chosen: Copy) -> list[str]:
        from core import backup

        (vault,) = backup.of(self.space, [chosen.where])
        found = backup.drill(self.space, vault, chosen.id, report=self._step, stop=self._halt.is_set)
        lines = [f"{'✓' if good else '✗'} {name}" for name, good in found.checks.items()]
        end = "proven" if found.ok else "NOT restorable"
        return [*lines, *found.problems, f"{'✓' if found.ok else '✗'} {chosen.id}: {end}, {found.seconds:.1f} s"]

    def _restored(self, chosen: Copy, into: Path) -> list[str]:
        from core import backup

        (vault,) = backup.of(self.space, [chosen.where])
        found = backup.restore(
            vault, chosen.id, into, living=[self.space.root], report=self._step, stop=self._halt.is_set
        )
        return [
            f"✓ {found.files} files, {found.bytes / 1e6:,.1f} MB, in {found.into}",
            f"Open it: rushes -w {shlex.quote(found.into)}",
        ]

    def _step(self, done: int, of: int) -> None:
        self.post_message(self.Step(done, of))

    @on(Step)
    def _stepped(self, message: Step) -> None:
        if self._busy and not self._halt.is_set():
            self._say([f"{message.done} of {message.of} parts restored…"], "esc stop")

    @on(Ended)
    def _ended(self, message: Ended) -> None:
        if message.lines is None:
            self.end()
        else:
            self._end(message.lines)

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        self._busy = False
        self._ask_folder([message.reason])

    def _end(self, lines: list[str]) -> None:
        self._busy = False
        self._say(lines, "esc close")
        self.set_focus(None)

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._end([f"✗ An unexpected error; the log has it under {bug(event.worker.error)}."])

    def action_leave(self) -> None:
        """Close; while it runs stop it first, and with a second press do not wait for its end."""
        if self._busy and not self._halt.is_set():
            self._halt.set()
            self._say(["Stopping…"], "esc close at once")
        else:
            self.end()

    def copied(self) -> str:
        """What is said, and the chosen backup's id."""
        return "\n".join([*self._said, *([self._chosen.id] if self._chosen else [])])

    def _say(self, lines: list[str], keys: str, asked: Rows | Line | None = None) -> None:
        self._said = lines
        colours = {"✓": "$text-success", "✗": "$text-error", "!": "$text-warning"}
        words = Content("\n").join(Content.styled(line, colours.get(line[:1], "")) for line in lines)
        self.query_one("#said", Static).update(words)
        self.query_one("#keys", Static).update(keys)
        self._show(asked)

    def _show(self, asked: Rows | Line | None = None) -> None:
        for name in ("#copies", "#folder"):
            self.query_one(name).display = self.query_one(name) is asked


def _cells(one: Copy) -> tuple[Content, ...]:
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.made_at))
    size = "-" if one.size is None else f"{one.size / 1e6:,.1f} MB"
    proven = {
        True: ("✓ yes", "$text-success"),
        False: ("✗ failed", "$text-error"),
        None: ("· not yet", "$foreground-muted"),
    }
    where = f"{one.where} (encrypted)" if one.encrypted else one.where
    return Content(made), Content(size), Content.styled(*proven[one.proven]), Content(where)
