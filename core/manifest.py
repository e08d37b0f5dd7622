"""Reading what users bring: CSV manifests, and the journals of the seeds' systems, row by row.

Paths in a manifest may be anywhere, images may be named by address; a wrong row is named with its reason and the good
rows are kept.
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import fetching, untrusted
from core.capture.intake import About
from core.errors import RushesError, WrongUseError
from core.store import lines, wire
from core.store.codec import Codec
from core.store.records import Json, Value
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace

VALUE_COLUMN = {"label": "label", "text": "text", "score": "score"}
OPTIONAL = ("group", "speaker", "source", "region", "captured_at", "phase", "rating_count", "context", "label_source",
            "scene_id")  # fmt: skip
# What seed 004's manifests call the same things; either column may hold a path or an address.
SYNONYMS = {"file": ("image_path_or_url",), "url": ("firebase_url",), "value": ("label_value",)}
LABEL_SOURCES = frozenset({"manual_seed", "calculated_rating", "confirmed", "imported"})
SEED_SCALE = 5.0  # seed 004's highest score
MOST_RATINGS = 1_000_000_000  # of one sample: beyond it a number is a slip, and the catalog's integers end
TOO_LONG = "the line is longer than limits.line_mb"
LONGEST_CELL = 128 << 10  # characters; a quote that is never closed would swallow the rest of the file
SET_SCALE = "For scores from 0 to 5 run: rushes config ratings.scale '[0, 5]'"
OTHER_SCALE = f"the scores of this file go beyond 1. {SET_SCALE}"  # see `off_scale`


@dataclass(frozen=True, slots=True)
class Row:
    """One good row: where the media lies, the answer as written, and what else is said of it.

    Attributes:
        path: the file; for an address only its name.
        url: the address the media must be fetched from (`local` does).
        column: the column the answer stood in.
        scene_id: the one scene of a long video that is meant.
        sample: the id of a sample the row may be about; where there is none of that id, the file decides.
    """

    number: int  # as a person counts: the first row under the header is 1
    path: Path
    value: str
    about: About
    url: str | None = None
    label_source: str = "imported"
    column: str = ""
    scene_id: str | None = None
    sample: str | None = None

    def local(self, space: Workspace) -> Path:
        """The file, fetched first if it is named by address.

        Raises:
            MediaError: it cannot be fetched.
        """
        return fetching.fetch(space, self.url) if self.url else self.path


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used."""

    number: int
    reason: str


def is_journal(path: Path) -> bool:
    """Whether the file is a journal of one of the seeds' systems rather than a CSV manifest."""
    return path.suffix.lower() in {".jsonl", ".ndjson"}


def read_manifest(
    path: Path, task: Task, renamed: Mapping[str, str] | None = None, *, root: Path | None = None
) -> Iterator[Row | BadRow]:
    """Rows of a CSV manifest; relative files are looked up beside it, then in the workspace.

    Args:
        renamed: our column name -> theirs, from `--map ours=theirs`.
        root: the workspace, because an exported manifest's paths are relative to it.

    Raises:
        WrongUseError: the file cannot be read or lacks a column.
    """
    try:
        untrusted.require_file(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(TOO_LONG if line is None else line for line in untrusted.bounded(file, "\n"))
            columns = _columns(reader.fieldnames or [], task, renamed or {}, path)
            for number in itertools.count(1):
                csv.field_size_limit(LONGEST_CELL)  # one for the whole process: readers of vectors and metrics raise it
                try:
                    raw = next(reader, None)
                except csv.Error as error:  # a cell too long, a NUL: the rows after it are as good as ever
                    yield BadRow(number, f"is not CSV ({error})")
                    continue
                if raw is None:
                    return
                known = {ours: (raw.get(theirs) or "").strip() for ours, theirs in columns.items()}
                yield row_of(number, known, columns["value"], [path.parent, *([root] if root else [])])
    except UnicodeDecodeError:
        raise WrongUseError("cannot be read (is not a CSV file in UTF-8)", where=path) from None
    except (OSError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise WrongUseError(f"cannot be read ({reason})", where=path) from None


def value_of(row: Row, task: Task, spec: ModelSpec) -> Value:
    """The row's answer as a value.

    Raises:
        RushesError: it is none of this task's; for a score that would be one of seed 004's, what to set.
    """
    try:
        return task.parse(row.value, spec)
    except RushesError as error:
        if task.kind == "score" and _is_of_five(row.value, spec):
            raise RushesError(error.what, do=SET_SCALE) from None
        raise


def off_scale(rows: Sequence[Row | BadRow], task: Task, spec: ModelSpec) -> bool:
    """Whether a manifest of seed 004 (`label_value`) holds scores up to 5 while the workspace rates from 0 to 1.

    Its rows up to 1 would then be taken for something else than they mean.
    """
    if task.kind != "score":
        return False
    return any(
        isinstance(row, Row) and row.column in SYNONYMS["value"] and _is_of_five(row.value, spec) for row in rows
    )


def _is_of_five(text: str, spec: ModelSpec) -> bool:
    try:
        return tuple(spec.scale) == (0.0, 1.0) and 1.0 < float(text) <= SEED_SCALE
    except ValueError:
        return False


def _columns(there: Sequence[str], task: Task, renamed: Mapping[str, str], path: Path) -> dict[str, str]:
    value = VALUE_COLUMN[task.kind]
    names = {"file": ("file", *SYNONYMS["file"]), "url": SYNONYMS["url"], "value": (value, *SYNONYMS["value"])}
    names |= {name: (name,) for name in OPTIONAL}
    found: dict[str, str] = {}
    for ours, candidates in names.items():
        asked = renamed.get(ours) or (renamed.get(value) if ours == "value" else None)
        match = next((name for name in ((asked,) if asked else candidates) if name in there), None)
        if match:
            found[ours] = match
        elif asked or ours == "value":
            raise _lacks(asked or candidates[0], there, path)
    if "file" not in found and "url" not in found:
        raise _lacks("file", there, path)
    return found


def _lacks(column: str, there: Sequence[str], path: Path) -> WrongUseError:
    columns = ", ".join(there) or "none"
    return WrongUseError(f"has no column {column!r}", where=path, do=f"Its columns are {columns}; see --map.")


def row_of(number: int, raw: Mapping[str, str], column: str, folders: Sequence[Path]) -> Row | BadRow:
    """A row from its cells by our names ("file", "url", "value" and `OPTIONAL`); files are looked up in the folders."""
    places = [cell for cell in (raw.get("file"), raw.get("url")) if cell]
    if not places:
        return BadRow(number, "the file is not named")
    if not raw["value"]:
        return BadRow(number, "the answer is empty")
    try:
        about = About(
            source=raw.get("source") or None,
            group=raw.get("group") or None,
            speaker=raw.get("speaker") or None,
            context=raw.get("context") or None,
            region=raw.get("region") or None,
            phase=raw.get("phase") or None,
            captured_at=_time(raw.get("captured_at", "")),
            rating_count=_count(raw.get("rating_count", "")),
        )
        path, url = _place(places, folders)
    except ValueError as error:
        return BadRow(number, str(error))
    said = raw.get("label_source", "")
    source = said if said in LABEL_SOURCES else "imported"
    return Row(number, path, raw["value"], about, url, source, column, raw.get("scene_id") or None)


def _place(cells: Sequence[str], folders: Sequence[Path]) -> tuple[Path, str | None]:
    """A file that is there, else an address, else the file that is missing."""
    urls = [cell for cell in cells if fetching.is_address(cell)]
    try:
        named = [Path(cell).expanduser() for cell in cells if cell not in urls]
        paths = [folder / name for name in named for folder in folders]
        if there := next((path for path in paths if path.exists()), None):
            return there, None
    except (OSError, RuntimeError):  # for instance a name of 300 signs, or the home of nobody
        raise ValueError("the file's name cannot be used") from None
    return (Path(fetching.name_of(urls[0])), urls[0]) if urls else (paths[0], None)


def _count(text: str) -> int:
    """A whole number of at least 1, also as spreadsheets write it ("2.0"); 1 where it is not given."""
    try:
        number = float(text or 1)
        if not 1 <= number <= MOST_RATINGS or not number.is_integer():
            raise ValueError
    except ValueError:
        raise ValueError(f"rating_count {text[:40]!r} is not a count") from None
    return int(number)


def _time(text: str) -> float | None:
    """UTC seconds of an ISO time (without a zone: UTC) or of seconds since 1970; of a year that calendars have."""
    if not text.strip():
        return None
    try:
        when = _moment(text.strip())
        return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"captured_at {text[:40]!r} is not a time") from None


def _moment(text: str) -> dt.datetime:
    try:
        seconds = float(text)
    except ValueError:
        return dt.datetime.fromisoformat(text)
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def read_journal(path: Path, codec: Codec) -> Iterator[tuple[int, Json | None, str]]:
    """Lines of a seed's journal as (number, line, reason); line is None where the reason says why not.

    Raises:
        RushesError: the file cannot be read.
    """
    try:
        untrusted.require_file(path)
        with path.open("rb") as file:
            for number, text in enumerate(untrusted.bounded(file, b"\n"), start=1):
                if text is None or text.strip():
                    yield (number, *_checked(text, codec))
    except OSError as error:
        raise RushesError(f"cannot be read ({error.strerror})", where=path) from None


def _checked(text: bytes | None, codec: Codec) -> tuple[Json | None, str]:
    if text is None:
        return None, TOO_LONG
    try:
        line = wire.decode(text.removeprefix(b"\xef\xbb\xbf"))
        lines.undress(codec, line)
        codec.decode(line)  # what takes something back belongs to the journal it was written in
    except ValueError as error:
        return None, str(error)
    return line, ""
