"""The screens as a person's terminal has them: `python -m tests.benchmarks.terminal [--json] [--only PART ...]`.

Drives the real program on a pty. First paint is compared with the smallest Textual program, in the same run. A loaded
machine makes times longer: each part says the load it ended under, and processor time beside wall time where it can.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import string
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core import importing, loop
from core.training import jobs
from tests.benchmarks import pty_bare, pty_scenes, queue
from tests.benchmarks.pty_scenes import environment
from tests.benchmarks.pty_terminal import Terminal, Update, pictures

PAINTS = 7
IDLE_S, WATCHED_S = 5.0, 8.0
SAMPLES = 100_000
SCROLL_S, REPEAT_S = 6.0, 1 / 30  # a held key
LINK = 500_000.0  # bytes a second
KEYS = string.ascii_letters + string.digits
LINE = 30  # letters a field shows at once
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
Result = dict[str, Any]


@contextmanager
def rushes(root: Path, *arguments: str, size: tuple[int, int], rate: float | None = None, **env: str
           ) -> Generator[Terminal]:  # fmt: skip
    """The program on a workspace, ended afterwards."""
    command = [sys.executable, "-m", "tui.cli", "--workspace", str(root), *arguments]
    with Terminal(command, *size, environment(root.parent / "home", **env), rate) as terminal:
        yield terminal


def p95(seconds: list[float]) -> float:
    """The 95th percentile in milliseconds."""
    return round(1000 * sorted(seconds)[max(0, -(-95 * len(seconds) // 100) - 1)], 1)


def first_paint(folder: Path) -> Result:
    """From the fork to the first words, ours and the smallest program's in turn."""
    bare, ours = [sys.executable, "-m", pty_bare.__name__], folder / "empty"
    found: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
    for _ in range(PAINTS):
        with Terminal(bare, 120, 40, environment(folder / "home")) as terminal:
            found["bare"].append((terminal.wait_early(pty_bare.MARKER.encode()), terminal.cpu_seconds()))
        with rushes(ours, size=(120, 40)) as terminal:
            found["ours"].append((terminal.wait_early(b"Rushes"), terminal.cpu_seconds()))
    (bare_s, bare_cpu), (our_s, our_cpu) = (
        tuple(statistics.median(pair[part] for pair in found[who]) for part in (0, 1)) for who in ("bare", "ours")
    )
    return {
        "first_paint_ratio": round(our_s / bare_s, 2),
        "first_paint_ms": [round(1000 * our_s), round(1000 * bare_s)],
        "first_paint_cpu_ratio": round(our_cpu / bare_cpu, 2),
    }


def idle(folder: Path) -> Result:
    """Bytes written while nothing happens."""
    with rushes(folder / "empty", size=(120, 40)) as terminal:
        terminal.wait_early(b"Rushes")
        terminal.settle()
        before = terminal.taken
        time.sleep(IDLE_S)
        return {"idle_bytes_5s": terminal.taken - before}


def many(folder: Path) -> Result:
    """Opening Review on many samples, and a held arrow in it."""
    space = loop.open_workspace(folder / "many")
    queue.fill(space, SAMPLES)
    space.close()
    with rushes(folder / "many", "--task", "scenes", size=(120, 40)) as terminal:
        terminal.wait(lambda update: f"{SAMPLES} waiting" in update.words)
        terminal.settle()
        opened = [_open_review(terminal) for _ in range(5)]
        terminal.type("2")
        terminal.settle()
        started, waits = terminal.cpu_seconds(), _held(terminal, "j")
        cpu = terminal.cpu_seconds() - started
        pages = _held(terminal, "\x1b[6~")
    return {
        "list_100k_ms": round(1000 * opened[0][0]),
        "list_100k_again_ms": round(1000 * statistics.median(wall for wall, _ in opened[1:])),
        "list_100k_cpu_ms": [round(1000 * cpu) for _, cpu in opened],
        "scroll_p95_ms": p95(waits),
        "scroll_page_p95_ms": p95(pages),
        "scroll_cpu_ms": round(1000 * cpu / len(waits), 1),
    }


def _open_review(terminal: Terminal) -> tuple[float, float]:
    """Seconds, and processor seconds, from the key to the first rows; then back to Capture."""
    started, pressed = terminal.cpu_seconds(), terminal.type("2")
    shown = terminal.wait(lambda update: update.words.count("shared.avi") + update.words.count("low") > 5, pressed)
    found = shown.at - pressed, terminal.cpu_seconds() - started
    terminal.settle(1.0)
    pressed = terminal.type("1")
    terminal.wait(lambda update: "Rec" in update.words, pressed)
    terminal.settle(1.0)
    return found


def _held(terminal: Terminal, key: str) -> list[float]:
    """Seconds from each press of a held key to the next change of the screen."""
    end, waits = time.perf_counter() + SCROLL_S, list[float]()
    while time.perf_counter() < end:
        pressed = terminal.type(key)
        waits.append(terminal.wait(lambda update: bool(update.data), pressed).at - pressed)
        time.sleep(max(0.0, pressed + REPEAT_S - time.perf_counter()))
    return waits


def preview(folder: Path) -> Result:
    """Pictures drawn a second at 160 x 90 pixels, and what they cost."""
    found: Result = {}
    for task in ("scenes", "speech"):  # speech looks for the mouth besides
        root, video, size = _watching(folder, 160, 45)
        with rushes(root, "--source", str(video), "--task", task, size=size) as terminal:
            terminal.wait(lambda update: update.is_picture)
            time.sleep(2.0)
            seen, cpu, taken, began = len(terminal.updates), terminal.cpu_seconds(), terminal.taken, time.perf_counter()
            time.sleep(WATCHED_S)
            wall = time.perf_counter() - began
            drawn = pictures(terminal.updates[seen:])
            suffix = "" if task == "scenes" else "_with_mouth"
            found |= {
                f"preview_fps{suffix}": round(drawn / wall, 1),
                f"preview_cpu{suffix}": round(100 * (terminal.cpu_seconds() - cpu) / wall, 1),
                f"preview_kb_s{suffix}": round((terminal.taken - taken) / wall / 1000),
            }
    return found


def slow_link(folder: Path) -> Result:
    """Pictures and letters over 500 KB/s, at 80 x 44 pixels."""
    root, video, size = _watching(folder, 80, 22)
    found: Result = {}
    for suffix, more in (("", SSH), ("_24_bit", SSH | {"RUSHES_SCREEN__COLOUR": "true"})):
        with rushes(root, "--source", str(video), "--task", "speech", size=size, rate=LINK, **more) as terminal:
            terminal.wait(lambda update: update.is_picture)
            _into_field(terminal)
            seen, taken, began = len(terminal.updates), terminal.taken, time.perf_counter()
            waits = _typed(terminal, 60)
            wall = time.perf_counter() - began
            found |= {
                f"slow_link_fps{suffix}": round(pictures(terminal.updates[seen:]) / wall, 1),
                f"slow_link_key_p95_ms{suffix}": p95(waits),
                f"slow_link_kb_s{suffix}": round((terminal.taken - taken) / wall / 1000),
            }
    return found


def while_training(folder: Path) -> Result:
    """Letters while a worker trains for the same workspace."""
    from core.demo.user import user_clips

    clips = user_clips("ratings", 120, 5, folder / "clips")
    lines = ["file,score,group", *(f"{clip.path.name},{clip.truth},{clip.group}" for clip in clips)]
    (folder / "clips" / "manifest.csv").write_text("\n".join(lines) + "\n")
    space = loop.open_workspace(folder / "training")
    waits: list[float] = []
    with rushes(folder / "training", "--task", "speech", size=(120, 40)) as terminal:
        terminal.wait(lambda update: "Speaker" in update.words)
        _into_field(terminal)
        importing.run(space, folder / "clips" / "manifest.csv", "ratings")
        job = jobs.every(space)[0].job_id
        states: set[str] = set()
        while (now := jobs.get(space, job)).state not in jobs.ENDED:
            if now.state == "Running":
                waits += _typed(terminal, 5)
                states.add(now.stage)
    space.close()
    return {
        "key_p95_ms_while_training": p95(waits),
        "keys_while_training": len(waits),
        "training_ended": now.state,
        "training_stages": sorted(states),
    }


def _watching(folder: Path, columns: int, rows: int) -> tuple[Path, Path, tuple[int, int]]:
    """A workspace, a video, and the terminal that gives the preview so many cells."""
    video = folder / "walk.avi"
    if not video.exists():
        pty_scenes.draw_video(video)
    return folder / "empty", video, pty_scenes.terminal_for(folder / "empty", video, columns, rows)


def _into_field(terminal: Terminal) -> None:
    time.sleep(2.0)
    terminal.wait(_shows("x"), terminal.type("ix"))


def _typed(terminal: Terminal, count: int) -> list[float]:
    """Seconds from each letter to its picture in the field; the field is emptied first."""
    terminal.type("\x15")
    waits: list[float] = []
    for number in range(count):
        if number % LINE == 0:
            terminal.type("\x15")
            time.sleep(0.1)
        line = "".join(KEYS[one % len(KEYS)] for one in range(number - number % LINE, number + 1))
        pressed = terminal.type(line[-1])
        waits.append(terminal.wait(_shows(line), pressed).at - pressed)
        time.sleep(0.09 + 0.013 * (number % 7))  # out of step with the pictures
    return waits


def _shows(line: str) -> Callable[[Update], bool]:
    return lambda update: line in update.words


PARTS: dict[str, Callable[[Path], Result]] = {
    "paint": first_paint, "idle": idle, "many": many, "preview": preview, "slow": slow_link, "training": while_training,
}  # fmt: skip


def main() -> None:
    """Measure all parts, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    wanted = parser.parse_args()
    result: Result = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loop.open_workspace(folder / "empty").close()
        for part in wanted.only:
            result |= PARTS[part](folder) | {f"load_{part}": round(os.getloadavg()[0], 1)}
            print(f"{part} done", file=sys.stderr)
    print(json.dumps(result) if wanted.json else "\n".join(f"{key}: {value}" for key, value in result.items()))


if __name__ == "__main__":
    main()
