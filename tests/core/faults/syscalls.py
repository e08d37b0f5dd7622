"""Which calls change a disk, by their numbers on x86-64, and what one of them was about to do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# number -> name, argument that holds a descriptor, arguments that hold paths
WRITING: dict[int, tuple[str, int | None, tuple[int, ...]]] = {
    1: ("write", 0, ()),
    2: ("open", None, (0,)),
    18: ("pwrite64", 0, ()),
    20: ("writev", 0, ()),
    40: ("sendfile", 0, ()),
    74: ("fsync", 0, ()),
    75: ("fdatasync", 0, ()),
    76: ("truncate", None, (0,)),
    77: ("ftruncate", 0, ()),
    82: ("rename", None, (0, 1)),
    83: ("mkdir", None, (0,)),
    84: ("rmdir", None, (0,)),
    85: ("creat", None, (0,)),
    86: ("link", None, (0, 1)),
    87: ("unlink", None, (0,)),
    90: ("chmod", None, (0,)),
    91: ("fchmod", 0, ()),
    257: ("openat", None, (1,)),
    258: ("mkdirat", None, (1,)),
    263: ("unlinkat", None, (1,)),
    264: ("renameat", None, (1, 3)),
    265: ("linkat", None, (1, 3)),
    268: ("fchmodat", None, (1,)),
    285: ("fallocate", 0, ()),
    296: ("pwritev", 0, ()),
    316: ("renameat2", None, (1, 3)),
    326: ("copy_file_range", 2, ()),
}
OPENING = {2: 1, 257: 2}  # number -> argument with the flags; only those that make or empty a file are write points
MAKES = os.O_CREAT | os.O_TRUNC
SIZED = ("write", "pwrite64")  # their third argument is the number of bytes
SYNCING = ("fsync", "fdatasync")
# What a full disk refuses; a rename, a removal or shortening is possible there.
GROWING = ("write", "pwrite64", "writev", "pwritev", "mkdir", "mkdirat", "open", "openat", "creat", "fallocate",
           "link", "linkat", "sendfile", "copy_file_range")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A write point: the call's name, the files it is about, the bytes it would write (0 where it writes none)."""

    name: str
    paths: tuple[str, ...]
    size: int = 0


def describe(pid: int, number: int, arguments: tuple[int, ...]) -> Call | None:
    """The call a stopped process is about to make; None where it changes nothing."""
    if number not in WRITING:
        return None
    name, descriptor, places = WRITING[number]
    if number in OPENING and not arguments[OPENING[number]] & MAKES:
        return None
    size = arguments[2] if name in SIZED else 0
    if descriptor is not None:
        return Call(name, (_target(pid, arguments[descriptor]),), size)
    paths = tuple(_absolute(pid, arguments, place, number) for place in places)
    return None if name.startswith("mkdir") and os.path.isdir(paths[0]) else Call(name, paths, size)


def _target(pid: int, descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return ""


def _absolute(pid: int, arguments: tuple[int, ...], place: int, number: int) -> str:
    path = _text(pid, arguments[place])
    if path.startswith("/"):
        return path
    folder = arguments[place - 1] if number > 255 else -100
    start = f"/proc/{pid}/fd/{folder}" if 0 <= folder < 1 << 20 else f"/proc/{pid}/cwd"
    return str(Path(os.readlink(start)) / path)


def _text(pid: int, address: int) -> str:
    """A zero-ended text in another process's memory."""
    found = b""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        while b"\0" not in found and len(found) < 4096:
            memory.seek(address + len(found))
            found += memory.read(256 - (address + len(found)) % 256)  # never across the end of a page
    return os.fsdecode(found.partition(b"\0")[0])
