"""Insights: the automation gate and what it lacks, the clips that wait for approval, how right the model is."""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from core.errors import RushesError
from tui import actions
from tui.screens.section import SectionScreen
from tui.widgets.line import Line
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.snapshot.insights import Accuracy, Criterion, Entry, Insights, Share
    from core.workspace import Workspace

COLUMNS = {"state": 13, "platform": 9, "clip": 26, "said": 0}  # cells
STATES = {
    "waiting": ("· waiting", "$text-warning"),
    "publishing": ("▶ publishing", "$text-primary"),
    "published": ("✓ published", "$text-success"),
    "failed": ("✗ failed", "$text-error"),
    "unknown": ("? unknown", "$text-warning"),
    "rejected": ("- rejected", "$foreground-muted"),
}
QUEUE_EMPTY = (
    "Nothing waits for approval.\nA clip is put here, or published at once when the gate is unlocked, by:\n"
    "rushes automation publish SAMPLE --platform NAME"
)


class InsightsScreen(SectionScreen["Insights"]):
    """The fifth screen."""

    CSS_PATH: ClassVar[list[str]] = ["section.tcss", "insights.tcss"]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own
    where = "insights"
    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings("insights"),
        Binding("escape", "leave", show=False),
    ]
    AUTO_FOCUS = "#queue"
    help_text = (
        "The gate decides whether clips may be published without asking you. It opens when all three criteria are met, "
        "and closes again by itself. While it is locked, clips wait here for a or x. Shares are measured on random "
        "picks only: what the queue asks about is harder than the rest."
    )

    class Done(Message):
        """A verb has ended; `words` say how."""

        def __init__(self, words: str, *, good: bool = True) -> None:
            super().__init__()
            self.words = words
            self.good = good

    class Rated(Message):
        """The rating was kept, or (with a reason) not."""

        def __init__(self, reason: str = "") -> None:
            super().__init__()
            self.reason = reason

    def __init__(self) -> None:
        super().__init__()
        self._sure: str | None = None  # the cut-off entry of which the user has been warned

    def body(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(id="gate")
            yield Static(id="accuracy")
        yield Static(id="queue-empty")
        yield Rows(COLUMNS, titles=False, id="queue")
        with Horizontal(id="rating"):
            yield Static("How good is the system, 0 to 10?", classes="field")
            yield Line(id="line", compact=True, placeholder="8.7, then enter; esc leaves")
        yield Static(id="problem")

    def on_mount(self) -> None:
        for name in ("#top", "#rating", "#queue", "#queue-empty", "#problem"):
            self.query_one(name).display = False
        self.query_one("#gate").border_title = "Automation gate"
        self.query_one("#accuracy").border_title = "How right the model is"
        self.query_one("#queue-empty").border_title = "Approvals"

    def take(self, space: Workspace, task: str) -> Insights:
        """See `core.snapshot.insights`."""
        from core.snapshot import insights

        return insights.take(space, task)

    def show(self, data: Insights) -> None:
        """Draw a reading."""
        if not data.gate.measured:
            self.say("No criterion is measured yet: answer scenes on Review (press 2), and press r to rate the system.")
        elif data.hook_problem:
            self.say(data.hook_problem, failed=True)
        elif data.waiting and data.hook is None:
            self.say(
                "Clips wait, but nothing publishes them: set automation.command in your own settings (rushes config)."
            )
        self.query_one("#top").display = True
        self.query_one("#gate", Static).update(Content("\n").join(gate_lines(data)))
        self.query_one("#accuracy", Static).update(Content("\n").join(accuracy_lines(data.accuracy)))
        self._show_queue(data)

    def _show_queue(self, data: Insights) -> None:
        table, empty = self.query_one("#queue", Rows), self.query_one("#queue-empty", Static)
        had_entries = table.display
        table.show({entry.id: _cells(entry) for entry in data.entries})
        table.border_title = f"Approvals: {data.waiting} to look at"
        table.display = bool(data.entries)
        empty.display = not data.entries
        empty.update(Content(QUEUE_EMPTY))
        if table.display and not had_entries and not self.query_one("#rating").display:
            table.focus()

    def entry(self) -> Entry | None:
        """The chosen entry of the queue."""
        chosen = self.query_one("#queue", Rows).chosen
        entries = () if self.data is None else self.data.entries
        return next((entry for entry in entries if entry.id == chosen), None)

    def copied(self) -> str:
        """The chosen entry, else what the gate says."""
        if (entry := self.entry()) is not None:
            return f"{entry.id}  {entry.platform}  {entry.state}  {entry.detail or entry.why}"
        return "" if self.data is None else "\n".join(line.plain for line in gate_lines(self.data))

    # Rating

    def action_rate(self) -> None:
        """Open the line for a rating."""
        if self.data is None:
            return
        known = next(one for one in self.data.gate.criteria if one.name == "system_rating").value
        line = self.query_one("#line", Line)
        line.value = "" if known is None else f"{known:g}"
        self.query_one("#rating").display = True
        self._problem("")
        line.focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        typed = event.value.strip().replace(",", ".")
        try:
            number = float(typed)
        except ValueError:
            self._problem(f"{typed!r} is not a number. Give one from 0 to 10, for instance 8.7.")
            return
        if self.rushes.space is not None:
            self._rate(self.rushes.space, number)

    @work(thread=True, group="rate", exit_on_error=False)
    def _rate(self, space: Workspace, number: float) -> None:
        from core import automation

        try:
            automation.rate(space, number)
        except RushesError as error:
            self.post_message(self.Rated(error.sentence()))
        else:
            self.post_message(self.Rated())

    @on(Rated)
    def _rated(self, message: Rated) -> None:
        self._problem(message.reason)
        if message.reason:
            return
        self.action_leave()
        self.notify("✓ Your rating is saved.")
        self.look()
        self.rushes.look_again()

    def action_leave(self) -> None:
        """Close the line for a rating."""
        self._problem("")
        self.query_one("#rating").display = False
        if self.query_one("#queue").display:
            self.query_one("#queue").focus()

    def _problem(self, words: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.display = bool(words)
        problem.update(Content(f"! {words}" if words else ""))

    # Approvals

    def action_approve(self) -> None:
        """Publish the chosen entry; one that was cut off only after a second press."""
        entry, space = self.entry(), self.rushes.space
        if entry is None or space is None:
            self.notify("Nothing waits for approval.", severity="warning")
        elif entry.state == "unknown" and self._sure != entry.id:
            self._sure = entry.id
            words = "Nobody knows whether it was published: look there. a again publishes it once more, x ends it."
            self.notify(words, severity="warning")
        elif entry.state not in ("waiting", "failed", "unknown"):
            self.notify(f"It is {entry.state} already.", severity="warning")
        else:
            self.notify(f"Publishing to {entry.platform}…", markup=False)
            self._approve(space, entry.id, again=entry.state == "unknown")

    @work(thread=True, group="publish", exit_on_error=False)
    def _approve(self, space: Workspace, entry: str, *, again: bool) -> None:
        from core import automation

        try:
            ended = automation.approve(space, entry, again=again)
        except RushesError as error:
            self.post_message(self.Done(error.sentence(), good=False))
            return
        mark = STATES[ended.state][0]
        words = f"{mark} {ended.platform}: {ended.detail}" if ended.detail else f"{mark} {ended.platform}"
        self.post_message(self.Done(words, good=ended.state == "published"))

    def action_reject(self) -> None:
        """Take the chosen entry out of the queue."""
        entry, space = self.entry(), self.rushes.space
        if entry is None or space is None:
            self.notify("Nothing waits for approval.", severity="warning")
        else:
            self._reject(space, entry.id)

    @work(thread=True, group="publish", exit_on_error=False)
    def _reject(self, space: Workspace, entry: str) -> None:
        from core import automation

        try:
            automation.reject(space, entry, reason="rejected on the screen")
        except RushesError as error:
            self.post_message(self.Done(error.sentence(), good=False))
        else:
            self.post_message(self.Done("- Rejected: it will not be published."))

    @on(Done)
    def _done(self, message: Done) -> None:
        self._sure = None
        self.notify(message.words, severity="information" if message.good else "error", markup=False)
        self.look()
        self.rushes.look_again()


def gate_lines(data: Insights) -> list[Content]:
    """The gate in words: its state, each criterion with what it lacks, the doubt that stays, its last changes."""
    gate = data.gate
    if gate.unlocked:
        lines = [Content.styled("✓ unlocked: clips are published without asking", "bold $text-success")]
    else:
        lines = [Content.styled("✗ locked: clips wait for your approval", "bold $text-warning")]
    for one in gate.criteria:
        lines += _criterion_lines(one)
    if gate.chance_above is not None:
        lines.append(Content(f"  {gate.chance_above:.1%} chance that the true override rate is above 20 %"))
    for change in gate.changes:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(change.at))
        mark = "✓" if change.what == "unlocked" else "✗"
        lines.append(Content.styled(f"  {when} {mark} {change.what}: {change.why}", "$foreground-muted"))
    return lines


def _criterion_lines(one: Criterion) -> list[Content]:
    value = "not measured" if one.value is None else f"{one.value:.3g}"
    mark, colour = ("✓", "$text-success") if one.met else ("✗", "$text-warning")
    limit = f"at {'most' if one.at_most else 'least'} {one.threshold:g}, n = {one.n}"
    head = Content.assemble((f"{mark} {one.title:17} ", colour), (value, "bold"), (f"  {limit}", "$foreground-muted"))
    missing = "not rated yet: press r" if one.name == "system_rating" and one.value is None else one.missing
    return [head, Content.styled(f"    {missing}", "$foreground-muted")] if missing else [head]


def accuracy_lines(found: Accuracy) -> list[Content]:
    """How right the answers were: shares over random picks, then the last windows of all tested answers."""
    lines = [
        _share_line("right, at random", found.overall, found.fewest),
        _share_line("lately", found.lately, found.fewest),
        _share_line("overridden", found.overridden, found.fewest),
    ]
    if found.windows:
        lines.append(Content.styled(f"Answer by answer: {found.measure}", "$foreground-muted"))
        for window in found.windows:
            places = f"{window.first}-{window.last}"
            lines.append(Content.assemble((f"  {places:>9}  ", "$foreground-muted"), window.words()))
    else:
        lines.append(Content.styled("No answer has tested a version yet.", "$foreground-muted"))
    ahead = "" if found.to_next is None else f", {found.to_next:,} until the next stage"
    lines.append(Content.styled(f"{found.corrections:,} corrections: stage {found.stage}{ahead}", "$foreground-muted"))
    return lines


def _share_line(title: str, share: Share, fewest: int) -> Content:
    if share.value is None:
        words = f"not enough random picks yet ({share.n} of {fewest})"
        return Content.assemble(f"{title:17} ", (words, "$foreground-muted"))
    interval = f"  {share.low:.2f} to {share.high:.2f}, n = {share.n}"
    return Content.assemble(f"{title:17} ", (f"{share.value:.2f}", "bold"), (interval, "$foreground-muted"))


def _cells(entry: Entry) -> tuple[Content, ...]:
    words, colour = STATES[entry.state]
    said = (entry.detail or entry.why).splitlines()[:1] or [""]
    return (
        Content.styled(words, colour),
        Content(entry.platform),
        Content(PurePosixPath(str(entry.request.get("media") or entry.sample)).name),
        Content.styled(said[0], "$foreground-muted"),
    )
