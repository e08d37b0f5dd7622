"""All settings, drawn from their schema: name, value, which file won, what it means; enter changes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, Static

from core.errors import RushesError
from tui.widgets.line import Line

if TYPE_CHECKING:
    from core.settings import Row
    from core.workspace import Workspace


class SettingsScreen(ModalScreen[None]):
    """The table of settings, and a line to type a new value into."""

    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
    ]
    help_text = (
        "Choose a setting and press enter to change it in this workspace's rushes.toml. What a flag or the environment "
        "sets stays as it is until the program is started without it."
    )

    def __init__(self, space: Workspace) -> None:
        super().__init__()
        self.space = space
        self.rows: dict[str, Row] = {}

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = "Settings"
            table: DataTable[Content] = DataTable(cursor_type="row", show_header=False, id="settings")
            table.add_column("name", key="name", width=30)
            table.add_column("value", key="value", width=24)
            table.add_column("origin", key="origin")
            yield table
            yield Static(id="meaning")
            yield Line(id="value")
            yield Static("enter change   esc back", classes="keys")

    def on_mount(self) -> None:
        self.query_one("#value").display = False
        self._read()

    def _read(self) -> None:
        from core import settings

        loaded = settings.load(self.space.root)
        self.rows = {row.name: row for row in settings.describe(loaded)}
        table = self.query_one("#settings", DataTable)
        chosen = table.cursor_row
        table.clear()
        for row in self.rows.values():
            changed = row.origin != "default"
            mark = Content.styled(f"* {row.origin}", "$text-primary") if changed else Content("")
            table.add_row(Content(row.name), Content(str(row.value)), mark, key=row.name)
        table.move_cursor(row=min(chosen, table.row_count - 1), animate=False)

    @property
    def chosen(self) -> Row:
        """The setting under the cursor."""
        table = self.query_one("#settings", DataTable)
        return self.rows[str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)]

    @on(DataTable.RowHighlighted)
    def _other(self, event: DataTable.RowHighlighted) -> None:
        row = self.rows[str(event.row_key.value)]
        self.query_one("#meaning", Static).update(Content(row.meaning))

    @on(DataTable.RowSelected)
    def _edit(self) -> None:
        line = self.query_one("#value", Line)
        line.value = typed(self.chosen.value)
        line.display = True
        line.focus()

    @on(Input.Submitted)
    def _save(self, event: Input.Submitted) -> None:
        self._write(self.chosen.name, event.value.strip())

    @work(thread=True, group="settings", exit_on_error=False)
    def _write(self, name: str, value: str) -> None:
        from core import settings

        try:
            settings.write(self.space.root, name, value)
            loaded = settings.load(self.space.root)
        except RushesError as error:
            self.app.call_from_thread(self.notify, error.sentence(), severity="error", markup=False)
            return
        self.app.call_from_thread(self._written, name, loaded.origin.get(name, "default"))

    def _written(self, name: str, origin: str) -> None:
        line = self.query_one("#value", Line)
        line.display = False
        self._read()
        self.query_one("#settings").focus()
        words = f"{name} is saved; it counts from the next start."
        if origin not in ("workspace", "default"):
            words = f"{name} is saved, but the {origin} sets it and wins."
        self.notify(words, markup=False)

    def action_move(self, way: str) -> None:
        """Move the cursor with j and k."""
        table = self.query_one("#settings", DataTable)
        (table.action_cursor_down if way == "down" else table.action_cursor_up)()

    def action_back(self) -> None:
        """Leave the line, or the screen."""
        line = self.query_one("#value", Line)
        if line.display:
            line.display = False
            self.query_one("#settings").focus()
        else:
            self.dismiss()


def typed(value: object) -> str:
    """A value as it is typed: TOML, texts without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(typed(part) if not isinstance(part, str) else f'"{part}"' for part in value) + "]"
    return "" if value is None else str(value)
