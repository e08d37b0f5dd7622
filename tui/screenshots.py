"""Pictures of the six screens for the README: `python -m tui.screenshots docs/screens`.

Draws clips, trains on them in a temporary workspace, opens each screen on it and writes an SVG of what it shows.
"""

from __future__ import annotations

import asyncio
import csv
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import RushesError
from tui.app import RushesApp
from tui.widgets.title import SECTIONS

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from core.demo.user import DrawnClip
    from core.workspace import Workspace

SIZE = (120, 36)
IMPORTED, CAPTURED, SPOKEN = 54, 36, 3  # clips; the first train a version, most of the second are then answered
LEFT = 8  # captured ones that wait for an answer
PATIENCE_S = 30.0
TASKS = {"capture": "speech", "insights": "scenes"}  # the rest: ratings, of which a version was trained
# The SVG names a font on another host; nothing of ours asks there, and a README's viewer may not.
FONTS = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


def main(out: Path) -> int:
    """Write the pictures; 1 if some screen could not be shown, each named on standard error."""
    out.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="rushes-") as temporary:
        here = Path(temporary)
        os.environ |= {"XDG_CONFIG_HOME": str(here / "config"), "COLORTERM": "truecolor", "TERM": "xterm-256color"}
        clip = _fill(here / "films", here / "clips")
        for name in SECTIONS:
            try:
                drawn = asyncio.run(_picture(here / "films", name, str(clip) if name == "capture" else None))
            except Exception as error:  # a screen that fails must not hide the others
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
                failed.append(name)
            else:
                (out / f"{name}.svg").write_text(drawn)
                print(f"{out / name}.svg  {len(drawn) / 1000:.0f} KB")
    return 1 if failed else 0


def _fill(root: Path, folder: Path) -> Path:
    """Make the workspace; returns a clip to show on Capture."""
    from core import automation, importing, loop, schedule, snapshot
    from core.capture.consent import give_consent
    from core.demo.user import user_clips
    from core.training import jobs

    space = loop.open_workspace(root)
    taught = user_clips("ratings", IMPORTED, 1, folder / "taught")
    importing.run(space, _manifest(folder / "taught", taught), "ratings")
    *_, ended = jobs.follow(space, jobs.every(space)[0].job_id)
    if ended.state != "Completed":
        raise RushesError(f"the demo's training ended as {ended.state}: {ended.error}")
    _answer(space, "ratings", user_clips("ratings", CAPTURED, 2, folder / "pictures"), LEFT)
    _answer(space, "scenes", user_clips("scenes", CAPTURED, 3, folder / "scenes"), LEFT)
    give_consent(space, "speech", by="screenshots")
    spoken = user_clips("speech", SPOKEN, 4, folder / "talk")
    _answer(space, "speech", spoken, 2)
    automation.rate(space, 8.7)
    for row in [row for row in snapshot.take(space, "scenes").rows if row.state == "pending"][:2]:
        automation.publish(space, row.sample, "youtube")
    for entry in [entry for entry in schedule.status(space)["entries"] if entry["available"]]:
        schedule.run_now(space, entry["name"])
    space.close()
    return spoken[0].path


def _manifest(folder: Path, clips: list[DrawnClip]) -> Path:
    path = folder / "manifest.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "score", "group"])
        rows.writerows([clip.path.name, clip.truth, clip.group] for clip in clips)
    return path


def _answer(space: Workspace, task: str, clips: list[DrawnClip], left: int) -> None:
    """Capture and predict clips as they come, and answer all but the last ones with their owner's truth."""
    from core import loop, registry, tasks
    from core.capture.intake import About, Refused

    predictor, owner = registry.serving(space, task).predictor, tasks.get(task)
    for number, clip in enumerate(clips):
        for taken in loop.capture(space, [clip.path], task, About(group=clip.group)):
            if isinstance(taken, Refused):
                raise RushesError(f"a drawn clip was refused: {taken.reason}", where=taken.file)
            (said,) = loop.predict(space, predictor, [taken])
            if number < len(clips) - left:
                right = said.value is not None and owner.equal(clip.truth, said.value)
                loop.correct(space, [(taken, None if right else clip.truth)], picked_by="random", trigger=False)


async def _picture(root: Path, name: str, source: str | None) -> str:
    """What a screen shows once it has come to rest."""
    app = RushesApp(root, source, TASKS.get(name, "ratings"))
    async with app.run_test(size=SIZE) as pilot:
        try:
            await _shown(pilot, name, source)
            return FONTS.sub("", await _at_rest(pilot))
        finally:
            await app.action_quit()  # else the threads of an app that failed would wait for ever


async def _shown(pilot: Pilot[Any], name: str, source: str | None) -> None:
    app = pilot.app
    assert isinstance(app, RushesApp)
    await _until(pilot, lambda: app.problem or (app.snapshot is not None and app.serving is not None), name)
    if source is not None:
        await _until(pilot, lambda: getattr(getattr(app.screen, "feed", None), "over", False), "the clip's end")
    if name != "capture":
        await pilot.press(str(1 + SECTIONS.index(name)))
        await _until(pilot, lambda: getattr(app.screen, "data", None) is not None, f"the reading of {name}")


async def _at_rest(pilot: Pilot[Any]) -> str:
    """The picture, once it stayed the same for a moment; the newest one if it never does."""
    drawn = ""
    for _ in range(40):
        await pilot.pause(0.25)
        before, drawn = drawn, pilot.app.export_screenshot(title="Rushes")
        if drawn == before:
            break
    return drawn


async def _until(pilot: Pilot[Any], seen: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not seen():
        if time.monotonic() > end:
            raise RushesError(f"never came: {what}")
        await pilot.pause(0.05)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where the pictures go: python -m tui.screenshots docs/screens")
    sys.exit(main(Path(sys.argv[1])))
