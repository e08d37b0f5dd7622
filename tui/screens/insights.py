"""Insights: the automation gate with its approvals, and what published clips taught, as views changed by keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from core.errors import RushesError
from core.log import bug
from tui import actions, insight_words, posting_words
from tui.screens.section import OPENING, SectionScreen
from tui.widgets.approvals import Approvals
from tui.widgets.page import Lines, Page
from tui.widgets.virality import Virality

if TYPE_CHECKING:
    from core.snapshot.insights.gate import Entry
    from core.workspace import Workspace

VIEWS = ("gate", "report", "times", "virality", "clusters", "costs")
PAGES = ("report", "times", "clusters", "costs")
BY_PLATFORM = ("times", "virality")
READING = "Reading the posts…"
HELP = (
    "v and the arrows change the view. Gate decides whether clips may be published without asking you: it opens when "
    "all three criteria are met and closes again by itself; while it is locked, clips wait here for a or x. Shares "
    "are measured on random picks only: what the queue asks about is harder than the rest.\n"
    "Report is the newest learning report; every night at 02:00 UTC the day before is learned, or now with l. Times "
    "says when to post and Virality how a clip may do, each per platform (p); tab goes to the text below the posts. "
    "Clusters groups posts by how long viewers stayed, Costs shows what all this costs a month. Where no difference is "
    "shown, the screen says so."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read; platform: None is the one posted on last."""

    view: str
    task: str
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read for a view, or why it could not be."""

    wanted: Wanted
    found: Any
    problem: str | None = None


class InsightsScreen(SectionScreen[Reading]):
    """The fifth screen."""

    CSS_PATH: ClassVar[list[str]] = ["section.tcss", "insights.tcss"]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own
    where = "insights"
    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings("insights"),
        Binding("escape", "leave", show=False),
    ]
    AUTO_FOCUS = "#queue"
    help_text = HELP

    class Learned(Message):
        """Learning has ended; `words` say how."""

        def __init__(self, words: str, *, good: bool) -> None:
            super().__init__()
            self.words = words
            self.good = good

    class Step(Message):
        """Learning what predicts posts is this far."""

        def __init__(self, wanted: Wanted, done: int, total: int) -> None:
            super().__init__()
            self.wanted = wanted
            self.done = done
            self.total = total

    def __init__(self) -> None:
        super().__init__()
        self.view = VIEWS[0]
        self.platform: str | None = None  # chosen by the user; None: the one posted on last
        self._platforms: tuple[str, ...] = ()
        self._reading: set[Wanted] = set()
        self._again: set[Wanted] = set()  # asked for while it was being read
        self._learning = False

    def body(self) -> ComposeResult:
        yield Static(id="views")
        yield Approvals(id="view-gate", classes="view")
        for name in PAGES:
            yield Page(_waiting, id=name, classes="view")
        yield Virality(_waiting, id="view-virality", classes="view")

    def on_mount(self) -> None:
        # What is said comes and goes; the views' names stay where they are.
        self.move_child(self.query_one("#views"), before=self.query_one("#notice"))
        self._show_view()

    # Reading

    def look(self) -> None:
        """Read what the view shows, once at a time: learning what predicts posts takes seconds."""
        app = self.rushes
        self._draw_title()
        if app.space is None:
            self.say(app.problem or OPENING, failed=app.problem is not None)
        elif self.is_current:
            wanted = self.wanted
            if wanted in self._reading:
                self._again.add(wanted)
            else:
                self._reading.add(wanted)
                self._read(app.space, wanted)

    @property
    def wanted(self) -> Wanted:
        """What the view needs now."""
        return Wanted(self.view, self.rushes.chosen_task or "", self.platform if self.view in BY_PLATFORM else None)

    @work(thread=True, group="read", exit_on_error=False, description="reading")
    def _read(self, space: Workspace, wanted: Wanted) -> None:
        try:
            self.post_message(self.Taken(self.take(space, wanted.task, wanted)))
        except RushesError as error:
            self.post_message(self.Taken(Reading(wanted, None, error.sentence())))
        finally:
            self._reading.discard(wanted)

    def take(self, space: Workspace, task: str, wanted: Wanted | None = None) -> Reading:
        """See `core.snapshot.insights`; by default what the view needs now."""
        from core.snapshot.insights import clusters, costs, gate, report, times, virality

        asked = wanted or self.wanted
        if asked.view == "virality":
            worker = get_current_worker()

            def step(done: int, total: int) -> None:
                self.post_message(self.Step(asked, done, total))

            return Reading(asked, virality.take(space, asked.platform, step, lambda: worker.is_cancelled))
        reads: dict[str, Callable[[], object]] = {
            "gate": lambda: gate.take(space, task),
            "report": lambda: report.take(space),
            "times": lambda: times.take(space, asked.platform),
            "clusters": lambda: clusters.take(space),
            "costs": lambda: costs.take(space),
        }
        return Reading(asked, reads[asked.view]())

    @on(Step)
    def _stepped(self, message: Step) -> None:
        if message.wanted == self.wanted and self.virality.data is None:
            name = f" of {posting_words.platform(message.wanted.platform)}" if message.wanted.platform else ""
            words = f"Learning from the posts{name}, step {message.done} of {message.total}: some seconds, once…"
            self.virality.show_instead(lambda width: insight_words.indented(Content(words), width, 0))

    def show(self, data: Reading) -> None:
        """Draw a reading; one of a platform that is no longer chosen is left."""
        wanted, view = data.wanted, data.wanted.view
        if wanted in self._again:
            self._again.discard(wanted)
            self.call_later(self.look)
        if view in BY_PLATFORM and wanted.platform != self.platform:
            return
        if data.problem is not None:
            self._show_problem(view, data.problem)
        elif view == "gate":
            self.gate.show(data.found)
        elif view == "virality":
            self.virality.show(data.found)
        else:
            self._show_page(view, data.found)
        if view in BY_PLATFORM and data.found is not None:
            self._platforms = data.found.platforms
        self._say()
        self._draw_views()

    def _show_problem(self, view: str, problem: str) -> None:
        if view == "gate":
            self.post_message(self.NotTaken(problem))
            return
        said = [Content.styled(f"! {problem}", insight_words.BAD), Content("Press v for another view.")]
        self._page(view)(lambda width: [line for one in said for line in insight_words.indented(one, width, 2)])

    def _page(self, view: str) -> Callable[[Lines], None]:
        """What shows lines on a view."""
        return self.virality.show_instead if view == "virality" else self.query_one(f"#{view}", Page).show

    def _show_page(self, view: str, found: Any) -> None:
        words = {
            "report": insight_words.report_lines,
            "times": posting_words.times_lines,
            "clusters": insight_words.clusters_lines,
            "costs": insight_words.costs_lines,
        }[view]
        self.query_one(f"#{view}", Page).show(lambda width: words(found, width))

    def _say(self) -> None:
        """The line under the title: what the gate lacks, where the gate is shown."""
        data = self.gate.data
        if self.view != "gate" or data is None:
            self.say("")
        elif not data.gate.measured:
            self.say("No criterion is measured yet: answer scenes on Review (press 2), and press r to rate the system.")
        elif data.hook_problem:
            self.say(data.hook_problem, failed=True)
        elif data.waiting and data.hook is None:
            self.say(
                "Clips wait, but nothing publishes them: set automation.command in your own settings (rushes config)."
            )

    # Views

    def action_view(self) -> None:
        """The next view."""
        self._turn(1)

    def action_view_back(self) -> None:
        """The view before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        self.view = VIEWS[(VIEWS.index(self.view) + step) % len(VIEWS)]
        self._show_view()
        self._say()
        self.look()

    def _show_view(self) -> None:
        for name in VIEWS:
            self.query_one(f"#{name}" if name in PAGES else f"#view-{name}").display = name == self.view
        if self.view == "gate":
            self.gate.take_focus()
        elif self.view == "virality":
            self.virality.take_focus()
        else:
            self.query_one(f"#{self.view}").focus()
        self._draw_views()
        self.refresh_bindings()

    def _draw_views(self) -> None:
        parts = [
            (f" {name.capitalize()} ", "bold reverse" if name == self.view else insight_words.MUTED) for name in VIEWS
        ]
        where = ""
        if self.view in BY_PLATFORM and self._platforms:
            shown = self.platform or self._platforms[0]
            at = self._platforms.index(shown) + 1 if shown in self._platforms else 1
            where = f"   {posting_words.platform(shown)} ({at} of {len(self._platforms)})"
        self.query_one("#views", Static).update(Content.assemble(*parts, (where, "bold")))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are there where they do something."""
        if action in ("rate", "approve", "reject"):
            return self.view == "gate"
        if action == "platform":
            return self.view in BY_PLATFORM
        return super().check_action(action, parameters)

    def action_platform(self) -> None:
        """The next platform."""
        if len(self._platforms) < 2:
            self.notify("There are posts of one platform only." if self._platforms else "There are no posts yet.")
            return
        shown = self.platform or self._platforms[0]
        at = self._platforms.index(shown) if shown in self._platforms else -1
        self.platform = self._platforms[(at + 1) % len(self._platforms)]
        for name in BY_PLATFORM:
            self._page(name)(_waiting)
        self._show_view()
        self.look()

    def copied(self) -> str:
        """What the view says; of Gate the chosen entry, of Virality the chosen post and who predicts."""
        if self.view == "gate":
            return self.gate.copied()
        return (self.virality.page if self.view == "virality" else self.query_one(f"#{self.view}", Page)).text

    # Gate

    @property
    def gate(self) -> Approvals:
        """The first view."""
        return self.query_one(Approvals)

    @property
    def virality(self) -> Virality:
        """The fourth view."""
        return self.query_one(Virality)

    def entry(self) -> Entry | None:
        """The chosen entry of the queue."""
        return self.gate.entry()

    def action_rate(self) -> None:
        """Say how good the system is."""
        self.gate.rate()

    def action_leave(self) -> None:
        """Close the line for a rating."""
        self.gate.leave()

    def action_approve(self) -> None:
        """Publish the chosen entry."""
        self.gate.approve()

    def action_reject(self) -> None:
        """Take the chosen entry out of the queue."""
        self.gate.reject()

    @on(Approvals.Changed)
    def _gate_changed(self, message: Approvals.Changed) -> None:
        self._tell(message.words, message.good)

    def _tell(self, words: str, good: bool) -> None:
        self.notify(words, severity="information" if good else "error", markup=False)
        self.look()
        self.rushes.look_again()

    # Learning

    def action_learn(self) -> None:
        """Learn from the posts now."""
        space = self.rushes.space
        if space is None:
            return
        if self._learning:
            self.notify("It is learning already.", severity="warning")
            return
        self._learning = True
        self.notify("Learning from the posts…")
        # A daemon, so that leaving does not wait: files are replaced whole, and learning a day again ends the same.
        Thread(target=self._learn, args=(space,), daemon=True).start()

    def _learn(self, space: Workspace) -> None:
        try:
            from core.insights.learning import daily
            from core.insights.metrics.store import MetricsStore

            with MetricsStore(space) as store:
                reports = daily.learn_now(store)
        except RushesError as error:
            self.post_message(self.Learned(error.sentence(), good=False))
        except Exception as error:  # a bug must end "learning" too
            self.post_message(self.Learned(f"An unexpected error; the log has it under {bug(error)}.", good=False))
        else:
            self.post_message(
                self.Learned(_learned([(one.date, len(one.recommendations)) for one in reports]), good=True)
            )

    @on(Learned)
    def _have_learned(self, message: Learned) -> None:
        self._learning = False
        self._tell(message.words, message.good)


def _learned(days: list[tuple[str, int]]) -> str:
    """What was learned, in words: days with the number of their recommendations, oldest first."""
    if not days:
        return f"Nothing to learn from yet: {insight_words.IMPORT}"
    date, count = days[-1]
    more = f" and {len(days) - 1} days before" if len(days) > 1 else ""
    return f"✓ Learned {date}{more}: {count} recommendation{'' if count == 1 else 's'}"


def _waiting(width: int) -> list[Content]:
    del width
    return [Content.styled(READING, insight_words.MUTED)]
