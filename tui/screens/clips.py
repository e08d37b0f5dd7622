"""The list of Review: in an order, filtered, or clips that look alike; rows are read as they come into sight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from core.errors import RushesError
from tui import answering
from tui.answering import counted
from tui.saver import Saver
from tui.screens.answer import ORDERS, OrderScreen
from tui.screens.section import SectionScreen
from tui.widgets.clip_detail import ClipDetail
from tui.widgets.clips_table import BLOCK, ClipsTable
from tui.widgets.line import Line
from tui.widgets.player import Player

if TYPE_CHECKING:
    from core.review.alike import Alike
    from core.review.listing import Listing, Order
    from core.snapshot.review import Item, Reading
    from core.workspace import Workspace

EMPTY = "No clips of {task} yet. Press 1 for Capture and take some, or bring answered ones: rushes import MANIFEST.csv"
NO_MATCH = "No clip matches “{line}”. Press esc for all clips, / for another filter."
NONE_LISTED = {
    "queue": "No clip waits for an answer. Press o for another order, or 1 for Capture to take more.",
    "wrong": "No answer differs from what a model said that had not learnt from it. Press o for another order.",
    "suspects": "No answer looks wrong. Press o for another order.",
}
EARLY = "Working out what to ask first; until then the newest clips come first."
FILTER = "state:pending label:action score:{scores} speaker:anna source:cam words"


class ClipsScreen(SectionScreen["Reading"]):
    """Lists the clips of a task and shows the chosen one; what its keys do to them is left to `ReviewScreen`."""

    @dataclass
    class Early(Message):
        """A list that could be had at once."""

        reading: Reading

    @dataclass
    class Filled(Message):
        """Rows that were asked for."""

        listing: Listing
        asked: tuple[str, ...]
        found: dict[str, Item]

    @dataclass
    class Found(Message):
        """Clips that look like another one; None: it has no look."""

        alike: Alike | None

    def __init__(self) -> None:
        super().__init__()
        self.order: Order = "queue"
        self.line = ""
        self.alike: Alike | None = None
        self.saver = Saver(self.post_message)
        self._shown_task: str | None = None
        self._lock = Lock()
        self._last: Reading | None = None  # guarded by the lock
        self._anew = False  # the list must be made again
        self._listing: Listing | None = None  # what the table lists
        self._saving: list[str] = []
        self._seeking = False  # go on to the next clip without an answer once its row is known
        self._spent = False  # the head of the queue is answered
        self._wanted: str | None = None  # a clip to choose once it is listed
        self._told: set[str] = set()  # rows of the queue that are remembered as shown
        self._telling = False
        self._search = Event()

    def body(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Player(id="player")
            yield ClipDetail(id="detail")
        yield Line(id="filter", compact=True)
        yield ClipsTable(id="clips")

    @property
    def table(self) -> ClipsTable:
        return self.query_one(ClipsTable)

    @property
    def player(self) -> Player:
        return self.query_one(Player)

    @property
    def reading(self) -> Reading | None:
        """What was read last, with the list that is shown."""
        if self.data is None or self._listing is None:
            return None
        return replace(self.data, listing=self._listing)

    def on_unmount(self) -> None:
        self._search.set()
        self.saver.close()

    # Reading and listing

    def look(self) -> None:
        task = self.rushes.chosen_task
        if task != self._shown_task:
            self._shown_task, self.alike, self.line, self._listing, self.data = task, None, "", None, None
            self.table.mark(selected=frozenset())
        super().look()

    def take(self, space: Workspace, task: str) -> Reading:
        from core.snapshot import review

        with self._lock:  # one after the other: the second reading finds the order of the first
            order, line = self.order, self.line
            before, self._anew = None if self._anew else self._last, False
            if before is None or (before.task, before.order, before.line) != (task, order, line):
                for reading in review.early(space, task, order, line):
                    self._early(space, reading)
            self._last = review.take(space, task, order, line, before)
            return self._last

    def _early(self, space: Workspace, early: Reading) -> None:
        from core.snapshot import review

        self.post_message(self.Early(early))
        head = early.listing.ids[:BLOCK]
        self.post_message(self.Filled(early.listing, head, review.items(space, early, head)))

    @on(Early)
    def _show_early(self, message: Early) -> None:
        waits = self.alike is None and (self._listing is None or not self._listing.complete)
        if waits and message.reading.task == self._shown_task:
            self.data = message.reading
            self._list(message.reading.listing)
            self.say(EARLY)

    def show(self, data: Reading) -> None:
        if (data.order, data.line, data.task) != (self.order, self.line, self._shown_task):
            return
        if self.alike is not None or data.listing is self._listing:
            self.table.renew()
        else:
            self._list(data.listing)
        self._explain()

    def _list(self, listing: Listing) -> None:
        assert self.data is not None
        self._listing = listing
        self._told.clear()
        if self._spent:
            self._spent, self._wanted = False, listing.ids[0] if listing.ids else None
        table = self.table
        gone = table.selected.difference(listing.ids)
        table.mark(selected=table.selected - gone)
        table.show(listing.ids, self.data.kind, self.data.spec)
        if self._wanted is not None and self._wanted in listing.ids:
            table.choose(self._wanted)
            self._wanted = None
        table.renew()
        self._draw_chosen()
        self._name_list()

    def _explain(self) -> None:
        """What to press where nothing is listed; what one sees where that is not plain."""
        data, listing = self.data, self._listing
        if data is None or listing is None:
            return
        if self.alike is not None:
            found = self.alike
            rest = " (the others were never measured)" if found.compared < found.of else ""
            if found.remaining:
                rest = f" (f again looks at {found.remaining:,} more)"
            self.say(
                f"Alike by {found.by}, nearest first; compared with {found.compared:,} of {found.of:,} unanswered "
                f"clips{rest}. Esc goes back."
            )
        elif listing.ids:
            self.say("")
        elif data.total == 0:
            self.say(EMPTY.format(task=data.task))
        elif self.line:
            self.say(NO_MATCH.format(line=self.line))
        else:
            self.say(NONE_LISTED.get(self.order, "Nothing is listed. Press o for another order."))

    def _name_list(self) -> None:
        data, listing, table = self.data, self._listing, self.table
        first_page = data is not None and listing is not None and not listing.complete
        count = data.counts.get("pending", 0) if data is not None and first_page else len(table.ids)
        parts = [counted(count), f"alike by {self.alike.by}" if self.alike else ORDERS[self.order]]
        if self.line and self.alike is None:
            parts.append(f"/ {self.line}")
        if table.selected:
            parts.append(f"x {len(table.selected)} selected")
        table.border_title = Content(" · ".join(parts))

    # Rows

    @on(ClipsTable.Wanted)
    def _rows_wanted(self, message: ClipsTable.Wanted) -> None:
        reading, space = self.reading, self.rushes.space
        if reading is not None and space is not None:
            self._fetch(space, reading, message.samples)

    # Without a description Textual writes out the arguments: 100 ms for 100,000 ids.
    @work(thread=True, group="rows", exit_on_error=False, description="rows")
    def _fetch(self, space: Workspace, reading: Reading, samples: tuple[str, ...]) -> None:
        from core.snapshot import review

        self.post_message(self.Filled(reading.listing, samples, review.items(space, reading, samples)))

    @on(Filled)
    def _filled(self, message: Filled) -> None:
        if message.listing is not self._listing:
            return
        table = self.table
        before = table.item
        table.fill(message.asked, message.found)
        if self._seeking and table.item is not None:
            self._seeking = False
            if table.item.row.state != "pending":
                self.go_on()
        if table.item != before:
            self._draw_chosen()
        self._remember()

    @on(ClipsTable.Chosen)
    def _other_chosen(self) -> None:
        self._draw_chosen()
        self._remember()

    def _draw_chosen(self) -> None:
        reading, space, table = self.reading, self.rushes.space, self.table
        detail, item = self.query_one(ClipDetail), table.item
        if reading is None or space is None or table.chosen is None:
            detail.say("")
            self.player.say("No clip is chosen.")
        elif item is None:
            detail.say("…")
        else:
            detail.show(item, reading.kind, reading.spec)
            following = table.rows.get(table.ids[table.cursor + 1]) if table.cursor + 1 < len(table.ids) else None
            self.player.show(space, item.row.sample, following.row.sample if following else None)

    def _remember(self) -> None:
        """Say which rows of the queue were really on the screen, so that their answers count as its picks."""
        listing, space = self._listing, self.rushes.space
        if self._telling or space is None or listing is None or not listing.picks or self.alike is not None:
            return
        new = [listing.picks[one] for one in self.table.seen - self._told if one in listing.picks]
        if new:
            self._telling = True
            self._told |= self.table.seen
            self.saver.do((), partial(answering.remember, space, self._shown_task or "", new))

    def go_on(self) -> None:
        """To the next clip without an answer; where all have one, to the next."""
        table, listing = self.table, self._listing
        before = table.cursor
        for line in range(before + 1, len(table.ids)):
            item = table.rows.get(table.ids[line])
            if table.ids[line] not in table.saving and (item is None or item.row.state == "pending"):
                self._seeking = item is None
                table.cursor = line
                break
        else:
            if self.order in ("wrong", "suspects"):
                table.cursor += 1
        head = len(listing.picks) if listing is not None else 0
        if self.alike is None and before < head <= table.cursor:
            self._spent = True

    def list_anew(self) -> None:
        """Make the list again, though nothing came or went."""
        self._anew = True
        self.look()

    # Other lists

    def action_sort(self) -> None:
        """Choose the order."""
        self.app.push_screen(OrderScreen(self.order), self._sorted)

    def _sorted(self, order: str | None) -> None:
        if order is not None:
            self.order, self.alike, self._anew = cast("Order", order), None, True
            self.say("Making the list…")
            self.look()

    def action_filter(self) -> None:
        """Open the filter line."""
        line = self.query_one("#filter", Line)
        from core.review.search import example

        line.value, line.placeholder = self.line, FILTER.format(scores=example(self.rushes.spec.scale))
        line.add_class("open")
        line.focus()

    @on(Input.Submitted, "#filter")
    def _filter_given(self, event: Input.Submitted) -> None:
        from core.review.search import parse

        try:
            parse(event.value, self.rushes.spec.scale)
        except RushesError as error:
            self.say(error.sentence(), failed=True)
            return
        self._filter_by(" ".join(event.value.split()))

    def _filter_by(self, line: str) -> None:
        self.query_one("#filter").remove_class("open")
        self.table.focus()
        self.alike = None
        if line != self.line:
            self.line = line
            self.say("Making the list…")
        self.look()

    def key_escape(self) -> None:
        """One step back: from the filter line, look-alikes, the filter, the selection."""
        table = self.table
        if self.query_one("#filter").has_class("open"):
            self._filter_by("")
        elif self.alike is not None:
            self.alike, self._listing = None, None
            self.look()
        elif self.line:
            self._filter_by("")
        elif table.selected:
            table.mark(selected=frozenset())
            self._name_list()

    def action_alike(self) -> None:
        """List the clips that look like the chosen one."""
        item, space = self.table.item, self.rushes.space
        if item is None or space is None:
            self.notify("No clip is chosen.", severity="warning")
            return
        self.say(f"Looking for clips like {item.row.name}…")
        self._search.set()
        self._search = Event()
        self._find(space, item, self._search)

    @work(thread=True, group="alike", exit_on_error=False, description="alike")
    def _find(self, space: Workspace, item: Item, stop: Event) -> None:
        from core.review.alike import alike

        found = alike(space, item.row.sample, stop.is_set)
        if not stop.is_set():
            self.post_message(self.Found(found))

    @on(Found)
    def _found(self, message: Found) -> None:
        found = message.alike
        if found is None:
            self.notify("This clip was never measured, so there is nothing to compare.", severity="warning")
        elif len(found.listing.ids) == 1:
            self.notify(f"No clip looks like this one, of {found.compared:,} compared.", markup=False)
        else:
            self.alike = found
            self._list(found.listing)
        self._explain()
