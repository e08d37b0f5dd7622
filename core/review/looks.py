"""Which clips look alike: a difference hash of the middle picture, from cached features and itself cached.

No video is decoded here; what has no cached features looks like nothing else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core import features
from core.arrays import load_npz
from core.files import private_dir
from core.tasks.base import Array, Task
from core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 8
ALIKE = 6  # of 64 bits: at most so many differ between two looks of the same thing
SMALLEST = 16  # pixels: a smaller array is no picture


def alike(left: int | None, right: int | None) -> bool:
    """Whether two looks are of near-identical pictures; an unknown look is like no other."""
    return left is not None and right is not None and (left ^ right).bit_count() <= ALIKE


def look(space: Workspace, task: Task, sample: str) -> int | None:
    """The 64-bit difference hash of a sample's middle picture; None without cached features or a picture in them."""
    place = space.cache / "looks" / task.features_version.replace("/", "-") / sample
    if (known := _read(place)) is not None:
        return known
    picture = _picture(features.cache_path(space, task, sample))
    if picture is None:
        return None
    found = difference_hash(picture)
    with suppress(OSError):  # it can be made again
        private_dir(place.parent)
        with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(f"{found:016x}\n")
        if space.store.forgot(sample):  # asked after writing: whoever lists it later finds the file
            place.unlink(missing_ok=True)
    return found


def difference_hash(picture: NDArray[np.float64]) -> int:
    """64 bits: whether each of 8 x 8 places is darker than its right neighbour (dHash, Krawetz 2013).

    Args:
        picture: (H, W) grey, at least 9 x 9.
    """
    rows = np.linspace(0, picture.shape[0], SIDE + 1).astype(int)
    columns = np.linspace(0, picture.shape[1], SIDE + 2).astype(int)
    sums = np.add.reduceat(np.add.reduceat(picture, rows[:-1], axis=0), columns[:-1], axis=1)
    small = sums / (np.diff(rows)[:, None] * np.diff(columns)[None, :])  # (8, 9)
    return int.from_bytes(np.packbits(small[:, :-1] < small[:, 1:]).tobytes())


def _read(place: Path) -> int | None:
    try:
        text = place.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    try:
        return int(text, 16) if len(text) == 17 and text.endswith("\n") else None  # a torn one is made again
    except ValueError:
        return None


def _picture(path: Path) -> NDArray[np.float64] | None:
    """(H, W) grey: the middle picture of the first array of pictures."""
    for found in (load_npz(path) or {}).values():
        if found.dtype == np.uint8 and found.ndim >= 2 and min(found.shape[-2:]) >= SMALLEST:
            return _grey(found)
    return None


def _grey(pictures: Array) -> NDArray[np.float64]:
    while pictures.ndim > 3:
        pictures = pictures[len(pictures) // 2]
    if pictures.ndim == 3:
        is_colour = len(pictures) == 3
        pictures = pictures.mean(axis=0) if is_colour else pictures[len(pictures) // 2]
    return np.asarray(pictures, dtype=np.float64)
