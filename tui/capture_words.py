"""What Capture says in its title, and on its card while there is no clip. Pure functions, no widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui import wording

if TYPE_CHECKING:
    from core.registry import Serving
    from tui.feed import Feed


def title(task: str, serving: Serving | None, feed: Feed | None, *, problem: str | None, judging: bool) -> Content:
    """Task, version, source, and what is going on.

    Args:
        problem: why the champion does not answer.
    """
    version = serving.predictor.version if serving is not None else "no model" if problem else "loading"
    parts: list[str | Content | tuple[str, str]] = [
        (" Rushes ", "bold $text-primary"),
        (f" {task}", "bold"),
        f" · {version}",
    ]
    if problem and serving is not None:
        parts.append((" ! not the champion", "$text-error"))
    elif serving is not None and serving.override:
        parts.append((" ! set by the environment", "$text-warning"))
    if feed is not None:
        parts.append((f"   {feed.name}", "$foreground-muted"))
        if feed.recording:
            parts.append((f"   ● REC {int(feed.recorded_s)} s", "bold $text-error"))
            parts.append((f" · {wording.sound_level(feed.level)}", "$foreground-muted"))
        elif feed.over:
            parts.append(("   ended", "$foreground-muted"))
    if judging:
        parts.append(("   … judging", "$text-warning"))
    return Content.assemble(*parts)


def no_clip(feed: Feed | None) -> str:
    """What to press to get the first clip."""
    if feed is None:
        return "No clip yet.\n\nPress s to choose a source."
    if feed.live:
        return "No clip yet.\n\nPress space to record one, and space again to stop."
    return "No clip yet.\n\nPress enter to judge the whole file or folder,\nor space to record a part."


def no_model(problem: str) -> str:
    """No version answers at all."""
    return f"No model answers: {problem}\n\nClips are taken in all the same and can be answered."
