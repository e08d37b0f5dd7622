"""All settings, drawn from their schema: name, value, which file won, what it means; found, changed and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

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
    from core.settings import Loaded, Row
    from core.workspace import Workspace
    from tui.app import RushesApp

COLUMNS = {"name": 30, "value": 0, "origin": 13}  # cells


class SettingsScreen(ModalScreen[None]):
    """The table of settings, and a line to type a new value into."""

    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("slash", "find", "Find"),
        Binding("d", "default", "Default"),
        *actions.in_dialogs(),
    ]
    help_text = (
        "Choose a setting and press enter to change it in this workspace's rushes.toml; d takes it out of that file:"
        " the default (or your own file) counts again. / shows only settings with the words you type. What a flag or"
        " the environment sets stays as it is until the program is started without it."
    )

    def __init__(self, space: Workspace) -> None:
        super().__init__()
        self.space = space
        self.rows: dict[str, Row] = {}

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = "Settings"
            yield Line(id="find", compact=True, placeholder="words of its name or meaning; enter, or esc for all")
            yield Rows(COLUMNS, titles=False, id="settings")
            yield Static(id="meaning")
            yield Line(id="value", compact=True)
            yield Static(id="problem")
            yield Static("enter change   d default   / find   esc back   ? help", classes="keys")

    def on_mount(self) -> None:
        self.query_one("#value").display = self.query_one("#find").display = False
        self._problem("")
        self._read()
        self._table.focus()

    def _read(self) -> None:
        from core import settings

        loaded = settings.load(self.space.root)
        self.rows = {row.name: row for row in settings.describe(loaded)}
        self._show()

    def _show(self) -> None:
        """The settings that have all the words looked for."""
        words = self.query_one("#find", Line).value.casefold().split()
        found = [row for row in self.rows.values() if all(word in _searched(row) for word in words)]
        self._table.show({row.name: _cells(row) for row in found})
        if not found:
            self.query_one("#meaning", Static).update("No setting has these words.")

    @property
    def _table(self) -> Rows:
        return self.query_one("#settings", Rows)

    @property
    def chosen(self) -> Row | None:
        """The setting under the cursor; None where no setting has the words looked for."""
        return self.rows.get(self._table.chosen or "")

    @on(DataTable.RowHighlighted)
    def _other(self) -> None:
        row = self.chosen
        if row is None:
            return
        more = setting_words.allowed(row.name)
        self.query_one("#meaning", Static).update(Content.assemble(row.meaning, "\n", (more, "$foreground-muted")))
        self._problem("")

    @on(DataTable.RowSelected)
    def _edit(self) -> None:
        row = self.chosen
        if row is None:
            return
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

    @on(Input.Submitted, "#value")
    def _save(self, event: Input.Submitted) -> None:
        row, value = self.chosen, event.value.strip()
        if row is None or value == setting_words.typed(row.value):
            self._close()
        else:
            self._write(row.name, value)

    @work(thread=True, group="settings", exit_on_error=False)
    def _write(self, name: str, value: str | None) -> None:
        """Set one, or (None) take it out of the file."""
        from core import one_setting, settings

        try:
            if value is not None:
                settings.write(self.space.root, name, value)
            elif not one_setting.reset(self.space.root, name):
                self.app.call_from_thread(self._problem, f"{name} is not set in this workspace's rushes.toml.")
                return
            loaded = settings.load(self.space.root)
        except RushesError as error:
            self.app.call_from_thread(self._problem, error.sentence())
            return
        trusted = settings.trusted(self.space.root)
        words = setting_words.saved(name, loaded, trusted=trusted) if value is not None else setting_words.back(name)
        self.app.call_from_thread(self._written, name, words, loaded)

    def _written(self, name: str, words: str, loaded: Loaded) -> None:
        self._read()
        self._close()
        if name in setting_words.AT_ONCE:
            cast("RushesApp", self.app).follow_settings(loaded.settings)
        self.notify(words, markup=False)

    def _close(self) -> None:
        """Leave the line of a value."""
        self.query_one("#value", Line).display = False
        self._problem("")
        self._table.focus()

    def action_default(self) -> None:
        """Let what is behind this workspace's file count again."""
        if self.chosen is not None:
            self._write(self.chosen.name, None)

    # Finding

    def action_find(self) -> None:
        """Open the line for words."""
        line = self.query_one("#find", Line)
        line.display = True
        line.focus()

    @on(Input.Changed, "#find")
    def _looked_for(self) -> None:
        self._show()

    @on(Input.Submitted, "#find")
    def _found(self) -> None:
        self._table.focus()

    def action_back(self) -> None:
        """Leave the line, then the words looked for, then the screen."""
        value, find = self.query_one("#value", Line), self.query_one("#find", Line)
        if value.display:
            self._close()
        elif find.display:
            find.value, find.display = "", False
            self._table.focus()
        else:
            self.dismiss()


def _searched(row: Row) -> str:
    return f"{row.name} {row.meaning}".casefold()


def _cells(row: Row) -> tuple[Content, ...]:
    changed = row.origin != "default"
    mark = Content.styled(f"* {row.origin}", "$text-primary") if changed else Content("")
    return Content(row.name), Content(setting_words.shown(row.value)), mark
