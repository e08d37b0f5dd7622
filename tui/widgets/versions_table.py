"""The versions of a task beside each other, newest first; as many columns as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widgets import DataTable

from tui import actions, model_words

if TYPE_CHECKING:
    from core.snapshot.models import Models, Version

# Cells, the most wanted first: a narrow terminal shows the first ones, and the card beside shows all.
COLUMNS = {"Version": 7, "Role": 12, "Score": 11, "Verdict": 9, "Interval": 14, "Made": 14, "From": 8, "Name": 16}
PADDING = 2  # cells beside each column
SCROLLBAR = 1


class VersionsTable(DataTable[Content]):
    """Versions by name; keeps the chosen one chosen."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("list")
    where = "list"
    help_text = (
        "All versions, newest first, the factory's last. ▶ answers you, ◌ answers in shadow beside it. Each score is "
        "on the version's own held-out clips, so two scores do not compare: C does, on clips new to both."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, show_header=True, cell_padding=1)
        self._shown: tuple[str, ...] = ()
        self._drawn: dict[str, tuple[Content, ...]] = {}
        self._reading: Models | None = None

    def on_resize(self) -> None:
        if self._fitting() != self._shown:
            self._lay_out()

    @property
    def chosen(self) -> str | None:
        """The version under the cursor."""
        keys = list(self._drawn)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def show(self, data: Models) -> None:
        """Draw a reading; where the versions are the same only cells that changed are touched."""
        self._reading = data
        wanted = {version.name: self._cells(version, data) for version in data.versions}
        if not self._shown or list(wanted) != list(self._drawn):
            self._lay_out()
            return
        for key, cells in wanted.items():
            for title, cell, known in zip(self._shown, cells, self._drawn[key], strict=True):
                if cell != known:
                    self.update_cell(key, title, cell)
        self._drawn = wanted

    def _fitting(self) -> tuple[str, ...]:
        room, found = self.size.width - SCROLLBAR, list[str]()
        for title, width in COLUMNS.items():
            room -= width + PADDING
            if room < 0 and found:
                break
            found.append(title)
        return tuple(found)

    def _lay_out(self) -> None:
        """Draw all anew: other versions, or room for other columns."""
        chosen, data = self.chosen, self._reading
        self.clear(columns=True)
        self._shown = self._fitting()
        for title in self._shown:
            label = data.primary if data is not None and title == "Score" else title
            self.add_column(label, key=title, width=COLUMNS[title])
        if data is None:
            return
        self._drawn = {version.name: self._cells(version, data) for version in data.versions}
        for key, cells in self._drawn.items():
            self.add_row(*cells, key=key)
        names = list(self._drawn)
        # The first look falls on who answers.
        wanted = chosen if chosen in names else data.active.champion
        if wanted in names:
            self.move_cursor(row=names.index(wanted), animate=False)

    def _cells(self, version: Version, data: Models) -> tuple[Content, ...]:
        card = version.card
        roles = model_words.roles(version, data)
        main, colour = roles[0] if roles else ("", "")
        if version.problem and version.name == data.active.champion:
            main = f"{model_words.CHAMPION} {main}"
        verdict, verdict_colour = model_words.verdict(card)
        cells = {
            "Version": Content.styled(version.name, "bold"),
            "Role": Content.styled(main + ("+" if len(roles) > 1 else ""), colour),
            "Score": Content(model_words.score(version.measured)),
            "Verdict": Content.styled(verdict, verdict_colour),
            "Interval": Content(model_words.interval(version.measured)),
            "Made": Content.styled(model_words.made(card), "$foreground-muted"),
            "From": Content(card.base or "-" if card is not None else "?"),
            "Name": Content(model_words.name(card)),
        }
        return tuple(cells[title] for title in self._shown)
