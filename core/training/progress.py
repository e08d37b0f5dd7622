"""A job's `progress.jsonl`: the training process appends, anybody reads; a torn or foreign line costs only itself."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from core import untrusted

Json = dict[str, Any]
NAME = "progress.jsonl"
TRAINING = (20.0, 80.0)  # seed 002's band of the training itself, the only one with an even pace
TAIL = 1 << 16  # bytes read to find the newest line; a line has some hundred


@dataclass(slots=True)
class Pace:
    """How fast the training band passes, as measured in this very job.

    Attributes:
        after_s: seconds that evaluating, exporting and deploying took the last time; None where never measured.
    """

    after_s: float | None = None
    _first: tuple[float, float] | None = None  # (seconds, progress) at the first look into the band
    _left: float | None = None  # seconds at which the band was left

    def eta(self, progress: float, now: float) -> float | None:
        """Seconds to the end, None before there is a measurement.

        Args:
            now: seconds of any steady clock.
        """
        low, high = TRAINING
        if progress < low:
            return None
        if progress >= high:
            self._left = now if self._left is None else self._left
            return None if self.after_s is None else max(0.0, self.after_s - (now - self._left))
        if self._first is None:
            self._first = (now, progress)
        begun, at = self._first
        if progress <= at:
            return None
        pace = (now - begun) / (progress - at)
        return (high - progress) * pace + (self.after_s if self.after_s is not None else (100 - high) * pace)


@dataclass(slots=True)
class Progress:
    """Appends lines to a job's progress file and sums up how long each stage took.

    Attributes:
        path: the file.
        after_s: see `Pace`.
        timings: seconds per stage that has ended.
    """

    path: Path
    after_s: float | None = None
    timings: dict[str, float] = field(default_factory=dict[str, float])
    _pace: Pace = field(init=False)
    _handle: int = field(init=False)
    _stage: tuple[str, float] | None = None

    def __post_init__(self) -> None:
        self._pace = Pace(self.after_s)
        self._handle = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def say(self, progress: float, stage: str, **more: Any) -> None:
        """Note how far the job is (0..100), what it is doing, and anything a screen may draw."""
        now = time.monotonic()
        self._count(stage, now)
        eta = self._pace.eta(progress, now)
        line = {"at": time.time(), "progress": round(progress, 2), "stage": stage, "eta_seconds": eta, **more}
        # A full disk ends the training at a file that matters, with a sentence; here it only costs the line.
        with suppress(OSError):
            os.write(self._handle, json.dumps(line, ensure_ascii=False, default=str).encode() + b"\n")

    def _count(self, stage: str, now: float) -> None:
        if self._stage is not None:
            name, since = self._stage
            self.timings[name] = round(self.timings.get(name, 0.0) + now - since, 3)
        self._stage = (stage, now)

    def close(self) -> None:
        os.close(self._handle)


def lines(folder: Path) -> list[Json]:
    """All readable progress lines of the job in `folder`, oldest first."""
    try:
        raw = (folder / NAME).read_bytes()
    except OSError:
        return []
    return list(_parsed(raw.split(b"\n")))


def last(folder: Path) -> Json:
    """The newest readable progress line, {} if there is none; reads the end of the file only."""
    try:
        with (folder / NAME).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            raw = file.read()
    except OSError:
        return {}
    return next(_parsed(reversed(raw.split(b"\n"))), {})


def stamp(folder: Path) -> tuple[int, ...]:
    """Changes with every line, and when the file is cut or replaced."""
    try:
        found = (folder / NAME).stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _parsed(raw: Iterator[bytes] | list[bytes]) -> Iterator[Json]:
    for part in raw:
        try:
            line: Any = untrusted.loads(part)
        except ValueError:
            continue
        if isinstance(line, dict) and _is_whole(cast("Json", line)):
            yield cast("Json", line)


def _is_whole(line: Json) -> bool:
    eta = line.get("eta_seconds")
    return (
        _is_number(line.get("progress"))
        and isinstance(line.get("stage", ""), str)
        and (eta is None or _is_number(eta))
        and _is_number(line.get("at", 0))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
