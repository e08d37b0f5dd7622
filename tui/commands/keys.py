"""Which key does what: keys."""

from __future__ import annotations

import typer

from tui.commands.common import AsJson, InWorkspace, emit, say

app = typer.Typer()


@app.command()
def keys(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """All actions of the screens with their ids and keys; change one with: rushes config keys.ID KEYS."""
    from core import settings
    from core.workspace import find_root
    from tui import actions, keymap

    root, _ = find_root(where)
    own, problems = keymap.sound(settings.load(root if root.is_dir() else None).settings.keys)
    for problem in problems:
        say(f"! {problem}")
    rows = [
        {"id": action.id, "keys": own.get(action.id, action.keys), "default": action.keys, "does": action.does}
        for action in actions.ACTIONS
    ]
    emit(rows, as_json, [f"{row['id']:22} {row['keys']:22} {row['does']}" for row in rows])
