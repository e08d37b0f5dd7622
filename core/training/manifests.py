"""Manifests: what a version learns from as CSV files with seed 004's columns, byte for byte the same for equal input.

Which samples are in them is decided in `dataset` and `gates`; reading users' manifests is `core.manifest`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

from core import untrusted
from core.errors import RushesError
from core.files import fsync_dir, private_dir, remove_tree, write_atomic
from core.store.records import Json, Value

Side = Literal["train", "val", "test"]
SIDES: tuple[Side, ...] = ("train", "val", "test")
FULL, META = "manifest_full.csv", "export_meta.json"
SCHEMA_VERSION = 2
FORGOTTEN = "forgotten"  # in META: rows were erased since
UNFINISHED = ".export-"  # folder of files that are being written


@dataclass(frozen=True, slots=True)
class Row:
    """One sample as a manifest names it; the fields are the columns, seed 004's first.

    Attributes:
        firebase_url: where the picture was fetched from, if it came from an address.
        label_value: the answer as people give it: a score is on the workspace's scale, rounded to 9 digits.
        captured_at: UTC seconds since 1970.
        is_good: ratings only, score >= `dataset.good_at`.
        file: path relative to the workspace.
        value: the answer as stored, exact: a score is on 0..1.
        weight: mean 1 over the manifest.
        start_s, end_s: the part of the file that is meant, seconds; end None = to its end.
    """

    snapshot_id: str
    firebase_url: str | None
    label_source: str
    label_value: str | float
    split: Side
    phase: str | None
    captured_at: float | None
    rating_count: int
    is_good: bool | None
    file: str | None
    value: Value
    group: str
    speaker: str | None
    source: str | None
    region: str | None
    weight: float
    media_hash: str | None
    scene_id: str | None
    start_s: float
    end_s: float | None


COLUMNS = tuple(field.name for field in fields(Row))
NUMBERS = frozenset({"captured_at", "weight", "start_s", "end_s"})
ANSWERS = frozenset({"value", "label_value"})
NEEDED = frozenset({"snapshot_id", "split", "value", "group"})


def encode(rows: Sequence[Row]) -> bytes:
    """The CSV file: UTF-8, LF, floats as `repr`, nothing for what is not known."""
    lines = [COLUMNS, *([_text(value) for value in astuple(row)] for row in rows)]
    text = "".join(",".join(_cell(cell) for cell in line) + "\n" for line in lines)
    # Half a surrogate pair, which JSON can smuggle in, has no UTF-8 form.
    return text.encode("utf-8", "backslashreplace")


def _cell(text: str) -> str:
    # The csv module of Python 3.11 leaves a lone carriage return unquoted and then reads a line's end there.
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def digest(rows: Sequence[Row]) -> str:
    """sha256 of `manifest_full.csv`, hex: the dataset's name."""
    return hashlib.sha256(encode(rows)).hexdigest()


def read(path: Path, kind: str) -> list[Row]:
    """The rows of a manifest that this program wrote; `kind` is the task's value kind (label, text, score).

    Raises:
        RushesError: it cannot be read or is no such manifest.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError("other columns")
        return [_row(cast("dict[str, str | None]", line), kind) for line in reader]
    except OSError as error:
        raise RushesError(f"the manifest cannot be read ({error.strerror})", where=path) from None
    except (ValueError, csv.Error) as error:
        raise RushesError(f"is not a manifest of this program ({error})", where=path) from None


def _row(line: dict[str, str | None], kind: str) -> Row:
    known: dict[str, Any] = {}
    for name in COLUMNS:
        text = line[name]
        if text is None or (not text and name in NEEDED):
            raise ValueError(f"{name} is missing")
        if name in NUMBERS or (name in ANSWERS and kind == "score"):
            known[name] = float(text) if text else None
        elif name == "rating_count":
            known[name] = int(text)
        elif name == "is_good":
            known[name] = {"true": True, "false": False}.get(text)
        else:
            known[name] = text if text or name in ("label_source", *ANSWERS) else None
    if known["split"] not in SIDES or known["weight"] is None or known["start_s"] is None:
        raise ValueError("split, weight or start_s is wrong")
    return Row(**known)


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Row counts: full, train, val, test."""
    return {"full": len(rows)} | {side: sum(row.split == side for row in rows) for side in SIDES}


def write(folder: Path, rows: Sequence[Row], meta: Json) -> dict[str, int]:
    """Write manifest_full|train|val|test.csv and export_meta.json into a folder of ours; returns the row counts.

    All files are made whole first, then renamed; `export_meta.json` comes last and names the hash of the rest.
    """
    private_dir(folder)
    for left in folder.glob(f"{UNFINISHED}*"):  # of a process that was killed
        remove_tree(left)
    temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    found = counts(rows)
    about = {"schema_version": SCHEMA_VERSION, "hash": digest(rows), "counts": found, **meta}
    try:
        write_atomic(temporary / FULL, encode(rows))
        for side in SIDES:
            write_atomic(temporary / f"manifest_{side}.csv", encode([row for row in rows if row.split == side]))
        write_atomic(temporary / META, json.dumps(about, indent=1, ensure_ascii=False))
        for name in (FULL, *(f"manifest_{side}.csv" for side in SIDES), META):
            (temporary / name).replace(folder / name)
        fsync_dir(folder)
    finally:
        remove_tree(temporary)
    return found


def has_lost_rows(folder: Path) -> bool:
    """Whether samples of the manifest in this folder were forgotten since."""
    try:
        known: Any = json.loads((folder / META).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and FORGOTTEN in known


def require_place(folder: Path) -> None:
    """See that an export may go there: nothing is there yet, or an earlier export.

    Raises:
        RushesError: it holds something else, or is a file.
    """
    try:
        if not folder.exists() or all(path.name.startswith(UNFINISHED) for path in folder.iterdir()):
            return
        known: Any = untrusted.read(folder / META)
    except NotADirectoryError:
        raise RushesError("is a file, not a folder", where=folder, do="Choose another place with --out.") from None
    except (OSError, ValueError):
        known = None
    if not isinstance(known, dict) or "schema_version" not in known:
        raise RushesError(
            "is not empty and not an earlier export", where=folder, do="Choose another folder with --out."
        )
