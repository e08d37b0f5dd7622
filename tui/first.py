"""The first run: the words that lead from an empty workspace to the first answer. Pure functions, no widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.snapshot import Snapshot
    from tui.feed import Feed

LEARNS = {
    "label": "labels for scenes of a video",
    "text": "what is said, read from the lips",
    "score": "how good a picture is",
}
DRAWING = "Drawing demo clips… They open when they are done."


def welcome(snapshot: Snapshot) -> list[tuple[str, str]]:
    """What an empty workspace says, as (text, style) lines; `style` is a colour variable, "bold", or ""."""
    return [
        ("Welcome. Three steps lead to your first correction:", "bold"),
        ("", ""),
        ("First, something to look at:", ""),
        ("  d   demo clips, drawn on this machine", "$text-primary"),
        ("  w   the webcam", "$text-primary"),
        ("  s   a file, a folder or a stream", "$text-primary"),
        ("Then let the model answer, and say with e whether it was right.", ""),
        ("", ""),
        (f"Task: {snapshot.task} ({LEARNS[snapshot.kind]}); t chooses another.", "$foreground-muted"),
        ("Nothing leaves this machine. esc closes this.", "$foreground-muted"),
    ]


def drawing(done: int, total: int) -> str:
    """While the demo clips are made."""
    return f"Drawing demo clips: {done} of {total}. They open when they are done."


def step(snapshot: Snapshot, feed: Feed | None, *, busy: bool) -> str:
    """Which key comes next."""
    if feed is not None and feed.recording:
        return "First run: press space to stop the recording."
    if busy:
        return "First run: the model looks at the clip…"
    if snapshot.rows:
        return "First run: press e to say whether the answer on the chosen clip is right."
    if feed is None:
        return "First run: press s to choose a source, or d for demo clips."
    if feed.dead:
        return "First run: no picture comes. Press s for another source, or d for demo clips."
    if feed.live:
        return "First run: press space to record a clip, and space again to stop."
    return "First run: press enter to judge all of it, or space to record a part."


def done(snapshot: Snapshot) -> str:
    """The notice after the first answer."""
    words = "✓ That was your first answer. 2 lists the clips that are worth an answer next"
    return f"{words}." if snapshot.every is None else f"{words}; every {snapshot.every} answers train a new version."
