"""The recent clips of a task, newest first; keeps the chosen one chosen while others arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from tui import wording
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.snapshot import Row, Snapshot
    from core.tasks.base import ModelSpec

# Cells; the answer takes what is left.
COLUMNS = {"state": 14, "sure": 11, "answer": 0, "clip": 24}


class ClipList(Rows):
    """Recent clips with their states."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.take", show=False),  # the table would take it to choose the row
    ]
    help_text = (
        "The clips taken in so far, newest first. `waiting` clips have no answer from you yet; choose one with the "
        "arrows or j and k and press e."
    )

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, titles=False, id=id)

    def show_clips(self, snapshot: Snapshot, spec: ModelSpec) -> None:
        """Draw the snapshot's rows."""
        self.show({row.sample.id: _cells(row, snapshot, spec) for row in snapshot.rows})


def _cells(row: Row, snapshot: Snapshot, spec: ModelSpec) -> tuple[Content, ...]:
    state, colour = wording.state(row)
    answer = row.correction.value if row.correction is not None else row.suggestion
    said = row.prediction
    sure, sure_colour = ("", "") if said is None or said.value is None else wording.confidence(said)
    return (
        Content.styled(state, colour),
        Content.styled(sure, sure_colour),
        Content("" if answer is None else wording.value(snapshot.kind, answer, spec)),
        Content.styled(row.name, "$foreground-muted"),
    )
