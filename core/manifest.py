"""Reading what users bring: CSV manifests, and the journals of the seeds' systems, row by row.

Paths in a manifest may be anywhere; a wrong row is named with its reason and the good rows are kept.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.capture.intake import About
from core.errors import RushesError, WrongUseError
from core.store.codec import Codec
from core.store.records import Json
from core.tasks.base import Task

VALUE_COLUMN = {"label": "label", "text": "text", "score": "score"}
OPTIONAL = ("group", "speaker", "source", "region", "captured_at", "phase", "rating_count", "context")
# What seed 004's manifests call the same things.
SYNONYMS = {"file": ("firebase_url", "image_path_or_url"), "value": ("label_value",)}


@dataclass(frozen=True, slots=True)
class Row:
    """One good row: where the media lies, the answer as written, and what else is said of it."""

    number: int  # as a person counts: the first row under the header is 1
    path: Path
    value: str
    about: About


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used."""

    number: int
    reason: str


def is_journal(path: Path) -> bool:
    """Whether the file is a journal of one of the seeds' systems rather than a CSV manifest."""
    return path.suffix.lower() in {".jsonl", ".ndjson"}


def read_manifest(path: Path, task: Task, renamed: Mapping[str, str] | None = None) -> Iterator[Row | BadRow]:
    """Rows of a CSV manifest; relative files are looked up beside it.

    Args:
        renamed: our column name -> theirs, from `--map ours=theirs`.

    Raises:
        WrongUseError: the file cannot be read or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = _columns(reader.fieldnames or [], task, renamed or {}, path)
            for number, raw in enumerate(reader, start=1):
                yield _row(number, {ours: raw.get(theirs) or "" for ours, theirs in columns.items()}, path.parent)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not a CSV file in UTF-8"
        raise WrongUseError(f"cannot be read ({reason})", where=path) from None


def _columns(there: Sequence[str], task: Task, renamed: Mapping[str, str], path: Path) -> dict[str, str]:
    value = VALUE_COLUMN[task.kind]
    names = {"file": ("file", *SYNONYMS["file"]), "value": (value, *SYNONYMS["value"])}
    names |= {name: (name,) for name in OPTIONAL}
    found: dict[str, str] = {}
    for ours, candidates in names.items():
        asked = renamed.get(ours) or (renamed.get(value) if ours == "value" else None)
        match = next((name for name in ((asked,) if asked else candidates) if name in there), None)
        if match:
            found[ours] = match
        elif asked or ours in ("file", "value"):
            missing = asked or candidates[0]
            raise WrongUseError(
                f"has no column {missing!r}", where=path, do=f"Its columns are {', '.join(there) or 'none'}; see --map."
            )
    return found


def _row(number: int, raw: Mapping[str, str], folder: Path) -> Row | BadRow:
    if not raw["file"].strip():
        return BadRow(number, "the file is not named")
    if not raw["value"].strip():
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
            rating_count=int(raw.get("rating_count") or 1),
        )
    except ValueError as error:
        return BadRow(number, str(error))
    return Row(number, folder / Path(raw["file"].strip()).expanduser(), raw["value"].strip(), about)


def _time(text: str) -> float | None:
    """UTC seconds of an ISO time (without a zone: UTC) or of seconds since 1970."""
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"captured_at {text[:40]!r} is not a time") from None
    return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).timestamp()


def read_journal(path: Path, codec: Codec) -> Iterator[tuple[int, Json | None, str]]:
    """Lines of a seed's journal as (number, line, reason); line is None where the reason says why not.

    Raises:
        RushesError: the file cannot be read.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RushesError(f"cannot be read ({error.strerror})", where=path) from None
    for number, text in enumerate(raw.split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
            if not isinstance(line, dict):
                raise ValueError("is not a JSON object")
            codec.decode(line)
            yield number, line, ""
        except (ValueError, RecursionError) as error:
            yield number, None, "is not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
