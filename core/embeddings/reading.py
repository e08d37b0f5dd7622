"""Vectors that other programs made, as files: npz, npy with a list of ids, JSON lines, CSV. Never unpickles.

A file says row by row: an id, the numbers, and anything else as metadata. Bad rows are named, good ones taken.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from core.embeddings import checks
from core.embeddings.rows import Rows
from core.embeddings.types import EmbeddingType, Vector, VectorError
from core.errors import WrongUseError

IDS = ("id", "key", "ids", "keys", "content_id", "sample", "sample_id")
NUMBERS = ("vector", "embedding", "vectors", "embeddings")
BELONGS = ("of_sample", "of_content")  # our own files say so beside the ids
SUFFIXES = (".npz", ".jsonl", ".csv", ".npy")
LONGEST_LINE = 4 << 20  # bytes


@dataclass(frozen=True, eq=False)
class Found:
    """What a file holds; `errors` are (row from 1, why)."""

    rows: Rows
    errors: tuple[tuple[int, str], ...]


Row = tuple[int, Any, Any, dict[str, Any]]  # number, id, vector, metadata


def read(path: Path, kind: EmbeddingType, encoder_id: str, *, suffix: str = "") -> Found:
    """The file's vectors; the dimension is that of most of its good rows' first.

    Args:
        suffix: what kind of file it is, where its name does not say.

    Raises:
        WrongUseError: it is none of the kinds above, or holds no ids or no vectors.
    """
    reader = _READERS.get(suffix or path.suffix.lower())
    if reader is None:
        raise WrongUseError("is no file of vectors", where=path.name, do=f"Bring {', '.join(SUFFIXES)}.")
    try:
        return reader(path, kind, encoder_id)
    except (zipfile.BadZipFile, EOFError, ValueError, KeyError, csv.Error, MemoryError) as error:
        raise WrongUseError(f"cannot be read as {path.suffix} ({_short(error)})", where=path.name) from None


def join(path: Path, ids: Path) -> tuple[list[str], Vector]:
    """A .npy file's rows and the ids in a second file: one a line, a JSON list, or a CSV's first column.

    Raises:
        WrongUseError: they do not belong together.
    """
    try:
        vectors = _matrix(np.load(path, allow_pickle=False), path.name)
        text = ids.read_text("utf-8-sig")
        listed: list[Any] = json.loads(text) if ids.suffix == ".json" else [line for line in text.splitlines() if line]
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise WrongUseError(f"cannot be read ({_short(error)})", where=path.name) from None
    if ids.suffix == ".csv":
        listed = [row[0] for row in csv.reader(listed) if row]
        listed = listed[1:] if len(listed) == len(vectors) + 1 else listed
    if len(listed) != len(vectors):
        raise WrongUseError(f"holds {len(vectors)} vectors, but there are {len(listed)} ids", where=path.name)
    return [str(one) for one in listed], vectors


def _npz(path: Path, kind: EmbeddingType, encoder_id: str) -> Found:
    with np.load(path, allow_pickle=False) as archive:
        ids = next((name for name in IDS if name in archive.files), None)
        numbers = next((name for name in NUMBERS if name in archive.files), None)
        if ids is None or numbers is None:
            raise WrongUseError("does not name its arrays as needed", where=path.name, do="Call them ids and vectors.")
        vectors = _matrix(archive[numbers], path.name)
        keys = [str(one) for one in archive[ids].ravel().tolist()]
        others = {name: archive[name] for name in archive.files if name not in (ids, numbers)}
    if len(keys) != len(vectors):
        raise WrongUseError(f"holds {len(vectors)} vectors, but {len(keys)} ids", where=path.name)
    columns = {name: each.tolist() for name, each in others.items() if each.ndim == 1 and len(each) == len(keys)}
    belongs = [columns.pop(name, None) for name in BELONGS]
    if set(columns) == {"metadata"} and all(isinstance(text, str) and text[:1] == "{" for text in columns["metadata"]):
        given: list[dict[str, Any]] = [json.loads(text) for text in columns["metadata"]]
    elif columns:
        given = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    else:
        given = []
    samples, contents = ([one or None for one in column] if column else None for column in belongs)
    return checked(Rows(kind, encoder_id, keys, vectors, None, samples, contents), given)


def checked(rows: Rows, given: Sequence[dict[str, Any]] = ()) -> Found:
    """Rows of a matrix: checked all at once, one by one only where something is wrong or there is metadata."""
    errors = {row: text for row, text in enumerate(checks.problems(rows.vectors)) if text}
    texts = ["{}"] * len(rows.keys)
    for row, key in enumerate(rows.keys):
        try:
            checks.named(key, "id")
            if given:
                texts[row] = checks.metadata(given[row])
        except VectorError as error:
            errors.setdefault(row, error.sentence())
    rows = replace(rows, metadata=texts)
    if errors:
        rows = rows.picked([row for row in range(len(rows.keys)) if row not in errors])
    return Found(rows, tuple((row + 1, errors[row]) for row in sorted(errors)))


def _jsonl(path: Path, kind: EmbeddingType, encoder_id: str) -> Found:
    return _row_by_row(_json_rows(path), kind, encoder_id)


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise ValueError(f"line {number} is longer than {LONGEST_LINE >> 20} MB")
            if not line.strip():
                continue
            try:
                data = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except (ValueError, RecursionError):
                yield number, None, None, {"": "is not JSON"}
                continue
            if not isinstance(data, dict):
                yield number, None, None, {"": "is not a JSON object"}
                continue
            key, vector, rest = _parts({str(name): value for name, value in data.items()})
            more = rest.pop("metadata", None)
            yield number, key, vector, rest | (more if isinstance(more, dict) else {})


def _csv(path: Path, kind: EmbeddingType, encoder_id: str) -> Found:
    return _row_by_row(_csv_rows(path), kind, encoder_id)


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_LINE)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restkey="")
        names = reader.fieldnames or []
        if not any(name in names for name in IDS):
            raise WrongUseError("has no column of ids", where=path.name, do="Call it id.")
        numbered = [name for name in names if name.lstrip("abcdefghijklmnopqrstuvwxyz_").isdecimal()]
        for row in reader:
            if numbered and not any(name in names for name in NUMBERS):
                values = [row.pop(name) for name in numbered]
                key, _, rest = _parts(dict(row))
                yield reader.line_num, key, [value or "nan" for value in values], rest
            else:
                key, text, rest = _parts(dict(row))
                yield reader.line_num, key, _listed(text), rest


def _parts(data: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    key = next((data.pop(name) for name in IDS if name in data), None)
    vector = next((data.pop(name) for name in NUMBERS if name in data), None)
    return str(key) if isinstance(key, int) else key, vector, {n: v for n, v in data.items() if n and v is not None}


def _listed(text: Any) -> Any:
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.replace(",", " ").replace(";", " ").strip("[] ").split()


def _row_by_row(found: Iterator[Row], kind: EmbeddingType, encoder_id: str) -> Found:
    keys: list[str] = []
    texts: list[str] = []
    blocks: list[Vector] = []
    errors: list[tuple[int, str]] = []
    size: int | None = None
    while block := list(islice(found, 1000)):
        good: list[Vector] = []
        for number, key, numbers, metadata in block:
            try:
                if "" in metadata:
                    raise VectorError(metadata[""])
                name, text = checks.named(key, "id"), checks.metadata(metadata)
                vector = checks.vector(numbers, size)
            except VectorError as error:
                errors.append((number, error.sentence()))
                continue
            size = len(vector)
            keys.append(name)
            texts.append(text)
            good.append(vector)
        if good:
            blocks.append(np.stack(good))
    vectors = np.concatenate(blocks) if blocks else np.empty((0, 1), np.float32)
    return Found(Rows(kind, encoder_id, keys, vectors, texts), tuple(errors))


def _matrix(given: Any, name: str) -> Vector:
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise WrongUseError("its vectors are no table of numbers (rows x numbers)", where=name)
    with np.errstate(over="ignore"):  # what leaves float32 becomes infinite and is named as such
        return np.ascontiguousarray(given, dtype=np.float32)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


_READERS: dict[str, Callable[[Path, EmbeddingType, str], Found]] = {".npz": _npz, ".jsonl": _jsonl, ".csv": _csv}
