"""The last line of every screen: the keys that work now. One widget: Textual's footer makes one of each key, which
took half of the time in which a screen opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import events
from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.screen import Screen

LAST = ("help", "command_palette")  # actions: where everything else is found


@dataclass(frozen=True, slots=True)
class Entry:
    """A key as it is shown; `key` is what pressing it sends."""

    key: str
    shown: str
    label: str
    tooltip: str
    enabled: bool

    @property
    def width(self) -> int:
        """Cells."""
        return len(self.shown) + len(self.label) + 3


class Keys(Widget, can_focus=False):
    """The keys of what has focus and of its screen; those of help and palette at the right. A click presses the key."""

    DEFAULT_CSS = """
    Keys {
        dock: bottom; height: 1; background: $panel; color: $footer-foreground;
        text-wrap: nowrap; text-overflow: clip;
    }
    """
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[Entry, ...] = ()
        self._right: tuple[Entry, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self.call_after_refresh(self._look)

    def _changed(self, screen: Screen[Any]) -> None:
        if screen is self.screen and self.app.app_focus:
            self._look()

    def _look(self) -> None:
        entries: dict[str, Entry] = {}
        right: dict[str, Entry] = {}
        for _, binding, enabled, tooltip in self.screen.active_bindings.values():
            says = tooltip or binding.tooltip or binding.description
            entry = Entry(binding.key, self.app.get_key_display(binding), binding.description, says, enabled)
            if binding.action in LAST:
                right.setdefault(binding.action, entry)
            elif binding.show:
                entries.setdefault(binding.action, entry)
        found = tuple(entries.values()), tuple(right.values())
        if found != (self._entries, self._right):
            self._entries, self._right = found
            self.refresh()

    def _placed(self) -> list[tuple[int, Entry]]:
        """Where each entry begins; what has no room is left out, whole."""
        room = self.size.width - sum(entry.width for entry in self._right)
        placed: list[tuple[int, Entry]] = []
        at = 0
        for entry in self._entries:
            if at + entry.width > room:
                break
            placed.append((at, entry))
            at += entry.width
        for entry in self._right:
            placed.append((room, entry))
            room += entry.width
        return placed

    def render(self) -> Content:
        """The entries side by side."""
        line, at = Content(""), 0
        for start, entry in self._placed():
            dim = "" if entry.enabled else " dim"
            line = Content.assemble(
                line,
                " " * (start - at),
                (f" {entry.shown} ", f"bold $footer-key-foreground{dim}"),
                (f"{entry.label} ", f"$footer-description-foreground{dim}"),
            )
            at = start + entry.width
        return line

    def _under(self, column: int) -> Entry | None:
        return next((entry for at, entry in self._placed() if at <= column < at + entry.width), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        under = self._under(event.x)
        self.tooltip = under.tooltip if under else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        entry = self._under(event.x)
        if entry is None:
            return
        if entry.enabled:
            self.app.simulate_key(entry.key)
        else:
            self.app.bell()
