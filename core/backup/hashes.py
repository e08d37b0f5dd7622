"""Remembers what each file's content was, so that an unchanged workspace need not be read again."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import untrusted
from core.files import write_atomic

FRESH_NS = 50_000_000  # two writes within one tick of the file system's clock (4-10 ms) look the same

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content: its hash, and those of its chunks where there are several."""

    sha256: str
    chunks: tuple[str, ...] = ()


def stamp_of(found: os.stat_result) -> Stamp:
    """Size, times of the last change of content and of anything, inode: other content has another stamp."""
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass
class Hashes:
    """The cache of one workspace; a damaged or missing file is an empty one."""

    path: Path
    before: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    now: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    @staticmethod
    def load(path: Path) -> Hashes:
        return Hashes(path, untrusted.table(path))

    def get(self, name: str, stamp: Stamp) -> Content | None:
        """What was in the file when it looked like this."""
        kept = self.before.get(name)
        if not isinstance(kept, list) or len(kept) != 6 or tuple(kept[:4]) != stamp:
            return None
        self.now[name] = kept
        return Content(kept[4], tuple(kept[5]))

    def put(self, name: str, stamp: Stamp, content: Content) -> None:
        """Remember it, unless the file was changed so lately that another change may look the same."""
        if abs(time.time_ns() - stamp[2]) > FRESH_NS:
            self.now[name] = [*stamp, content.sha256, list(content.chunks)]

    def save(self) -> None:
        """Keep what was asked for or learnt since loading."""
        if self.now != self.before:
            write_atomic(self.path, json.dumps(self.now, separators=(",", ":")))
