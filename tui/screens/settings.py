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
from tui import actions, setting_words
from tui.widgets.line import Line
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.settings import Row
    from core.workspace import Workspace

COLUMNS = {"name": 30, "value": 0, "origin": 13}  # cells


class SettingsScreen(ModalScreen[None]):
    """The table of settings, and a line to type a new value into."""

    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back"), *actions.in_dialogs()]
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
            yield Rows(COLUMNS, titles=False, id="settings")
            yield Static(id="meaning")
            yield Line(id="value", compact=True)
            yield Static(id="problem")
            yield Static("enter change   esc back   ? help", classes="keys")

    def on_mount(self) -> None:
        self.query_one("#value").display = False
        self._problem("")
        self._read()

    def _read(self) -> None:
        from core import settings

        loaded = settings.load(self.space.root)
        self.rows = {row.name: row for row in settings.describe(loaded)}
        self._table.show({row.name: _cells(row) for row in self.rows.values()})

    @property
    def _table(self) -> Rows:
        return self.query_one("#settings", Rows)

    @property
    def chosen(self) -> Row:
        """The setting under the cursor."""
        return self.rows[self._table.chosen or next(iter(self.rows))]

    @on(DataTable.RowHighlighted)
    def _other(self) -> None:
        row = self.chosen
        more = setting_words.allowed(row.name)
        self.query_one("#meaning", Static).update(Content.assemble(row.meaning, "\n", (more, "$foreground-muted")))
        self._problem("")

    @on(DataTable.RowSelected)
    def _edit(self) -> None:
        row = self.chosen
        if row.name in setting_words.OWN:
            self._problem(f"{row.name} is a section of your own names. {setting_words.OWN[row.name]}")
            return
        self._problem("")
        line = self.query_one("#value", Line)
        line.value = setting_words.typed(row.value)
        line.display = True
        line.focus()
        # The line takes a row of the table's; the chosen one stays in sight.
        self.call_after_refresh(self._table.move_cursor, row=self._table.cursor_row, animate=False, scroll=True)

    def _problem(self, words: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.display = bool(words)
        problem.update(Content(f"! {words}" if words else ""))

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
            self.app.call_from_thread(self._problem, error.sentence())
            return
        words = setting_words.saved(name, loaded, trusted=settings.trusted(self.space.root))
        self.app.call_from_thread(self._written, words)

    def _written(self, words: str) -> None:
        self.query_one("#value", Line).display = False
        self._problem("")
        self._read()
        self._table.focus()
        self.notify(words, markup=False)

    def action_back(self) -> None:
        """Leave the line, or the screen."""
        line = self.query_one("#value", Line)
        if line.display:
            line.display = False
            self._problem("")
            self._table.focus()
        else:
            self.dismiss()


def _cells(row: Row) -> tuple[Content, ...]:
    changed = row.origin != "default"
    mark = Content.styled(f"* {row.origin}", "$text-primary") if changed else Content("")
    return Content(row.name), Content(setting_words.shown(row.value)), mark
