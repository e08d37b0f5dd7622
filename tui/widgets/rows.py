"""A short table of things one chooses from: one column takes what room is left, the chosen row stays chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widgets import DataTable
from textual.widgets.data_table import ColumnKey

from tui import actions

PADDING = 2  # cells beside each column
LEAST = 10  # cells of the column that takes what is left


class Rows(DataTable[Content]):
    """Rows by key.

    Args:
        columns: titles with their widths in cells; 0 = what is left.
    """

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("list")
    where = "list"

    def __init__(self, columns: Mapping[str, int], *, titles: bool, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, show_header=titles, cell_padding=1)
        self._widths: dict[str, int] = {}
        self._drawn: dict[str, tuple[Content, ...]] = {}
        self.set_columns(columns)

    def set_columns(self, columns: Mapping[str, int], labels: Mapping[str, str] | None = None) -> None:
        """Have these columns and no row.

        Args:
            labels: what stands above a column, where it is not its title.
        """
        self.clear(columns=True)
        self._widths, self._drawn = dict(columns), {}
        for title, width in columns.items():
            self.add_column((labels or {}).get(title, title), key=title, width=width or LEAST)

    def on_resize(self) -> None:
        room = self.size.width - sum(self._widths.values()) - PADDING * len(self._widths)
        for title, width in self._widths.items():
            if not width:
                self.columns[ColumnKey(title)].width = max(LEAST, room)
        for key, cells in self._drawn.items():
            for title, cell in zip(self._widths, cells, strict=True):
                if not self._widths[title]:
                    self.update_cell(key, title, self._fitted(title, cell))
        self.refresh()

    def _fitted(self, title: str, cell: Content) -> Content:
        """What of a cell has room; a mark says that something is cut."""
        return cell.truncate(self.columns[ColumnKey(title)].width, ellipsis=True)

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        keys = list(self._drawn)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def show(self, wanted: dict[str, tuple[Content, ...]]) -> None:
        """Draw these rows; where they are the same ones only cells that changed are touched."""
        if list(wanted) == list(self._drawn):
            for key, cells in wanted.items():
                for title, cell, known in zip(self._widths, cells, self._drawn[key], strict=True):
                    if cell != known:
                        self.update_cell(key, title, self._fitted(title, cell))
        else:
            chosen = self.chosen
            self.clear()
            for key, cells in wanted.items():
                self.add_row(*map(self._fitted, self._widths, cells), key=key)
            self._drawn = wanted
            self.choose(chosen)
        self._drawn = wanted

    def choose(self, key: str | None) -> None:
        """Move to a row, if it is there."""
        if key in self._drawn:
            self.move_cursor(row=list(self._drawn).index(key), animate=False)
