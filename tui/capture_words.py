"""What Capture says in its title, and on its card while there is no clip. Pure functions, no widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui import wording

if TYPE_CHECKING:
    from core.registry import Serving
    from tui.feed import Feed
    from tui.judge import Judge


def title(task: str, serving: Serving | None, feed: Feed | None, *, problem: str | None, judge: Judge) -> Content:
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
    if judge.busy:
        parts.append((f"   … {judging(judge)}", "$text-warning"))
    return Content.assemble(*parts)


def judging(judge: Judge) -> str:
    """How far it is, how to stop it, and what waits."""
    if judge.total < 2:
        return "judging"
    waits = f", {len(judge.requests)} more after it" if judge.requests else ""
    return f"judging {min(judge.done + 1, judge.total):,} of {judge.total:,}, esc stops{waits}"


def stopped(done: int, total: int) -> str:
    """The notice when judging was stopped."""
    return f"Stopped after {done:,} of {total:,}. What was judged is kept."


def parting(feed: Feed | None, judge: Judge) -> str:
    """What the terminal says of work that was left in the middle; "" where there was none."""
    lines: list[str] = []
    if feed is not None and feed.recording:
        lines.append("The recording is kept. It is judged when Rushes is opened again.")
    if judge.busy and judge.total > 1 and judge.now is not None and not judge.now.samples:
        lines.append(f"{stopped(judge.done, judge.total)} Take the folder again for the others.")
    return "\n".join(lines)


def no_clip(feed: Feed | None) -> str:
    """What to press to get the first clip."""
    if feed is None:
        return "No clip yet.\n\nPress s to choose a source."
    if feed.dead:
        again = "Press space to try again, or s for another source." if feed.live else "Press s for another source."
        return f"No clip yet.\n\nThis source shows nothing.\n{again}"
    if feed.live:
        return "No clip yet.\n\nPress space to record one, and space again to stop."
    return "No clip yet.\n\nPress enter to judge the whole file or folder,\nor space to record a part."


def no_model(problem: str) -> str:
    """No version answers at all."""
    return f"No model answers: {problem}\n\nClips are taken in all the same and can be answered."
