"""The versions of a task beside each other, newest first; as many columns as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui import model_words
from tui.widgets.rows import PADDING, Rows

if TYPE_CHECKING:
    from core.snapshot.models import Models, Version

# Cells, the most wanted first: a narrow terminal shows the first ones, and the card beside shows all.
COLUMNS = {"Version": 7, "Role": 12, "Score": 11, "Verdict": 9, "Interval": 14, "Made": 14, "From": 8, "Name": 16}
SCROLLBAR = 1


class VersionsTable(Rows):
    """Versions by name; keeps the chosen one chosen."""

    help_text = (
        "All versions, newest first, the factory's last. ▶ answers you, ◌ answers in shadow beside it; a + "
        "after it: the card beside says more. Each score is on the answers held out when the version was made (the "
        "factory's: on those of the newest verdict against it), so two need not compare: C does, on clips new to both."
    )

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__({}, titles=True, id=id)
        self._shown: tuple[str, ...] = ()
        self._primary = ""
        self._reading: Models | None = None

    def on_resize(self) -> None:
        if self._fitting() != self._shown:
            self._draw()

    def show_versions(self, data: Models) -> None:
        """Draw a reading."""
        self._reading = data
        self._draw()

    def _draw(self) -> None:
        """Draw the versions, in other columns where there is room for other ones."""
        data, chosen, fitting = self._reading, self.chosen, self._fitting()
        primary = "Score" if data is None else data.primary
        if (fitting, primary) != (self._shown, self._primary):
            self._shown, self._primary = fitting, primary
            self.set_columns({title: COLUMNS[title] for title in fitting}, {"Score": primary})
        if data is None:
            return
        rows = {version.name: self._cells(version, data) for version in data.versions}
        self.show(rows)
        # The first look falls on who answers.
        wanted = chosen if chosen in rows else data.active.champion
        if self.chosen != wanted:
            self.choose(wanted)

    def _fitting(self) -> tuple[str, ...]:
        room, found = self.size.width - SCROLLBAR, list[str]()
        for title, width in COLUMNS.items():
            room -= width + PADDING
            if room < 0 and found:
                break
            found.append(title)
        return tuple(found)

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
            "Score": Content(model_words.score(version)),
            "Verdict": Content.styled(verdict, verdict_colour),
            "Interval": Content(model_words.interval(version.measured)),
            "Made": Content.styled(model_words.made(card), "$foreground-muted"),
            "From": Content(card.base or "-" if card is not None else "?"),
            "Name": Content(model_words.name(card)),
        }
        return tuple(cells[title] for title in self._shown)
