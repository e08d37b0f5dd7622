"""Reading .npz files that may not be ours: never unpickled, and no more memory asked for than they really hold."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 256 << 20  # unpacked; a clip's features have at most some MB
MOST_ARRAYS = 1000
# NumPy parses a header as Python, and before 3.11.8 two threads that parse at once may fail (python/cpython#106905).
_PARSING = Lock()


def load_npz(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays by name; None for a file that is missing, damaged, or claims more than it may hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS or sum(one.file_size for one in members) > MOST_BYTES:
                return None
            return {one.filename.removesuffix(".npy"): _array(archive, one) for one in members}
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, SyntaxError, zlib.error, zipfile.BadZipFile):
        return None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """One array, whose header must ask for the bytes that are there.

    Raises:
        ValueError: it does not, or it holds Python objects.
    """
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with _PARSING:
            shape, by_column, kind = read(file)
        if kind.hasobject or math.prod(shape) * kind.itemsize != member.file_size - file.tell():
            raise ValueError(member.filename)
        return np.ndarray(shape, kind, bytearray(file.read()), order="F" if by_column else "C")
