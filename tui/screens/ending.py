"""A dialog that may end by itself, when what it was doing in a thread is done, whatever lies on it by then."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import ModalScreen

Result = TypeVar("Result")


class EndingScreen(ModalScreen[Result]):
    """Left with `end`, never with `dismiss`, which closes the screen on top: help or the palette may lie there."""

    _ends = False
    _result: Result | None = None

    def end(self, result: Result | None = None) -> None:
        """Dismiss with a result: at once when this is on top, else as soon as it is again."""
        self._ends, self._result = True, result
        if self.is_active:
            self.dismiss(result)

    def on_screen_resume(self) -> None:
        if self._ends:
            self.end(self._result)
