"""10,000 hostile inputs through all doors: none may end in a traceback or take longer than a second.

python -m tests.benchmarks.safety.fuzz [COUNT] [SEED]
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from tests.benchmarks.safety.bench import Bench
from tests.benchmarks.safety.doors import DOORS, Door

HANG_S = 1.0  # for one input
GIVE_UP_S = 60  # for one round
HOMES = ("CONFIG", "DATA", "CACHE", "STATE")


@dataclass(frozen=True, slots=True)
class Finding:
    """A round that ended badly; door and seed make it again."""

    door: str
    seed: int
    what: str


class _StuckError(BaseException):
    """Not an `Exception`, so that nothing on the way takes it for an answer."""


def run(count: int = 10_000, seed: int = 1) -> dict[str, Any]:
    """Give so many inputs; returns how many there were and how many ended in a traceback or hung."""
    fuzzed, found = rounds(count, seed)
    for one in found:
        print(f"{one.door} {one.seed}: {one.what}", file=sys.stderr)
    hangs = sum(one.what.startswith("hang") for one in found)
    return {"fuzzed": fuzzed, "tracebacks": len(found) - hangs, "hangs": hangs}


def rounds(count: int, seed: int, only: Door | None = None) -> tuple[int, list[Finding]]:
    """The inputs given and what was found."""
    doors = {only: 1.0} if only else dict(DOORS)
    given = dict.fromkeys(doors, 0)
    found: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder, own_home(Path(folder) / "home"):
        bench = Bench.make(Path(folder))
        turn = 0
        while sum(given.values()) < count:
            # Whichever door is furthest behind its share.
            door = min(doors, key=lambda one: given[one] / doors[one])
            turn += 1
            one_seed = seed * 1_000_000 + turn
            inputs, finding = one_round(door, one_seed, bench)
            given[door] += inputs
            if finding:
                found.append(finding)
    return sum(given.values()), found


def one_round(door: Door, seed: int, bench: Bench) -> tuple[int, Finding | None]:
    """One round of a door; one that seems to hang is given again, since the machine may have been busy."""
    for attempt in (1, 2):
        begin = time.process_time()
        try:
            with _alarm():
                inputs = door(Random(seed), bench)
        except _StuckError:
            return 1, Finding(door.__name__, seed, f"hangs for {GIVE_UP_S} s")
        except Exception as error:  # every kind is a finding
            last = traceback.format_exception(error)[-3:]
            return 1, Finding(door.__name__, seed, f"{type(error).__name__}: {' '.join(last)[-500:]}")
        spent = time.process_time() - begin
        if spent <= HANG_S * max(inputs, 1):
            break
        if attempt == 2:
            return inputs, Finding(door.__name__, seed, f"hangs: {spent:.1f} s for {inputs} inputs")
    return inputs, None


@contextmanager
def own_home(home: Path) -> Generator[None]:
    """Nothing reaches the user's own settings and keys."""
    wanted = {f"XDG_{name}_HOME": str(home / name.lower()) for name in HOMES}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _alarm() -> Generator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise _StuckError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(GIVE_UP_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    print(run(*(int(text) for text in sys.argv[1:3])))
