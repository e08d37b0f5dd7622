"""What the terminal's benchmark shows: a noisy moving video, and workspaces with many samples or with a training."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np

from core.demo import frames
from core.media.encode import write_video
from tui.app import RushesApp
from tui.widgets.preview import Preview

FPS, SECONDS = 25.0, 30
SIGMA = 5.0  # of the sensor's noise, in steps of 255


def environment(home: Path, **more: str) -> dict[str, str]:
    """A terminal's environment with folders of its own."""
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "SSH_CONNECTION")}
    homes = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    return env | homes | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "OMP_NUM_THREADS": "1"} | more


def draw_video(path: Path, width: int = 640, height: int = 360) -> Path:
    """A still room, a picture that moves through it, and the noise of a camera: hard to draw, as real ones are."""
    rng = np.random.default_rng(3)
    room = np.resize(frames.draw_picture(4), (height, width, 3)).astype(np.int16)
    walker = frames.draw_picture(9)[: height // 2, : width // 4].astype(np.int16)
    tall, wide = walker.shape[:2]
    noise = [np.rint(rng.normal(0, SIGMA, (height, width, 3))).astype(np.int16) for _ in range(7)]
    shown: list[np.ndarray] = []
    for number in range(round(FPS * SECONDS)):
        image = room.copy()
        left = round((width - wide) * (0.5 + 0.5 * np.sin(number / 20)))
        top = round((height - tall) * (0.5 + 0.5 * np.cos(number / 31)))
        image[top : top + tall, left : left + wide] = walker
        shown.append(np.clip(image + noise[number % 7], 0, 255).astype(np.uint8))
    write_video(path, shown, FPS)
    return path


def terminal_for(root: Path, source: Path, columns: int, rows: int) -> tuple[int, int]:
    """How large a terminal has to be for a preview of so many cells on Capture."""

    async def room(size: tuple[int, int]) -> tuple[int, int]:
        app = RushesApp(root, str(source), "speech")
        async with app.run_test(size=size) as pilot:
            while app.snapshot is None or not app.screen.query_one(Preview).size.height:
                await pilot.pause(0.05)
            return app.screen.query_one(Preview).size

    size = (2 * columns, 2 * rows)
    for _ in range(8):
        got = asyncio.run(room(size))
        if got == (columns, rows):
            return size
        size = (size[0] + columns - got[0], size[1] + rows - got[1])
    raise RuntimeError(f"no terminal gives the preview {columns} x {rows} cells")
