"""An edit line whose keys act in the order they were typed."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import Input


class Line(Input):
    """Textual's Input inserts letters at once but lets backspace and the arrows travel up to the app and back.

    Keys that a slow link delivers together would then act in another order than typed: "now", three backspaces and
    "soon" became "nows". Here its own keys act where the letters do.
    """

    async def _on_key(self, event: Key) -> None:
        known = None if event.is_printable else self._bindings.key_to_bindings.get(event.key)
        if known:
            event.stop()
            event.prevent_default()
            await self.run_action(known[0].action)
        else:
            await super()._on_key(event)
