"""The scheduler as a process of its own (`rushes scheduler run`): until somebody asks it to end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from core.schedule import taken
from core.schedule.clock import Clock
from core.workspace import Workspace

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run(space: Workspace, say: Callable[[str], None]) -> None:
    """Run what is due until SIGTERM, SIGINT or SIGHUP; call it from the main thread.

    Where another process is the scheduler, this one stands by and takes over when that one is gone.
    """
    clock = Clock(space, on_owner=lambda: say(f"process {os.getpid()} is the scheduler of {space.root} now"))
    ended, end = os.pipe()

    # A byte in a pipe is all a handler may safely leave behind; a lock could be held by the thread it interrupts.
    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        os.write(end, b".")

    # Started with nohup, the end of the terminal must not end it.
    heeded = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heeded}
    try:
        if not clock.start():
            say(f"{taken(space).what}; this one stands by")
        os.read(ended, 1)
        say("ending what runs")
        clock.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(ended)
        os.close(end)
