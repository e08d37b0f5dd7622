"""A list to choose from by arrows, j and k, or the number that stands before a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

DIGITS = range(1, 10)


class Choices(OptionList):
    """Choices, numbered if asked; a number moves there and enter takes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        *(Binding(str(digit), f"number({digit})", show=False) for digit in DIGITS),
    ]

    @classmethod
    def numbered(cls, labels: Sequence[str], *, id: str) -> Choices:  # noqa: A002 - Textual's name
        """Labels with numbers before the first nine."""
        return cls(*(_option(number, label) for number, label in enumerate(labels, 1)), id=id)

    def action_number(self, number: int) -> None:
        """Go to the choice with this number."""
        if number <= self.option_count:
            self.highlighted = number - 1


def _option(number: int, label: str) -> Option:
    return Option(Content.assemble((f"{number} " if number in DIGITS else "  ", "$foreground-muted"), label))
