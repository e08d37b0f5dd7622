"""Review: all clips in the order in which they are worth an answer, a player, and every key that answers them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on

from tui import actions, answering, wording
from tui.answering import counted
from tui.saver import Done, Outcome
from tui.screens.answer import AnswerScreen, TextCorrectScreen
from tui.screens.clips import ClipsScreen
from tui.screens.correct import CorrectScreen
from tui.screens.statistics import StatisticsScreen
from tui.widgets.player import STEP_S

if TYPE_CHECKING:
    from core.snapshot import Value
    from core.snapshot.review import Reading
    from core.workspace import Workspace


class ReviewScreen(ClipsScreen):
    """Review of one task."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["section.tcss", "review.tcss"]
    where = "review"
    BINDINGS = actions.bindings("review")
    AUTO_FOCUS = "#clips"
    help_text = (
        "Go through the clips from the top: y says the answer is right, e gives the right one. The list asks what "
        "teaches the model most, and a fifth drawn at random, which alone says how right the model is."
    )

    def __init__(self) -> None:
        super().__init__()
        self.drafts: dict[str, str] = {}

    # Answering

    def _targets(self) -> tuple[str, ...]:
        """The selected clips in the order of the list, else the chosen one, if it can be seen what it is."""
        table = self.table
        if table.selected:
            return tuple(one for one in table.ids if one in table.selected)
        return (table.chosen,) if table.chosen is not None and table.item is not None else ()

    def _do(self, samples: tuple[str, ...], act: Callable[[Workspace, Reading], Outcome]) -> None:
        """Let the saver do it; the rows say so until it is durable."""
        reading, space, table = self.reading, self.rushes.space, self.table
        if reading is None or space is None:
            return
        self._remember()
        self._saving += samples
        table.mark(saving=frozenset(self._saving), selected=table.selected.difference(samples))
        self._name_list()
        self.saver.do(samples, partial(act, space, reading))

    @on(Done)
    def _done(self, message: Done) -> None:
        if not message.samples:
            self._telling = False
        for sample in message.samples:
            self._saving.remove(sample)
        self.table.mark(saving=frozenset(self._saving))
        if message.error is not None:
            self.rushes.tell(message.error)
        elif message.outcome is not None:
            if message.outcome.words:
                self.notify(message.outcome.words, markup=False)
            self._go_to(message.outcome.choose)
        if message.samples or (message.outcome and message.outcome.choose):
            self.table.renew()
            self.rushes.look_again()
        if self._spent and not self._saving:
            self.list_anew()

    def _go_to(self, sample: str | None) -> None:
        if sample is None:
            return
        if sample in self.table.ids:
            self.table.choose(sample)
        else:
            self._wanted, self.alike = sample, None
            self.list_anew()

    def _answer(self, act: Callable[[Workspace, Reading, tuple[str, ...]], Outcome]) -> None:
        targets = self._targets()
        if not targets:
            self.notify("No clip is chosen.", severity="warning")
            return
        moves = self.table.chosen in targets
        self._do(targets, lambda space, reading: act(space, reading, targets))
        if moves:
            self.go_on()

    def action_yes(self) -> None:
        """The chosen clip's answer, or those of all selected ones, were right."""
        self._answer(answering.confirm)

    def action_delete(self) -> None:
        """Hide the chosen clip or the selected ones."""
        self._answer(answering.hide)

    def action_skip(self) -> None:
        """Set the chosen clip aside, or put it back."""
        self._answer(answering.skip)

    def action_undo(self) -> None:
        """Take the last action back."""
        self._do((), answering.undo)

    def action_correct(self) -> None:
        """The E flow on the chosen clip."""
        item, reading, space = self.table.item, self.reading, self.rushes.space
        if item is None or reading is None or space is None:
            self.notify("No clip is chosen.", severity="warning")
            return
        sample = item.row.sample.id

        def closed(draft: str | None) -> None:
            if draft is not None:
                self.drafts[sample] = draft
                return
            self.drafts.pop(sample, None)
            self.table.renew()
            self.rushes.look_again()
            if self.table.chosen == sample:
                self.go_on()

        flow = TextCorrectScreen if reading.kind == "text" else CorrectScreen
        self.app.push_screen(flow(space, item.row, reading.kind, reading.spec, self.drafts.get(sample)), closed)

    def action_select(self) -> None:
        """Select or unselect the chosen clip, and go on to the next."""
        table = self.table
        if table.chosen is not None:
            table.mark(selected=table.selected ^ {table.chosen})
            table.cursor += 1
            self._name_list()

    def action_bulk(self) -> None:
        """One answer for all selected clips."""
        reading, chosen = self.reading, self.table.selected
        if reading is None or not chosen:
            self.notify("Select clips first: x on each of them.", severity="warning")
            return
        targets = self._targets()

        def given(value: Value | None) -> None:
            if value is not None:
                self._do(targets, lambda space, found: answering.give(space, found, targets, value))

        heading = f"One answer for {counted(len(targets))}"
        self.app.push_screen(AnswerScreen(heading, reading.task, reading.kind, reading.spec), given)

    def action_statistics(self) -> None:
        """How right the model was."""
        if self.rushes.space is not None and self._shown_task is not None:
            self.app.push_screen(StatisticsScreen(self.rushes.space, self._shown_task))

    # Playing

    def action_play(self) -> None:
        """Play or pause."""
        self.player.play()

    def action_back(self) -> None:
        """Half a second back."""
        self.player.step(-STEP_S)

    def action_forward(self) -> None:
        """Half a second on."""
        self.player.step(STEP_S)

    def copied(self) -> str:
        """What ctrl+y copies: the chosen row in words."""
        item, reading = self.table.item, self.reading
        if item is None or reading is None:
            return ""
        row = item.row
        value = row.correction.value if row.correction is not None else row.suggestion
        answer = "" if value is None else wording.value(reading.kind, value, reading.spec)
        return "\t".join((row.name, wording.state(row)[0], answer, item.reason))
