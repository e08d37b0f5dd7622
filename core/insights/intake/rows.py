"""Reading CSV and JSONL files of any size in blocks of rows; what they mean is `mapping` and `checking`.

Encoding and delimiter are seen from the file's beginning. A line that is too long or broken costs that row alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, cast

from core.errors import RushesError
from core.store.identity import new_id

ROWS = 20_000  # per block
HEAD = 1 << 16  # bytes looked at
PIECE = 1 << 18  # signs read at once
DELIMITERS = (",", ";", "\t", "|")
KEPT_WHOLE = ("features", "edit_metadata", "metadata", "edit", "extra")
MOST_COLUMNS = 2_000


@dataclass(frozen=True)
class Form:
    """How a file is written: `kind` is csv or jsonl; `delimiter` is of CSV alone."""

    kind: str
    encoding: str
    delimiter: str = ","


@dataclass
class Raw:
    """Some rows as they stand in the file.

    Attributes:
        rows: their numbers; the first line of a file, in CSV the header, is 1.
        columns: values by their names.
        broken: number and reason of rows that cannot be read.
        done: rows of the file up to the end of this block, broken ones included.
    """

    rows: list[int] = field(default_factory=list[int])
    columns: dict[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])
    broken: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    done: int = 0


def look(path: Path) -> Form:
    """How the file is written.

    Raises:
        RushesError: it is empty, or neither CSV nor JSONL.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise RushesError("is empty", where=path.name)
    encoding = _encoding(head)
    text = head.decode(encoding, errors="replace").lstrip("\ufeff \t\r\n")
    if "\0" in text[:1000]:
        raise RushesError("is not a text file", where=path.name, do="Give a CSV or JSONL file.")
    if text.startswith("["):
        raise RushesError("is one JSON list", where=path.name, do="Write one object per line (JSONL).")
    if text.startswith("{"):
        return Form("jsonl", encoding)
    if not text:
        raise RushesError("is empty", where=path.name)
    first = text.splitlines()[0]
    return Form("csv", encoding, max(DELIMITERS, key=lambda sign: _outside_quotes(first, sign)))


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not just cut through a sign
            return "cp1252"
    return "utf-8-sig"


def _outside_quotes(line: str, sign: str) -> int:
    return sum(part.count(sign) for part in line.split('"')[::2])


def blocks(path: Path, form: Form, *, skip: int = 0, longest: int = 1 << 24, size: int = 0) -> Iterator[Raw]:
    """The file's rows after the first `skip`, in blocks.

    Args:
        longest: signs of a line; longer ones are broken.
        size: rows in a block; 0 = `ROWS`.

    Raises:
        RushesError: a CSV header is missing or has a name twice.
    """
    with path.open(encoding=form.encoding, errors=lenient(form), newline="") as file:
        yield from (_csv if form.kind == "csv" else _jsonl)(file, form, skip, longest, size or ROWS)


def lenient(form: Form) -> str:
    """How bytes that are no text are read, so that they cost only their row."""
    return "replace" if form.encoding == "utf-16" else "surrogateescape"


class _Lines:
    """Lines of bounded length, as the file has them; a longer one is read past, and `mark` comes in its place."""

    def __init__(self, file: IO[str], longest: int) -> None:
        self.file, self.longest = file, longest
        self.mark, self.end = new_id(), new_id()  # in no file
        self.too_long = 0

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._pieces())

    def _pieces(self) -> Iterator[list[str]]:
        rest, over = "", False
        while text := self.file.read(PIECE):
            # One iterator in C over a piece: a third of the time of a readline for each.
            lines = list(StringIO(rest + text, newline=""))
            rest = "" if lines[-1].endswith("\n") else lines.pop()
            if over and lines:
                lines[0], over = self.mark, False
            if max(map(len, lines), default=0) > self.longest:
                lines = [self.mark if len(line) > self.longest else line for line in lines]
            if len(rest) > self.longest:
                over, rest = True, rest[-1:]  # its end may be the first half of a line's end
            self.too_long += lines.count(self.mark)
            yield lines
        if rest or over:
            self.too_long += over
            yield [self.mark if over else rest]


def _csv(file: IO[str], form: Form, skip: int, longest: int, size: int) -> Generator[Raw]:
    csv.field_size_limit(min(longest, 1 << 30))
    lines = _Lines(file, longest)
    reader = csv.reader(chain(lines, [lines.end]), delimiter=form.delimiter)
    names = _header(reader)
    done = 0
    while done < skip and (passed := _passed(reader, min(size, skip - done))):
        done += passed
    while True:
        raw = Raw(done=done)
        kept: list[list[str]] = []
        while len(kept) < size and (count := _take(reader, lines, size - len(kept), raw, kept, names)):
            raw.done += count
        if raw.done == done:
            return
        done = raw.done
        raw.columns = dict(zip(names, zip(*kept, strict=True), strict=True)) if kept else {}
        yield raw


def _header(reader: Iterator[list[str]]) -> list[str]:
    names = [name.strip() for name in next(reader, [])]
    if len(names) > MOST_COLUMNS:
        raise RushesError(f"has more than {MOST_COLUMNS:,} columns")
    filled = [name for name in names if name]
    if len(filled) != len(set(filled)):
        twice = next(name for name in filled if filled.count(name) > 1)
        raise RushesError(f"has two columns {twice[:60]!r}", do="Rename or remove one.")
    # Columns without a name must not swallow one another.
    return [name or f" {place}" for place, name in enumerate(names)]


def _passed(reader: Iterator[list[str]], count: int) -> int:
    passed = 0
    while passed < count:
        try:
            if next(reader, None) is None:
                return passed
        except csv.Error:
            pass
        passed += 1
    return passed


def _take(
    reader: Iterator[list[str]], lines: _Lines, count: int, raw: Raw, kept: list[list[str]], names: list[str]
) -> int:
    """Read up to so many rows into `kept`; returns how many there were, broken and blank ones included."""
    number, some, broken = raw.done + 1, list[list[str]](), 0
    csv.field_size_limit(min(lines.longest, 1 << 30))  # again: it is the process's, and a manifest's reader lowers it
    try:
        some.extend(islice(reader, count))
    except csv.Error:  # `some` has the rows before it
        broken = 1
    if some and some[-1] and lines.end in some[-1][-1]:
        broken += some.pop() != [lines.end]  # a quote that is never closed has swallowed the file's rest
    if not lines.too_long and set(map(len, some)) == {len(names)}:
        kept += some
        raw.rows.extend(range(number + 1, number + 1 + len(some)))
    else:
        _sorted_out(some, lines, number, raw, kept, names)
    if broken:
        why = "a quote is opened and not closed, or a field is too long"
        raw.broken.append((number + len(some) + 1, why))
    return len(some) + broken


def _sorted_out(
    some: list[list[str]], lines: _Lines, number: int, raw: Raw, kept: list[list[str]], names: list[str]
) -> None:
    for at, row in enumerate(some, number + 1):
        if lines.too_long and any(lines.mark in value for value in row):
            raw.broken.append((at, "the line is too long"))
        elif len(row) == len(names):
            kept.append(row)
            raw.rows.append(at)
        elif row:
            raw.broken.append((at, f"has {len(row)} values, the header {len(names)}"))


def _jsonl(file: IO[str], form: Form, skip: int, longest: int, size: int) -> Generator[Raw]:
    del form
    lines = _Lines(file, longest)
    found = iter(lines)
    done = sum(1 for _ in islice(found, skip))
    while some := list(_objects(found, lines, size)):
        raw = Raw(done=done + len(some))
        kept: list[dict[str, Any]] = []
        for number, one in enumerate(some, done + 1):
            if isinstance(one, dict):
                kept.append(one)
                raw.rows.append(number)
            elif one:
                raw.broken.append((number, one))
        names = dict.fromkeys(name for one in kept for name in one)
        raw.columns = {name: [one.get(name) for one in kept] for name in islice(names, MOST_COLUMNS)}
        done = raw.done
        yield raw


def _objects(found: Iterator[str], lines: _Lines, count: int) -> Iterator[dict[str, Any] | str]:
    """Each line as an object, or why it is none; a blank line is an empty reason."""
    for line in islice(found, count):
        if line == lines.mark:
            yield "the line is too long"
        elif not line.strip():
            yield ""
        else:
            yield _object(line)


def _object(line: str) -> dict[str, Any] | str:
    try:
        one = json.loads(line)
    except (ValueError, RecursionError):
        return "is not JSON"
    if not isinstance(one, dict):
        return "is not a JSON object"
    flat: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", one).items():
        if isinstance(value, dict) and name not in KEPT_WHOLE:
            flat |= {f"{name}.{inner}": what for inner, what in cast("dict[str, Any]", value).items()}
        else:
            flat[name] = value
    return flat
