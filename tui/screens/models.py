"""Models: versions beside each other, the chosen one's card and evidence, the learning curve, and who answers.

Changes go through `core.registry` and `core.shadow` after a yes; the app itself loads what answers then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static
from textual.worker import Worker, WorkerState

from core.errors import RushesError
from tui import actions, model_changes, model_words
from tui.model_changes import Plan
from tui.screens.section import SectionScreen
from tui.widgets.reading import Reading
from tui.widgets.versions_table import VersionsTable

if TYPE_CHECKING:
    from core.comparison import Comparison
    from core.snapshot.models import Models, Version
    from core.snapshot.provenance import Provenance
    from core.workspace import Workspace
    from tui.widgets.curve_plot import CurvePlot


class ModelsScreen(SectionScreen["Models"]):
    """The fourth screen."""

    CSS_PATH: ClassVar[list[str]] = ["section.tcss", "models.tcss"]
    where = "models"
    BINDINGS = actions.bindings("models")
    AUTO_FOCUS = "#versions"
    help_text = (
        "Every training makes a version; none is ever overwritten. The chosen one's card says what it scored, what "
        "speaks for it and what it was made from. D, R, F and S say what they will change before they do it."
    )

    class Changed(Message):
        """A change is done, or (not good) was refused."""

        def __init__(self, words: str, *, good: bool) -> None:
            super().__init__()
            self.words = words
            self.good = good

    class Traced(Message):
        """What a version learnt from."""

        def __init__(self, found: Provenance) -> None:
            super().__init__()
            self.found = found

    def __init__(self) -> None:
        super().__init__()
        self._changing = ""  # what is being done
        self._drawn: Models | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield VersionsTable(id="versions")
                with Vertical(id="learning") as learning:
                    learning.border_title = "Learning curve"
                    yield Static(id="curve-words")
            yield Reading(id="card")

    # What is shown

    def take(self, space: Workspace, task: str) -> Models:
        """See `core.snapshot.models`."""
        from core.snapshot import models

        found = models.take(space, task, self.data)
        if found.curve.windows:
            from tui.widgets import curve_plot

            del curve_plot  # textual-plot and NumPy take 150 ms to import: here, not in the thread of the keys
        return found

    def show(self, data: Models) -> None:
        """Draw a reading; the same one is not drawn again."""
        self._notice()
        if data == self._drawn:
            return
        self._drawn = data
        self.query_one(VersionsTable).show_versions(data)
        self._draw_card()
        self._draw_curve(data)

    def _notice(self) -> None:
        """The line under the title: what is being done, else what is wrong, else what to press."""
        data, serving = self.data, self.rushes.serving
        if self._changing:
            self.say(f"{self._changing}: its file is proved first…")
        elif data is None:
            return
        elif self.rushes.problem or (serving is not None and serving.problem):
            mend = f" (choose {data.active.champion} and press D)" if data.active.damaged else ""
            self.say(f"{self.rushes.problem or (serving and serving.problem)}{mend}", failed=True)
        elif not data.versions:
            self.say(f"There is no model of {data.task} yet. Press 3 to train the first one.")
        elif data.overrides:
            self.say("  ".join(f"{found.words}." for found in data.overrides).replace("..", "."), failed=True)
        elif len(data.versions) == 1 and data.versions[0].name == model_words.FACTORY:
            self.say(model_words.ONLY_FACTORY)
        else:
            self.say("")

    @property
    def chosen(self) -> Version | None:
        """The version under the cursor."""
        return None if self.data is None else self.data.version(self.query_one(VersionsTable).chosen)

    @on(DataTable.RowHighlighted)
    def _draw_card(self) -> None:
        version, data = self.chosen, self.data
        if version is not None and data is not None:
            lines = model_words.card_lines(version, data)
            self.query_one("#card", Reading).show(f"{data.task} {version.name}", lines, newest_last=False)

    def _draw_curve(self, data: Models) -> None:
        lines = model_words.curve_lines(data.curve)
        if not data.curve.windows:
            lines.append((model_words.UNTESTED, "$foreground-muted"))
        words = Content("\n").join(Content.styled(text, colour) for text, colour in lines)
        self.query_one("#curve-words", Static).update(words)
        self.query_one("#learning", Vertical).border_title = f"Learning curve: {data.curve.measure}"
        plot = self._plot(needed=bool(data.curve.windows))
        if plot is not None:
            plot.display = bool(data.curve.windows)
            plot.show(data.curve)

    def _plot(self, *, needed: bool) -> CurvePlot | None:
        """The plot; made when there is something to draw."""
        found = self.query("#curve")
        if not found and not needed:
            return None
        from tui.widgets.curve_plot import CurvePlot

        if found:
            return found.only_one(CurvePlot)
        made = CurvePlot(id="curve")
        self.query_one("#learning").mount(made)
        return made

    def copied(self) -> str:
        """The chosen version's card."""
        return self.query_one("#card", Reading).text

    # Changes, each after a yes

    def action_deploy(self) -> None:
        """Let the chosen version answer."""
        self._ask(model_changes.deploy)

    def action_rollback(self) -> None:
        """Bring the previous champion back, or what answered the chosen version's speaker before."""
        self._ask(model_changes.rollback)

    def action_revert(self) -> None:
        """Go back to the factory's model."""
        self._ask(lambda data, _: model_changes.revert(data))

    def action_shadow(self) -> None:
        """Start or end the shadow of the chosen version."""
        self._ask(model_changes.shadow)

    def _ask(self, make: Callable[[Models, Version], Plan | str]) -> None:
        space, data, version = self.rushes.space, self.data, self.chosen
        if space is None or data is None or version is None:
            return
        plan = f"{self._changing} is under way." if self._changing else make(data, version)
        if isinstance(plan, str):
            self.notify(plan, severity="warning", markup=False)
            return
        from tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self._changing = plan.title
                self._notice()
                self._change(space, data, plan)

        self.app.push_screen(ConfirmScreen(plan.title, plan.changes), answered)

    @work(thread=True, group="change", exit_on_error=False)
    def _change(self, space: Workspace, data: Models, plan: Plan) -> None:
        from core import registry, shadow

        task = data.task
        try:
            if registry.pointer(space, task) != data.active:
                raise RushesError("who answers has changed since you were asked", do="Look again and repeat it.")
            if plan.verb == "deploy":
                registry.deploy(space, task, plan.version, reason="asked for")
            elif plan.verb == "rollback":
                registry.rollback(space, task, plan.speaker)
            elif plan.verb == "revert":
                registry.revert(space, task)
            elif plan.verb == "start shadow":
                shadow.start(space, task, plan.version)
            else:
                shadow.stop(space, task)
        except RushesError as error:
            champion = registry.pointer(space, task).champion
            self.post_message(self.Changed(f"{champion} goes on answering: {error.sentence()}", good=False))
        else:
            self.post_message(self.Changed(f"{task}: {plan.done}", good=True))

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        self._changing = ""
        self.notify(message.words, severity="information" if message.good else "error", markup=False)
        self.rushes.load_again()
        self.look()

    @on(Worker.StateChanged)
    def _change_broke(self, event: Worker.StateChanged) -> None:
        if event.worker.group == "change" and event.state is WorkerState.ERROR:
            self._changing = ""
            self._notice()

    # Looking closer

    def action_compare(self) -> None:
        """Compare the chosen version with the champion."""
        space, data, version = self.rushes.space, self.data, self.chosen
        if space is None or data is None or version is None:
            return
        champion = data.active.champion
        if version.name == champion:
            words = f"{champion} is the champion: choose another version to compare with it."
            self.notify(words, severity="warning", markup=False)
            return
        from tui.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(space, data.task, champion, version.name), self._compared)

    def _compared(self, found: Comparison | None) -> None:
        if found is not None:  # what was answered for it counts in the running comparison too
            self.rushes.look_again()
            self.look()

    def action_provenance(self) -> None:
        """Show which corrections the chosen version learnt from."""
        space, data, version = self.rushes.space, self.data, self.chosen
        if space is not None and data is not None and version is not None:
            self._trace(space, data.task, version.name)

    @work(thread=True, exclusive=True, group="trace", exit_on_error=False)
    def _trace(self, space: Workspace, task: str, version: str) -> None:
        from core.snapshot import provenance

        self.post_message(self.Traced(provenance.take(space, task, version)))

    @on(Traced)
    def _traced(self, message: Traced) -> None:
        from tui.screens.provenance import ProvenanceScreen

        if self.is_current:
            self.app.push_screen(ProvenanceScreen(message.found))
