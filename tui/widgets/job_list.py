"""The queue and the past trainings: state, task, version, verdict, name; keeps the chosen one chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widgets import DataTable
from textual.widgets.data_table import ColumnKey

from tui import actions, job_words

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.snapshot.training import Training
    from core.training.jobs import Job

# Cells; what else is known of a training takes what is left.
COLUMNS = {"state": 11, "task": 8, "version": 4, "standing": 10, "about": 0}
PADDING = 2  # cells beside each column


class JobList(DataTable[Content]):
    """Trainings, newest first; the running one and the queue above them."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("list")
    where = "list"
    help_text = (
        "What runs stands first, then what waits in the order in which it will run, then what has ended. Choose a "
        "training with the arrows or j and k to see its curves and its log."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, show_header=False, cell_padding=1)
        self._drawn: dict[str, tuple[Content, ...]] = {}

    def on_mount(self) -> None:
        for name, width in COLUMNS.items():
            self.add_column(name, key=name, width=width or 12)

    def on_resize(self) -> None:
        room = self.size.width - sum(COLUMNS.values()) - PADDING * len(COLUMNS)
        self.columns[ColumnKey("about")].width = max(4, room)
        self.refresh()

    @property
    def chosen(self) -> str | None:
        """The training under the cursor."""
        keys = list(self._drawn)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def show(self, data: Training, stopping: Collection[str], pinned: str | None) -> None:
        """Draw the jobs; unchanged cells are not touched.

        Args:
            stopping: jobs that were told to stop and have not ended yet.
            pinned: the job the user chose; without one the cursor goes to the job whose detail was read.
        """
        wanted = {job.job_id: _cells(job, job.job_id in stopping) for job in data.jobs}
        if list(wanted) == list(self._drawn):
            for key, cells in wanted.items():
                if cells != self._drawn[key]:
                    for name, cell in zip(COLUMNS, cells, strict=True):
                        self.update_cell(key, name, cell)
            self._drawn = wanted
        else:
            self.clear()
            for key, cells in wanted.items():
                self.add_row(*cells, key=key)
            self._drawn = wanted
        shown = data.detail.job.job_id if data.detail is not None else None
        if (choose := pinned if pinned in wanted else shown) in wanted:
            self.move_cursor(row=list(wanted).index(choose), animate=False)


def _cells(job: Job, stopping: bool) -> tuple[Content, ...]:
    return (
        Content.styled(*job_words.state(job, stopping)),
        Content(job.task),
        Content(job.model_version or ""),
        Content.styled(*job_words.standing(job)),
        Content.styled(job_words.about(job), "$foreground-muted"),
    )
