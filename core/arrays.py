"""Reading .npz files that may not be ours: never unpickled, and no more memory asked for than they really hold."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 256 << 20  # unpacked; a clip's features have at most some MB
MOST_ARRAYS = 1000


def load_npz(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays by name; None for a file that is missing, damaged, or claims more than it may hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS or sum(one.file_size for one in members) > MOST_BYTES:
                return None
            if not all(_is_honest(archive, one) for one in members):
                return None
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, SyntaxError, zlib.error, zipfile.BadZipFile):
        return None


def _is_honest(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether an array's header asks for the bytes that are there: NumPy allocates by the header alone."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file)
        return not kind.hasobject and math.prod(shape) * kind.itemsize == member.file_size - file.tell()
