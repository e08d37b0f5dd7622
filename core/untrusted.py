"""JSON and lines that anybody may have written: read so that nothing of them can surprise what comes after.

Of JSON no number that a float or SQLite cannot hold, no nesting that a later step could not follow, one kind of error.
"""

from __future__ import annotations

import errno
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, AnyStr

from core import limits
from core.errors import WrongUseError
from core.files import read_regular

DEEPEST = 100  # levels; Python's own readers and writers end near 1,000, wherever they are called from
MOST_BYTES = 64 << 20  # of a file that is one document; the largest of ours have a few MB
_LARGEST = 2**63  # SQLite's integers end here
_ODD_NUMBER = re.compile(rb"\d{19}|[eE]\+?\d{3}")
_TEXTS = re.compile(rb'(?s)"(?:[^"\\]++|\\.)*+"?+')
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(sign for sign in range(256) if sign not in b"[]{}")


def loads(raw: bytes | str) -> Any:
    """What a JSON text says; NaN, infinities and numbers beyond a float count as null, as JSON has none.

    Raises:
        ValueError: why it cannot be read, as the end of a sentence that begins with its name.
    """
    try:
        # Strictly: `json` itself lets halves of surrogate pairs through, which neither SQLite nor a screen can take.
        text, data = (raw, raw.encode()) if isinstance(raw, str) else (raw.decode(), raw)
    except UnicodeError:
        raise ValueError("is not JSON") from None
    if data.count(b"[") + data.count(b"{") > DEEPEST and _is_deep(data):
        raise ValueError("is nested too deeply")
    try:
        if _ODD_NUMBER.search(data):
            found = json.loads(text, parse_constant=_null, parse_int=_whole, parse_float=_finite)
        else:
            found = json.loads(text, parse_constant=_null)
        if b"\\u" in data:  # escapes can spell such halves too
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    return found


def read(path: Path) -> Any:
    """The document in a file.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is not one, or too large.
    """
    try:
        return loads(read_regular(path, MOST_BYTES))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise ValueError(f"is larger than {MOST_BYTES >> 20} MB") from None
        raise


def table(path: Path) -> dict[str, Any]:
    """The object in a file; {} where there is none that can be read: for what can be made again."""
    try:
        found = read(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # JSON's keys are texts


def _is_deep(data: bytes) -> bool:
    """Whether brackets outside of texts are nested deeper than `DEEPEST`; a level is taken off at a time, in C."""
    left = _TEXTS.sub(b"", data).translate(_ALIKE, _NO_BRACKETS)
    for _ in range(DEEPEST):
        if b"[]" not in left:
            break
        left = left.replace(b"[]", b"")
    return b"[" in left


def _null(literal: str) -> None:
    del literal


def _whole(digits: str) -> int | float | None:
    if len(digits) > 400:  # reading them costs the square of their number
        return None
    number = int(digits)
    return number if -_LARGEST <= number < _LARGEST else _finite(digits)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def require_file(path: Path) -> None:
    """Refuse what may never end or never begin: a device, a pipe. A missing file is left to its opening.

    Raises:
        WrongUseError: it is there and no regular file.
    """
    if path.exists() and not path.is_file():
        raise WrongUseError("cannot be read (is not a regular file)", where=path)


def bounded(file: IO[AnyStr], end: AnyStr) -> Iterator[AnyStr | None]:
    """The file's lines; None for one longer than limits.line_mb, of which no more than that is held at once."""
    most, skipping = limits.now().line, False
    while line := file.readline(most + 1):
        whole = line.endswith(end) or len(line) <= most
        if whole:
            yield None if skipping else line
        skipping = not whole
    if skipping:
        yield None
