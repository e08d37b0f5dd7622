"""What this machine has: memory within a container's limit, GPU, the file system under a folder, folders to write in.

Only measures; what a training needs is `preflight`'s. GB are 10^9 bytes, so that a machine sold with 8 GB has them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GB = 1e9
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre",
                     "ncpfs", "beegfs", "gpfs", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
                     "fuse.davfs", "davfs"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Memory:
    """GB; `limited` is true where a control group allows less than the machine has."""

    total: float
    available: float
    limited: bool


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU's name and its memory in GB."""

    name: str
    memory: float


def memory() -> Memory:
    """What a training may use of the memory."""
    import psutil

    found = psutil.virtual_memory()
    limit = memory_limit()
    total = min(found.total, limit or found.total)
    return Memory(round(total / GB, 1), round(min(found.available, total) / GB, 1), total < found.total)


def memory_limit(proc: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The tightest limit of this process's control group and its parents, bytes; None where there is none."""
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return None
    limits: list[int] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers == "":
            limits += _limits(mount, group, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits(mount / "memory", group, "memory.limit_in_bytes")
    return min(limits, default=None)


def _limits(mount: Path, group: str, name: str) -> list[int]:
    folder = mount / group.lstrip("/")
    found: list[int] = []
    # Inside a container the group's path is the host's, but the mount point is the container's own group.
    for place in (folder, *folder.parents):
        with suppress(OSError, ValueError):  # not there, or "max"
            found.append(int((place / name).read_text()))
        if place == mount:
            break
    return found


def free_disk(folder: Path) -> float:
    """GB that may still be written there."""
    return round(shutil.disk_usage(folder).free / GB, 1)


def gpu() -> Gpu | None:
    """The first GPU torch can use. Imports torch: 2.6 s, so never in the screens' process."""
    import torch

    if not torch.cuda.is_available():
        return None
    total = torch.cuda.get_device_properties(0).total_memory
    return Gpu(torch.cuda.get_device_name(0), round(total / GB, 1))


def unwritable(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """Folders in which a file really cannot be made, with the system's reason."""
    found: list[tuple[Path, str]] = []
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"\0")
                file.flush()
        except OSError as error:
            found.append((folder, error.strerror or "it failed"))
    return found


def network_file_system(folder: Path, mounts: str | None = None) -> str | None:
    """The kind of network file system a folder lies on ("nfs4", "9p"), None on a local one.

    Args:
        mounts: text of /proc/self/mountinfo (proc(5)); read where not given.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        except OSError:
            return None
    place, kind = folder.resolve(), None
    longest = -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        point = Path(_unescaped(fields[4]))
        # Of mounts on one point the last hides the others.
        if place.is_relative_to(point) and len(point.parts) >= longest:
            longest, kind = len(point.parts), kinds[0]
    return kind if kind in NETWORK else None


def _unescaped(text: str) -> str:
    for sign in (" ", "\t", "\n"):
        text = text.replace(f"\\{ord(sign):03o}", sign)
    return text.replace("\\134", "\\")


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
