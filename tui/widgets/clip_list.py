"""The recent clips of a task, newest first; keeps the chosen one chosen while others arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable
from textual.widgets.data_table import ColumnKey

from tui import actions, wording

if TYPE_CHECKING:
    from core.snapshot import Row, Snapshot
    from core.tasks.base import ModelSpec

# Cells; the answer takes what is left.
COLUMNS = {"state": 14, "sure": 11, "answer": 0, "clip": 24}
PADDING = 2  # cells beside each column


class ClipList(DataTable[Content]):
    """Recent clips with their states."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings("list"),
        Binding("enter", "screen.take", show=False),  # the table would take it to choose the row
    ]
    where = "list"
    help_text = (
        "The clips taken in so far, newest first. `waiting` clips have no answer from you yet; choose one with the "
        "arrows or j and k and press e."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, show_header=False, cell_padding=1)
        self._drawn: dict[str, tuple[Content, ...]] = {}

    def on_mount(self) -> None:
        for name, width in COLUMNS.items():
            self.add_column(name, key=name, width=width or COLUMNS["clip"])

    def on_resize(self) -> None:
        room = self.size.width - sum(COLUMNS.values()) - PADDING * len(COLUMNS)
        self.columns[ColumnKey("answer")].width = max(10, room)
        self.refresh()

    @property
    def chosen(self) -> str | None:
        """The sample under the cursor."""
        keys = list(self._drawn)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def show(self, snapshot: Snapshot, spec: ModelSpec) -> None:
        """Draw the snapshot's rows; only cells that changed are touched where the clips are the same."""
        wanted = {row.sample.id: _cells(row, snapshot, spec) for row in snapshot.rows}
        if list(wanted) == list(self._drawn):
            for key, cells in wanted.items():
                if cells != self._drawn[key]:
                    for name, cell in zip(COLUMNS, cells, strict=True):
                        self.update_cell(key, name, cell)
        else:
            chosen = self.chosen
            self.clear()
            for key, cells in wanted.items():
                self.add_row(*cells, key=key)
            if chosen in wanted:
                self.move_cursor(row=list(wanted).index(chosen), animate=False)
        self._drawn = wanted

    def choose(self, sample: str) -> None:
        """Move to a clip, if it is in the list."""
        if sample in self._drawn:
            self.move_cursor(row=list(self._drawn).index(sample), animate=False)


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
