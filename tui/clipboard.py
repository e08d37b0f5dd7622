"""Copying a text: the terminal is asked first (OSC 52, which works over SSH), then the machine's own clipboard.

Neither answers reliably, so the text is also left in a file whose name the notice gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import App

MOST = 74_994  # bytes; many terminals take no longer OSC 52 sequence


def copy(app: App[None], text: str, folder: Path) -> str:
    """Copy a text; never raises.

    Args:
        folder: where `copied.txt` is left, readable by its owner alone.

    Returns:
        One sentence about what was done.
    """
    done: list[str] = []
    if len(text.encode()) <= MOST:
        app.copy_to_clipboard(text)
        done.append("the terminal was asked to copy it")
    if _local(text):
        done.append("it is on this machine's clipboard")
    try:
        write_atomic(folder / "copied.txt", text)
        done.append(f"it is in {folder / 'copied.txt'}")
    except OSError:
        pass
    return (
        f"Copied: {', '.join(done)}." if done else "It could not be copied: no clipboard, and no file may be written."
    )


def _local(text: str) -> bool:
    import pyperclip

    try:
        pyperclip.copy(text)
    except (pyperclip.PyperclipException, OSError):  # no display, no tool, or a tool that fails
        return False
    return True
