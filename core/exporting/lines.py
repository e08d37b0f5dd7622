"""JSON objects, one a line, from a file that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.errors import WrongUseError
from core.store import wire
from core.store.records import Json
from core.untrusted import require_file

PEEKED = 20  # lines looked at to see what a file is


def objects(path: Path, line_mb: float) -> Iterator[tuple[int, Json | None, str]]:
    """(line number, object, why there is none); blank lines are passed by.

    Raises:
        WrongUseError: the file cannot be read.
    """
    most = int(line_mb * 1e6)
    require_file(path)
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(most + 1):
                number += 1
                if len(line) > most:
                    while line and not line.endswith(b"\n"):
                        line = file.readline(most)
                    yield number, None, f"is longer than {line_mb:g} MB"
                elif line.strip():
                    try:
                        yield number, wire.decode(line.removeprefix(b"\xef\xbb\xbf")), ""
                    except ValueError as error:
                        yield number, None, str(error)
    except OSError as error:
        raise WrongUseError(f"cannot be read ({error.strerror})", where=path) from None


def fields_of(path: Path, line_mb: float) -> frozenset[str]:
    """The field names of the first object of a file; none where the first lines hold none."""
    for number, line, _ in objects(path, line_mb):
        if line is not None:
            return frozenset(line)
        if number >= PEEKED:
            break
    return frozenset()
