"""How right the model was: from random picks, beside it what was picked for doubt, and what became of disagreements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from core.errors import RushesError
from tui import actions

if TYPE_CHECKING:
    from core.snapshot.review import Statistics
    from core.workspace import Workspace

WAYS = (("queue", "picked for doubt"), ("own", "picked by you"))


class StatisticsScreen(ModalScreen[None]):
    """A panel of numbers, each with its n."""

    CSS_PATH = "answer.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,i", "dismiss(None)", "Back"), *actions.in_dialogs()]
    help_text = (
        "Only clips drawn at random say how right the model is; those the queue asks for doubt are harder than the "
        "rest. A rate below 20 random picks is not named."
    )

    @dataclass
    class Counted(Message):
        """The numbers are there."""

        found: Statistics

    @dataclass
    class Failed(Message):
        """They cannot be had."""

        reason: str

    def __init__(self, space: Workspace, task: str) -> None:
        super().__init__()
        self.space = space
        self.task_name = task

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Content(f"How right the model was: {self.task_name}")
            yield Static("Counting…", id="numbers")
            yield Static("esc back", classes="keys")

    def on_mount(self) -> None:
        self._count()

    @work(thread=True, group="count", exit_on_error=False, description="count")
    def _count(self) -> None:
        from core.snapshot.review import statistics

        try:
            self.post_message(self.Counted(statistics(self.space, self.task_name)))
        except RushesError as error:
            self.post_message(self.Failed(error.sentence()))

    @on(Counted)
    def _counted(self, message: Counted) -> None:
        self.query_one("#numbers", Static).update(Content("\n".join(lines(message.found))))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.query_one("#numbers", Static).update(Content(f"! {message.reason}"))


def lines(found: Statistics) -> list[str]:
    """The numbers in words."""
    from core.review.accuracy import sentence

    counted = found.accuracy
    said = [
        f"accuracy             {sentence(counted['accuracy'])}",
        f"lately               {sentence(counted['lately'])}",
        f"override rate        {sentence(counted['override_rate'])}",
    ]
    said += [f"  {row['version']:<18} {sentence(row)}" for row in counted["by_version"]]
    if counted["no_answer"]:
        said.append(f"no answer            {counted['no_answer']} random picks, in no rate")
    said += ["", "not at random, so they say nothing of the model alone:"]
    biased = cast("dict[str, dict[str, Any]]", counted["biased"])
    said += [f"  {name:<18} {_biased(biased[way])}" for way, name in WAYS]
    said += ["", f"disagreements        {_disagree(found)}"]
    if found.triage:
        said.append(
            f"  triage             {', '.join(f'{count} {state}' for state, count in sorted(found.triage.items()))}"
        )
    if found.window is not None:
        said += ["", f"newest answers       {found.measure}: {found.window.words()}, before each was learnt from"]
    return said


def _biased(part: dict[str, Any]) -> str:
    if part["accuracy"] is None:
        return "none yet"
    return f"accuracy {part['accuracy']:.2f}, override rate {part['override_rate']:.2f} (n = {part['n']})"


def _disagree(found: Statistics) -> str:
    if found.disagree is None:
        return "no answer could be compared yet"
    return f"{100 * found.disagree:.0f} % of {found.compared} answers that a model had not learnt from"
